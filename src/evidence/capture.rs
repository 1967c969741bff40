//! What a failure left behind, read before anything is undone: pods, their events and logs, and
//! cert-manager's unfinished objects.
//!
//! Everything is asked at once and within a limit: evidence must not hold a rollback up.

use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use tokio::time::timeout;

use crate::cluster::{Cluster, events, logs};
use crate::failure::in_one_line as told;

use super::run_directory::RunDirectory;

/// How many lines of a log are kept.
const LOG_LINES: i64 = 500;

/// cert-manager's chain, from the wish to the proof.
const CHAIN: [(&str, &str); 4] = [
    ("cert-manager.io", "Certificate"),
    ("cert-manager.io", "CertificateRequest"),
    ("acme.cert-manager.io", "Order"),
    ("acme.cert-manager.io", "Challenge"),
];

/// No part of the evidence is waited for longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file's name and text, or what could not be read.
type Part = Result<(String, String), String>;

/// Keeps everything that explains a failure in the run's directory; answers the files, and a line for what
/// could not be read.
pub async fn capture(
    cluster: &Cluster,
    namespace: &str,
    with_chain: bool,
    directory: &RunDirectory,
) -> (Vec<String>, Vec<String>) {
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), namespace).list(&ListParams::default()).await;
    let (pods, unlisted) = match pods {
        Ok(pods) => (pods.items, None),
        Err(error) => (Vec::new(), Some(format!("the pods of {namespace} cannot be listed: {error}"))),
    };
    let mut reads: Vec<BoxFuture<'_, Vec<Part>>> =
        pods.iter().map(|pod| within(format!("pod {}", pod.name_any()), of_pod(cluster, pod))).collect();
    if with_chain {
        reads.extend(CHAIN.map(|(group, kind)| within(format!("{kind}s"), of_kind(cluster, group, kind))));
    }
    let parts = join_all(reads).await.into_iter().flatten();
    let (mut files, mut problems) = (Vec::new(), Vec::from_iter(unlisted));
    for part in parts {
        let kept = part.and_then(|(name, text)| {
            directory.keep(&cluster.name, &name, &text).map_err(|error| told(&error))
        });
        match kept {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(problem),
        }
    }
    (files, problems)
}

fn within<'a>(what: String, read: impl Future<Output = Vec<Part>> + Send + 'a) -> BoxFuture<'a, Vec<Part>> {
    Box::pin(async move {
        let late = || vec![Err(format!("{what}: not read within {} s", PATIENCE.as_secs()))];
        timeout(PATIENCE, read).await.unwrap_or_else(|_| late())
    })
}

async fn of_pod(cluster: &Cluster, pod: &Pod) -> Vec<Part> {
    let name = pod.name_any();
    let mut parts = vec![
        serde_norway::to_string(pod)
            .map(|text| (format!("pod-{name}.yaml"), text))
            .map_err(|error| told(&error)),
    ];
    for log in logs::of_pod(cluster, pod, LOG_LINES).await {
        parts.push(log.map_err(|error| told(&error)).map(|log| {
            let suffix = if log.previous { ".previous" } else { "" };
            (format!("log-{name}-{}{suffix}.txt", log.container), log.text)
        }));
    }
    let events = events::about(cluster, "Pod", pod.namespace().as_deref(), &name).await;
    parts.push(events.map_err(|error| told(&error)).map(|events| {
        let lines = events
            .iter()
            .map(|event| format!("{} {} x{}: {}", event.kind, event.reason, event.count, event.message));
        (format!("events-{name}.txt"), lines.collect::<Vec<_>>().join("\n"))
    }));
    parts
}

/// All objects of one of cert-manager's kinds; none of them holds a secret.
async fn of_kind(cluster: &Cluster, group: &str, kind: &str) -> Vec<Part> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    let listed =
        Api::<DynamicObject>::all_with(cluster.client.clone(), &resource).list(&ListParams::default()).await;
    let text = listed.map_err(|error| format!("the {kind}s cannot be listed: {error}"));
    vec![
        text.and_then(|list| serde_norway::to_string(&list.items).map_err(|error| told(&error)))
            .map(|text| (format!("{}.yaml", resource.plural), text)),
    ]
}
