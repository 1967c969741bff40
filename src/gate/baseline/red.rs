//! What of a release is unhealthy before it is changed, from its own live objects. Pure.
//!
//! Other workloads of the namespace do not count: they may belong to anybody.

use serde_json::Value;

use super::state::WorkloadState;
use crate::config::Profile;
use crate::helm::manifest::Object;

/// Workloads that are not up, and webhooks of cert-manager without a CA, each as one line: an upgrade on top
/// of them would prove nothing.
pub fn red<'o>(live: impl IntoIterator<Item = &'o Value>, profile: Profile) -> Vec<String> {
    live.into_iter().filter_map(|live| complaint(live, profile)).collect()
}

/// Whether an object is of a kind that [`red`] says something about.
pub fn can_be_red(object: &Object) -> bool {
    matches!(object.group(), "apps" | "admissionregistration.k8s.io")
}

fn complaint(live: &Value, profile: Profile) -> Option<String> {
    let object = Object::new(live.clone());
    let title = object.key().to_string();
    let number = |pointer: &str| live.pointer(pointer).and_then(Value::as_i64);
    let state = |desired: Option<i64>, available: Option<i64>| {
        let count = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
        let (desired, available) = (count(desired.unwrap_or(1)), count(available.unwrap_or(0)));
        WorkloadState { desired, available, images: Vec::new() }.complaint(&title)
    };
    match (object.group(), object.kind()) {
        ("apps", "Deployment" | "StatefulSet") => {
            state(number("/spec/replicas"), number("/status/availableReplicas"))
        }
        ("apps", "DaemonSet") => {
            state(number("/status/desiredNumberScheduled").or(Some(0)), number("/status/numberAvailable"))
        }
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
        ) if profile == Profile::CertManager && !is_injected(live) => {
            Some(format!("{title} has no caBundle"))
        }
        _ => None,
    }
}

fn is_injected(live: &Value) -> bool {
    let bundle = |webhook: &Value| webhook["clientConfig"]["caBundle"].as_str().map(str::to_owned);
    let webhooks = live["webhooks"].as_array().into_iter().flatten();
    webhooks.map(bundle).all(|bundle| bundle.is_some_and(|bundle| !bundle.is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(kind: &str, spec: &Value, status: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x", "namespace": "ns"}, "spec": spec, "status": status})
    }

    fn webhook(bundle: &str) -> Value {
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": "w"},
            "webhooks": [{"clientConfig": {"caBundle": bundle}}]})
    }

    #[test]
    fn workloads_that_are_not_up_are_red() {
        let table = [
            (workload("Deployment", &json!({}), &json!({})), Some("Deployment ns/x: 0 of 1 pods available")),
            (workload("Deployment", &json!({"replicas": 0}), &json!({})), None),
            (
                workload("StatefulSet", &json!({"replicas": 3}), &json!({"availableReplicas": 2})),
                Some("StatefulSet ns/x: 2 of 3 pods available"),
            ),
            (
                workload(
                    "DaemonSet",
                    &json!({}),
                    &json!({"desiredNumberScheduled": 2, "numberAvailable": 2}),
                ),
                None,
            ),
            (workload("DaemonSet", &json!({}), &json!({})), None),
            (workload("ReplicaSet", &json!({"replicas": 3}), &json!({})), None),
        ];
        for (live, expected) in table {
            let found = red([&live], Profile::Generic);
            assert_eq!(found.first().map(String::as_str), expected, "{live}");
        }
    }

    #[test]
    fn a_webhook_without_a_ca_is_red_for_cert_manager_only() {
        let (with, without) = (webhook("QQ=="), webhook(""));
        assert!(
            red([&with], Profile::CertManager).is_empty() && red([&without], Profile::Generic).is_empty()
        );
        assert_eq!(
            red([&with, &without], Profile::CertManager),
            ["MutatingWebhookConfiguration w has no caBundle"]
        );
    }
}
