//! What has come of a move.

use super::moves::Before;
use crate::certmanager::resources::{Certificate, Object, condition};

/// How far a Certificate got since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progressed {
    /// It was issued, as this revision.
    Issued(i64),
    /// It failed again, with these words.
    FailedAgain(String),
    /// It is under way.
    Running,
    /// Somebody has deleted it, or made another one of its name.
    Gone,
}

/// Tells it from the Certificate as it is now.
pub fn progressed(before: &Before, now: Option<&Certificate>) -> Progressed {
    let Some(now) = now.filter(|now| now.uid() == before.uid) else { return Progressed::Gone };
    let status = &now.status;
    let issuing = condition(&status.conditions, "Issuing");
    let revision = status.revision.unwrap_or(0);
    let failures = (status.last_failure_time.clone(), status.failed_issuance_attempts.unwrap_or(0));
    let ready =
        condition(&status.conditions, "Ready").is_some_and(super::super::resources::Condition::is_true);
    match issuing {
        Some(issuing) if issuing.is_true() => Progressed::Running,
        _ if revision > before.revision && ready => Progressed::Issued(revision),
        _ if failures.0.is_some() && failures != (before.failed.clone(), before.attempts) => {
            let message = issuing.map(|issuing| issuing.message.clone()).unwrap_or_default();
            Progressed::FailedAgain(message)
        }
        _ => Progressed::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn certificate(uid: &str, status: &Value) -> Certificate {
        serde_json::from_value(json!({"metadata": {"name": "shop", "uid": uid}, "status": status})).unwrap()
    }

    #[test]
    fn only_a_new_revision_is_a_success_and_only_a_new_failure_one() {
        let failed = json!({"revision": 1, "lastFailureTime": "2026-03-01T00:00:00Z", "failedIssuanceAttempts": 1,
            "conditions": [{"type": "Issuing", "status": "False", "message": "failed"}]});
        let before = Before::of(&certificate("u", &failed));
        let with = |change: Value| {
            let mut status = failed.clone();
            status.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            certificate("u", &status)
        };
        let issuing = json!([{"type": "Issuing", "status": "True"}]);
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let table = [
            (with(json!({})), Progressed::Running),
            (with(json!({"conditions": issuing})), Progressed::Running),
            (with(json!({"conditions": issuing, "failedIssuanceAttempts": 2})), Progressed::Running),
            (with(json!({"failedIssuanceAttempts": 2})), Progressed::FailedAgain("failed".to_owned())),
            (with(json!({"conditions": ready})), Progressed::Running),
            (
                with(json!({"conditions": ready, "revision": 2, "lastFailureTime": null})),
                Progressed::Issued(2),
            ),
            (certificate("other", &failed), Progressed::Gone),
        ];
        for (now, expected) in table {
            assert_eq!(progressed(&before, Some(&now)), expected, "{now:?}");
        }
        assert_eq!(progressed(&before, None), Progressed::Gone);
    }
}
