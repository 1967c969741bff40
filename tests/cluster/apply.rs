//! The server-side dry run: what it shows is what Helm does, and it changes nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use libtest_mimic::Trial;
use release::action::apply::{ApplyOptions, Effect, Sides};
use release::config::ReleaseId;
use serde_json::{Value, json};

use crate::support::chart::{chart, config_map, crd};
use crate::support::helm::helm;
use crate::support::objects::{Place, objects};
use crate::support::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "apply::a_dry_run_shows_both_sides_and_changes_nothing",
            a_dry_run_shows_both_sides_and_changes_nothing,
        ),
        trial("apply::a_field_of_another_manager_is_a_conflict", a_field_of_another_manager_is_a_conflict),
        trial("apply::a_release_of_helm_3_conflicts_with_nobody", a_release_of_helm_3_conflicts_with_nobody),
        trial(
            "apply::what_helm_would_delete_is_found_and_what_is_kept_is_not",
            what_helm_would_delete_is_found_and_what_is_kept_is_not,
        ),
        trial(
            "apply::an_object_of_a_kind_that_comes_along_is_new",
            an_object_of_a_kind_that_comes_along_is_new,
        ),
        trial(
            "apply::an_object_that_the_server_refuses_is_named",
            an_object_that_the_server_refuses_is_named,
        ),
    ]
}

fn install(writer: &str, release: &ReleaseId, version: &str, templates: &[(&str, &str)]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.tgz");
    std::fs::write(&path, chart(version, templates).bytes()).unwrap();
    helm(writer, release, &["upgrade", "--install", "app", path.to_str().unwrap()]);
}

fn install_server_side(release: &ReleaseId, text: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.tgz");
    std::fs::write(&path, chart("2.0.0", &[("a", text)]).bytes()).unwrap();
    helm("HELM", release, &["upgrade", "app", path.to_str().unwrap(), "--server-side=true"]);
}

/// Both sides of every object, and what is told against them.
async fn look(place: &Place, old: &[&str], new: &[&str]) -> (Vec<Sides>, Vec<String>) {
    let prepared = place.sides(&objects(old), &objects(new), ApplyOptions::default()).await;
    let told = prepared.problems().map(ToString::to_string).collect();
    (prepared.steps.into_iter().map(|step| step.sides.unwrap()).collect(), told)
}

async fn versions(place: &Place) -> BTreeMap<String, String> {
    let api: Api<ConfigMap> = Api::namespaced(place.cluster.client.clone(), &place.release.namespace);
    let maps = api.list(&ListParams::default()).await.unwrap();
    maps.into_iter().map(|map| (map.metadata.name.unwrap(), map.metadata.resource_version.unwrap())).collect()
}

async fn a_dry_run_shows_both_sides_and_changes_nothing() {
    let place = Place::new().await;
    let old = [config_map("a", &[("k", "1"), ("old", "x")]), config_map("same", &[("k", "1")])];
    install("HELM", &place.release, "1.0.0", &[("a", &old[0]), ("same", &old[1])]);
    let before = versions(&place).await;
    let texts =
        [config_map("a", &[("k", "2")]), config_map("b", &[("k", "1")]), config_map("same", &[("k", "1")])];
    let (old, new) = (objects(&old), objects(&texts));
    let prepared = place.sides(&old, &new, ApplyOptions::default()).await;
    assert_eq!(versions(&place).await, before);
    let data = |value: &Value| value["data"].clone();
    let seen: Vec<_> =
        prepared.changes().map(|(_, before, after)| (before.map(data), after.map(data))).collect();
    let expected = [
        (Some(json!({"k": "1", "old": "x"})), Some(json!({"k": "2"}))),
        (None, Some(json!({"k": "1"}))),
        (Some(json!({"k": "1"})), Some(json!({"k": "1"}))),
    ];
    assert_eq!(seen, expected);
    let effects: Vec<Effect> = prepared.steps.iter().map(|step| step.effect).collect();
    assert_eq!(effects, [Effect::Update { migrate: false }, Effect::Create, Effect::Unchanged]);
    let titles: Vec<String> = prepared.changes().map(|(title, ..)| title).collect();
    assert_eq!(titles[1], format!("ConfigMap {}/b", place.release.namespace));
    // Helm's own labels and annotations are no difference.
    let metadata = |value: &Option<Value>| {
        let metadata = &value.as_ref().unwrap()["metadata"];
        (metadata["labels"].clone(), metadata["annotations"].clone())
    };
    let same = prepared.steps[2].sides.as_ref().unwrap();
    assert_eq!(metadata(&same.before), metadata(&same.after));
}

async fn a_field_of_another_manager_is_a_conflict() {
    let place = Place::new().await;
    let old = config_map("a", &[("k", "1")]);
    install("HELM", &place.release, "1.0.0", &[("a", &old)]);
    let api: Api<ConfigMap> = Api::namespaced(place.cluster.client.clone(), &place.release.namespace);
    let hand = PatchParams { field_manager: Some("hand".into()), ..PatchParams::default() };
    api.patch("a", &hand, &Patch::Merge(json!({"data": {"k": "mine"}}))).await.unwrap();
    let text = config_map("a", &[("k", "2")]);
    let (sides, told) = look(&place, &[&old], &[&text]).await;
    assert_eq!(told, [format!("ConfigMap {}/a: .data.k (owned by hand)", place.release.namespace)]);
    let after = sides[0].after.as_ref().unwrap();
    assert_eq!(after["data"], json!({"k": "2"}), "what a forced upgrade would bring");
    let force = ApplyOptions { force_conflicts: true, ..ApplyOptions::default() };
    let forced = place.sides(&objects(&[&old]), &objects(&[&text]), force).await;
    assert_eq!(forced.problems().count(), 0);
}

async fn a_release_of_helm_3_conflicts_with_nobody() {
    let place = Place::new().await;
    let old = config_map("a", &[("k", "1"), ("old", "x")]);
    install("HELM_3", &place.release, "1.0.0", &[("a", &old)]);
    let text = config_map("a", &[("k", "2")]);
    let (sides, told) = look(&place, &[&old], &[&text]).await;
    assert_eq!((told, &sides[0].after.as_ref().unwrap()["data"]), (vec![], &json!({"k": "2"})));
    // And that is what Helm 4 makes of it.
    install_server_side(&place.release, &text);
    let api: Api<ConfigMap> = Api::namespaced(place.cluster.client.clone(), &place.release.namespace);
    assert_eq!(serde_json::to_value(api.get("a").await.unwrap().data).unwrap(), json!({"k": "2"}));
}

async fn what_helm_would_delete_is_found_and_what_is_kept_is_not() {
    let place = Place::new().await;
    let kept = config_map("kept", &[])
        .replace("metadata:", "metadata:\n  annotations: {helm.sh/resource-policy: keep}");
    let texts = [config_map("a", &[]), config_map("gone", &[]), kept, config_map("missing", &[])];
    install("HELM", &place.release, "1.0.0", &[("a", &texts[0]), ("gone", &texts[1]), ("kept", &texts[2])]);
    let prepared = place.sides(&objects(&texts), &objects(&texts[..1]), ApplyOptions::default()).await;
    let gone: Vec<_> =
        prepared.deletions.iter().map(|gone| (gone.key.to_string(), gone.live.is_some())).collect();
    assert_eq!(gone, [(format!("ConfigMap {}/gone", place.release.namespace), true)]);
    let last = prepared.changes().last().unwrap();
    assert!(last.1.is_some() && last.2.is_none(), "{last:?}");
}

async fn an_object_of_a_kind_that_comes_along_is_new() {
    let place = Place::new().await;
    let crd = crd("widgets", "Widget", "dry.example.com", &["size"]);
    let widget = "apiVersion: dry.example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: big}\n";
    let (sides, told) = look(&place, &[], &[&crd, widget]).await;
    assert!(sides.iter().all(|side| side.before.is_none() && side.after.is_some()));
    assert_eq!(told, Vec::<String>::new());
}

async fn an_object_that_the_server_refuses_is_named() {
    let place = Place::new().await;
    let text =
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 99999}], clusterIPs: 5}\n";
    let (_, told) = look(&place, &[], &[text, &config_map("good", &[])]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with(&format!("Service {}/s: the API server answers ", place.release.namespace)),
        "{told:?}"
    );
}
