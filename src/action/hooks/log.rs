//! What the containers of a hook have written.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, LogParams};

use crate::cluster::Cluster;
use crate::cluster::error::Cause;
use crate::helm::manifest::Object;

/// How much is kept of a log that nobody asked for.
const LINES: i64 = 500;

/// What a container of a hook has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookLog {
    /// The hook's name.
    pub hook: String,
    /// The text, or why it cannot be read.
    pub text: String,
    /// The hook's policies ask for it. One of a failed hook is kept in any case, as long as its pod is there.
    pub asked_for: bool,
}

/// The texts of every container of these objects' pods: whole ones if they are asked for, else their ends.
/// One that cannot be read is told as such.
pub(super) async fn texts(
    cluster: &Cluster,
    namespace: &str,
    objects: &[Object],
    asked_for: bool,
) -> Vec<String> {
    let mut texts = Vec::new();
    for object in objects {
        let select = match object.kind() {
            "Job" => ListParams::default().labels(&format!("job-name={}", object.name())),
            "Pod" => ListParams::default().fields(&format!("metadata.name={}", object.name())),
            _ => continue,
        };
        let namespace = object.namespace().unwrap_or(namespace);
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        texts.extend(of_pods(&pods, &select, (!asked_for).then_some(LINES)).await);
    }
    texts
}

async fn of_pods(pods: &Api<Pod>, select: &ListParams, tail_lines: Option<i64>) -> Vec<String> {
    let found = match pods.list(select).await {
        Ok(found) => found,
        Err(error) => return vec![format!("the pods of a hook cannot be listed: {}", Cause::of(&error))],
    };
    let mut logs = Vec::new();
    for pod in &found {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        for container in pod.spec.iter().flat_map(|spec| &spec.containers) {
            let parameters =
                LogParams { container: Some(container.name.clone()), tail_lines, ..LogParams::default() };
            let log = pods.logs(name, &parameters).await;
            let unreadable = |error| {
                format!(
                    "the log of container {} of pod {name} cannot be read: {}",
                    container.name,
                    Cause::of(&error)
                )
            };
            logs.push(log.unwrap_or_else(unreadable));
        }
    }
    logs
}
