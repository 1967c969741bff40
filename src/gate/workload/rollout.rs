//! Deployments, `StatefulSets` and `DaemonSets` in one shape, with their pods sorted into this revision's and
//! older ones.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};

use super::image::is_same_image;
use crate::certmanager::resources::Object;
use crate::gate::opinion::Target;
use crate::gate::pod;
use crate::gate::seen::Seen;
use crate::gate::subject::Workload;

/// The annotation by which a Deployment and its `ReplicaSets` number revisions.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Why a Deployment's rollout has ended well; scaling does not change that.
const COMPLETE: &str = "NewReplicaSetAvailable";

/// How far a workload is.
#[derive(Debug, Clone)]
pub(in crate::gate) struct Rollout<'s> {
    pub(in crate::gate) target: Target,
    pub(super) generation: i64,
    pub(super) observed: i64,
    pub(super) desired: i32,
    pub(super) total: i32,
    pub(super) updated: i32,
    pub(super) available: i32,
    pub(super) paused: bool,
    /// This revision was up once, and no pod of another one is left: what is missing now is a matter of how many.
    pub(super) complete: bool,
    /// Images by container, of the live template.
    pub(super) images: Vec<(String, String)>,
    pub(super) revision: Option<String>,
    /// Condition, reason and message that say that it cannot go on.
    pub(super) blocked: Option<(String, String, String)>,
    /// Pods of this revision that have not ended.
    pub(in crate::gate) current: Vec<&'s Pod>,
    /// Pods of older revisions that have not ended.
    pub(super) older: Vec<&'s Pod>,
}

/// The live object of `workload`.
pub(in crate::gate) fn find<'s>(seen: &'s Seen, workload: &Workload) -> Option<Rollout<'s>> {
    let (namespace, name) = (Some(workload.namespace.as_str()), workload.name.as_str());
    match workload.kind.as_str() {
        "Deployment" => {
            seen.deployments.find(namespace, name).map(|deployment| of_deployment(seen, deployment))
        }
        "StatefulSet" => seen.stateful_sets.find(namespace, name).map(|set| of_stateful_set(seen, set)),
        _ => seen.daemon_sets.find(namespace, name).map(|set| of_daemon_set(seen, set, workload)),
    }
}

pub(in crate::gate) fn of_deployment<'s>(seen: &'s Seen, deployment: &Deployment) -> Rollout<'s> {
    let spec = deployment.spec.clone();
    let status = deployment.status.clone().unwrap_or_default();
    let revision = annotation(deployment, REVISION);
    let sets: Vec<&ReplicaSet> =
        seen.replica_sets.iter().filter(|set| is_owned(*set, deployment.uid())).collect();
    let current = sets
        .iter()
        .find(|set| revision.is_some() && annotation(**set, REVISION) == revision)
        .map(|set| set.uid());
    let (current, older) = pods_by(seen, |owner| {
        sets.iter().find(|set| set.uid() == owner).map(|set| current == Some(set.uid()))
    });
    let conditions = status.conditions.unwrap_or_default();
    let ended_well = conditions.iter().any(|condition| condition.reason.as_deref() == Some(COMPLETE));
    let blocked = conditions.into_iter().find(|condition| {
        let is = |kind: &str| condition.type_.as_deref() == Some(kind);
        let failed = is("ReplicaFailure") && condition.status.as_deref() == Some("True");
        failed || (is("Progressing") && condition.reason.as_deref() == Some("ProgressDeadlineExceeded"))
    });
    Rollout {
        target: Target::of(deployment),
        generation: deployment.metadata.generation.unwrap_or(0),
        observed: status.observed_generation.unwrap_or(0),
        desired: spec.replicas.unwrap_or(1),
        total: status.replicas.unwrap_or(0),
        updated: status.updated_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
        paused: spec.paused.unwrap_or(false),
        complete: ended_well && status.replicas == status.updated_replicas,
        images: images(&spec.template),
        revision,
        blocked: blocked.map(|blocked| {
            (
                blocked.type_.unwrap_or_default(),
                blocked.reason.unwrap_or_default(),
                blocked.message.unwrap_or_default(),
            )
        }),
        current,
        older,
    }
}

fn of_stateful_set<'s>(seen: &'s Seen, set: &StatefulSet) -> Rollout<'s> {
    let spec = set.spec.clone();
    let status = set.status.clone().unwrap_or_default();
    let strategy = spec.update_strategy.unwrap_or_default();
    let desired = spec.replicas.unwrap_or(1);
    let partition = strategy.rolling_update.and_then(|rolling| rolling.partition).unwrap_or(0);
    // Pods that the strategy leaves to a person count as updated.
    let left = if strategy.type_.as_deref() == Some("OnDelete") { desired } else { partition.min(desired) };
    let all_updated = left > 0 || status.update_revision == status.current_revision;
    let revision = status.update_revision.clone();
    let (current, older) = owned_pods(seen, set.uid(), |pod| {
        revision.is_none() || label(pod, "controller-revision-hash") == revision.as_deref()
    });
    // What is left to a person is neither: it runs what it ran.
    let older = if left > 0 { Vec::new() } else { older };
    Rollout {
        target: Target::of(set),
        generation: set.metadata.generation.unwrap_or(0),
        observed: status.observed_generation.unwrap_or(0),
        desired,
        total: status.replicas,
        updated: if all_updated && left == 0 {
            status.replicas
        } else {
            status.updated_replicas.unwrap_or(0) + left
        },
        available: status.available_replicas.unwrap_or(0),
        paused: false,
        complete: all_updated && left == 0,
        images: images(&spec.template),
        revision,
        blocked: None,
        current,
        older,
    }
}

/// A `DaemonSet` does not name its revision: a pod is of this one when it runs the images of the live
/// template.
fn of_daemon_set<'s>(seen: &'s Seen, set: &DaemonSet, workload: &Workload) -> Rollout<'s> {
    let spec = set.spec.clone();
    let status = set.status.clone().unwrap_or_default();
    let template = images(&spec.template);
    let on_delete = spec.update_strategy.and_then(|strategy| strategy.type_).as_deref() == Some("OnDelete");
    let (current, older) = owned_pods(seen, set.uid(), |pod| {
        let spec = pod.spec.iter().flat_map(|spec| &spec.containers);
        let runs = |name: &str, image: &str| {
            spec.clone().any(|container| {
                container.name == name
                    && container.image.as_deref().is_some_and(|running| is_same_image(image, running))
            })
        };
        workload
            .images
            .iter()
            .all(|(name, _)| template.iter().any(|(live, image)| live == name && runs(name, image)))
    });
    let older = if on_delete { Vec::new() } else { older };
    Rollout {
        target: Target::of(set),
        generation: set.metadata.generation.unwrap_or(0),
        observed: status.observed_generation.unwrap_or(0),
        desired: status.desired_number_scheduled,
        total: status.current_number_scheduled,
        updated: if on_delete {
            status.desired_number_scheduled
        } else {
            status.updated_number_scheduled.unwrap_or(0)
        },
        available: status.number_available.unwrap_or(0),
        paused: false,
        complete: false,
        images: template,
        revision: None,
        blocked: None,
        current,
        older,
    }
}

fn owned_pods<'s>(
    seen: &'s Seen,
    uid: &str,
    is_current: impl Fn(&Pod) -> bool,
) -> (Vec<&'s Pod>, Vec<&'s Pod>) {
    let pods = seen.pods.iter().filter(|pod| pod::controller(pod) == Some(uid) && !pod::is_ended(pod));
    pods.partition(|pod| is_current(pod) && !pod::is_terminating(pod))
}

/// Pods by what `place` says of their controller: this revision, an older one, or another workload.
fn pods_by(seen: &Seen, place: impl Fn(&str) -> Option<bool>) -> (Vec<&Pod>, Vec<&Pod>) {
    let mut pods: BTreeMap<bool, Vec<&Pod>> = BTreeMap::new();
    for pod in seen.pods.iter().filter(|pod| !pod::is_ended(pod)) {
        if let Some(current) = pod::controller(pod).and_then(&place) {
            pods.entry(current && !pod::is_terminating(pod)).or_default().push(pod);
        }
    }
    (pods.remove(&true).unwrap_or_default(), pods.remove(&false).unwrap_or_default())
}

fn is_owned<K: Object>(object: &K, uid: &str) -> bool {
    object
        .metadata()
        .owner_references
        .iter()
        .flatten()
        .any(|owner| owner.controller == Some(true) && owner.uid == uid)
}

fn annotation<K: Object>(object: &K, name: &str) -> Option<String> {
    object.metadata().annotations.as_ref()?.get(name).cloned()
}

fn label<'p>(pod: &'p Pod, name: &str) -> Option<&'p str> {
    pod.metadata.labels.as_ref()?.get(name).map(String::as_str)
}

fn images(template: &PodTemplateSpec) -> Vec<(String, String)> {
    let containers = template.spec.iter().flat_map(|spec| &spec.containers);
    containers
        .map(|container| (container.name.clone(), container.image.clone().unwrap_or_default()))
        .collect()
}
