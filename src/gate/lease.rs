//! The new pods lead: an available controller that does not hold the lease does nothing at all.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Pod;

use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::scope::Scope;
use super::seen::Seen;
use super::source::Source;
use super::subject::Leader;
use super::workload;

/// A host name is cut here; the leader's identity begins with it.
const HOST_NAME: usize = 63;

/// Each lease, by its name.
pub(super) fn sources(scope: &Scope) -> Vec<Source> {
    let leaders = scope.expected.leaders.iter();
    leaders
        .map(|leader| Source::named(Some(&leader.namespace), leader.lease, |seen| &mut seen.leases))
        .collect()
}

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    for leader in &context.expected.leaders {
        let missing = || Target::named("Lease", Some(&leader.namespace), leader.lease);
        match seen.leases.find(Some(&leader.namespace), leader.lease) {
            None => judgement.say(Opinion::waiting("missing", missing(), "is not there")),
            Some(lease) => judge_one(&mut judgement, leader, lease, &pods(seen, leader)),
        }
    }
    if context.expected.leaders.is_empty() {
        judgement.fact("no leader is elected");
    }
    judgement
}

fn pods<'s>(seen: &'s Seen, leader: &Leader) -> Vec<&'s Pod> {
    let (namespace, name) = &leader.deployment;
    let deployment = seen.deployments.find(Some(namespace), name);
    deployment.map(|deployment| workload::of_deployment(seen, deployment).current).unwrap_or_default()
}

fn judge_one(judgement: &mut Judgement, leader: &Leader, lease: &Lease, pods: &[&Pod]) {
    let target = Target::of(lease);
    let spec = lease.spec.clone().unwrap_or_default();
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    let (namespace, deployment) = &leader.deployment;
    if holder.is_empty() {
        let message = format!("nobody holds it; waiting for a pod of Deployment {namespace}/{deployment}");
        return judgement.say(Opinion::waiting("holder", target, message));
    }
    let Some(pod) = pods.iter().find(|pod| is_held_by(holder, pod)) else {
        let message = format!(
            "held by {holder}, which is no pod of the current revision of Deployment {namespace}/{deployment}"
        );
        return judgement.say(Opinion::waiting("holder", target, message));
    };
    judgement.fact(format!("{target} is held by Pod {}", pod.metadata.name.as_deref().unwrap_or_default()));
    judgement.say(renewal(target, &spec));
}

/// A renewal makes this another opinion; without one for twice the lease's duration, the leader hangs.
fn renewal(target: Target, spec: &LeaseSpec) -> Opinion {
    let renewed = spec.renew_time.as_ref().map(|time| time.0.to_string()).unwrap_or_default();
    let duration = u64::try_from(spec.lease_duration_seconds.unwrap_or(60)).unwrap_or(60);
    let message = format!("its holder does not renew it; last renewal {renewed}");
    let target = Target { container: Some(renewed), ..target };
    Opinion::waiting("renewal", target, message).grace(Duration::from_secs(2 * duration)).holds_nothing()
}

/// The identity is the host name, then `-external-cert-manager-controller` or `_` and an id.
fn is_held_by(holder: &str, pod: &Pod) -> bool {
    let spec = pod.spec.as_ref();
    let on_host = spec.and_then(|spec| spec.host_network).unwrap_or(false);
    let host = if on_host { spec.and_then(|spec| spec.node_name.clone()) } else { pod.metadata.name.clone() };
    let host = host.unwrap_or_default();
    let cut = host.get(..HOST_NAME).unwrap_or(&host).trim_end_matches(['-', '.']);
    let rest = holder.strip_prefix(host.as_str()).or_else(|| holder.strip_prefix(cut));
    !host.is_empty()
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_') || rest.starts_with("-external-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::tests::World;
    use crate::gate::verdict::Verdict;
    use serde_json::json;

    fn world() -> World {
        World::new(vec![json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "cert-manager", "namespace": "cert-manager", "labels": {"app.kubernetes.io/component": "controller"}},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "x:1"}]}}},
        })])
    }

    fn seen(holder: Option<&str>) -> Seen {
        let lease = holder.map(|holder| {
            serde_json::from_value(json!({"metadata": {"namespace": "kube-system", "name": "cert-manager-controller", "uid": "l"}, "spec": {"holderIdentity": holder}})).unwrap()
        });
        let owner = |kind: &str, uid: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": "x", "uid": uid, "controller": true}]);
        let annotations = json!({"deployment.kubernetes.io/revision": "2"});
        Seen {
            leases: lease.into_iter().collect(),
            deployments: [serde_json::from_value(json!({"metadata": {"namespace": "cert-manager", "name": "cert-manager", "uid": "d", "annotations": annotations}})).unwrap()].into_iter().collect(),
            replica_sets: [serde_json::from_value(json!({"metadata": {"name": "rs", "uid": "rs", "annotations": annotations, "ownerReferences": owner("Deployment", "d")}})).unwrap()].into_iter().collect(),
            pods: [serde_json::from_value(json!({"metadata": {"namespace": "cert-manager", "name": "cert-manager-new-1", "uid": "p", "ownerReferences": owner("ReplicaSet", "rs")}})).unwrap()].into_iter().collect(),
            ..Seen::default()
        }
    }

    #[test]
    fn only_a_pod_of_this_revision_counts_as_holder() {
        let table = [
            (None, Verdict::Waiting),
            (Some(""), Verdict::Waiting),
            (Some("cert-manager-old-1-external-cert-manager-controller"), Verdict::Waiting),
            (Some("cert-manager-new-10-external-cert-manager-controller"), Verdict::Waiting),
            (Some("cert-manager-new-1-external-cert-manager-controller"), Verdict::Passed),
            (Some("cert-manager-new-1_8f1b"), Verdict::Passed),
        ];
        for (holder, expected) in table {
            assert_eq!(judge(&seen(holder), &world().context()).verdict(), expected, "{holder:?}");
        }
    }

    #[test]
    fn a_long_pod_name_is_cut_like_a_host_name() {
        let name = format!("{}-7d9c", "x".repeat(62));
        let pod = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        assert!(is_held_by(&format!("{}_id", "x".repeat(62)), &pod));
    }
}
