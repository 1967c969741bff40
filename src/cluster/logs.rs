//! The last lines that a container wrote, also those of the container that ran before it crashed.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::LogParams;
use serde::{Deserialize, Serialize};

use super::container_statuses::container_statuses;
use super::{ApiError, Cluster};

/// A guard against a container that writes lines without end.
const MAX_BYTES: i64 = 1024 * 1024;

/// The end of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Name of the container.
    pub container: String,
    /// Whether it is the log of the container that ran before.
    pub previous: bool,
    /// The last lines.
    pub text: String,
}

/// Which lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSpan {
    /// So many at most, the newest.
    pub lines: i64,
    /// Those since a time, each with its own time in front.
    pub since: Option<Timestamp>,
}

impl LogSpan {
    /// The last lines, as they were written.
    pub fn last(lines: i64) -> Self {
        Self { lines, since: None }
    }
}

/// The lines of every container of a pod, and of the container before, where one has restarted. Init
/// containers come first.
pub async fn of_pod(cluster: &Cluster, pod: &Pod, wanted: LogSpan) -> Vec<Result<Log, ApiError>> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let mut logs = Vec::new();
    for (container, restarted, started) in containers(pod) {
        if restarted {
            logs.push(tail(cluster, namespace, name, &container, true, wanted).await);
        }
        if started {
            logs.push(tail(cluster, namespace, name, &container, false, wanted).await);
        }
    }
    logs
}

/// The lines of one container.
pub async fn tail(
    cluster: &Cluster,
    namespace: &str,
    pod: &str,
    container: &str,
    previous: bool,
    wanted: LogSpan,
) -> Result<Log, ApiError> {
    let parameters = LogParams {
        container: Some(container.to_owned()),
        previous,
        tail_lines: Some(wanted.lines),
        since_time: wanted.since,
        timestamps: wanted.since.is_some(),
        limit_bytes: Some(MAX_BYTES),
        ..LogParams::default()
    };
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let text = api.logs(pod, &parameters).await;
    let which = if previous { "the log before the restart" } else { "the log" };
    let text = text.map_err(|error| {
        ApiError::new(
            cluster,
            format!("read {which} of container `{container}` of pod {namespace}/{pod}"),
            &error,
        )
    })?;
    Ok(Log { container: container.to_owned(), previous, text })
}

/// Name, whether it has restarted, and whether it has ever started.
fn containers(pod: &Pod) -> Vec<(String, bool, bool)> {
    let told = |container: &ContainerStatus| {
        let state = container.state.as_ref();
        let last = container.last_state.as_ref();
        let restarted = last.is_some_and(|last| last.terminated.is_some());
        let started = state.is_some_and(|state| state.running.is_some() || state.terminated.is_some());
        (container.name.clone(), restarted, started)
    };
    container_statuses(pod).map(told).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_that_never_started_has_no_log_and_a_crashed_one_has_its_last() {
        let pod = json!({"status": {
        "initContainerStatuses": [{"name": "init", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}],
        "containerStatuses": [
            {"name": "crashed", "image": "", "imageID": "", "ready": false, "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}},
            {"name": "pulling", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}},
        ]}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let expected = [
            ("init".to_owned(), false, true),
            ("crashed".to_owned(), true, false),
            ("pulling".to_owned(), false, false),
        ];
        assert_eq!(containers(&pod), expected);
    }
}
