//! What the pods of a release wrote since a time, line by line, the containers before a restart included.
//! Judges no line.

use std::collections::BTreeSet;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::Api;

use super::logs::{self, LogSpan};
use super::paging;
use super::{ApiError, Cluster};
use crate::failure;

/// A Deployment, `StatefulSet` or `DaemonSet` by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkloadName {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What one pod wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodLog {
    /// `namespace/name` of the pod.
    pub pod: String,
    /// Its uid.
    pub uid: String,
    /// It is being deleted.
    pub ends: bool,
    /// The lines, oldest first, each with its time.
    pub lines: Vec<(Option<Timestamp>, String)>,
}

/// What the pods of a release wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseLogs {
    /// By pod.
    pub pods: Vec<PodLog>,
    /// What could not be read, with the reason.
    pub unread: Vec<String>,
}

/// Reads what the pods of these workloads wrote since a time; of each container so many lines at most, the
/// newest.
///
/// # Errors
/// The pods cannot be listed. A log that cannot be read is told in the answer.
pub async fn read(
    cluster: &Cluster,
    workloads: &[WorkloadName],
    since: Timestamp,
    lines: i64,
) -> Result<ReleaseLogs, ApiError> {
    let wanted = LogSpan { lines, since: Some(since) };
    let pods = pods_of(cluster, workloads).await?;
    let read =
        join_all(pods.iter().map(|pod| async move { (pod, logs::of_pod(cluster, pod, wanted).await) }));
    let mut found = ReleaseLogs::default();
    for (pod, logs) in read.await {
        let metadata = &pod.metadata;
        let name = |part: &Option<String>| part.clone().unwrap_or_default();
        let mut one = PodLog {
            pod: format!("{}/{}", name(&metadata.namespace), name(&metadata.name)),
            uid: name(&metadata.uid),
            ends: metadata.deletion_timestamp.is_some(),
            lines: Vec::new(),
        };
        for log in logs {
            match log {
                Ok(log) => one.lines.extend(log.text.lines().map(timed)),
                Err(error) => found.unread.push(failure::in_one_line(&error)),
            }
        }
        found.pods.push(one);
    }
    Ok(found)
}

/// A line of the API server, which begins with its time.
fn timed(line: &str) -> (Option<Timestamp>, String) {
    let parts = line.split_once(' ').and_then(|(time, text)| Some((time.parse().ok()?, text)));
    parts.map_or_else(|| (None, line.to_owned()), |(time, text)| (Some(time), text.to_owned()))
}

async fn pods_of(cluster: &Cluster, workloads: &[WorkloadName]) -> Result<Vec<Pod>, ApiError> {
    let namespaces: BTreeSet<&str> = workloads.iter().map(|workload| workload.namespace.as_str()).collect();
    let mut found = Vec::new();
    for namespace in namespaces {
        let api = Api::<Pod>::namespaced(cluster.client.clone(), namespace);
        let own = |pod: &Pod| {
            workloads.iter().any(|workload| workload.namespace == namespace && owns(workload, pod))
        };
        let listed = paging::each(&api, |pod| {
            if own(&pod) {
                found.push(pod);
            }
        })
        .await;
        let doing = || format!("list the Pods in namespace {namespace}");
        listed.map_err(|error| ApiError::new(cluster, doing(), &error))?;
    }
    Ok(found)
}

/// By the name of the pod's controller: a `ReplicaSet` has its Deployment's and a hash.
fn owns(workload: &WorkloadName, pod: &Pod) -> bool {
    let owners = pod.metadata.owner_references.iter().flatten();
    owners.filter(|owner| owner.controller == Some(true)).any(|owner| {
        let of_deployment = workload.kind == "Deployment" && owner.kind == "ReplicaSet";
        let hash = owner.name.strip_prefix(&workload.name).and_then(|rest| rest.strip_prefix('-'));
        let is_hash = hash.is_some_and(|hash| !hash.is_empty() && !hash.contains('-'));
        (of_deployment && is_hash) || (owner.kind == workload.kind && owner.name == workload.name)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_belongs_to_the_workload_that_its_controller_is_of() {
        let pod = |kind: &str, name: &str| -> Pod {
            let owner = json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": true}]);
            serde_json::from_value(json!({"metadata": {"ownerReferences": owner}})).unwrap()
        };
        let workload = |kind: &str| WorkloadName {
            kind: kind.to_owned(),
            namespace: "n".to_owned(),
            name: "cert-manager".to_owned(),
        };
        let table = [
            ("Deployment", "ReplicaSet", "cert-manager-6fc45cdb", true),
            ("Deployment", "ReplicaSet", "cert-manager-webhook-68bcf87f65", false),
            ("Deployment", "ReplicaSet", "cert-manager", false),
            ("Deployment", "Job", "cert-manager-6fc45cdb", false),
            ("DaemonSet", "DaemonSet", "cert-manager", true),
            ("StatefulSet", "DaemonSet", "cert-manager", false),
        ];
        for (kind, owner, name, expected) in table {
            assert_eq!(owns(&workload(kind), &pod(owner, name)), expected, "{kind} {owner} {name}");
        }
    }

    #[test]
    fn a_line_comes_with_its_time() {
        let at = "2026-11-28T13:13:18.091833611Z";
        assert_eq!(timed(&format!("{at} I1128 x")), (at.parse().ok(), "I1128 x".to_owned()));
        assert_eq!(timed("unable to retrieve logs"), (None, "unable to retrieve logs".to_owned()));
    }
}
