//! The rule of every kind. Stricter than kstatus where that would call ready what is not: a Pod that failed, a
//! `Ready` condition of an older generation.

use serde_json::Value;

use super::conditions::{ObjectCondition, condition};
use super::fields::{kind, number, text};
use super::state::Health;
use super::workload;

/// Ready by the rules of kstatus. `jobs`: a Job has to be complete; without it a Job that has started is
/// ready.
pub fn of(object: &Value, jobs: bool) -> Health {
    if let Some(status) = of_any(object) {
        return status;
    }
    match kind(object) {
        ("apps" | "extensions", "Deployment") => workload::deployment(object),
        ("apps" | "extensions", "DaemonSet") => workload::daemon_set(object),
        ("apps" | "extensions", "ReplicaSet") => workload::replica_set(object),
        ("apps", "StatefulSet") => workload::stateful_set(object),
        ("batch", "Job") => job(object, jobs),
        ("", "Pod") => pod(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("", "Service") => service(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd(object),
        _ => by_ready_condition(object),
    }
}

/// A hook is done: a Job is complete, a Pod has succeeded. Every other kind is done at once.
pub fn of_hook(object: &Value) -> Health {
    match kind(object) {
        ("batch", "Job") => job(object, true),
        ("", "Pod") => finished_pod(object),
        _ => Health::ready(),
    }
}

/// Kinds that are ready as soon as they exist, so that nobody has to look.
pub fn is_always_ready(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(
            kind,
            "ConfigMap" | "Secret" | "ServiceAccount" | "LimitRange" | "ResourceQuota" | "Endpoints"
        ),
        "rbac.authorization.k8s.io"
        | "scheduling.k8s.io"
        | "storage.k8s.io"
        | "admissionregistration.k8s.io" => true,
        "networking.k8s.io" => matches!(kind, "NetworkPolicy" | "IngressClass"),
        "batch" => kind == "CronJob",
        _ => false,
    }
}

/// What holds for every kind; `None` when it decides nothing.
fn of_any(object: &Value) -> Option<Health> {
    if object["metadata"]["deletionTimestamp"].is_string() {
        return Some(Health::in_progress("Resource scheduled for deletion"));
    }
    let (generation, observed) =
        (object["metadata"]["generation"].as_i64(), object["status"]["observedGeneration"].as_i64());
    if let (Some(generation), Some(observed)) = (generation, observed)
        && generation != observed
    {
        let kind = kind(object).1;
        return Some(Health::in_progress(format!(
            "{kind} generation is {generation}, but latest observed generation is {observed}"
        )));
    }
    let is_true = |name| condition(object, name).filter(|condition| condition.status == "True");
    if let Some(condition) = is_true("Reconciling") {
        return Some(Health::in_progress(condition.message));
    }
    is_true("Stalled").map(|condition| Health::failed(condition.message))
}

fn by_ready_condition(object: &Value) -> Health {
    let Some(condition) = condition(object, "Ready") else { return Health::ready() };
    let generation = object["metadata"]["generation"].as_i64();
    if condition.generation.is_some() && condition.generation < generation {
        return Health::in_progress("the condition Ready is of an older generation");
    }
    match condition.status {
        "True" => Health::ready(),
        _ => Health::in_progress(said(&condition)),
    }
}

/// Reason and message, as far as there are any.
fn said(condition: &ObjectCondition<'_>) -> String {
    [condition.reason, condition.message]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join(": ")
}

fn job(object: &Value, complete: bool) -> Health {
    let parallelism = number(object, "/spec/parallelism", 1);
    let (completions, failed) =
        (number(object, "/spec/completions", parallelism), number(object, "/status/failed", 0));
    let is_true = |name| condition(object, name).filter(|condition| condition.status == "True");
    if is_true("Complete").is_some() {
        return Health::ready();
    }
    if let Some(condition) = is_true("Failed") {
        let why = said(&condition);
        let why = if why.is_empty() { why } else { format!(" ({why})") };
        return Health::failed(format!("Job Failed. failed: {failed}/{completions}{why}"));
    }
    if complete {
        return Health::in_progress("Job in progress");
    }
    if object["status"]["startTime"].is_string() {
        Health::ready()
    } else {
        Health::in_progress("Job not started")
    }
}

fn pod(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Succeeded" => Health::ready(),
        "Failed" => Health::failed("Pod has completed, but not successfully"),
        "Running" if condition(object, "Ready").is_some_and(|ready| ready.status == "True") => {
            Health::ready()
        }
        "Running" => Health::in_progress("Pod is running but is not Ready"),
        "Pending" => Health::in_progress("Pod is in the Pending phase"),
        _ => Health::in_progress("Pod phase not available"),
    }
}

fn finished_pod(object: &Value) -> Health {
    let name = text(object, "/metadata/name");
    match text(object, "/status/phase") {
        "Succeeded" => Health::ready(),
        "Failed" => Health::failed(format!("pod {name} failed")),
        _ => Health::in_progress("Pod in progress"),
    }
}

fn claim(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Bound" => Health::ready(),
        phase => Health::in_progress(format!(
            "PVC is not Bound. phase: {}",
            if phase.is_empty() { "unknown" } else { phase }
        )),
    }
}

fn service(object: &Value) -> Health {
    if text(object, "/spec/type") == "LoadBalancer" && text(object, "/spec/clusterIP").is_empty() {
        return Health::in_progress("ClusterIP not set. Service type: LoadBalancer");
    }
    Health::ready()
}

fn crd(object: &Value) -> Health {
    if let Some(names) = condition(object, "NamesAccepted").filter(|condition| condition.status == "False") {
        return Health::failed(said(&names));
    }
    match condition(object, "Established") {
        Some(established) if established.status == "True" => Health::ready(),
        Some(established) if established.status == "False" && established.reason != "Installing" => {
            Health::failed(said(&established))
        }
        _ => Health::in_progress("Install in progress"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(api_version: &str, kind: &str, rest: &Value) -> Value {
        let mut object =
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "generation": 2}});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    }

    fn conditions(list: &[(&str, &str, &str)]) -> Value {
        let list: Vec<Value> =
            list.iter().map(|(name, status, reason)| json!({"type": name, "status": status, "reason": reason, "message": "why"})).collect();
        json!({"status": {"conditions": list}})
    }

    #[test]
    fn every_kind_has_its_rule() {
        let ready = Health::ready;
        let table = [
            ("v1", "ConfigMap", json!({}), ready()),
            ("g/v1", "Custom", json!({}), ready()),
            (
                "g/v1",
                "Custom",
                json!({"status": {"observedGeneration": 1}}),
                Health::in_progress("Custom generation is 2, but latest observed generation is 1"),
            ),
            ("g/v1", "Custom", conditions(&[("Ready", "True", "")]), ready()),
            (
                "g/v1",
                "Custom",
                conditions(&[("Ready", "False", "Pending")]),
                Health::in_progress("Pending: why"),
            ),
            ("g/v1", "Custom", conditions(&[("Stalled", "True", "x")]), Health::failed("why")),
            (
                "g/v1",
                "Custom",
                conditions(&[("Ready", "True", ""), ("Reconciling", "True", "x")]),
                Health::in_progress("why"),
            ),
            (
                "g/v1",
                "Custom",
                json!({"status": {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]}}),
                Health::in_progress("the condition Ready is of an older generation"),
            ),
            (
                "g/v1",
                "Custom",
                json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
                Health::in_progress("Resource scheduled for deletion"),
            ),
            (
                "v1",
                "PersistentVolumeClaim",
                json!({"status": {"phase": "Pending"}}),
                Health::in_progress("PVC is not Bound. phase: Pending"),
            ),
            ("v1", "PersistentVolumeClaim", json!({"status": {"phase": "Bound"}}), ready()),
            (
                "v1",
                "Service",
                json!({"spec": {"type": "LoadBalancer"}}),
                Health::in_progress("ClusterIP not set. Service type: LoadBalancer"),
            ),
            ("v1", "Service", json!({"spec": {"type": "ClusterIP"}}), ready()),
            (
                "v1",
                "Pod",
                json!({"status": {"phase": "Failed"}}),
                Health::failed("Pod has completed, but not successfully"),
            ),
            (
                "v1",
                "Pod",
                json!({"status": {"phase": "Running"}}),
                Health::in_progress("Pod is running but is not Ready"),
            ),
            ("batch/v1", "Job", json!({}), Health::in_progress("Job not started")),
            ("batch/v1", "Job", json!({"status": {"startTime": "now"}}), ready()),
            (
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                json!({}),
                Health::in_progress("Install in progress"),
            ),
            (
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                conditions(&[("NamesAccepted", "False", "Taken")]),
                Health::failed("Taken: why"),
            ),
            (
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                conditions(&[("Established", "True", "")]),
                ready(),
            ),
        ];
        for (api_version, kind, rest, expected) in table {
            assert_eq!(of(&object(api_version, kind, &rest), false), expected, "{kind} {rest}");
        }
    }

    #[test]
    fn a_job_that_has_to_end_is_told_as_helm_tells_it() {
        let job = |rest: &Value| of_hook(&object("batch/v1", "Job", rest));
        assert_eq!(job(&json!({"status": {"startTime": "now"}})), Health::in_progress("Job in progress"));
        assert_eq!(job(&conditions(&[("Complete", "True", "")])), Health::ready());
        assert_eq!(
            job(&conditions(&[("Failed", "True", "BackoffLimitExceeded")])).message,
            "Job Failed. failed: 0/1 (BackoffLimitExceeded: why)"
        );
        assert_eq!(
            of_hook(&object("v1", "Pod", &json!({"status": {"phase": "Failed"}}))),
            Health::failed("pod x failed")
        );
        assert_eq!(of_hook(&object("apps/v1", "Deployment", &json!({}))), Health::ready());
    }
}
