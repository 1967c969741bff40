//! Gates while colleagues are at work: nothing that users, approvers and other controllers do to their own
//! Certificates is a failure of the release, and a real fault in the middle of it is found all the same.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use libtest_mimic::Trial;
use rcgen::{CertificateParams, KeyPair};
use release::cluster::Cluster;
use release::gate::{Cause, GateOutcome, Verdict};
use serde_json::{Value, json};

use crate::gate::{alone, quiet, scale};
use crate::support::gates::{Recorder, baseline, report, run, settings, subject};
use crate::support::{trial, wait};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("noise::what_colleagues_do_is_no_failure_of_the_release", what_colleagues_do),
        trial("noise::a_real_fault_in_the_middle_of_it_is_found", a_real_fault),
    ]
}

/// What is done to a cluster while the gates judge.
struct Colleagues<'c> {
    cluster: &'c Cluster,
    namespace: &'static str,
}

impl Colleagues<'_> {
    fn api(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", kind));
        Api::namespaced_with(self.cluster.client.clone(), namespace, &resource)
    }

    async fn create(&self, kind: &str, namespace: &str, object: Value) -> DynamicObject {
        let object = serde_json::from_value(object).unwrap();
        self.api(kind, namespace).create(&PostParams::default(), &object).await.unwrap()
    }

    async fn certificate(&self, namespace: &str, name: &str, issuer: &Value) {
        let certificate = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": name, "namespace": namespace},
            "spec": {"secretName": name, "dnsNames": [format!("{name}.example.com")], "issuerRef": issuer},
        });
        self.create("Certificate", namespace, certificate).await;
    }

    /// Before the baseline: a preview with two Certificates that will be deleted, and one that hangs.
    async fn begin(&self) {
        let namespaces = Api::<Namespace>::all(self.cluster.client.clone());
        let namespace = json!({"metadata": {"name": self.namespace}});
        namespaces.create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()).await.unwrap();
        let ca = json!({"name": "sandbox-ca", "kind": "ClusterIssuer"});
        for name in ["preview-a", "preview-b"] {
            self.certificate(self.namespace, name, &ca).await;
        }
        let nobody = json!({"name": "nobody", "kind": "ClusterIssuer"});
        self.certificate("demo", "hangs-before", &nobody).await;
        quiet(self.cluster).await;
    }

    /// While the gates judge.
    async fn disturb(&self) {
        let edit = Patch::Merge(json!({"spec": {"dnsNames": ["shop.example.com", "shop2.example.com"]}}));
        self.api("Certificate", "demo").patch("shop", &PatchParams::default(), &edit).await.unwrap();
        let nobody = json!({"name": "nobody", "kind": "ClusterIssuer"});
        self.certificate("demo", "hangs-since", &nobody).await;
        let external = json!({"name": "pca", "kind": "PrivateCa", "group": "example.com"});
        self.certificate("demo", "external", &external).await;
        Api::<Namespace>::all(self.cluster.client.clone())
            .delete(self.namespace, &DeleteParams::default())
            .await
            .unwrap();
        for _ in 0..6 {
            self.denied().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// A pod that asks for a certificate again and again, and a policy that says no. The condition Denied itself needs a
    /// signer whose kind exists; a signer that honours it writes the reason.
    async fn denied(&self) {
        let request = STANDARD.encode(signing_request());
        let object = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
            "metadata": {"generateName": "csi-", "namespace": "demo"},
            "spec": {"request": request, "issuerRef": {"name": "pca", "kind": "PrivateCa", "group": "example.com"}},
        });
        let object = serde_json::from_value(object).unwrap();
        let requests = self.api("CertificateRequest", "demo");
        let created = requests.create(&PostParams::default(), &object).await.unwrap();
        let now = created.metadata.creation_timestamp.clone();
        let denied = json!({"status": {"conditions": [
            {"type": "Ready", "status": "False", "reason": "Denied", "message": "denied", "lastTransitionTime": now},
        ]}});
        let name = created.metadata.name.unwrap();
        requests.patch_status(&name, &PatchParams::default(), &Patch::Merge(denied)).await.unwrap();
    }

    async fn end(&self) {
        let back = Patch::Merge(json!({"spec": {"dnsNames": ["shop.demo.example.com"]}}));
        self.api("Certificate", "demo").patch("shop", &PatchParams::default(), &back).await.unwrap();
        for name in ["hangs-before", "hangs-since", "external"] {
            let _ = self.api("Certificate", "demo").delete(name, &DeleteParams::default()).await;
        }
        let requests = self.api("CertificateRequest", "demo");
        for request in requests.list(&kube::api::ListParams::default()).await.unwrap().items {
            if let Some(name) = request.metadata.name.filter(|name| name.starts_with("csi-")) {
                let _ = requests.delete(&name, &DeleteParams::default()).await;
            }
        }
        let namespaces = Api::<Namespace>::all(self.cluster.client.clone());
        let gone = async || namespaces.get_opt(self.namespace).await.unwrap().is_none();
        wait::until("the preview is gone", Duration::from_mins(1), gone).await;
        quiet(self.cluster).await;
    }
}

fn signing_request() -> String {
    let key = KeyPair::generate().unwrap();
    let names = vec!["csi.example.com".to_owned()];
    CertificateParams::new(names).unwrap().serialize_request(&key).unwrap().pem().unwrap()
}

async fn judge(cluster: &Cluster, colleagues: &Colleagues<'_>, fault: bool) -> GateOutcome {
    colleagues.begin().await;
    let (subject, before) = (subject(cluster, true).await, baseline(cluster).await);
    let (settings, recorder) = (settings(12, &[]), Recorder::default());
    let disturb = async {
        recorder.verdict(Instant::now(), "settle", Verdict::Waiting).await;
        colleagues.disturb().await;
        if fault {
            scale(cluster, 0).await;
        }
    };
    let short = release::config::GateSettings { timeout: Duration::from_secs(40), ..settings };
    let (outcome, ()) = tokio::join!(run(cluster, &subject, &before, &short, true, &recorder), disturb);
    if fault {
        scale(cluster, 1).await;
    }
    colleagues.end().await;
    outcome
}

async fn what_colleagues_do() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let outcome = judge(&cluster, &Colleagues { cluster: &cluster, namespace: "preview-noise" }, false).await;
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    let told: Vec<&str> = outcome
        .reports
        .iter()
        .flat_map(|report| &report.findings)
        .map(|finding| finding.because.as_str())
        .collect();
    assert!(told.contains(&"made since by somebody else"), "{outcome:#?}");
    let requests = &report(&outcome, "certificate-request").findings;
    assert_eq!(requests.iter().filter(|finding| finding.rule == "denied").count(), 6, "{outcome:#?}");
    let vanished = report(&outcome, "certificate").findings.iter().find(|finding| finding.rule == "vanished");
    assert!(
        vanished.is_some_and(|finding| finding.message.starts_with("2 of ")),
        "the namespace was deleted"
    );
}

async fn a_real_fault() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let outcome = judge(&cluster, &Colleagues { cluster: &cluster, namespace: "preview-fault" }, true).await;
    assert_eq!(outcome.verdict, Verdict::Failed, "{outcome:#?}");
    let cause = outcome.first_cause.clone().unwrap();
    assert_eq!(cause.object, "Deployment cert-manager/cert-manager-cainjector", "{outcome:#?}");
    // Who scaled it is not known, so nobody is rolled back for it.
    assert_eq!(cause.cause, Cause::Unknown, "{cause:?}");
}
