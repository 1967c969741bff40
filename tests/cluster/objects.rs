//! A release's objects, written by this program: real Helm wrote before, or writes afterwards.

use std::time::Duration;

use kube::Api;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use libtest_mimic::Trial;
use release::action::apply::{ApplyOptions, Crds, Effect, FORCE};
use release::action::permit::NoLeave;
use release::cluster::namespace;
use release::helm::manifest::Object;
use serde_json::{Value, json};

use crate::support::chart::{chart, config_map, crd};
use crate::support::helm::{helm, refused_by_helm};
use crate::support::objects::{Place, managers, names, objects, uid};
use crate::support::permit::{Free, Limited};
use crate::support::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "objects::a_release_of_helm_3_is_migrated_and_keeps_its_objects",
            a_release_of_helm_3_is_migrated_and_keeps_its_objects,
        ),
        trial(
            "objects::a_run_that_is_cut_off_anywhere_is_finished_by_the_next",
            a_run_that_is_cut_off_anywhere_is_finished_by_the_next,
        ),
        trial(
            "objects::nothing_more_is_written_once_the_lock_is_lost",
            nothing_more_is_written_once_the_lock_is_lost,
        ),
        trial(
            "objects::one_object_that_is_refused_keeps_all_from_being_written",
            one_object_that_is_refused_keeps_all_from_being_written,
        ),
        trial(
            "objects::a_conflict_names_fields_and_managers_and_can_be_forced",
            a_conflict_names_fields_and_managers_and_can_be_forced,
        ),
        trial(
            "objects::what_is_not_ours_is_refused_in_helms_words_or_adopted",
            what_is_not_ours_is_refused_in_helms_words_or_adopted,
        ),
        trial(
            "objects::what_left_the_manifest_goes_but_for_kept_objects_and_crds",
            what_left_the_manifest_goes_but_for_kept_objects_and_crds,
        ),
        trial(
            "objects::what_would_not_change_is_not_written_and_drift_is",
            what_would_not_change_is_not_written_and_drift_is,
        ),
        trial(
            "objects::what_needs_something_of_the_same_release_comes_after_it",
            what_needs_something_of_the_same_release_comes_after_it,
        ),
        trial(
            "objects::an_install_into_a_new_namespace_is_refused_as_a_whole",
            an_install_into_a_new_namespace_is_refused_as_a_whole,
        ),
        trial(
            "objects::a_ca_bundle_that_cainjector_wrote_is_left_alone",
            a_ca_bundle_that_cainjector_wrote_is_left_alone,
        ),
        trial("objects::a_newer_crd_stays", a_newer_crd_stays),
        trial(
            "objects::an_object_with_a_generated_name_is_created",
            an_object_with_a_generated_name_is_created,
        ),
    ]
}

fn install(place: &Place, helm_program: &str, texts: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.tgz");
    let templates: Vec<(String, &str)> =
        texts.iter().enumerate().map(|(index, text)| (format!("t{index}"), *text)).collect();
    let templates: Vec<(&str, &str)> = templates.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    std::fs::write(&path, chart("1.0.0", &templates).bytes()).unwrap();
    helm(helm_program, &place.release, &["upgrade", "--install", "app", path.to_str().unwrap()]);
}

async fn patch(place: &Place, text: &str, manager: &str, patch: Value) {
    let object = objects(&[text]).remove(0);
    let parameters = PatchParams { field_manager: Some(manager.into()), ..PatchParams::default() };
    place.api(&object).await.patch(object.name(), &parameters, &Patch::Merge(patch)).await.unwrap();
}

/// An API group that no other test uses.
fn group(place: &Place) -> String {
    format!("{}.example.com", place.release.namespace)
}

fn with_metadata(text: &str, line: &str) -> String {
    text.replace("metadata:", &format!("metadata:\n  {line}"))
}

async fn a_release_of_helm_3_is_migrated_and_keeps_its_objects() {
    let place = Place::new().await;
    let deployment = |image: &str, environment: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d}}\nspec:\n  replicas: 0\n  selector: {{matchLabels: {{a: d}}}}\n  template:\n    metadata: {{labels: {{a: d}}}}\n    spec: {{containers: [{{name: c, image: {image:?}{environment}}}]}}\n"
        )
    };
    let old =
        [config_map("a", &[("k", "1"), ("old", "x")]), deployment("x:1", ", env: [{name: OLD, value: x}]")];
    install(&place, "HELM_3", &old.each_ref().map(String::as_str));
    let before = [uid(&place.metadata(&old[0]).await), uid(&place.metadata(&old[1]).await)];
    assert_eq!(managers(&place.metadata(&old[0]).await), ["helm Update"]);

    let new = [config_map("a", &[("k", "2")]), deployment("x:2", "")];
    let applied = place.apply(&objects(&old), &objects(&new)).await.unwrap();
    assert_eq!((names(&applied.updated), applied.created.len()), (vec!["a", "d"], 0));
    for (text, before) in new.iter().zip(&before) {
        let live = place.metadata(text).await;
        assert_eq!(managers(&live), ["helm Apply"]);
        assert_eq!(uid(&live), *before);
    }
    assert_eq!(place.live(&new[0]).await.unwrap()["data"], json!({"k": "2"}));
    let container = place.live(&new[1]).await.unwrap()["spec"]["template"]["spec"]["containers"][0].clone();
    assert_eq!((container["image"].as_str(), container.get("env")), (Some("x:2"), None));

    // Helm 4 goes on from there without a conflict.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.tgz");
    std::fs::write(&path, chart("2.0.0", &[("a", &config_map("a", &[("k", "3")]))]).bytes()).unwrap();
    helm("HELM", &place.release, &["upgrade", "app", path.to_str().unwrap(), "--server-side=true"]);
    assert_eq!(place.live(&new[0]).await.unwrap()["data"], json!({"k": "3"}));
    assert_eq!(managers(&place.metadata(&new[0]).await), ["helm Apply"]);
}

async fn a_run_that_is_cut_off_anywhere_is_finished_by_the_next() {
    let place = Place::new().await;
    let maps = |prefix: &str, value: &str| -> Vec<String> {
        let text = |number: usize| config_map(&format!("{prefix}{number}"), &[("k", value), (prefix, value)]);
        (0..12).map(text).collect()
    };
    let accounts =
        (0..4).map(|number| format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: s{number}}}\n"));
    let old: Vec<String> = maps("old", "1").into_iter().chain(maps("both", "1")).collect();
    install(&place, "HELM_3", &old.iter().map(String::as_str).collect::<Vec<_>>());
    let before = uid(&place.metadata(&old[12]).await);
    let new: Vec<String> = accounts.chain(maps("both", "2")).chain(maps("new", "2")).collect();
    let (old, new) = (objects(&old), objects(&new));
    let mut cut = 0;
    for pause in (5..).step_by(5).map(Duration::from_millis) {
        let prepared = place.prepare(&old, &new, ApplyOptions::default()).await.unwrap();
        match tokio::time::timeout(pause, prepared.execute(&Free)).await {
            Ok(applied) => {
                applied.unwrap();
                break;
            }
            Err(_) => cut += 1,
        }
    }
    assert!(cut > 2, "it is cut off in the middle");
    for object in &old[..12] {
        assert!(place.api(object).await.get_opt(object.name()).await.unwrap().is_none(), "{}", object.name());
    }
    for object in &new {
        let live = place.api(object).await.get(object.name()).await.unwrap();
        assert_eq!(managers(&live.metadata), ["helm Apply"]);
        assert_eq!(live.data.get("data").cloned().unwrap_or_default(), object.value["data"]);
    }
    assert_eq!(uid(&place.metadata(&config_map("both0", &[])).await), before);
}

async fn nothing_more_is_written_once_the_lock_is_lost() {
    let place = Place::new().await;
    let texts = ["a", "b"].map(|name| config_map(name, &[("k", "1")]));
    let prepared = place.prepare(&[], &objects(&texts), ApplyOptions::default()).await.unwrap();
    let failed = prepared.execute(&Limited::to(1)).await.unwrap_err();
    assert_eq!(
        (failed.to_string(), names(&failed.applied.created)),
        (NoLeave::ReadOnly.to_string(), vec!["a"]),
        "each object of a kind is asked for"
    );
    assert!(place.live(&texts[0]).await.is_some() && place.live(&texts[1]).await.is_none());
}

async fn one_object_that_is_refused_keeps_all_from_being_written() {
    let place = Place::new().await;
    let old: Vec<String> = (0..20).map(|number| config_map(&format!("m{number}"), &[("k", "1")])).collect();
    place.apply(&[], &objects(&old)).await.unwrap();
    let versions = |place: &Place| {
        let api: Api<k8s_openapi::api::core::v1::ConfigMap> =
            Api::namespaced(place.cluster.client.clone(), &place.release.namespace);
        async move {
            let maps = api.list(&kube::api::ListParams::default()).await.unwrap();
            maps.into_iter()
                .map(|map| (map.metadata.name.unwrap(), map.metadata.resource_version.unwrap()))
                .collect::<Vec<_>>()
        }
    };
    let before = versions(&place).await;
    let mut new: Vec<String> =
        (0..21).map(|number| config_map(&format!("m{number}"), &[("k", "2")])).collect();
    new.push(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 99999}]}\n".to_owned(),
    );
    new.push(config_map("typo", &[]).replace("\ndata:", "\ndta: {}\ndata:"));
    let error =
        place.prepare(&objects(&old), &objects(&new), ApplyOptions::default()).await.unwrap_err().to_string();
    let namespace = &place.release.namespace;
    assert!(
        error.starts_with("the API server would not take 2 of the objects; nothing was changed"),
        "{error}"
    );
    assert!(error.contains(&format!("\n  Service {namespace}/s: the API server answers 422: ")), "{error}");
    assert!(error.contains(&format!("\n  ConfigMap {namespace}/typo: ")) && error.contains("dta"), "{error}");
    assert_eq!(versions(&place).await, before);
    let digits = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: 4711}\n";
    let error =
        place.prepare(&[], &objects(&[digits]), ApplyOptions::default()).await.unwrap_err().to_string();
    assert!(error.contains(".stringData.password: expected string") && !error.contains("4711"), "{error}");
}

async fn a_conflict_names_fields_and_managers_and_can_be_forced() {
    let place = Place::new().await;
    let old = [config_map("a", &[("k", "1"), ("l", "1")]), config_map("b", &[("k", "1")])];
    place.apply(&[], &objects(&old)).await.unwrap();
    patch(&place, &old[0], "hand", json!({"data": {"k": "mine", "l": "mine"}})).await;
    let new = objects(&[config_map("a", &[("k", "2"), ("l", "2")]), config_map("b", &[("k", "2")])]);
    let error = place.prepare(&objects(&old), &new, ApplyOptions::default()).await.unwrap_err();
    let expected = format!(
        "the API server would not take 1 of the objects; nothing was changed\n  ConfigMap {}/a: .data.k (owned by hand), .data.l (owned by hand)\n{FORCE}",
        place.release.namespace
    );
    assert_eq!(error.to_string(), expected);
    let forced = place
        .prepare(&objects(&old), &new, ApplyOptions { force_conflicts: true, ..ApplyOptions::default() })
        .await
        .unwrap();
    forced.execute(&Free).await.unwrap();
    assert_eq!(place.live(&old[0]).await.unwrap()["data"], json!({"k": "2", "l": "2"}));
    assert_eq!(managers(&place.metadata(&old[0]).await), ["helm Apply"]);
}

async fn what_is_not_ours_is_refused_in_helms_words_or_adopted() {
    let place = Place::new().await;
    let (bare, role) = (
        config_map("a", &[("k", "0")]),
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {}}}\nrules: [{{apiGroups: [a], resources: [b], verbs: [get]}}]\n",
            place.release.namespace
        ),
    );
    for text in [&bare, &role] {
        let object = objects(&[text]).remove(0);
        place
            .api(&object)
            .await
            .create(
                &PostParams::default(),
                &serde_json::from_value::<DynamicObject>(object.value.clone()).unwrap(),
            )
            .await
            .unwrap();
    }
    for text in [&bare, &role] {
        let new = objects(&[text]);
        let installing = place
            .prepare(&[], &new, ApplyOptions { installing: true, ..ApplyOptions::default() })
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused_by_helm(&place.release, text, "install"),
            format!("INSTALLATION FAILED: {installing}")
        );
        let upgrading = place.prepare(&[], &new, ApplyOptions::default()).await.unwrap_err().to_string();
        assert_eq!(upgrading, installing.replace("continue with install", "continue with update"));
    }
    let options = ApplyOptions { take_ownership: true, ..ApplyOptions::default() };
    let prepared =
        place.prepare(&[], &objects(&[config_map("a", &[("l", "1")]), role.clone()]), options).await.unwrap();
    let applied = prepared.execute(&Free).await.unwrap();
    assert_eq!((applied.created.len(), applied.updated.len()), (0, 2));
    assert_eq!(
        place.live(&bare).await.unwrap()["data"],
        json!({"k": "0", "l": "1"}),
        "what somebody else wrote stays"
    );
    assert_eq!(
        place.metadata(&role).await.annotations.unwrap()["meta.helm.sh/release-namespace"],
        place.release.namespace
    );
    let object = objects(&[&role]).remove(0);
    place.api(&object).await.delete(object.name(), &DeleteParams::default()).await.unwrap();
}

async fn what_left_the_manifest_goes_but_for_kept_objects_and_crds() {
    let place = Place::new().await;
    let kept = with_metadata(&config_map("kept", &[]), "annotations: {helm.sh/resource-policy: keep}");
    let almost = with_metadata(&config_map("almost", &[]), "annotations: {helm.sh/resource-policy: Keep}");
    let crd = crd("goners", "Goner", &group(&place), &["size"]);
    let old = [
        crd.clone(),
        config_map("stays", &[]),
        config_map("gone", &[]),
        kept.clone(),
        almost.clone(),
        config_map("missing", &[]),
    ];
    place.apply(&[], &objects(&old)).await.unwrap();
    let missing = objects(&[&old[5]]).remove(0);
    place.api(&missing).await.delete("missing", &DeleteParams::default()).await.unwrap();
    let applied = place.apply(&objects(&old), &objects(&[&old[1]])).await.unwrap();
    assert_eq!(names(&applied.deleted), ["gone", "almost"]);
    assert!(
        place.live(&crd).await.is_some()
            && place.live(&kept).await.is_some()
            && place.live(&old[1]).await.is_some()
    );
    assert!(place.live(&old[2]).await.is_none() && place.live(&almost).await.is_none());
}

async fn what_would_not_change_is_not_written_and_drift_is() {
    let place = Place::new().await;
    let old = objects(&[
        config_map("same", &[("k", "1")]),
        config_map("drifted", &[("k", "1")]),
        config_map("emptied", &[("k", "1")]),
    ]);
    place.apply(&[], &old).await.unwrap();
    patch(&place, &config_map("drifted", &[]), "hand", json!({"data": {"more": "1"}})).await;
    patch(&place, &config_map("emptied", &[]), "hand", json!({"data": {"k": null}})).await;
    let prepared = place.prepare(&old, &old, ApplyOptions::default()).await.unwrap();
    let effects: Vec<Effect> = prepared.steps.iter().map(|step| step.effect).collect();
    assert_eq!(effects, [Effect::Unchanged, Effect::Unchanged, Effect::Update { migrate: false }]);
    let applied = prepared.execute(&Free).await.unwrap();
    assert_eq!(
        (names(&applied.unchanged), names(&applied.updated)),
        (vec!["same", "drifted"], vec!["emptied"])
    );
    assert_eq!(place.live(&config_map("emptied", &[])).await.unwrap()["data"], json!({"k": "1"}));
}

async fn what_needs_something_of_the_same_release_comes_after_it() {
    let place = Place::new().await;
    let other = format!("{}-other", place.release.namespace);
    let texts = [
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {other}}}\n"),
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner}\n".to_owned(),
        config_map("elsewhere", &[("k", "1")]).replace("metadata:", &format!("metadata:\n  namespace: {other}")),
        crd("follows", "Follow", &group(&place), &["size"]),
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {serviceAccountName: runner, containers: [{name: c, image: 'sandbox/sh:1', args: ['-c', 'exit 0']}]}\n".to_owned(),
        format!("apiVersion: {}/v1\nkind: Follow\nmetadata: {{name: f}}\nspec: {{size: big}}\n", group(&place)),
    ];
    let new = objects(&texts);
    let prepared = place.prepare(&[], &new, ApplyOptions::default()).await.unwrap();
    let effects: Vec<Effect> = prepared.steps.iter().map(|step| step.effect).collect();
    let expected = ["Create", "Create", "Unasked", "Create", "Unasked", "Unasked"];
    assert_eq!(effects.iter().map(|effect| format!("{effect:?}")).collect::<Vec<_>>(), expected);
    let applied = prepared.execute(&Free).await.unwrap();
    assert_eq!(applied.created.len(), 6);
    assert_eq!(place.live(&texts[5]).await.unwrap()["spec"]["size"], "big");

    // A field that the CRD gains in the same release is no error of the object; one that nobody knows is.
    let wider = crd("follows", "Follow", &group(&place), &["size", "colour"]);
    let coloured = texts[5].replace("size: big", "size: big, colour: red");
    let next = objects(&[wider.clone(), coloured.clone()]);
    place.apply(&new, &next).await.unwrap();
    assert_eq!(place.live(&coloured).await.unwrap()["spec"]["colour"], "red");
    let wrong = objects(&[wider, texts[5].replace("size: big", "shape: round")]);
    let error = place.prepare(&next, &wrong, ApplyOptions::default()).await.unwrap_err().to_string();
    assert!(error.contains("Follow") && error.contains("shape"), "{error}");
    let unknown = objects(&["apiVersion: nobody.example.com/v1\nkind: Nobody\nmetadata: {name: none}\n"]);
    let error = place.prepare(&[], &unknown, ApplyOptions::default()).await.unwrap_err().to_string();
    assert!(
        error.ends_with("Nobody none: no matches for kind \"Nobody\" in version \"nobody.example.com/v1\"; is its CRD installed?"),
        "{error}"
    );
}

async fn an_install_into_a_new_namespace_is_refused_as_a_whole() {
    let mut place = Place::new().await;
    place.release.namespace += "-new";
    let wrong =
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 99999}]}\n".to_owned();
    let texts = [config_map("a", &[("k", "1")]), wrong];
    let prepared = place.prepare(&[], &objects(&texts), ApplyOptions::default()).await.unwrap();
    assert!(
        prepared.steps.iter().all(|step| step.effect == Effect::Unasked),
        "there is no namespace to ask for"
    );
    namespace::ensure(&place.cluster, &place.release.namespace).await.unwrap();
    let failed = prepared.execute(&Free).await.unwrap_err();
    assert!(
        failed
            .to_string()
            .contains(&format!("Service {}/s: the API server answers 422", place.release.namespace)),
        "{failed}"
    );
    assert_eq!(failed.applied.created.len(), 0);
    assert!(place.live(&texts[0]).await.is_none());
    place
        .prepare(&[], &objects(&texts[..1]), ApplyOptions::default())
        .await
        .unwrap()
        .execute(&Free)
        .await
        .unwrap();
}

/// cert-manager's cainjector writes into an object that the release owns otherwise.
async fn a_ca_bundle_that_cainjector_wrote_is_left_alone() {
    let place = Place::new().await;
    let webhook = |url: &str| {
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata:\n  name: {}\n  annotations: {{cert-manager.io/inject-apiserver-ca: 'true'}}\nwebhooks:\n- name: never.example.com\n  admissionReviewVersions: [v1]\n  sideEffects: None\n  failurePolicy: Ignore\n  rules: [{{apiGroups: [never.example.com], apiVersions: [v1], operations: [CREATE], resources: [nevers]}}]\n  clientConfig: {{url: {url:?}}}\n",
            place.release.namespace
        )
    };
    let (old, new) = (webhook("https://localhost/a"), webhook("https://localhost/b"));
    install(&place, "HELM_3", &[&old]);
    let bundle = async || {
        place.live(&old).await.unwrap()["webhooks"][0]["clientConfig"]["caBundle"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    for _ in 0..300 {
        if !bundle().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let injected = bundle().await;
    assert!(!injected.is_empty(), "cainjector injects the bundle");
    for (old, new) in [(&old, &new), (&new, &old)] {
        let applied = place.apply(&objects(&[old]), &objects(&[new])).await.unwrap();
        assert_eq!(applied.updated.len(), 1);
        assert_eq!(bundle().await, injected);
    }
    let live = place.live(&old).await.unwrap();
    assert_eq!(live["webhooks"][0]["clientConfig"]["url"], "https://localhost/a");
    let ours = live["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["manager"] == "helm")
        .unwrap();
    assert!(!ours.to_string().contains("caBundle"), "{ours}");
    helm("HELM_3", &place.release, &["uninstall", "app"]);
}

async fn a_newer_crd_stays() {
    let place = Place::new().await;
    let text = |fields: &[&str]| crd("newers", "Newer", &group(&place), fields);
    let fields = |live: Value| {
        live["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
            .as_object()
            .unwrap()
            .len()
    };
    let (small, large) = (objects(&[text(&["a"])]), objects(&[text(&["a", "b"])]));
    place.apply(&[], &large).await.unwrap();
    let effect = async |old: &[Object], new: &[Object], crds: Crds| {
        place.prepare(old, new, ApplyOptions { crds, ..ApplyOptions::default() }).await.unwrap().steps[0]
            .effect
    };
    assert_eq!(effect(&large, &small, Crds::NeverBack).await, Effect::KeptCrd);
    assert_eq!(effect(&large, &small, Crds::LoseNothing).await, Effect::KeptCrd);
    assert_eq!(effect(&large, &small, Crds::AsRendered).await, Effect::Update { migrate: false });
    assert_eq!(effect(&large, &large, Crds::NeverBack).await, Effect::Unchanged);
    let prepared = place
        .prepare(&large, &small, ApplyOptions { crds: Crds::NeverBack, ..ApplyOptions::default() })
        .await
        .unwrap();
    assert_eq!(prepared.execute(&Free).await.unwrap().unchanged.len(), 1);
    assert_eq!(fields(place.live(&text(&["a"])).await.unwrap()), 2);
}

async fn an_object_with_a_generated_name_is_created() {
    let place = Place::new().await;
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: g-, labels: {generated: here}}\n";
    place.apply(&[], &objects(&[text])).await.unwrap();
    let api: Api<k8s_openapi::api::core::v1::ConfigMap> =
        Api::namespaced(place.cluster.client.clone(), &place.release.namespace);
    let found = api.list(&kube::api::ListParams::default().labels("generated=here")).await.unwrap().items;
    assert_eq!(found.len(), 1);
    assert!(found[0].metadata.name.as_ref().unwrap().starts_with("g-"));
}
