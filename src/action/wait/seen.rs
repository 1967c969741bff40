//! What the watches of a wait have seen so far. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::watcher;
use kube::{Resource, ResourceExt};
use serde_json::Value;

use crate::gate::{Baseline, controller, is_ended, is_terminating};
use crate::health::{HealthState, kind, of_hook, text};
use crate::helm::manifest::Key;

/// The annotation by which a Deployment and its `ReplicaSets` number revisions.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// The annotation and the label by which a `DaemonSet` and its pods number templates.
const TEMPLATE_ANNOTATION: &str = "deprecated.daemonset.template.generation";
const TEMPLATE_LABEL: &str = "pod-template-generation";

/// One object that is waited for.
#[derive(Debug, Clone)]
pub(super) enum Sight {
    /// It is not there.
    Missing,
    /// As it was last seen.
    Here(Value),
    /// It cannot be looked at, and why.
    Hidden(String),
}

/// Everything seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) objects: BTreeMap<Key, Sight>,
    /// Objects that will get a status with conditions.
    pub(super) conditioned: BTreeSet<Key>,
    pub(super) pods: Store<Pod>,
    pub(super) replica_sets: Store<ReplicaSet>,
    /// Events that say that pods could not be created.
    pub(super) failed_creates: Store<Event>,
    /// When the wait began, by the API server's clock: older events are none.
    pub(super) began: Option<Timestamp>,
    /// What that clock says now.
    pub(super) now: Option<Timestamp>,
    /// How often containers had restarted when their pod was first seen.
    pub(super) restarts: Baseline,
}

/// Objects by uid, from several watches.
#[derive(Debug)]
pub(super) struct Store<K>(BTreeMap<String, K>);

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Resource> Store<K> {
    /// Takes an event of a watch; a list that starts again leaves what it does not mention, which only adds
    /// reasons.
    pub(super) fn take(&mut self, event: watcher::Event<K>) {
        match event {
            watcher::Event::Apply(object) | watcher::Event::InitApply(object) => {
                self.0.insert(object.uid().unwrap_or_default(), object);
            }
            watcher::Event::Delete(object) => {
                self.0.remove(&object.uid().unwrap_or_default());
            }
            watcher::Event::Init | watcher::Event::InitDone => {}
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &K> {
        self.0.values()
    }
}

impl Seen {
    /// Takes a pod. One that is older than the wait has restarted before, and that is no news.
    pub(super) fn take_pod(&mut self, event: watcher::Event<Pod>) {
        if let watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) = &event {
            let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
            // Where the server's clock is not known, what the first list holds counts as older.
            let listed = matches!(event, watcher::Event::InitApply(_)) && self.began.is_none();
            if listed || created < self.began {
                self.restarts.remember(pod);
            }
        }
        self.pods.take(event);
    }

    /// Takes what a watch says about an object. A Job or a Pod that has ended may be deleted at once; how it
    /// ended is what counts.
    pub(super) fn take(&mut self, key: Key, sight: Sight) {
        let ended = matches!(self.objects.get(&key), Some(Sight::Here(object)) if has_ended(object));
        if !(ended && matches!(sight, Sight::Missing)) {
            self.objects.insert(key, sight);
        }
    }

    /// The pods of the current template of a workload; those that end or are going away are left out.
    pub(super) fn pods_of(&self, object: &Value) -> Vec<&Pod> {
        let uid = text(object, "/metadata/uid");
        let pods = self.pods.iter().filter(|pod| !is_ended(pod) && !is_terminating(pod));
        match kind(object).1 {
            "Deployment" => {
                let set = self.current_set(object).and_then(|set| set.metadata.uid.as_deref());
                pods.filter(|pod| set.is_some() && controller(pod) == set).collect()
            }
            _ => pods.filter(|pod| controller(pod) == Some(uid) && is_current(object, pod)).collect(),
        }
    }

    /// Why pods of this object could not be created, since the wait began and if nobody has managed since.
    pub(super) fn failed_create(&self, object: &Value) -> Option<String> {
        let uid = text(object, "/metadata/uid");
        let events =
            self.failed_creates.iter().filter(|event| event.involved_object.uid.as_deref() == Some(uid));
        let last = events.max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0))?;
        let at = last.last_timestamp.as_ref().map(|time| time.0);
        let created = |pod: &Pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let newest = self.pods.iter().filter(|pod| controller(pod) == Some(uid)).filter_map(created).max();
        // An event without a time cannot be told to be old.
        if at.is_some() && (at < self.began || at < newest) {
            return None;
        }
        Some(format!("FailedCreate: {}", last.message.as_deref().unwrap_or_default()))
    }

    fn current_set(&self, deployment: &Value) -> Option<&ReplicaSet> {
        let revision = deployment["metadata"]["annotations"][REVISION].as_str()?;
        let uid = text(deployment, "/metadata/uid");
        let is_owned = |set: &&ReplicaSet| set.owner_references().iter().any(|owner| owner.uid == uid);
        let is_current =
            |set: &&ReplicaSet| set.annotations().get(REVISION).map(String::as_str) == Some(revision);
        self.replica_sets.iter().filter(is_owned).find(is_current)
    }
}

fn has_ended(object: &Value) -> bool {
    let is_job_or_pod = matches!(kind(object), ("batch", "Job") | ("", "Pod"));
    is_job_or_pod && of_hook(object).state != HealthState::InProgress
}

/// The pod is of the template that the workload has now.
fn is_current(object: &Value, pod: &Pod) -> bool {
    let label = |name: &str| pod.labels().get(name).map(String::as_str);
    match kind(object).1 {
        "StatefulSet" => label("controller-revision-hash")
            .is_none_or(|hash| hash == text(object, "/status/updateRevision")),
        "DaemonSet" => {
            label(TEMPLATE_LABEL) == object["metadata"]["annotations"][TEMPLATE_ANNOTATION].as_str()
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
        serde_json::from_value(value).unwrap()
    }

    fn owned(uid: &str, owner: &str, rest: &Value) -> Value {
        let mut metadata = json!({"name": uid, "uid": uid, "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": owner, "controller": true}]});
        metadata.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({"metadata": metadata})
    }

    #[test]
    fn how_a_job_ended_is_known_after_it_is_gone() {
        let key = Key { group: "batch".into(), kind: "Job".into(), namespace: None, name: "j".into() };
        let job = |condition: &str| {
            Sight::Here(
                json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": [{"type": condition, "status": "True"}]}}),
            )
        };
        let mut seen = Seen::default();
        for (condition, missing) in [("Suspended", true), ("Complete", false), ("Failed", false)] {
            seen.take(key.clone(), job(condition));
            seen.take(key.clone(), Sight::Missing);
            assert_eq!(matches!(seen.objects[&key], Sight::Missing), missing, "{condition}");
        }
    }

    #[test]
    fn only_the_pods_of_the_current_template_count() {
        let mut seen = Seen::default();
        for (uid, revision) in [("old", "1"), ("new", "2")] {
            seen.replica_sets.take(watcher::Event::InitApply(object(owned(
                uid,
                "d",
                &json!({"annotations": {REVISION: revision}}),
            ))));
        }
        let pods = [
            ("a", "old", json!({})),
            ("b", "new", json!({})),
            ("c", "new", json!({"deletionTimestamp": "2026-01-01T00:00:00Z"})),
            ("d", "s", json!({"labels": {"controller-revision-hash": "x"}})),
            ("e", "s", json!({"labels": {"controller-revision-hash": "y"}})),
            ("f", "j", json!({})),
        ];
        for (uid, owner, rest) in pods {
            seen.pods.take(watcher::Event::Apply(object(owned(uid, owner, &rest))));
        }
        let names =
            |object: &Value| seen.pods_of(object).into_iter().map(ResourceExt::name_any).collect::<Vec<_>>();
        assert_eq!(
            names(&json!({"kind": "Deployment", "metadata": {"uid": "d", "annotations": {REVISION: "2"}}})),
            ["b"]
        );
        assert_eq!(
            names(
                &json!({"kind": "StatefulSet", "metadata": {"uid": "s"}, "status": {"updateRevision": "y"}})
            ),
            ["e"]
        );
        assert_eq!(names(&json!({"kind": "Job", "metadata": {"uid": "j"}})), ["f"]);
    }
}
