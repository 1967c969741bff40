//! The states that a baseline remembers, and what is wrong with one.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::certmanager::resources::{
    Certificate, CertificateRequest, Condition, Object, condition, of_title,
};
use crate::certmanager::states::{self, RequestResult, Role};
use crate::cluster::container_statuses;

/// A Certificate. There may be thousands, so what is as usual is not written down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CertificateState {
    pub(crate) title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generation: Option<i64>,
    pub(crate) ready: bool,
    /// Why it is not Ready.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) issuing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_failure_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) renewal: Option<Timestamp>,
}

impl CertificateState {
    pub(crate) fn of(certificate: &Certificate) -> Self {
        let status = &certificate.status;
        let ready = condition(&status.conditions, "Ready");
        Self {
            title: certificate.title(),
            generation: certificate.metadata.generation,
            ready: ready.is_some_and(Condition::is_true),
            reason: ready
                .filter(|ready| !ready.is_true())
                .map(|ready| ready.reason.clone())
                .unwrap_or_default(),
            issuing: condition(&status.conditions, "Issuing").is_some_and(Condition::is_true)
                || is_unanswered(certificate, ready),
            revision: status.revision,
            last_failure_time: status.last_failure_time.clone(),
            attempts: status.failed_issuance_attempts,
            renewal: status.renewal_time.as_ref().map(|time| time.0),
        }
    }

    /// The namespace that it lies in.
    pub(crate) fn namespace(&self) -> &str {
        of_title(&self.title).1.unwrap_or_default()
    }

    /// Its last issuance failed, or it does not have what it should.
    pub(crate) fn is_broken(&self) -> bool {
        self.last_failure_time.is_some() || (!self.ready && !self.issuing)
    }

    pub(super) fn complaint(&self) -> Option<String> {
        let attempts =
            self.attempts.map(|attempts| format!(", {attempts} failed attempts")).unwrap_or_default();
        match (self.ready, &self.last_failure_time) {
            (true, None) => None,
            (true, Some(at)) => {
                Some(format!("{}: Ready, but its renewal failed at {at}{attempts}", self.title))
            }
            (false, _) => Some(format!("{}: Ready=False ({}){attempts}", self.title, self.reason)),
        }
    }
}

/// Its spec was changed, and cert-manager has not said a word about that yet: it is about to issue it.
fn is_unanswered(certificate: &Certificate, ready: Option<&Condition>) -> bool {
    let seen = ready.and_then(|ready| ready.observed_generation);
    seen.is_some_and(|seen| Some(seen) < certificate.metadata.generation)
}

/// A `CertificateRequest`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RequestState {
    pub(crate) title: String,
    /// The word of its result.
    pub(crate) result: String,
    pub(crate) failure_time: Option<String>,
    /// Its role matters and its result is bad.
    pub(crate) broken: bool,
    pub(crate) open: bool,
    pub(crate) created: Option<Timestamp>,
}

impl RequestState {
    /// Absent for what is compared with nothing later: history, and what is issued for a Certificate.
    pub(crate) fn kept(request: &CertificateRequest, role: Role) -> Option<Self> {
        let compared =
            role == Role::Standalone || (role.matters() && states::result(request) != RequestResult::Issued);
        compared.then(|| Self::of(request, role))
    }

    pub(crate) fn of(request: &CertificateRequest, role: Role) -> Self {
        let result = states::result(request);
        Self {
            title: request.title(),
            result: result.word().to_owned(),
            failure_time: request.status.failure_time.clone(),
            broken: role.matters() && result.is_bad(),
            open: result.is_open(),
            created: created(request),
        }
    }

    pub(super) fn complaint(&self) -> Option<String> {
        self.broken.then(|| format!("{}: {}", self.title, self.result))
    }
}

/// An Order or a Challenge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrderState {
    pub(crate) title: String,
    pub(crate) state: String,
    pub(crate) reason: String,
    /// The request that it is for matters.
    pub(crate) matters: bool,
    pub(crate) terminating: bool,
}

impl OrderState {
    pub(crate) fn of<K: Object>(object: &K, state: &str, reason: &str, matters: bool) -> Self {
        let terminating = object.metadata().deletion_timestamp.is_some();
        Self {
            title: object.title(),
            state: state.to_owned(),
            reason: reason.to_owned(),
            matters,
            terminating,
        }
    }

    pub(super) fn complaint(&self) -> Option<String> {
        let reason = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        (self.matters && states::is_failed(&self.state))
            .then(|| format!("{}: {}{reason}", self.title, self.state))
    }
}

/// An Issuer or `ClusterIssuer`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IssuerState {
    pub(crate) title: String,
    pub(crate) ready: bool,
    pub(crate) message: String,
}

impl IssuerState {
    pub(crate) fn of<K: Object>(issuer: &K, conditions: &[Condition]) -> Self {
        let ready = condition(conditions, "Ready");
        let message = ready.map_or_else(
            || "no Ready condition".to_owned(),
            |ready| format!("{}: {}", ready.reason, ready.message),
        );
        Self { title: issuer.title(), ready: ready.is_some_and(Condition::is_true), message }
    }

    pub(super) fn complaint(&self) -> Option<String> {
        (!self.ready).then(|| format!("{} is not Ready: {}", self.title, self.message))
    }
}

/// An object of a rule of `release.yaml`. What is ready needs no words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RuledState {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) title: String,
    /// Why it was not ready; empty where it was.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generation: Option<i64>,
}

impl RuledState {
    pub(crate) fn is_ready(&self) -> bool {
        self.why.is_empty()
    }

    pub(super) fn complaint(&self) -> Option<String> {
        (!self.is_ready()).then(|| format!("{}: {}", self.title, self.why))
    }
}

/// A host that is probed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HostState {
    /// The rule by which it was not well; empty where it was.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) rule: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) why: String,
    /// Of the certificate that it served.
    pub(crate) serial: String,
}

impl HostState {
    /// How it was, for a message about how it is.
    pub(crate) fn told(&self) -> String {
        match (self.rule.as_str(), self.serial.as_str()) {
            ("", serial) => format!("; before the upgrade it was well (serial {serial})"),
            (_, _) => format!("; before the upgrade: {}", self.why),
        }
    }

    pub(super) fn complaint(&self, label: &str) -> Option<String> {
        (!self.rule.is_empty()).then(|| format!("Host {label}: {}", self.why))
    }
}

/// A Deployment, `StatefulSet` or `DaemonSet`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WorkloadState {
    pub(crate) desired: i32,
    pub(crate) available: i32,
    pub(crate) images: Vec<String>,
}

impl WorkloadState {
    pub(super) fn complaint(&self, title: &str) -> Option<String> {
        (self.available < self.desired)
            .then(|| format!("{title}: {} of {} pods available", self.available, self.desired))
    }
}

/// A Pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PodState {
    pub(crate) title: String,
    /// Restarts by container.
    pub(crate) restarts: Vec<(String, i32)>,
}

impl PodState {
    pub(crate) fn of(pod: &Pod) -> Self {
        let restarts = container_statuses(pod);
        let restarts = restarts.map(|container| (container.name.clone(), container.restart_count)).collect();
        Self { title: pod.title(), restarts }
    }
}

fn created<K: Object>(object: &K) -> Option<Timestamp> {
    object.metadata().creation_timestamp.as_ref().map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::tests::{certificate, request, with_status};
    use serde_json::json;

    #[test]
    fn what_is_as_usual_is_not_written_down() {
        let healthy = CertificateState::of(&certificate("c", Some(3)));
        assert_eq!(
            serde_json::to_value(&healthy).unwrap(),
            json!({"title": "Certificate web/c", "ready": true, "revision": 3})
        );
        let status = json!({"lastFailureTime": "2026-01-01T00:00:00Z", "failedIssuanceAttempts": 2, "conditions": [{"type": "Issuing", "status": "False"}]});
        let broken = CertificateState::of(&with_status(certificate("c", None), &status));
        assert_eq!(
            serde_json::from_value::<CertificateState>(serde_json::to_value(&broken).unwrap()).unwrap(),
            broken
        );
        assert_eq!((healthy.is_broken(), broken.is_broken()), (false, true));
    }

    #[test]
    fn what_was_edited_right_before_is_about_to_be_issued() {
        let of = |generation: i64| {
            let ready = json!({"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]});
            let mut certificate = with_status(certificate("c", None), &ready);
            certificate.metadata.generation = Some(generation);
            CertificateState::of(&certificate).issuing
        };
        assert_eq!((of(1), of(2)), (false, true));
    }

    #[test]
    fn only_requests_that_are_compared_later_are_kept() {
        let issued = json!([{"type": "Ready", "status": "True", "reason": "Issued"}]);
        let failed = json!([{"type": "Ready", "status": "False", "reason": "Failed"}]);
        let table = [
            (Role::Current, &issued, false),
            (Role::Next, &failed, true),
            (Role::Superseded, &failed, false),
            (Role::Standalone, &issued, true),
            (Role::Orphan, &failed, false),
        ];
        for (role, conditions, kept) in table {
            assert_eq!(
                RequestState::kept(&request("r", None, "1", conditions), role).is_some(),
                kept,
                "{role:?} {conditions}"
            );
        }
    }
}
