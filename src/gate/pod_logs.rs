//! What the pods of a revision wrote, for the gate, for what was before, and for `release logs`. Judges no
//! line.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::time::timeout;

use super::subject::{Expected, Subject, Workload};
use crate::certmanager::logs::LogLine;
use crate::cluster::Cluster;
use crate::cluster::release_logs::{self, PodLog, ReleaseLogs, WorkloadName};
use crate::failure;

/// A node may be away.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What the pods of a revision wrote since a time; of each container so many lines at most, the newest.
///
/// # Errors
/// The pods cannot be listed, or nothing came in time.
pub async fn pod_logs(
    cluster: &Cluster,
    subject: &Subject,
    since: Timestamp,
    lines: i64,
) -> Result<ReleaseLogs, String> {
    let workloads = workloads(&Expected::of(subject));
    let read = timeout(PATIENCE, release_logs::read(cluster, &workloads, since, lines)).await;
    let late = |_| format!("the logs were not read within {} s", PATIENCE.as_secs());
    read.map_err(late)?.map_err(|error| failure::in_one_line(&error))
}

/// The names of the workloads of a manifest.
pub(super) fn workloads(expected: &Expected) -> Vec<WorkloadName> {
    let name = |workload: &Workload| WorkloadName {
        kind: workload.kind.clone(),
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
    };
    expected.workloads.iter().map(name).collect()
}

/// The entries of a pod's log.
pub fn entries(log: &PodLog) -> Vec<LogLine> {
    LogLine::read_all(log.lines.iter().map(|(time, text)| (*time, text.as_str())))
}
