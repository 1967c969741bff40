//! What the gates' table tests are built from.

use k8s_openapi::api::core::v1::Event;
use serde_json::{Value, json};

use super::attribution::attribute;
use super::baseline::Baseline;
use super::context::Context;
use super::corroboration::Corroboration;
use super::mark::Mark;
use super::opinion::Judgement;
use super::rules::HealthRules;
use super::seen::Seen;
use super::subject::{Expected, Subject};
use crate::certmanager::resources::{Certificate, CertificateRequest, Challenge, Order};
use crate::config::{GateSettings, RuleSettings};

/// What a judge may know, owned.
pub(crate) struct World {
    pub(crate) subject: Subject,
    pub(crate) baseline: Baseline,
    pub(crate) settings: GateSettings,
    expected: Expected,
    mark: Mark,
    rules: HealthRules,
}

impl World {
    /// A release of cert-manager that was upgraded to these objects.
    pub(crate) fn new(objects: Vec<Value>) -> Self {
        let subject = super::subject::tests::subject(objects);
        let expected = Expected::of(&subject);
        let (baseline, settings) = (Baseline::default(), GateSettings::default());
        let mark = Mark::new("this-run", subject.revision);
        let rules = HealthRules::of(&subject, &settings);
        Self { subject, baseline, settings, expected, mark, rules }
    }

    /// The same with rules of `release.yaml`.
    pub(crate) fn with_rules(self, rules: Vec<RuleSettings>) -> Self {
        let settings = GateSettings { rules, ..self.settings };
        let rules = HealthRules::of(&self.subject, &settings);
        Self { settings, rules, ..self }
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            subject: &self.subject,
            expected: &self.expected,
            baseline: &self.baseline,
            settings: &self.settings,
            mark: &self.mark,
            rules: &self.rules,
        }
    }
}

/// What a gate says, and who is to blame for it.
pub(crate) fn attributed(
    world: &World,
    gate: &'static str,
    seen: &Seen,
    judge: fn(&Seen, &Context) -> Judgement,
) -> Judgement {
    let context = world.context();
    let mut judgement = judge(seen, &context);
    attribute(gate, &mut judgement.opinions, &Corroboration::of(seen, &context));
    judgement
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
