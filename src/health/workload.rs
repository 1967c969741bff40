//! Whether the pods of a workload are all updated and ready. Pure.

use serde_json::Value;

use super::conditions::condition;
use super::fields::{number, text};
use super::state::Health;

/// Without `progressDeadlineSeconds` (or with this number, Kubernetes' own "never") nobody says
/// `Progressing`.
const NO_DEADLINE: i64 = i32::MAX as i64;

/// Every replica is of the new template, available and ready, and no other pod is left.
pub(super) fn deployment(object: &Value) -> Health {
    if object["spec"]["paused"] == true {
        return Health::ready();
    }
    let progressing = condition(object, "Progressing");
    if let Some(stuck) =
        progressing.as_ref().filter(|condition| condition.reason == "ProgressDeadlineExceeded")
    {
        return Health::failed(format!("Progress deadline exceeded: {}", stuck.message));
    }
    let wanted = number(object, "/spec/replicas", 1);
    let count = |field: &str| number(object, &format!("/status/{field}"), 0);
    let (total, updated) = (count("replicas"), count("updatedReplicas"));
    let counts = [
        ("Replicas", total, wanted),
        ("Updated", updated, wanted),
        ("Available", count("availableReplicas"), updated),
        ("Ready", count("readyReplicas"), wanted),
    ];
    if let Some(status) =
        too_few(&counts[..2]).or_else(|| too_many(total, wanted)).or_else(|| too_few(&counts[2..]))
    {
        return status;
    }
    let no_deadline = number(object, "/spec/progressDeadlineSeconds", NO_DEADLINE) == NO_DEADLINE;
    if !no_deadline
        && progressing.is_none_or(|condition| {
            condition.status != "True" || condition.reason != "NewReplicaSetAvailable"
        })
    {
        return Health::in_progress("ReplicaSet not Available");
    }
    if condition(object, "Available").is_none_or(|condition| condition.status != "True") {
        return Health::in_progress("Deployment not Available");
    }
    Health::ready()
}

/// All pods ready and of the new revision, as far as the update strategy brings them there.
pub(super) fn stateful_set(object: &Value) -> Health {
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Health::ready();
    }
    let wanted = number(object, "/spec/replicas", 1);
    let count = |field: &str| number(object, &format!("/status/{field}"), 0);
    let total = count("replicas");
    let counts = [("Replicas", total, wanted), ("Ready", count("readyReplicas"), wanted)];
    if let Some(status) = too_few(&counts).or_else(|| too_many(total, wanted)) {
        return status;
    }
    // Kubernetes sets a partition of 0 by itself.
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition", 0);
    if partition > 0 {
        let updated = [("updated", count("updatedReplicas"), (wanted - partition).max(0))];
        return too_few(&updated).unwrap_or_else(Health::ready);
    }
    if text(object, "/status/currentRevision") != text(object, "/status/updateRevision") {
        return Health::in_progress("Waiting for updated revision to match current");
    }
    Health::ready()
}

/// A pod of the new template is ready on every node that should have one.
pub(super) fn daemon_set(object: &Value) -> Health {
    if object["status"]["observedGeneration"].is_null() {
        return Health::in_progress("DaemonSet status.observedGeneration not found");
    }
    let count = |field: &str| number(object, &format!("/status/{field}"), 0);
    let wanted = count("desiredNumberScheduled");
    // A person updates the pods then.
    let updated = if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        wanted
    } else {
        count("updatedNumberScheduled")
    };
    let counts = [
        ("Current", count("currentNumberScheduled"), wanted),
        ("Updated", updated, wanted),
        ("Available", count("numberAvailable"), wanted),
        ("Ready", count("numberReady"), wanted),
    ];
    too_few(&counts).unwrap_or_else(Health::ready)
}

/// As many ready pods as wanted, and no more.
pub(super) fn replica_set(object: &Value) -> Health {
    let wanted = number(object, "/spec/replicas", 1);
    let count = |field: &str| number(object, &format!("/status/{field}"), 0);
    let counts = [
        ("Labelled", count("fullyLabeledReplicas"), wanted),
        ("Available", count("availableReplicas"), wanted),
        ("Ready", count("readyReplicas"), wanted),
    ];
    too_few(&counts).or_else(|| too_many(count("replicas"), wanted)).unwrap_or_else(Health::ready)
}

/// What a controller itself says keeps it from creating pods, for example a quota.
pub fn cannot_create(object: &Value) -> Option<String> {
    let failure = condition(object, "ReplicaFailure").filter(|condition| condition.status == "True")?;
    Some(format!("{}: {}", failure.reason, failure.message))
}

fn too_few(counts: &[(&str, i64, i64)]) -> Option<Health> {
    let (name, have, wanted) = counts.iter().find(|(_, have, wanted)| have < wanted)?;
    Some(Health::in_progress(format!("{name}: {have}/{wanted}")))
}

fn too_many(have: i64, wanted: i64) -> Option<Health> {
    (have > wanted).then(|| Health::in_progress(format!("Pending termination: {}", have - wanted)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(judge: fn(&Value) -> Health, spec: &Value, rows: &[(Value, Health)]) {
        for (status, expected) in rows {
            assert_eq!(judge(&json!({"kind": "X", "spec": spec, "status": status})), *expected, "{status}");
        }
    }

    #[test]
    fn a_deployment_is_ready_when_all_replicas_are_new_and_ready() {
        let in_progress = |message: &str| Health::in_progress(message);
        let good = [
            json!({"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}),
            json!({"type": "Available", "status": "True"}),
        ];
        let counts = |replicas: i64, updated: i64, available: i64, ready: i64| json!({"replicas": replicas, "updatedReplicas": updated, "availableReplicas": available, "readyReplicas": ready, "conditions": good});
        table(
            deployment,
            &json!({"replicas": 2, "progressDeadlineSeconds": 600}),
            &[
                (json!({}), in_progress("Replicas: 0/2")),
                (counts(2, 1, 2, 2), in_progress("Updated: 1/2")),
                (counts(3, 2, 3, 3), in_progress("Pending termination: 1")),
                (counts(2, 2, 1, 2), in_progress("Available: 1/2")),
                (counts(2, 2, 2, 1), in_progress("Ready: 1/2")),
                (counts(2, 2, 2, 2), Health::ready()),
                (
                    json!({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}),
                    in_progress("ReplicaSet not Available"),
                ),
                (
                    json!({"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "m"}]}),
                    Health::failed("Progress deadline exceeded: m"),
                ),
            ],
        );
        table(deployment, &json!({"paused": true}), &[(json!({}), Health::ready())]);
    }

    #[test]
    fn a_stateful_set_follows_its_strategy() {
        let counts = |total: i64, ready: i64, updated: i64, new: &str| json!({"replicas": total, "readyReplicas": ready, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": new});
        table(
            stateful_set,
            &json!({"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 0}}}),
            &[
                (counts(1, 1, 1, "a"), Health::in_progress("Replicas: 1/2")),
                (counts(2, 1, 1, "a"), Health::in_progress("Ready: 1/2")),
                (counts(2, 2, 1, "b"), Health::in_progress("Waiting for updated revision to match current")),
                (counts(2, 2, 2, "a"), Health::ready()),
            ],
        );
        let partition = json!({"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}});
        table(
            stateful_set,
            &partition,
            &[
                (counts(2, 2, 0, "b"), Health::in_progress("updated: 0/1")),
                (counts(2, 2, 1, "b"), Health::ready()),
            ],
        );
        table(
            stateful_set,
            &json!({"updateStrategy": {"type": "OnDelete"}}),
            &[(json!({}), Health::ready())],
        );
    }

    #[test]
    fn a_daemon_set_is_ready_on_every_node() {
        let counts = |desired: i64, updated: i64| {
            json!({"observedGeneration": 1, "desiredNumberScheduled": desired, "currentNumberScheduled": desired,
                "updatedNumberScheduled": updated, "numberAvailable": desired, "numberReady": desired})
        };
        let rows = [
            (json!({}), Health::in_progress("DaemonSet status.observedGeneration not found")),
            (counts(2, 1), Health::in_progress("Updated: 1/2")),
            (counts(2, 2), Health::ready()),
            (counts(0, 0), Health::ready()),
        ];
        table(daemon_set, &json!({}), &rows);
        table(
            daemon_set,
            &json!({"updateStrategy": {"type": "OnDelete"}}),
            &[(counts(2, 1), Health::ready())],
        );
    }
}
