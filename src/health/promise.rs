//! What a release promises has to work, not only to be there: stricter than a wait, which does as Helm does.

use serde_json::Value;

use super::conditions::condition;
use super::fields::kind;
use super::state::Health;
use super::status;

/// Whether an object is as its release promises it: a Job has to complete, a webhook that the API server calls by a
/// Service needs a CA, an aggregated API has to be available.
pub fn of_promised(object: &Value) -> Health {
    match kind(object) {
        ("batch", "Job") if object["spec"]["suspend"] == true => Health::ready(),
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
        ) => webhooks(object),
        ("apiregistration.k8s.io", "APIService") => api_service(object),
        _ => status::of(object, true),
    }
}

/// Without a CA the API server trusts only what the system trusts, which signs for no Service.
fn webhooks(object: &Value) -> Health {
    let bare = |webhook: &&Value| {
        let client = &webhook["clientConfig"];
        client["service"].is_object() && client["caBundle"].as_str().is_none_or(str::is_empty)
    };
    match object["webhooks"].as_array().into_iter().flatten().find(bare) {
        Some(webhook) => {
            let name = webhook["name"].as_str().unwrap_or_default();
            Health::in_progress(format!("its webhook {name} has no caBundle"))
        }
        None => Health::ready(),
    }
}

fn api_service(object: &Value) -> Health {
    match condition(object, "Available") {
        Some(available) if available.status == "True" => Health::ready(),
        Some(available) => Health::in_progress(format!("{}: {}", available.reason, available.message)),
        None => Health::in_progress("nobody has said yet whether it is available"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(api_version: &str, kind: &str, rest: &Value) -> Value {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    }

    #[test]
    fn what_is_promised_has_to_work() {
        let admission = "admissionregistration.k8s.io/v1";
        let webhook = |client: &Value| json!({"webhooks": [{"name": "w.io", "clientConfig": client}]});
        let available = |status: &str| json!({"status": {"conditions": [{"type": "Available", "status": status, "reason": "Missing", "message": "no"}]}});
        let started = json!({"status": {"startTime": "2026-01-01T00:00:00Z"}});
        let table = [
            (object("batch/v1", "Job", &started), Health::in_progress("Job in progress")),
            (object("batch/v1", "Job", &json!({"spec": {"suspend": true}})), Health::ready()),
            (
                object(admission, "MutatingWebhookConfiguration", &webhook(&json!({"service": {}}))),
                Health::in_progress("its webhook w.io has no caBundle"),
            ),
            (
                object(
                    admission,
                    "MutatingWebhookConfiguration",
                    &webhook(&json!({"service": {}, "caBundle": "QQ=="})),
                ),
                Health::ready(),
            ),
            (
                object(admission, "ValidatingWebhookConfiguration", &webhook(&json!({"url": "https://x"}))),
                Health::ready(),
            ),
            (object("apiregistration.k8s.io/v1", "APIService", &available("True")), Health::ready()),
            (
                object("apiregistration.k8s.io/v1", "APIService", &available("False")),
                Health::in_progress("Missing: no"),
            ),
            (
                object("apiregistration.k8s.io/v1", "APIService", &json!({})),
                Health::in_progress("nobody has said yet whether it is available"),
            ),
            (object("g.example.com/v1", "Custom", &json!({})), Health::ready()),
        ];
        for (object, expected) in table {
            assert_eq!(of_promised(&object), expected, "{object}");
        }
    }
}
