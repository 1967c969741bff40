//! Whether an object is ready, by the rules of Helm 3 (`--wait=legacy`). Pure.

use serde_json::Value;

use crate::health::{self, Health, condition, kind, number, text};

/// Ready by Helm 3's rules; kinds that it does not know are ready at once.
pub(super) fn of(object: &Value, jobs: bool) -> Health {
    match kind(object) {
        ("", "Pod") => pod(object),
        ("", "Service") => service(object),
        ("", "PersistentVolumeClaim") | ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            health::of(object, jobs)
        }
        ("apps" | "extensions", "Deployment") => deployment(object),
        ("apps" | "extensions", "DaemonSet") => daemon_set(object),
        ("apps" | "extensions", "ReplicaSet") | ("", "ReplicationController") => replicas(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("batch", "Job") if jobs => health::of_hook(object),
        _ => Health::ready(),
    }
}

fn pod(object: &Value) -> Health {
    let ready = condition(object, "Ready").is_some_and(|ready| ready.status == "True");
    if ready { Health::ready() } else { Health::in_progress("Pod is not ready") }
}

fn service(object: &Value) -> Health {
    let kind = text(object, "/spec/type");
    if kind == "ExternalName" {
        return Health::ready();
    }
    if text(object, "/spec/clusterIP").is_empty() {
        return Health::in_progress("Service does not have a cluster IP address");
    }
    let some = |pointer: &str| {
        object.pointer(pointer).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    };
    if kind == "LoadBalancer" && !some("/spec/externalIPs") && !some("/status/loadBalancer/ingress") {
        return Health::in_progress("Service does not have load balancer ingress IP address");
    }
    Health::ready()
}

fn deployment(object: &Value) -> Health {
    if object["spec"]["paused"] == true {
        return Health::ready();
    }
    if !is_observed(object) {
        return Health::in_progress("Deployment is not observed yet");
    }
    let wanted = number(object, "/spec/replicas", 1);
    let rolling = &object["spec"]["strategy"]["rollingUpdate"];
    let expected = wanted - max_unavailable(&rolling["maxUnavailable"], wanted);
    // Helm counts the ready replicas of the newest ReplicaSet. Every pod of an older one may be ready, so at least
    // so many of the new ones are.
    let count = |field: &str| number(object, &format!("/status/{field}"), 0);
    let older = (count("replicas") - count("updatedReplicas")).max(0);
    let new = (count("readyReplicas") - older).max(0);
    if new < expected {
        return Health::in_progress(format!(
            "Deployment is not ready. {new} out of {expected} expected pods are ready"
        ));
    }
    Health::ready()
}

fn daemon_set(object: &Value) -> Health {
    if text(object, "/spec/updateStrategy/type") != "RollingUpdate" {
        return Health::ready();
    }
    let count = |field: &str| number(object, &format!("/status/{field}"), 0);
    let (wanted, updated, ready) =
        (count("desiredNumberScheduled"), count("updatedNumberScheduled"), count("numberReady"));
    if !is_observed(object) || updated != wanted {
        return Health::in_progress(format!(
            "DaemonSet is not ready. {updated} out of {wanted} expected pods have been scheduled"
        ));
    }
    let expected = wanted
        - max_unavailable(&object["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"], wanted);
    if ready < expected {
        return Health::in_progress(format!(
            "DaemonSet is not ready. {ready} out of {expected} expected pods are ready"
        ));
    }
    Health::ready()
}

fn stateful_set(object: &Value) -> Health {
    if text(object, "/spec/updateStrategy/type") != "RollingUpdate" {
        return Health::ready();
    }
    let count = |field: &str| number(object, &format!("/status/{field}"), 0);
    let (wanted, partition) = (
        number(object, "/spec/replicas", 1),
        number(object, "/spec/updateStrategy/rollingUpdate/partition", 0),
    );
    let (updated, ready) = (count("updatedReplicas"), count("readyReplicas"));
    if !is_observed(object) || updated < wanted - partition {
        return Health::in_progress(format!(
            "StatefulSet is not ready. {updated} out of {} expected pods have been scheduled",
            wanted - partition
        ));
    }
    if ready != wanted {
        return Health::in_progress(format!(
            "StatefulSet is not ready. {ready} out of {wanted} expected pods are ready"
        ));
    }
    if partition == 0 && text(object, "/status/currentRevision") != text(object, "/status/updateRevision") {
        return Health::in_progress(
            "StatefulSet is not ready. currentRevision does not yet match updateRevision",
        );
    }
    Health::ready()
}

fn replicas(object: &Value) -> Health {
    let (wanted, ready) = (number(object, "/spec/replicas", 1), number(object, "/status/readyReplicas", 0));
    if !is_observed(object) || ready < wanted {
        return Health::in_progress(format!(
            "{} is not ready. {ready} out of {wanted} expected pods are ready",
            kind(object).1
        ));
    }
    Health::ready()
}

fn is_observed(object: &Value) -> bool {
    number(object, "/status/observedGeneration", 0) == number(object, "/metadata/generation", 0)
}

/// A number, or a share of the replicas, rounded down as Kubernetes does; 0 where none is set.
fn max_unavailable(value: &Value, wanted: i64) -> i64 {
    let percent = |text: &str| text.strip_suffix('%').and_then(|text| text.parse::<i64>().ok());
    let found =
        value.as_i64().or_else(|| value.as_str().and_then(percent).map(|percent| wanted * percent / 100));
    found.unwrap_or(0).min(wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_share_may_be_unavailable() {
        let deployment = |ready: i64, unavailable: &Value| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 1},
                "spec": {"replicas": 4, "strategy": {"rollingUpdate": {"maxUnavailable": unavailable}}},
                "status": {"observedGeneration": 1, "readyReplicas": ready, "updatedReplicas": 4}})
        };
        let message = |object: &Value| of(object, false).message;
        assert_eq!(
            message(&deployment(2, &json!("25%"))),
            "Deployment is not ready. 2 out of 3 expected pods are ready"
        );
        assert_eq!(of(&deployment(3, &json!("25%")), false), Health::ready());
        assert_eq!(of(&deployment(3, &json!(1)), false), Health::ready());
        assert_eq!(
            message(&deployment(3, &json!(null))),
            "Deployment is not ready. 3 out of 4 expected pods are ready"
        );
    }

    #[test]
    fn other_kinds_are_ready_at_once_and_jobs_only_when_asked_for() {
        let custom = json!({"apiVersion": "g/v1", "kind": "A", "status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        assert_eq!(of(&custom, true), Health::ready());
        let job = json!({"apiVersion": "batch/v1", "kind": "Job"});
        assert_eq!(
            (of(&job, false), of(&job, true)),
            (Health::ready(), Health::in_progress("Job in progress"))
        );
        let balancer = json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "LoadBalancer", "clusterIP": "1.2.3.4"}});
        assert_eq!(of(&balancer, false).message, "Service does not have load balancer ingress IP address");
    }
}
