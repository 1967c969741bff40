//! Helm's verbs on a real cluster.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use libtest_mimic::Trial;
use release::action;
use release::action::apply::ApplyOptions;
use release::action::verb::ActionOptions;
use release::cluster::{Cluster, release_secrets};
use release::config::{ReleaseId, ValuesFile};
use release::helm::chart::ChartArchive;
use release::helm::manifest::Object;
use release::helm::release::Status;
use serde_json::json;

use crate::support::chart::{chart, config_map, crd};
use crate::support::objects::{Place, objects};
use crate::support::{helm, told, trial, verbs, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "action::rendering_writes_nothing_and_sees_the_cluster",
            rendering_writes_nothing_and_sees_the_cluster,
        ),
        trial(
            "action::what_a_killed_run_left_pending_can_be_rendered_and_repaired",
            what_a_killed_run_left_pending_can_be_rendered_and_repaired,
        ),
        trial(
            "action::a_draft_is_deployed_as_it_was_shown_unless_its_base_has_moved",
            a_draft_is_deployed_as_it_was_shown_unless_its_base_has_moved,
        ),
        trial("action::an_upgrade_is_helms_own", an_upgrade_is_helms_own),
        trial(
            "action::a_rollback_deletes_what_the_newer_revision_added",
            a_rollback_deletes_what_the_newer_revision_added,
        ),
        trial("action::a_rollback_leaves_crds_as_they_are", a_rollback_leaves_crds_as_they_are),
        trial("action::an_upgrade_never_deletes_a_crd", an_upgrade_never_deletes_a_crd),
        trial("action::what_a_chart_refuses_is_quoted", what_a_chart_refuses_is_quoted),
    ]
}

async fn upgrade(cluster: &Cluster, release: &ReleaseId, archive: &ChartArchive) -> u32 {
    verbs::deploy(cluster, release, archive).await.unwrap()
}

async fn maps(cluster: &Cluster, release: &ReleaseId) -> Vec<String> {
    let api: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &release.namespace);
    let maps = api.list(&kube::api::ListParams::default()).await.unwrap();
    maps.into_iter().filter_map(|map| map.metadata.name).filter(|name| name != "kube-root-ca.crt").collect()
}

async fn fields(cluster: &Cluster, name: &str) -> Vec<String> {
    let api: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    let schema =
        api.get(name).await.unwrap().spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
    schema.properties.unwrap()["spec"].properties.clone().unwrap_or_default().into_keys().collect()
}

async fn rendering_writes_nothing_and_sees_the_cluster() {
    let (cluster, release) = world().await;
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  uid: {{ (lookup \"v1\" \"Namespace\" \"\" .Release.Namespace).metadata.uid | quote }}\n  value: {{ .Values.deep.x | quote }}\n";
    let hook = config_map("hook", &[])
        .replace("metadata:", "metadata:\n  annotations: {helm.sh/hook: post-upgrade}");
    let archive = chart("1.0.0", &[("a", text), ("hook", &hook)]);
    let files = [("one.yaml", "deep: {x: 1, z: 1}"), ("two.yaml", "deep: {x: 2}")];
    let values = files.map(|(path, text)| ValuesFile {
        name: path.into(),
        path: path.into(),
        bytes: text.into(),
        sha256: String::new(),
    });
    let rendered = verbs::render(&cluster, &release, &verbs::target(&archive, &values)).await.unwrap();
    assert_eq!(rendered.objects.len(), 1);
    assert_eq!(rendered.objects[0].value["data"]["value"], "2");
    assert_ne!(rendered.objects[0].value["data"]["uid"], "");
    assert_eq!(rendered.record.config(), &json!({"deep": {"x": 2, "z": 1}}));
    assert_eq!(rendered.record.hooks().iter().map(|hook| hook.name.as_str()).collect::<Vec<_>>(), ["hook"]);
    assert!(rendered.record_bytes > 100);
    assert_eq!(
        (maps(&cluster, &release).await, release_secrets::history(&cluster, &release).await.unwrap().len()),
        (vec![], 0)
    );
}

async fn what_a_killed_run_left_pending_can_be_rendered_and_repaired() {
    let (cluster, release) = world().await;
    upgrade(&cluster, &release, &chart("1.0.0", &[("a", &config_map("a", &[("k", "1")]))])).await;
    upgrade(&cluster, &release, &chart("2.0.0", &[("a", &config_map("a", &[("k", "2")]))])).await;
    release_secrets::rewrite(&cluster, &release, 2, |record| {
        record.with_status(Status::PendingUpgrade, "Preparing upgrade")
    })
    .await
    .unwrap();
    let archive = chart("3.0.0", &[("a", &config_map("a", &[("k", "3")])), ("b", &config_map("b", &[]))]);

    let rendered = verbs::render(&cluster, &release, &verbs::target(&archive, &[])).await.unwrap();
    let names: Vec<&str> = rendered.objects.iter().map(Object::name).collect();
    assert_eq!((names, &rendered.objects[0].value["data"]["k"]), (vec!["a", "b"], &json!("3")));
    let told = told(verbs::deploy(&cluster, &release, &archive).await.unwrap_err());
    assert!(told.contains("another operation"), "as Helm itself refuses: {told}");
    assert_eq!(
        (release_secrets::history(&cluster, &release).await.unwrap().len(), maps(&cluster, &release).await),
        (2, vec!["a".to_owned()])
    );

    release_secrets::mark_failed(&cluster, &release, 2, "killed").await.unwrap();
    assert_eq!(verbs::deploy(&cluster, &release, &archive).await.unwrap(), 3);
    assert_eq!(
        helm::history("HELM", &release)[1..],
        ["2 failed app-2.0.0 killed", "3 deployed app-3.0.0 run r1"]
    );
}

async fn a_draft_is_deployed_as_it_was_shown_unless_its_base_has_moved() {
    let (cluster, release) = world().await;
    let random =
        config_map("a", &[]) + "  word: {{ randAlpha 20 }}\n  revision: {{ .Release.Revision | quote }}\n";
    let archive = chart("1.0.0", &[("a", &random)]);
    let shown = verbs::render(&cluster, &release, &verbs::target(&archive, &[])).await.unwrap();
    assert_eq!(shown.base_revision(), 0);
    verbs::deploy_draft(&cluster, &release, &archive, &shown).await.unwrap();
    let stored = release_secrets::history(&cluster, &release).await.unwrap().remove(0);
    assert_eq!(stored.manifest(), shown.record.manifest(), "rendered once");
    assert_eq!((stored.status(), stored.description()), (Status::Deployed, "run r1"));
    verbs::deploy_draft(&cluster, &release, &archive, &shown).await.unwrap();
    let again = release_secrets::history(&cluster, &release).await.unwrap().remove(1);
    assert!(again.manifest().contains("revision: \"2\""), "made anew: {}", again.manifest());
    assert_ne!(again.manifest(), shown.record.manifest());
}

async fn an_upgrade_is_helms_own() {
    let (cluster, release) = world().await;
    assert_eq!(
        upgrade(&cluster, &release, &chart("1.0.0", &[("a", &config_map("a", &[("k", "1")]))])).await,
        1
    );
    assert_eq!(
        upgrade(&cluster, &release, &chart("2.0.0", &[("b", &config_map("b", &[("k", "1")]))])).await,
        2
    );
    assert_eq!(maps(&cluster, &release).await, ["b"]);
    assert_eq!(
        helm::history("HELM_3", &release),
        ["1 superseded app-1.0.0 run r1", "2 deployed app-2.0.0 run r1"]
    );
}

async fn a_rollback_deletes_what_the_newer_revision_added() {
    let (cluster, release) = world().await;
    let group = format!("{}.example.com", release.namespace);
    let (small, large) =
        (crd("things", "Thing", &group, &["a"]), crd("things", "Thing", &group, &["a", "b"]));
    upgrade(&cluster, &release, &chart("1.0.0", &[("a", &config_map("a", &[])), ("crd", &small)])).await;
    upgrade(
        &cluster,
        &release,
        &chart(
            "2.0.0",
            &[("a", &config_map("a", &[])), ("crd", &large), ("extra", &config_map("extra", &[]))],
        ),
    )
    .await;
    let before = release_secrets::history(&cluster, &release).await.unwrap()[0].manifest().to_owned();
    assert_eq!(verbs::rollback(&cluster, &release, 1, "back").await.unwrap(), 3);
    assert_eq!(maps(&cluster, &release).await, ["a"]);
    let history = release_secrets::history(&cluster, &release).await.unwrap();
    assert_eq!(history[0].manifest(), before, "the older record is as it was");
    assert_eq!(
        helm::history("HELM", &release),
        ["1 superseded app-1.0.0 run r1", "2 superseded app-2.0.0 run r1", "3 deployed app-1.0.0 back"]
    );
}

async fn a_rollback_leaves_crds_as_they_are() {
    let (cluster, release) = world().await;
    let group = format!("{}.example.com", release.namespace);
    let (small, large) =
        (crd("things", "Thing", &group, &["a"]), crd("things", "Thing", &group, &["a", "b"]));
    let added = crd("others", "Other", &group, &["x"]);
    upgrade(&cluster, &release, &chart("1.0.0", &[("crd", &small)])).await;
    upgrade(&cluster, &release, &chart("2.0.0", &[("crd", &large), ("other", &added)])).await;
    let older = release_secrets::history(&cluster, &release).await.unwrap().remove(0);
    let place = Place { cluster: cluster.clone(), release: release.clone() };
    let current = objects(&[&large, &added]);
    let prepared = place.sides(&current, &current, ApplyOptions::default()).await;
    let (kinds, conduct) = (place.kinds().await, ActionOptions::default());
    let obstacles = action::obstacles(&cluster, &kinds, &release, &older, &prepared, conduct).await.unwrap();
    assert_eq!(obstacles, Vec::<String>::new());
    verbs::rollback(&cluster, &release, 1, "back").await.unwrap();
    assert_eq!(fields(&cluster, &format!("things.{group}")).await, ["a", "b"]);
    assert_eq!(fields(&cluster, &format!("others.{group}")).await, ["x"]);
    // And forward again: nothing is lost, nothing is left out.
    verbs::rollback(&cluster, &release, 2, "forward").await.unwrap();
    assert_eq!(fields(&cluster, &format!("things.{group}")).await, ["a", "b"]);
}

async fn an_upgrade_never_deletes_a_crd() {
    let (cluster, release) = world().await;
    let group = format!("{}.example.com", release.namespace);
    upgrade(
        &cluster,
        &release,
        &chart("1.0.0", &[("a", &config_map("a", &[])), ("crd", &crd("things", "Thing", &group, &["a"]))]),
    )
    .await;
    upgrade(&cluster, &release, &chart("2.0.0", &[("a", &config_map("a", &[]))])).await;
    assert_eq!(fields(&cluster, &format!("things.{group}")).await, ["a"]);
}

async fn what_a_chart_refuses_is_quoted() {
    let (cluster, release) = world().await;
    let archive = chart("1.0.0", &[("a", "{{ fail \"no such thing\" }}")]);
    let told = told(verbs::render(&cluster, &release, &verbs::target(&archive, &[])).await.unwrap_err());
    assert_eq!(told, "execution error at (app/templates/a.yaml:1:3): no such thing");
}
