//! What the gates' table tests are built from.

use k8s_openapi::api::core::v1::Event;
use serde_json::{Value, json};

use super::baseline::Baseline;
use super::subject::{Expected, Subject};
use super::{Context, GATES, SETTLE, gates_for};
use crate::certmanager::resources::{Certificate, CertificateRequest, Challenge, Order};
use crate::config::{GateSettings, Profile};

/// What a judge may know, owned.
pub(crate) struct World {
    pub(crate) subject: Subject,
    pub(crate) baseline: Baseline,
    pub(crate) settings: GateSettings,
    expected: Expected,
}

impl World {
    /// A release of cert-manager that was upgraded to these objects.
    pub(crate) fn new(objects: Vec<Value>) -> Self {
        let subject = super::subject::tests::subject(objects);
        let expected = Expected::of(&subject);
        Self { subject, baseline: Baseline::default(), settings: GateSettings::default(), expected }
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            subject: &self.subject,
            expected: &self.expected,
            baseline: &self.baseline,
            settings: &self.settings,
        }
    }
}

fn owner(kind: &str, uid: &str) -> Value {
    json!([{"apiVersion": "cert-manager.io/v1", "kind": kind, "name": uid, "uid": uid, "controller": true}])
}

/// A Certificate `web/<uid>` that is Ready, with a revision in its Secret.
pub(crate) fn certificate(uid: &str, revision: Option<i64>) -> Certificate {
    let status =
        json!({"revision": revision, "conditions": [{"type": "Ready", "status": "True", "reason": "Ready"}]});
    serde_json::from_value(
        json!({"metadata": {"namespace": "web", "name": uid, "uid": uid}, "status": status}),
    )
    .unwrap()
}

pub(crate) fn with_status(mut certificate: Certificate, status: &Value) -> Certificate {
    certificate.status = serde_json::from_value(status.clone()).unwrap();
    certificate
}

/// A request `web/<uid>` of a Certificate's revision, or of nobody.
pub(crate) fn request(
    uid: &str,
    certificate: Option<&str>,
    revision: &str,
    conditions: &Value,
) -> CertificateRequest {
    serde_json::from_value(json!({
        "metadata": {
            "namespace": "web", "name": uid, "uid": uid, "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"cert-manager.io/certificate-revision": revision},
            "ownerReferences": certificate.map_or(json!([]), |certificate| owner("Certificate", certificate)),
        },
        "status": {"conditions": conditions},
    }))
    .unwrap()
}

pub(crate) fn order(uid: &str, request: &str, status: &Value) -> Order {
    let metadata = json!({"namespace": "web", "name": uid, "uid": uid, "ownerReferences": owner("CertificateRequest", request)});
    serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap()
}

pub(crate) fn challenge(uid: &str, order: &str, status: &Value) -> Challenge {
    let metadata =
        json!({"namespace": "web", "name": uid, "uid": uid, "ownerReferences": owner("Order", order)});
    let spec = json!({"type": "DNS-01", "dnsName": "x.example.com"});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap()
}

pub(crate) fn present_error(challenge: &str, count: i32) -> Event {
    serde_json::from_value(json!({
        "metadata": {"namespace": "web", "name": "e", "uid": "e"}, "reason": "PresentError", "count": count,
        "message": "Error presenting challenge", "involvedObject": {"kind": "Challenge", "uid": challenge},
    }))
    .unwrap()
}

#[test]
fn the_dry_run_names_the_gates_in_order() {
    let mut world = World::new(vec![json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "w"},
    })]);
    assert_eq!(
        gates_for(&world.subject, &world.settings, true),
        [
            "api-server",
            "crds",
            "workload",
            "lease",
            "ca-bundle",
            "webhook",
            "issuer",
            "canary",
            "certificate-request",
            "order",
            "certificate",
            "reissue",
            "settle"
        ]
    );
    world.subject.fresh = false;
    assert!(
        !gates_for(&world.subject, &world.settings, false)
            .iter()
            .any(|gate| ["canary", "settle"].contains(gate))
    );
    world.subject.fresh = true;
    world.subject.profile = Profile::Generic;
    assert_eq!(gates_for(&world.subject, &world.settings, true), ["api-server", "workload", "settle"]);
}

#[test]
fn every_gate_has_a_row_in_the_readme() {
    let readme = include_str!("../../README.md");
    let table = readme.split("| gate | passes when |\n").nth(1).expect("a table of the gates");
    let rows = table.lines().skip(1).map_while(|row| row.strip_prefix("| ")?.split_once(" | "));
    let mut told: Vec<&str> =
        rows.flat_map(|(names, _)| names.split(", ")).map(|name| name.trim_matches('`')).collect();
    let mut gates: Vec<&str> = GATES.iter().map(|gate| gate.name).chain([SETTLE]).collect();
    told.sort_unstable();
    gates.sort_unstable();
    assert_eq!(told, gates);
}
