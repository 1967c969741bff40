//! Reads `/metrics` of the controller's pods through the API server's proxy. Keeps nothing but counters.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use http::Request;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerPort, Pod};
use kube::Api;
use kube::api::ListParams;
use kube::core::Selector;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::certmanager::metrics::{ControllerCounts, is_counted};
use crate::certmanager::resources::Object as _;
use crate::cluster::Cluster;
use crate::cluster::error::Cause;
use crate::config::ReleaseId;
use crate::gate::seen::{Change, Scraped, Unread};
use crate::gate::subject::METRICS_PORT;

/// With ten thousand Certificates one answer is several megabytes.
const BEAT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(20);
/// What happens within two minutes is compared.
const HISTORY: usize = 12;

/// Reads until nobody listens any more.
pub(super) async fn watch(cluster: Cluster, release: ReleaseId, changes: mpsc::Sender<Change>) {
    loop {
        let scraped = of_release(&cluster, &release).await;
        let change: Change = Box::new(move |seen| {
            seen.scraped.push(scraped);
            let surplus = seen.scraped.len().saturating_sub(HISTORY);
            seen.scraped.drain(..surplus);
        });
        if changes.send(change).await.is_err() {
            return;
        }
        sleep(BEAT).await;
    }
}

/// The counters of every pod of the release's controller.
pub(in crate::gate) async fn of_release(cluster: &Cluster, release: &ReleaseId) -> Scraped {
    let silent = || Unread(format!("no answer within {} s", PATIENCE.as_secs()));
    match timeout(PATIENCE, Box::pin(read(cluster, release))).await {
        Ok(read) => read.map_err(|error| Unread(Cause::of(&error).to_string())),
        Err(_) => Err(silent()),
    }
}

async fn read(cluster: &Cluster, release: &ReleaseId) -> kube::Result<BTreeMap<String, ControllerCounts>> {
    let namespace = &release.namespace;
    let controllers =
        format!("app.kubernetes.io/instance={},app.kubernetes.io/component=controller", release.name);
    let deployments = Api::<Deployment>::namespaced(cluster.client.clone(), namespace);
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), namespace);
    let mut counts = BTreeMap::new();
    for deployment in deployments.list(&ListParams::default().labels(&controllers)).await? {
        let Ok(selector) = Selector::try_from(deployment.spec.selector.clone()) else { continue };
        for pod in pods.list(&ListParams::default().labels_from(&selector)).await? {
            if let Some(port) = port(&pod).filter(|_| is_running(&pod)) {
                counts.insert(pod.uid().to_owned(), of_pod(cluster, &pod, port).await?);
            }
        }
    }
    Ok(counts)
}

/// Line by line: most of them are about Certificates.
async fn of_pod(cluster: &Cluster, pod: &Pod, port: i32) -> kube::Result<ControllerCounts> {
    let (namespace, name) = (pod.metadata.namespace.as_deref(), pod.metadata.name.as_deref());
    let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy/metrics");
    let request = Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    let lines = cluster.client.request_stream(request).await?.lines();
    let counted = lines.try_filter(|line| std::future::ready(is_counted(line)));
    let counted: Vec<String> = counted.try_collect().await.map_err(kube::Error::ReadEvents)?;
    Ok(ControllerCounts::read(counted))
}

fn port(pod: &Pod) -> Option<i32> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports
        .find(|port: &&ContainerPort| port.name.as_deref() == Some(METRICS_PORT))
        .map(|port| port.container_port)
}

fn is_running(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}
