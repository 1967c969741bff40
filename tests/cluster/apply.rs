//! The server-side dry run: what it shows is what Helm does, and it changes nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::cluster::apply::{self, Sides};
use release::cluster::discovery::Kinds;
use release::config::ReleaseId;
use release::helm::manifest::{self, Object};
use serde_json::json;

use crate::support::chart::{chart, config_map, crd};
use crate::support::helm::helm;
use crate::support::{told, trial, world};

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

fn objects(texts: &[&str]) -> Vec<Object> {
    texts.iter().flat_map(|text| manifest::split(text).unwrap()).collect()
}

async fn dry_run(cluster: &Cluster, release: &ReleaseId, texts: &[&str]) -> Vec<Sides> {
    apply::dry_run(cluster, &Kinds::load(cluster).await.unwrap(), &objects(texts), release, false)
        .await
        .unwrap()
}

async fn versions(cluster: &Cluster, release: &ReleaseId) -> BTreeMap<String, String> {
    let api: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &release.namespace);
    let maps = api.list(&ListParams::default()).await.unwrap();
    maps.into_iter().map(|map| (map.metadata.name.unwrap(), map.metadata.resource_version.unwrap())).collect()
}

async fn a_dry_run_shows_both_sides_and_changes_nothing() {
    let (cluster, release) = world().await;
    install(
        "HELM",
        &release,
        "1.0.0",
        &[("a", &config_map("a", &[("k", "1"), ("old", "x")])), ("same", &config_map("same", &[("k", "1")]))],
    );
    let before = versions(&cluster, &release).await;
    let texts =
        [config_map("a", &[("k", "2")]), config_map("b", &[("k", "1")]), config_map("same", &[("k", "1")])];
    let sides = dry_run(&cluster, &release, &texts.each_ref().map(String::as_str)).await;
    assert_eq!(versions(&cluster, &release).await, before);
    let data: Vec<_> = sides
        .iter()
        .map(|side| {
            (
                side.before.as_ref().map(|value| value["data"].clone()),
                side.after.as_ref().unwrap()["data"].clone(),
            )
        })
        .collect();
    let expected = [
        (Some(json!({"k": "1", "old": "x"})), json!({"k": "2"})),
        (None, json!({"k": "1"})),
        (Some(json!({"k": "1"})), json!({"k": "1"})),
    ];
    assert_eq!(data, expected);
    assert_eq!(sides[1].object, format!("ConfigMap {}/b", release.namespace));
    // Helm's own labels and annotations are no difference.
    let metadata = |value: &serde_json::Value| {
        (value["metadata"]["labels"].clone(), value["metadata"]["annotations"].clone())
    };
    assert_eq!(metadata(sides[2].before.as_ref().unwrap()), metadata(sides[2].after.as_ref().unwrap()));
}

async fn a_field_of_another_manager_is_a_conflict() {
    let (cluster, release) = world().await;
    install("HELM", &release, "1.0.0", &[("a", &config_map("a", &[("k", "1")]))]);
    let api: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &release.namespace);
    api.patch(
        "a",
        &PatchParams { field_manager: Some("hand".into()), ..PatchParams::default() },
        &Patch::Merge(json!({"data": {"k": "mine"}})),
    )
    .await
    .unwrap();
    let text = config_map("a", &[("k", "2")]);
    let sides = dry_run(&cluster, &release, &[&text]).await;
    assert_eq!(
        sides[0].conflict.as_deref(),
        Some(format!("ConfigMap {}/a: .data.k (owned by hand)", release.namespace).as_str())
    );
    assert_eq!(
        sides[0].after.as_ref().unwrap()["data"],
        json!({"k": "2"}),
        "what a forced upgrade would bring"
    );
    let forced =
        apply::dry_run(&cluster, &Kinds::load(&cluster).await.unwrap(), &objects(&[&text]), &release, true)
            .await
            .unwrap();
    assert_eq!(forced[0].conflict, None);
}

async fn a_release_of_helm_3_conflicts_with_nobody() {
    let (cluster, release) = world().await;
    install("HELM_3", &release, "1.0.0", &[("a", &config_map("a", &[("k", "1"), ("old", "x")]))]);
    let text = config_map("a", &[("k", "2")]);
    let sides = dry_run(&cluster, &release, &[&text]).await;
    assert_eq!(sides[0].conflict, None);
    assert_eq!(sides[0].after.as_ref().unwrap()["data"], json!({"k": "2"}));
    // And that is what Helm 4 makes of it.
    install_server_side(&release, &text);
    let api: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &release.namespace);
    assert_eq!(serde_json::to_value(api.get("a").await.unwrap().data).unwrap(), json!({"k": "2"}));
}

async fn what_helm_would_delete_is_found_and_what_is_kept_is_not() {
    let (cluster, release) = world().await;
    let kept = config_map("kept", &[])
        .replace("metadata:", "metadata:\n  annotations: {helm.sh/resource-policy: keep}");
    let texts = [config_map("a", &[]), config_map("gone", &[]), kept, config_map("missing", &[])];
    install("HELM", &release, "1.0.0", &[("a", &texts[0]), ("gone", &texts[1]), ("kept", &texts[2])]);
    let old = objects(&texts.each_ref().map(String::as_str));
    let deleted = apply::deletions(
        &cluster,
        &Kinds::load(&cluster).await.unwrap(),
        &old,
        &objects(&[&texts[0]]),
        &release,
    )
    .await
    .unwrap();
    let names: Vec<_> = deleted
        .iter()
        .map(|side| (side.object.clone(), side.before.is_some(), side.after.is_some()))
        .collect();
    assert_eq!(names, [(format!("ConfigMap {}/gone", release.namespace), true, false)]);
}

async fn an_object_of_a_kind_that_comes_along_is_new() {
    let (cluster, release) = world().await;
    let crd = crd("widgets", "Widget", "dry.example.com", &["size"]);
    let widget = "apiVersion: dry.example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: big}\n";
    let sides = dry_run(&cluster, &release, &[&crd, widget]).await;
    assert!(sides.iter().all(|side| side.before.is_none() && side.after.is_some()));
    assert_eq!(sides[0].object, "CustomResourceDefinition widgets.dry.example.com");
}

async fn an_object_that_the_server_refuses_is_named() {
    let (cluster, release) = world().await;
    let text =
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 99999}], clusterIPs: 5}\n";
    let told = told(
        apply::dry_run(&cluster, &Kinds::load(&cluster).await.unwrap(), &objects(&[text]), &release, false)
            .await
            .unwrap_err(),
    );
    assert!(
        told.starts_with(&format!("ask what would become of Service {}/s (cluster ", release.namespace)),
        "{told}"
    );
}
