use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::judge;
use crate::gate::seen::Seen;
use crate::gate::tests::World;
use crate::gate::verdict::Verdict;

fn from<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn template(image: &str) -> Value {
    json!({"metadata": {}, "spec": {"containers": [{"name": "main", "image": image}]}})
}

fn rendered(kind: &str, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": "n"}, "spec": {"replicas": 1, "template": template(image)}})
}

/// A Deployment that is completely rolled out, changed by `patch` (a JSON merge of spec and status).
fn deployment(patch: &Value) -> Deployment {
    let mut value = json!({
        "metadata": {"name": "web", "namespace": "n", "uid": "d", "generation": 2, "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 1, "selector": {}, "template": template("example.com/web:v2")},
        "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1},
    });
    for part in ["spec", "status"] {
        for (key, change) in patch[part].as_object().into_iter().flatten() {
            value[part][key] = change.clone();
        }
    }
    from(value)
}

fn replica_set(revision: u32) -> ReplicaSet {
    from(json!({
        "metadata": {
            "name": format!("web-{revision}"), "namespace": "n", "uid": format!("rs{revision}"),
            "annotations": {"deployment.kubernetes.io/revision": revision.to_string()},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": true}],
        },
        "spec": {"selector": {}},
    }))
}

fn pod(revision: u32, image: &str, patch: &Value) -> Pod {
    let mut value = json!({
        "metadata": {
            "name": format!("web-{revision}-x"), "namespace": "n", "uid": format!("pod{revision}"),
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": format!("rs{revision}"), "controller": true}],
        },
        "spec": {"containers": [{"name": "main", "image": image}]},
        "status": {"phase": "Running"},
    });
    for part in ["metadata", "status"] {
        for (key, change) in patch[part].as_object().into_iter().flatten() {
            value[part][key] = change.clone();
        }
    }
    from(value)
}

fn seen(deployment: Deployment, pods: Vec<Pod>) -> Seen {
    Seen {
        deployments: [deployment].into_iter().collect(),
        replica_sets: [replica_set(1), replica_set(2)].into_iter().collect(),
        pods: pods.into_iter().collect(),
        ..Seen::default()
    }
}

fn verdict(seen: &Seen) -> (Verdict, String) {
    let world = World::new(vec![rendered("Deployment", "example.com/web:v2")]);
    let judgement = judge(seen, &world.context());
    let worst = judgement
        .opinions
        .iter()
        .max_by_key(|opinion| opinion.verdict)
        .map(|opinion| opinion.message.clone());
    (judgement.verdict(), worst.unwrap_or_default())
}

#[test]
fn every_step_of_a_rollout_has_its_verdict() {
    let table = [
        (json!({}), Verdict::Passed, ""),
        (
            json!({"status": {"observedGeneration": 1}}),
            Verdict::Waiting,
            "generation 2 is not observed yet (observedGeneration 1)",
        ),
        (json!({"status": {"updatedReplicas": 0}}), Verdict::Waiting, "0 of 1 pods are updated"),
        (json!({"status": {"replicas": 2}}), Verdict::Waiting, "1 pods of an older revision are left"),
        (json!({"status": {"availableReplicas": 0}}), Verdict::Waiting, "0 of 1 pods are available"),
        (json!({"spec": {"replicas": 0}}), Verdict::Waiting, "is scaled to 0; the manifest does not say so"),
        (json!({"spec": {"paused": true}}), Verdict::Waiting, "its rollout is paused (spec.paused)"),
        (
            json!({"spec": {"template": template("example.com/web:v1")}}),
            Verdict::Waiting,
            "container main is to run example.com/web:v1; the manifest says example.com/web:v2",
        ),
        (
            json!({"status": {"updatedReplicas": 0, "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]}}),
            Verdict::Waiting,
            "ReplicaFailure: FailedCreate: exceeded quota",
        ),
        (
            json!({"status": {"availableReplicas": 0, "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}]}}),
            Verdict::Failed,
            "Progressing: ProgressDeadlineExceeded: late",
        ),
    ];
    for (patch, expected, message) in table {
        let seen = seen(deployment(&patch), vec![pod(2, "example.com/web:v2", &json!({}))]);
        assert_eq!(verdict(&seen), (expected, message.to_owned()), "{patch}");
    }
}

#[test]
fn how_many_pods_an_autoscaler_wants_is_its_own_business_once_the_revision_was_up() {
    let judged = |replicas: &Value, status: &Value| {
        let mut manifest = rendered("Deployment", "example.com/web:v2");
        manifest["spec"]["replicas"] = replicas.clone();
        let patch = json!({"spec": {"replicas": 3}, "status": status});
        let seen = seen(deployment(&patch), vec![pod(2, "example.com/web:v2", &json!({}))]);
        judge(&seen, &World::new(vec![manifest]).context()).verdict()
    };
    let ended = json!([{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]);
    let goes_on = json!([{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]);
    let table = [
        (json!(null), json!({"conditions": ended}), Verdict::Passed),
        (json!(1), json!({"conditions": ended}), Verdict::Passed),
        (json!(3), json!({"conditions": ended}), Verdict::Waiting),
        (json!(null), json!({"conditions": goes_on}), Verdict::Waiting),
        (json!(null), json!({"conditions": ended, "replicas": 2}), Verdict::Waiting),
        (json!(null), json!({"conditions": ended, "availableReplicas": 0}), Verdict::Waiting),
    ];
    for (replicas, status, expected) in table {
        assert_eq!(judged(&replicas, &status), expected, "{replicas} {status}");
    }
}

#[test]
fn pods_are_sorted_by_revision() {
    let new = || pod(2, "example.com/web:v2", &json!({}));
    let old = |patch: Value| pod(1, "example.com/web:v1", &patch);
    let crashing = json!({"status": {"containerStatuses": [{
        "name": "main", "image": "x", "imageID": "", "ready": false, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }]}});
    let table = [
        (vec![new()], Verdict::Passed),
        (vec![new(), old(json!({}))], Verdict::Waiting),
        (
            vec![new(), old(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}))],
            Verdict::Waiting,
        ),
        (vec![new(), old(json!({"status": {"phase": "Failed"}}))], Verdict::Passed),
        // What an old pod does is not the new revision's fault.
        (vec![new(), old(crashing.clone())], Verdict::Waiting),
        (vec![pod(2, "example.com/web:v2", &crashing)], Verdict::Failed),
        (vec![pod(2, "mirror.example.org/cache/web:v2", &json!({}))], Verdict::Passed),
        (vec![pod(2, "example.com/web:v3", &json!({}))], Verdict::Waiting),
    ];
    for (pods, expected) in table {
        let names: Vec<_> = pods.iter().map(|pod| (pod.metadata.name.clone(), pod.status.clone())).collect();
        assert_eq!(verdict(&seen(deployment(&json!({})), pods)).0, expected, "{names:?}");
    }
}

/// Right after a rollback away from a crash loop its pods are still called current.
#[test]
fn nothing_is_said_of_pods_before_the_new_generation_is_seen() {
    let crashing = json!({"status": {"containerStatuses": [{
        "name": "main", "image": "x", "imageID": "", "ready": false, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }]}});
    let late = json!({"status": {"observedGeneration": 1, "conditions": [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"},
    ]}});
    let seen = seen(deployment(&late), vec![pod(2, "example.com/web:v2", &crashing)]);
    assert_eq!(
        verdict(&seen),
        (Verdict::Waiting, "generation 2 is not observed yet (observedGeneration 1)".to_owned())
    );
}

#[test]
fn a_workload_that_is_not_there_is_not_passed() {
    assert_eq!(verdict(&Seen::default()), (Verdict::Waiting, "is not there".to_owned()));
}

#[test]
fn sets_are_judged_alike() {
    let stateful: StatefulSet = from(json!({
        "metadata": {"name": "web", "namespace": "n", "uid": "s", "generation": 1},
        "spec": {"replicas": 1, "selector": {}, "serviceName": "", "template": template("example.com/web:v2")},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "currentRevision": "a", "updateRevision": "a"},
    }));
    let daemon: DaemonSet = from(json!({
        "metadata": {"name": "web", "namespace": "n", "uid": "s", "generation": 1},
        "spec": {"selector": {}, "template": template("example.com/web:v2")},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberMisscheduled": 0, "numberReady": 1, "updatedNumberScheduled": 2, "numberAvailable": 1},
    }));
    let seen = Seen {
        stateful_sets: [stateful].into_iter().collect(),
        daemon_sets: [daemon].into_iter().collect(),
        ..Seen::default()
    };
    let judged = |kind| judge(&seen, &World::new(vec![rendered(kind, "example.com/web:v2")]).context());
    assert_eq!(judged("StatefulSet").verdict(), Verdict::Passed);
    assert_eq!(judged("DaemonSet").opinions[0].message, "1 of 2 pods are available");
}

/// What is left to a person runs the image that it ran.
#[test]
fn pods_that_a_partition_or_on_delete_leaves_are_as_they_should_be() {
    let owner = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "s", "controller": true}]);
    let pod = |number: u32, hash: &str, image: &str| -> Pod {
        from(json!({
            "metadata": {"name": format!("web-{number}"), "namespace": "n", "uid": format!("pod{number}"), "ownerReferences": owner,
                "labels": {"controller-revision-hash": hash}},
            "spec": {"containers": [{"name": "main", "image": image}]}, "status": {"phase": "Running"},
        }))
    };
    let partition = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
    for (strategy, updated, expected) in [
        (partition.clone(), 1, Verdict::Passed),
        (partition, 0, Verdict::Waiting),
        (json!({"type": "OnDelete"}), 1, Verdict::Passed),
        (json!({"type": "RollingUpdate"}), 1, Verdict::Waiting),
    ] {
        let set: StatefulSet = from(json!({
            "metadata": {"name": "web", "namespace": "n", "uid": "s", "generation": 1},
            "spec": {"replicas": 2, "selector": {}, "serviceName": "", "updateStrategy": strategy, "template": template("example.com/web:v2")},
            "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": updated, "availableReplicas": 2, "currentRevision": "a", "updateRevision": "b"},
        }));
        let seen = Seen {
            stateful_sets: [set].into_iter().collect(),
            pods: [pod(0, "a", "example.com/web:v1"), pod(1, "b", "example.com/web:v2")]
                .into_iter()
                .collect(),
            ..Seen::default()
        };
        let mut manifest = rendered("StatefulSet", "example.com/web:v2");
        manifest["spec"]["replicas"] = json!(2);
        assert_eq!(
            judge(&seen, &World::new(vec![manifest]).context()).verdict(),
            expected,
            "{strategy} {updated}"
        );
    }
}

#[test]
fn a_chart_without_workloads_says_so() {
    assert_eq!(judge(&Seen::default(), &World::new(vec![]).context()).facts, ["the chart has no workloads"]);
}
