//! Canaries where something stands in their way: an approver, an admission policy, an ACME issuer that does not
//! prove their name; and the form that they are given.

use std::time::{Duration, Instant};

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
    PostParams,
};
use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::config::{CanarySettings, GateSettings};
use release::gate::canary::preflight;
use release::gate::{self, Canaries, Cause, GateRequest, NoLock, Verdict};
use serde_json::{Value, json};

use crate::gate::alone;
use crate::support::cert_manager;
use crate::support::colleagues::Colleagues;
use crate::support::gates::{self, Recorder, baseline, report, subject};
use crate::support::trial;
use crate::support::wait::until;

/// A policy takes a while until every part of the API server knows it.
const POLICY: Duration = Duration::from_secs(30);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("canary::one_that_is_denied_proves_nothing", one_that_is_denied),
        trial("canary::what_a_policy_forbids_is_known_beforehand", what_a_policy_forbids),
        trial("canary::a_name_that_no_solver_selects_is_known_beforehand", a_name_that_no_solver_selects),
        trial("canary::a_certificate_has_the_form_that_is_asked_for", a_form_that_is_asked_for),
        trial("canary::one_that_fails_is_issued_a_second_time", one_that_fails),
    ]
}

fn settings(settle: u64, canary: &Value) -> GateSettings {
    GateSettings { canary: serde_json::from_value(canary.clone()).unwrap(), ..gates::settings(settle, &[]) }
}

async fn create<K>(api: &Api<K>, object: Value)
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned + serde::Serialize,
{
    let object: K = serde_json::from_value(object).unwrap();
    match api.create(&PostParams::default(), &object).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        Err(error) => panic!("{error}"),
    }
}

fn requests(cluster: &Cluster) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("cert-manager.io", "v1", "CertificateRequest");
    Api::all_with(cluster.client.clone(), &ApiResource::from_gvk(&kind))
}

/// An issuer of another controller, which nobody runs: cert-manager's approver may not approve for it.
async fn foreign_issuer(cluster: &Cluster) {
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "demoissuers.canary.example.com"},
        "spec": {
            "group": "canary.example.com", "scope": "Cluster",
            "names": {"kind": "DemoIssuer", "plural": "demoissuers", "singular": "demoissuer"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    });
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    create(&Api::<DynamicObject>::all_with(cluster.client.clone(), &ApiResource::from_gvk(&kind)), crd).await;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("canary.example.com", "v1", "DemoIssuer"));
    let issuers = Api::<DynamicObject>::all_with(cluster.client.clone(), &kind);
    until("the kind is served", POLICY, async || issuers.list(&ListParams::default()).await.is_ok()).await;
    create(
        &issuers,
        json!({"apiVersion": "canary.example.com/v1", "kind": "DemoIssuer", "metadata": {"name": "demo"}}),
    )
    .await;
}

/// Denies what the foreign issuer is asked for, as an approver with a policy does.
async fn deny(cluster: &Cluster) {
    let requests = requests(cluster);
    loop {
        for request in requests.list(&ListParams::default()).await.unwrap() {
            let foreign = request.data["spec"]["issuerRef"]["kind"] == "DemoIssuer";
            let decided = request.data["status"]["conditions"]
                .as_array()
                .is_some_and(|all| all.iter().any(|condition| condition["type"] == "Denied"));
            if foreign && !decided {
                let status = json!({"status": {"conditions": [{
                    "type": "Denied", "status": "True", "reason": "policy.example.com",
                    "message": "no policy approved this request", "lastTransitionTime": "2026-01-01T00:00:00Z",
                }]}});
                let (namespace, name) =
                    (request.meta().namespace.as_deref().unwrap(), request.meta().name.as_deref().unwrap());
                let kind = GroupVersionKind::gvk("cert-manager.io", "v1", "CertificateRequest");
                let api = Api::<DynamicObject>::namespaced_with(
                    cluster.client.clone(),
                    namespace,
                    &ApiResource::from_gvk(&kind),
                );
                let denied = api.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await;
                assert!(denied.is_ok() || requests.list(&ListParams::default()).await.is_ok(), "{denied:?}");
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn one_that_is_denied() {
    let (cluster, _alone) = alone().await;
    foreign_issuer(&cluster).await;
    let settings = settings(
        2,
        &json!({
            "self-signed": false, "issuers": ["DemoIssuer.canary.example.com/demo"], "dns-name": "{run}.example.com",
        }),
    );
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let forecast = preflight(&cluster, &subject, &settings.canary).await;
    assert!(forecast.refusals.is_empty(), "{forecast:?}");
    let asked = GateRequest { run: "denied", ..gates::request(&subject, &before, &settings, true) };
    let recorder = Recorder::default();
    let outcome = tokio::select! {
        outcome = gate::run(&cluster, &asked, &recorder) => outcome.unwrap(),
        () = deny(&cluster) => unreachable!("it denies for ever"),
    };
    clean_up(&cluster, &settings.canary, "denied").await;
    assert_eq!(outcome.verdict, Verdict::Inconclusive, "{outcome:#?}");
    let told = report(&outcome, "canary");
    let denied = told.findings.iter().find(|finding| finding.verdict == Verdict::Inconclusive).unwrap();
    assert_eq!(denied.cause, Cause::Environment, "{denied:?}");
    assert!(denied.message.contains("allow `release-canary-*` in the policy"), "{}", denied.message);
}

async fn clean_up(cluster: &Cluster, settings: &CanarySettings, run: &str) -> Vec<String> {
    let release = cert_manager::release();
    Canaries { cluster, release: &release, settings, lock: &NoLock }.clean_up(run).await.unwrap()
}

/// Only Certificates of this common name are forbidden, so that nobody else's canary is.
async fn what_a_policy_forbids() {
    let (cluster, _alone) = alone().await;
    let policies = Api::<ValidatingAdmissionPolicy>::all(cluster.client.clone());
    let bindings = Api::<ValidatingAdmissionPolicyBinding>::all(cluster.client.clone());
    create(&policies, json!({
        "metadata": {"name": "no-forbidden-canaries"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["cert-manager.io"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["certificates"],
            }]},
            "validations": [{"expression": "!has(object.spec.commonName) || object.spec.commonName != 'forbidden'", "message": "not this name"}],
        },
    })).await;
    create(
        &bindings,
        json!({
            "metadata": {"name": "no-forbidden-canaries"},
            "spec": {"policyName": "no-forbidden-canaries", "validationActions": ["Deny"]},
        }),
    )
    .await;
    let subject = subject(&cluster, true).await;
    let forbidden = settings(2, &json!({"certificate": {"commonName": "forbidden"}})).canary;
    let refusals = async || preflight(&cluster, &subject, &forbidden).await.refusals;
    until("the policy is in force", POLICY, async || !refusals().await.is_empty()).await;
    let (told, allowed) = (refusals().await, preflight(&cluster, &subject, &CanarySettings::default()).await);
    bindings.delete("no-forbidden-canaries", &DeleteParams::default()).await.unwrap();
    policies.delete("no-forbidden-canaries", &DeleteParams::default()).await.unwrap();
    assert!(
        told[0].contains("no-forbidden-canaries") && told[0].contains("allow `release-canary-*`"),
        "{told:?}"
    );
    assert!(allowed.refusals.is_empty(), "{allowed:?}");
    assert!(clean_up(&cluster, &forbidden, "rehearsal").await.is_empty(), "a dry run leaves nothing");
}

async fn a_name_that_no_solver_selects() {
    let (cluster, _alone) = alone().await;
    let subject = subject(&cluster, true).await;
    let refusals = async |name: &str| {
        let canary = json!({"issuers": ["ClusterIssuer/letsencrypt"], "dns-name": name});
        preflight(&cluster, &subject, &settings(2, &canary).canary).await.refusals
    };
    let told = refusals("{run}.canary.example.org").await;
    assert!(
        told.len() == 1 && told[0].contains("no solver of ClusterIssuer/letsencrypt selects"),
        "{told:?}"
    );
    let zone = told[0].split("zone ").nth(1).unwrap().split([';', ',']).next().unwrap();
    assert_eq!(refusals(&format!("{{run}}.canary.{zone}")).await, Vec::<String>::new());
}

async fn a_form_that_is_asked_for() {
    let (cluster, _alone) = alone().await;
    let settings = settings(
        600,
        &json!({
            "self-signed": false, "issuers": ["ClusterIssuer/sandbox-ca"], "dns-name": "{run}.example.com",
            "certificate": {"commonName": "{run}", "privateKey": {"algorithm": "RSA", "size": 2048}},
        }),
    );
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let recorder = Recorder::default();
    let asked = GateRequest { run: "shaped", ..gates::request(&subject, &before, &settings, true) };
    let proven = recorder.verdict(Instant::now(), "settle", Verdict::Waiting);
    tokio::select! {
        outcome = gate::run(&cluster, &asked, &recorder) => panic!("{outcome:#?}"),
        _ = proven => {}
    }
    let secrets = Api::<Secret>::namespaced(cluster.client.clone(), &cert_manager::release().namespace);
    let ours = secrets.list(&ListParams::default().labels("release.canary/run=shaped")).await.unwrap();
    let [secret] = ours.items.as_slice() else { panic!("{ours:?}") };
    let key = String::from_utf8(secret.data.as_ref().unwrap()["tls.key"].0.clone()).unwrap();
    let annotations = secret.metadata.annotations.clone().unwrap();
    let deleted = clean_up(&cluster, &settings.canary, "shaped").await;
    assert!(key.starts_with("-----BEGIN RSA PRIVATE KEY"), "{}", key.lines().next().unwrap());
    let name = &annotations["cert-manager.io/common-name"];
    assert_eq!(annotations["cert-manager.io/alt-names"], format!("{name}.example.com"));
    assert_eq!(deleted.len(), 2, "no Issuer of our own: {deleted:?}");
}

/// Writes what cert-manager writes when it has mixed up private keys, while a large one is still being made.
async fn fail_the_first(cluster: &Cluster, run: &str) {
    let colleagues = Colleagues { cluster };
    let namespace = cert_manager::release().namespace;
    let ours = ListParams::default().labels(&format!("release.canary/run={run}"));
    let certificates = colleagues.api("Certificate", &namespace);
    let made = async || !certificates.list(&ours).await.unwrap().items.is_empty();
    until("the canary is created", Duration::from_mins(1), made).await;
    let first = certificates.list(&ours).await.unwrap().items.remove(0).metadata;
    let now = json!(first.creation_timestamp);
    let status = json!({"lastFailureTime": now, "failedIssuanceAttempts": 1, "conditions": [{
        "type": "Issuing", "status": "False", "reason": "Failed", "lastTransitionTime": now,
        "message": "CSR not signed by referenced private key",
    }]});
    colleagues.status("Certificate", &namespace, first.name.as_deref().unwrap(), &status).await;
}

async fn one_that_fails() {
    let (cluster, _alone) = alone().await;
    let settings = settings(2, &json!({"certificate": {"privateKey": {"algorithm": "RSA", "size": 4096}}}));
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let asked = GateRequest { run: "second", ..gates::request(&subject, &before, &settings, true) };
    let recorder = Recorder::default();
    let (outcome, ()) =
        tokio::join!(gate::run(&cluster, &asked, &recorder), fail_the_first(&cluster, "second"));
    let outcome = outcome.unwrap();
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    let facts = &report(&outcome, "canary").facts;
    let told = "the first one failed (Issuing=False (Failed): CSR not signed by referenced private key";
    assert!(facts.iter().any(|fact| fact.contains(told)), "{facts:?}");
    let deleted = facts.iter().find(|fact| fact.starts_with("deleted")).unwrap();
    assert_eq!(deleted.matches("Certificate ").count(), 2, "{deleted}");
}
