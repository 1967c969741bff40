//! `release logs` from where logs are kept, and what the client makes of stores that are busy, refuse, or are none.

use release::config::{Config, Selection, Settings};
use release::monitoring::{LogQuery, LogStore, LogStoreError, StoredLines};
use release::repository::Backoff;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::repository_tls::empty_repository;
use crate::support::log_store::Script;
use crate::support::world::{Ran, World};

const FLEET: &str = include_str!("../fixtures/fleet/release.yaml");

/// The fleet with a log store of this kind.
fn fleet(kind: &str, url: &str, more: &str) -> String {
    format!("{FLEET}logs:\n  {kind}: {{ url: \"{url}\", index: \"logs-*\"{more} }}\n")
}

fn store(kind: &str, url: &str, more: &str) -> LogStore {
    // Another test of this process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fleet/release.yaml");
    let config = Config::parse(&path, &fleet(kind, url, more)).unwrap();
    let settings = Settings::resolve(&config, &Selection { all: true, ..Selection::default() }).unwrap();
    let pause = Duration::from_millis(10);
    let backoff = Backoff { first: pause, longest: pause, ..Backoff::REQUEST };
    LogStore::new(&settings.logs.unwrap(), backoff).unwrap()
}

fn query() -> LogQuery {
    LogQuery {
        namespace: "cert-manager".to_owned(),
        cluster: "eks-development-1".to_owned(),
        since: "2026-11-28T10:00:00Z".parse().unwrap(),
        until: "2026-11-28T11:00:00Z".parse().unwrap(),
    }
}

fn entry(second: usize, text: &str) -> Value {
    let (minute, second) = (second / 60, second % 60);
    let time = format!("2026-11-28T10:{minute:02}:{second:02}Z");
    json!({"@timestamp": time, "log": text, "kubernetes": {"pod_name": "cert-manager-6fc45cdb-zf8q9"}})
}

async fn refusal(status: u16, body: &str) -> String {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_string(body);
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let refused = store("elasticsearch", &server.uri(), "").lines(&query()).await.unwrap_err();
    told(&refused).replace(&server.uri(), "http://logs")
}

fn told(refused: &LogStoreError) -> String {
    format!("{refused}\n  hint: {}", refused.hint().unwrap_or("-"))
}

#[tokio::test]
async fn every_line_comes_once_over_many_pages_from_both_kinds() {
    for (kind, opensearch) in [("elasticsearch", false), ("opensearch", true)] {
        let entries: Vec<Value> = (0..2500).map(|line| entry(line, &format!("line {line}"))).collect();
        let script = Script { opensearch, entries, ..Script::default() };
        *script.busy.lock().unwrap() = 2;
        let server = script.serve().await;
        let StoredLines { lines, cut } = store(kind, &server.uri(), "").lines(&query()).await.unwrap();
        let expected: Vec<String> = (0..2500).map(|line| format!("line {line}")).collect();
        assert_eq!(lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>(), expected, "{kind}");
        assert_eq!((lines[61].time, cut), ("2026-11-28T10:01:01Z".parse().ok(), false));
        // Two that were turned away, one that opens, three pages, one that closes.
        assert_eq!(script.asked().len(), 7, "{kind}: {:?}", script.asked());
        assert!(script.asked()[6].starts_with("DELETE "), "{kind}: {:?}", script.asked());
    }
}

#[tokio::test]
async fn a_store_that_refuses_is_told_with_what_to_do() {
    let no_index = r#"{"error":{"type":"index_not_found_exception","reason":"no such index [logs]"}}"#;
    let no_pattern = r#"{"error":{"type":"illegal_argument_exception","reason":"invalid id: [null]"}}"#;
    let security = r#"{"error":{"type":"security_exception","reason":"action [indices:data/read/open_point_in_time] is unauthorized for user [me]"}}"#;
    let other = r#"{"error":"no handler found for uri [/logs-*/_pit?keep_alive=2m] and method [POST]"}"#;
    let said = [
        refusal(401, "").await,
        refusal(403, security).await,
        refusal(404, no_index).await,
        refusal(400, no_pattern).await,
        refusal(400, other).await,
        refusal(418, "<html>proxy</html>").await,
        refusal(200, "<html>proxy</html>").await,
        refusal(200, "{}").await,
    ];
    insta::assert_snapshot!(said.join("\n"));
}

#[tokio::test]
async fn half_an_answer_is_none_and_entries_without_lines_name_the_field() {
    let server = MockServer::start().await;
    let failures = json!([{"reason": {"reason": "the node left"}}]);
    let half =
        json!({"id": "x", "_shards": {"total": 3, "failed": 1, "failures": failures}, "hits": {"hits": []}});
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(half)).mount(&server).await;
    let refused = store("elasticsearch", &server.uri(), "").lines(&query()).await.unwrap_err();
    let said = told(&refused).replace(&server.uri(), "http://logs");
    insta::assert_snapshot!(said, @r"
    read the logs from Elasticsearch http://logs/: 1 of 3 shards did not answer: the node left
      hint: `--from cluster` reads from the API server
    ");
    let script = Script { entries: vec![json!({"text": "x"})], ..Script::default() };
    let server = script.serve().await;
    let refused = store("elasticsearch", &server.uri(), "").lines(&query()).await.unwrap_err();
    let said = told(&refused).replace(&server.uri(), "http://logs");
    insta::assert_snapshot!(said, @r"
    read the logs from Elasticsearch http://logs/: none of the 1 entries has a field `log`
      hint: set `fields.message` of the log store in release.yaml
    ");
}

#[tokio::test]
async fn an_authority_of_ones_own_has_to_be_named() {
    let (url, _) = empty_repository().await;
    let refused = store("opensearch", &url, "").lines(&query()).await.unwrap_err();
    assert_eq!(
        refused.hint(),
        Some("set `ca-file` of the log store when an authority of your own signed it")
    );
}

/// A log with something of everything.
fn log() -> Vec<Value> {
    let line = |second, level: &str, message: &str, error: &str, key: &str| {
        let text = format!(
            "{level}1128 10:00:00.0       1 controller.go:157] \"{message}\" err=\"{error}\" logger=\"cert-manager.controller\" key=\"{key}\""
        );
        entry(second, &text)
    };
    let again = "re-queuing item due to error processing";
    let forbidden = "secrets \\\"a\\\" is forbidden: User \\\"system:serviceaccount:cert-manager:cert-manager\\\" cannot create resource";
    let busy = "the object has been modified; please apply your changes to the latest version and try again";
    let client = "ACME client for issuer not initialised/available";
    let odd = "the answer of 10.0.0.7 is odd, token=hunter2";
    vec![
        entry(0, "I1128 10:00:00.0       1 start.go:75] \"starting cert-manager controller\""),
        line(1, "E", again, client, "web/a-1"),
        line(6, "E", again, client, "web/a-1"),
        line(10, "E", again, forbidden, "web/a"),
        line(20, "E", again, forbidden, "web/b"),
        line(21, "E", again, busy, "web/a"),
        line(22, "E", again, busy, "web/b"),
        line(23, "I", "re-queuing item due to optimistic locking on resource", busy, "web/b"),
        line(30, "E", "propagation check failed", "not yet propagated", "web/slow"),
        line(631, "E", "propagation check failed", "not yet propagated", "web/slow"),
        line(700, "E", again, odd, "web/c"),
        entry(710, "panic: runtime error: index out of range"),
        entry(711, "goroutine 7 [running]:"),
    ]
}

/// The command on a store with that log; the times of today are hidden.
async fn logs(arguments: &[&str]) -> Ran {
    let script = Script { entries: log(), ..Script::default() };
    let server = script.serve().await;
    let world = World::new().hide(&server.uri(), "http://logs").env("LOGS_KEY", "hunter2");
    world.write("release.yaml", fleet("elasticsearch", &server.uri(), ", api-key: { env: LOGS_KEY }"));
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let ran = tokio::task::spawn_blocking(move || {
        world.release(
            ["logs", "--cluster", "eks-development-1"].map(str::to_owned).into_iter().chain(arguments),
        )
    });
    let mut ran = ran.await.unwrap();
    let asked = script.asked.lock().unwrap().clone();
    let filters =
        asked.iter().find(|(asked, _)| asked == "POST /_search").map(|(_, body)| body["query"].clone());
    let since = filters.and_then(|query| {
        query["bool"]["filter"][2]["range"]["@timestamp"]["gte"].as_str().map(str::to_owned)
    });
    // As people see it, without the fraction.
    for since in
        since.iter().flat_map(|since| [since.clone(), format!("{}Z", since.split('.').next().unwrap())])
    {
        ran.stdout = ran.stdout.replace(&since, "[AN HOUR AGO]");
    }
    ran
}

#[tokio::test]
async fn what_matters_comes_first_and_what_is_normal_says_why() {
    insta::assert_snapshot!(logs(&[]).await);
    insta::assert_snapshot!(logs(&["--rule", "optimistic-locking", "--benign"]).await);
    insta::assert_snapshot!(logs(&["--rule", "forbidden", "--output", "json"]).await);
}

#[tokio::test]
async fn an_api_key_is_sent_and_never_shown() {
    let server = MockServer::start().await;
    let key = wiremock::matchers::header("Authorization", "ApiKey hunter2");
    let found = json!({"id": "x", "_shards": {"failed": 0}, "hits": {"hits": []}});
    Mock::given(key).respond_with(ResponseTemplate::new(200).set_body_json(found)).mount(&server).await;
    let world = World::new().hide(&server.uri(), "http://logs").env("LOGS_KEY", "hunter2");
    world.write("release.yaml", fleet("elasticsearch", &server.uri(), ", api-key: { env: LOGS_KEY }"));
    let ran = tokio::task::spawn_blocking(move || world.release(["logs", "--cluster", "eks-development-1"]));
    let ran = ran.await.unwrap();
    assert!(ran.code == Some(0) && ran.stdout.contains("no line in index `logs-*`"), "{ran}");
    assert!(!ran.to_string().contains("hunter2"), "{ran}");
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let world = World::new();
    world.write("release.yaml", fleet("elasticsearch", "https://logs.example.com", ""));
    let ran = |arguments: &[&str]| {
        world.release([&["logs", "--cluster", "eks-development-1"], arguments].concat()).to_string()
    };
    insta::assert_snapshot!(ran(&["--from", "opensearch"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml has no `logs.opensearch`
    hint: write `logs: { opensearch: { url: https://…, index: … } }`
    ");
    insta::assert_snapshot!(ran(&["--rule", "forbiden"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: invalid value 'forbiden' for '--rule <RULE>': no rule of logs has this name; did you mean `forbidden`?

    For more information, try '--help'.
    ");
    world.write("release.yaml", fleet("elasticsearch", "ftp://logs", ", username: me, api-key: { env: X }"));
    insta::assert_snapshot!(ran(&[]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: release.yaml:29:25: the address of a log store begins with http:// or https://
       |
    29 |   elasticsearch: { url: "ftp://logs", index: "logs-*", username: me, api-key: { env: X } }
       |                         ^^^^^^^^^^^^

    release.yaml:29:66: a log store needs both `username` and `password`, or none of them
       |
    29 |   elasticsearch: { url: "ftp://logs", index: "logs-*", username: me, api-key: { env: X } }
       |                                                                  ^^

    release.yaml:29:79: a log store takes `api-key`, or `username` and `password`
       |
    29 |   elasticsearch: { url: "ftp://logs", index: "logs-*", username: me, api-key: { env: X } }
       |                                                                               ^
    "#);
}
