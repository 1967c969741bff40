//! What the states of requests and orders mean: which request matters, and how it ended.

use super::annotations::REVISION;
use super::resources::{Certificate, CertificateRequest, Object, condition};

/// Which place a request has in the life of its Certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// An older revision than the one in the Secret: history.
    Superseded,
    /// Its certificate is in the Secret.
    Current,
    /// The issuance that runs now, or the last one that failed.
    Next,
    /// A revision that fits nowhere.
    Anomaly,
    /// Nobody's: made by another tool, and retried by nobody.
    Standalone,
    /// Its Certificate is gone; it is about to be collected.
    Orphan,
}

impl Role {
    /// A request of this role says something about what works now.
    pub fn matters(self) -> bool {
        matches!(self, Self::Current | Self::Next | Self::Anomaly)
    }
}

/// The role of `request`, given the Certificate that its owner reference names, where that exists.
pub fn role(request: &CertificateRequest, owner: Option<&Certificate>) -> Role {
    if request.owner("Certificate").is_none() {
        return Role::Standalone;
    }
    let Some(owner) = owner else { return Role::Orphan };
    let in_secret = owner.status.revision.unwrap_or(0);
    match revision(request) {
        Some(revision) if revision < in_secret => Role::Superseded,
        Some(revision) if revision == in_secret => Role::Current,
        Some(revision) if revision == in_secret + 1 => Role::Next,
        Some(_) | None => Role::Anomaly,
    }
}

/// The revision of the Certificate that `request` is for.
pub fn revision(request: &CertificateRequest) -> Option<i64> {
    request.metadata.annotations.as_ref()?.get(REVISION)?.parse().ok()
}

/// How far a request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestResult {
    /// An approver said no.
    Denied,
    /// The signer rejects what was asked for.
    Invalid,
    /// Signing failed.
    Failed,
    /// The certificate is there.
    Issued,
    /// The signer works on it.
    Pending,
    /// Approved; no signer has said anything.
    Signing,
    /// No approver has said anything.
    Unapproved,
}

impl RequestResult {
    /// It ended, and not well. A request is never retried; its Certificate makes a new one.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Denied | Self::Invalid | Self::Failed)
    }

    /// It has not ended.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Signing | Self::Unapproved)
    }

    /// The word as shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
            Self::Issued => "issued",
            Self::Pending => "pending",
            Self::Signing => "approved, not signed",
            Self::Unapproved => "not approved",
        }
    }
}

/// How far `request` got. The order of the questions matters: cert-manager adds `Ready=False` to a denied
/// request.
pub fn result(request: &CertificateRequest) -> RequestResult {
    let conditions = &request.status.conditions;
    let is_true = |kind| condition(conditions, kind).is_some_and(super::resources::Condition::is_true);
    let ready = condition(conditions, "Ready");
    let reason = ready.map_or("", |ready| ready.reason.as_str());
    if is_true("Denied") || reason == "Denied" {
        RequestResult::Denied
    } else if is_true("InvalidRequest") {
        RequestResult::Invalid
    } else if reason == "Failed" {
        RequestResult::Failed
    } else if is_true("Ready") {
        RequestResult::Issued
    } else if reason == "Pending" {
        RequestResult::Pending
    } else if is_true("Approved") {
        RequestResult::Signing
    } else {
        RequestResult::Unapproved
    }
}

/// How far `request` got, with the message of the condition that says so.
pub fn explained(request: &CertificateRequest) -> String {
    let (word, message) = (result(request).word(), result_message(request));
    if message.is_empty() { word.to_owned() } else { format!("{word}: {message}") }
}

fn result_message(request: &CertificateRequest) -> &str {
    let conditions = &request.status.conditions;
    let kinds = match result(request) {
        RequestResult::Denied => ["Denied", "Ready"],
        RequestResult::Invalid => ["InvalidRequest", "Ready"],
        _ => ["Ready", "Approved"],
    };
    kinds
        .iter()
        .find_map(|kind| condition(conditions, kind))
        .map_or("", |condition| condition.message.as_str())
}

/// An Order or a Challenge in this state never changes again.
pub fn is_final(state: &str) -> bool {
    state == "valid" || is_failed(state)
}

/// An Order or a Challenge in this state has failed. `errored` is cert-manager's own word.
pub fn is_failed(state: &str) -> bool {
    matches!(state, "invalid" | "expired" | "errored")
}

/// What a Challenge says while the proof spreads: normal for minutes.
pub fn is_propagating(reason: &str) -> bool {
    reason.starts_with("Waiting for DNS-01 challenge propagation")
        || reason.starts_with("Waiting for HTTP-01 challenge propagation")
}

/// Why cert-manager began to issue, when nothing that a user did explains it: a new version reads old specs
/// or Secrets differently.
pub fn is_unexpected_issuing(reason: &str) -> bool {
    matches!(reason, "RequestChanged" | "IncorrectIssuer" | "IncorrectCertificate" | "SecretMismatch")
}

/// Why cert-manager began to issue, when the Secret is gone or holds something else than it wrote.
pub fn is_secret_trouble(reason: &str) -> bool {
    matches!(reason, "DoesNotExist" | "MissingData" | "InvalidKeyPair" | "InvalidCertificate")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(owner: bool, revision: &str, conditions: &Value) -> CertificateRequest {
        let owners = if owner {
            json!([{"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "name": "c", "uid": "u", "controller": true}])
        } else {
            json!([])
        };
        serde_json::from_value(json!({
            "metadata": {"name": "r", "annotations": {REVISION: revision}, "ownerReferences": owners},
            "status": {"conditions": conditions},
        }))
        .unwrap()
    }

    fn certificate(revision: Option<i64>) -> Certificate {
        serde_json::from_value(
            json!({"metadata": {"name": "c", "uid": "u"}, "status": {"revision": revision}}),
        )
        .unwrap()
    }

    #[test]
    fn the_role_comes_from_the_revision_in_the_secret() {
        let table = [
            ("1", Some(3), Role::Superseded),
            ("3", Some(3), Role::Current),
            ("4", Some(3), Role::Next),
            ("6", Some(3), Role::Anomaly),
            ("1", None, Role::Next),
            ("x", Some(3), Role::Anomaly),
        ];
        for (revision, in_secret, expected) in table {
            assert_eq!(
                role(&request(true, revision, &json!([])), Some(&certificate(in_secret))),
                expected,
                "{revision} {in_secret:?}"
            );
        }
        assert_eq!(role(&request(true, "1", &json!([])), None), Role::Orphan);
        assert_eq!(role(&request(false, "1", &json!([])), None), Role::Standalone);
    }

    #[test]
    fn the_result_follows_the_conditions_in_order() {
        let (approved, denied) =
            (json!({"type": "Approved", "status": "True"}), json!({"type": "Denied", "status": "True"}));
        let ready = |status: &str, reason: &str| json!({"type": "Ready", "status": status, "reason": reason});
        let invalid = json!({"type": "InvalidRequest", "status": "True"});
        let table = [
            (json!([]), RequestResult::Unapproved),
            (json!([approved]), RequestResult::Signing),
            (json!([approved, ready("False", "Pending")]), RequestResult::Pending),
            (json!([approved, ready("True", "Issued")]), RequestResult::Issued),
            (json!([approved, ready("False", "Failed")]), RequestResult::Failed),
            (json!([approved, invalid, ready("False", "Failed")]), RequestResult::Invalid),
            (json!([invalid]), RequestResult::Invalid),
            (json!([denied]), RequestResult::Denied),
            (json!([denied, ready("False", "Denied")]), RequestResult::Denied),
            (json!([ready("False", "Denied")]), RequestResult::Denied),
            (json!([ready("True", "Issued")]), RequestResult::Issued),
        ];
        for (conditions, expected) in table {
            assert_eq!(result(&request(true, "1", &conditions)), expected, "{conditions}");
        }
    }

    #[test]
    fn only_three_states_have_failed_and_four_are_final() {
        for (state, failed, ended) in [
            ("", false, false),
            ("pending", false, false),
            ("ready", false, false),
            ("processing", false, false),
            ("valid", false, true),
            ("invalid", true, true),
            ("expired", true, true),
            ("errored", true, true),
        ] {
            assert_eq!((is_failed(state), is_final(state)), (failed, ended), "{state}");
        }
    }
}
