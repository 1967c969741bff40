//! The plan as a value: what a run would do. Pure: the dry run prints it, a run executes that same value.

pub mod change;
pub mod crd;
pub mod decide;
pub mod difference;
mod lists;
pub mod preflight;

use serde::{Deserialize, Serialize};

use change::Change;

/// What a run does: one chart, published once, then cluster after cluster in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The chart that every cluster gets.
    pub chart: PlannedChart,
    /// What happens in the chart repository.
    pub publish: PlannedPublish,
    /// The clusters, in the order in which they are touched.
    pub clusters: Vec<ClusterPlan>,
}

impl Plan {
    /// Whether the run would change anything: an upload, or a release.
    pub fn has_changes(&self) -> bool {
        self.publish.uploads || self.clusters.iter().any(|cluster| cluster.action != Action::Nothing)
    }
}

/// The chart: its identity and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChart {
    /// `name` of Chart.yaml.
    pub name: String,
    /// `version` of Chart.yaml.
    pub version: String,
    /// sha256 of the archive's bytes.
    pub digest: String,
    /// sha256 over names and bytes of the unpacked files: equal for archives that differ only in times.
    pub content: String,
    /// Where it comes from, for people: a commit, a directory, or the published archive.
    pub origin: String,
}

/// What happens in the chart repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPublish {
    /// The repository, without secrets.
    pub repository: String,
    /// Whether the archive is uploaded; otherwise this very content is there already.
    pub uploads: bool,
}

/// What happens on one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterPlan {
    /// Its name in `release.yaml`.
    pub cluster: String,
    /// The API server that the name is pinned to.
    pub server: String,
    /// The wave it belongs to.
    pub wave: Option<String>,
    /// The Helm release, as `namespace/name`.
    pub release: String,
    /// What is done.
    pub action: Action,
    /// The revision that the plan was made on; a run refuses when it has moved. 0 = no release.
    pub base_revision: u32,
    /// The chart version that runs now.
    pub from: Option<String>,
    /// The chart version that will run.
    pub to: String,
    /// The revision to return to, for a rollback.
    pub to_revision: Option<u32>,
    /// Every object that changes.
    pub changes: Vec<Change>,
    /// The gates that judge the cluster afterwards, in order.
    pub gates: Vec<String>,
    /// What a person should know before this runs.
    pub warnings: Vec<String>,
    /// Why a rollback of this change would not be safe; empty = proven feasible.
    pub rollback_obstacles: Vec<String>,
    /// The values files with their sha256, in the order in which they apply.
    pub values: Vec<String>,
}

/// What is done to the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The release does not exist.
    Install,
    /// A new revision from the chart.
    Upgrade,
    /// A new revision from an older one.
    Rollback,
    /// The cluster is on the target already.
    Nothing,
}
