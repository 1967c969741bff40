use http::StatusCode;
use serde_json::json;

use super::*;
use crate::certmanager::resources::{Object as _, Order};
use crate::gate::rows::ORDERS;
use crate::gate::scripted_api::{ApiAnswer, ScriptedApi};

fn metadata(name: &str) -> Value {
    json!({"namespace": "web", "name": name, "uid": name})
}

fn list(version: &str, token: &str, names: &[&str]) -> ApiAnswer {
    let items: Vec<Value> = names.iter().map(|name| json!({"metadata": metadata(name)})).collect();
    ApiAnswer::of(&json!({"metadata": {"resourceVersion": version, "continue": token}, "items": items}))
}

fn table(columns: &[&str], rows: impl IntoIterator<Item = (String, &'static str)>) -> ApiAnswer {
    let columns: Vec<Value> = columns.iter().map(|name| json!({"name": name})).collect();
    let row = |(name, state): (String, &str)| {
        let object = json!({"kind": "PartialObjectMetadata", "metadata": metadata(&name)});
        json!({"cells": [name, state], "object": object})
    };
    let rows: Vec<Value> = rows.into_iter().map(row).collect();
    ApiAnswer::of(&json!({"metadata": {"resourceVersion": "5"}, "columnDefinitions": columns, "rows": rows}))
}

/// What a list gives, where a watch would go on, and what the server was asked.
async fn read(
    rows: Option<&'static Rows>,
    answers: impl IntoIterator<Item = ApiAnswer>,
) -> (kube::Result<Vec<String>>, String, Vec<String>) {
    let api = ScriptedApi::new(answers);
    let path = "/apis/g/v1/orders".to_owned();
    let mut pages = Pages::<Order>::at(api.client(), path, ListParams::default(), rows);
    let mut names = Vec::new();
    let found = loop {
        match pages.next().await {
            Ok(Some(batch)) => {
                names.extend(batch.usual);
                names.extend(batch.objects.iter().map(|order| order.uid().to_owned()));
            }
            Ok(None) => break Ok(names),
            Err(error) => break Err(error),
        }
    };
    (found, pages.version().to_owned(), api.asked())
}

#[tokio::test]
async fn pages_follow_the_token_to_the_end() {
    let answers = [list("5", "one", &["a", "b"]), list("5", "two", &[]), list("6", "", &["c"])];
    let (found, version, asked) = read(None, answers).await;
    assert_eq!((found.unwrap(), version.as_str()), (["a", "b", "c"].map(str::to_owned).to_vec(), "6"));
    let tokens: Vec<Option<&str>> =
        asked.iter().map(|asked| asked.split_once("continue=").map(|(_, token)| token)).collect();
    assert_eq!(tokens, [None, Some("one"), Some("two")]);
}

#[tokio::test]
async fn a_token_that_is_forgotten_is_the_servers_error() {
    let (found, _, asked) = read(None, [list("5", "one", &["a"]), ApiAnswer::error(410)]).await;
    assert!(matches!(found, Err(Error::Api(status)) if status.code == 410));
    assert_eq!(asked.len(), 2, "nobody but the caller may begin again");
}

#[tokio::test]
async fn half_an_answer_is_no_list() {
    let half = r#"{"metadata": {}, "items": [{"metadata": {"name": "a"}}"#.to_owned();
    let (found, ..) = read(None, [ApiAnswer::Says(StatusCode::OK, half)]).await;
    assert!(found.is_err(), "{found:?}");
}

#[tokio::test]
async fn only_what_is_not_as_usual_is_read_whole() {
    let rows = [("a".to_owned(), "valid"), ("b".to_owned(), "errored"), ("c".to_owned(), "pending")];
    let whole = ApiAnswer::of(&json!({"metadata": metadata("b"), "status": {"state": "errored"}}));
    let answers = [table(&["Name", "State"], rows), whole, ApiAnswer::error(404)];
    let (found, version, asked) = read(Some(&ORDERS), answers).await;
    let mut found = found.unwrap();
    found.sort();
    assert_eq!((found, version.as_str()), (vec!["a".to_owned(), "b".to_owned()], "5"), "c is gone meanwhile");
    assert_eq!(asked[1..], ["b", "c"].map(|name| format!("/apis/g/v1/namespaces/web/orders/{name}")));
}

#[tokio::test]
async fn whole_objects_are_asked_for_where_rows_tell_too_little() {
    let many = || (0..=FEW).map(|index| (format!("o{index}"), "errored"));
    for answer in [table(&["Name", "Age"], [("a".to_owned(), "1h")]), table(&["Name", "State"], many())] {
        let (found, version, asked) = read(Some(&ORDERS), [answer, list("7", "", &["a"])]).await;
        assert_eq!((found.unwrap(), version.as_str(), asked.len()), (vec!["a".to_owned()], "7", 2));
    }
}
