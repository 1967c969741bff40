//! The plan as a value: the whole wish of a run. Pure: the dry run prints it, a run executes that same value, and
//! `resume` and an automatic rollback work from it alone. Nothing is added to it after it was shown.

pub mod change;
pub mod check;
pub mod crd;
pub mod decide;
pub mod difference;
pub mod explained;
#[cfg(test)]
pub(crate) mod fixtures;
mod lists;
pub mod migration;
pub mod preflight;
pub mod repair;
pub mod standing;
pub mod terms;
pub mod together;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use change::Change;
pub use terms::Terms;

/// The form of plans and journals that this program writes; it reads no other.
pub const FORMAT: u32 = 1;

/// What a run does: the same terms everywhere, published once, then cluster after cluster in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`FORMAT`] of its writer.
    pub format: u32,
    /// The chart's name in `release.yaml`.
    pub chart: String,
    /// What every cluster is held to.
    pub terms: Terms,
    /// What happens in the chart repository; absent when the run returns to older revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<PlannedPublish>,
    /// The clusters, in the order in which they are touched.
    pub clusters: Vec<ClusterPlan>,
}

impl Plan {
    /// Whether the run would change anything: an upload, or a release.
    pub fn has_changes(&self) -> bool {
        let uploads = self.publish.as_ref().is_some_and(|publish| publish.uploads);
        uploads || self.clusters.iter().any(|cluster| cluster.action != Action::Nothing)
    }

    /// The chart that is deployed; `None` when the run returns to older revisions.
    pub fn planned_chart(&self) -> Option<&PlannedChart> {
        self.clusters.first().and_then(|cluster| cluster.change.chart())
    }

    /// The same without the field-by-field changes: what a journal has room for.
    #[must_use]
    pub fn without_changes(&self) -> Self {
        let mut plan = self.clone();
        plan.clusters.iter_mut().for_each(|cluster| cluster.changes.clear());
        plan
    }

    /// SHA-256 in hex over everything but the field-by-field changes: two runs of one plan have the same.
    pub fn digest(&self) -> String {
        let text = serde_json::to_vec(&self.without_changes()).unwrap_or_default();
        hex::encode(Sha256::digest(&text))
    }

    /// What happens on this cluster.
    pub fn cluster(&self, name: &str) -> Option<&ClusterPlan> {
        self.clusters.iter().find(|cluster| cluster.cluster == name)
    }
}

/// The chart: its identity and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedChart {
    /// `name` of Chart.yaml.
    pub name: String,
    /// `version` of Chart.yaml.
    pub version: String,
    /// sha256 of the archive's bytes when the plan was made; a repository may save the same content anew.
    pub digest: String,
    /// sha256 over names and bytes of the unpacked files: equal for archives that differ only in times.
    pub content: String,
    /// Where it comes from, for people: a commit, a directory, or the published archive.
    pub origin: String,
    /// The commit that it was packaged from, to package it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What happens in the chart repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedPublish {
    /// The repository, without secrets.
    pub repository: String,
    /// Whether the archive is uploaded; otherwise this very content is there already.
    pub uploads: bool,
}

/// What is written to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PlannedChange {
    /// A chart with values: an install, or an upgrade.
    Deploy {
        /// The chart.
        chart: PlannedChart,
        /// The values files in the order in which they apply; later ones win.
        values: Vec<PlannedValues>,
    },
    /// What an older revision was.
    Return {
        /// That revision.
        to_revision: u32,
    },
}

impl PlannedChange {
    /// The chart that is deployed.
    pub fn chart(&self) -> Option<&PlannedChart> {
        match self {
            Self::Deploy { chart, .. } => Some(chart),
            Self::Return { .. } => None,
        }
    }

    /// Whether both deploy the same chart, with whatever values.
    pub fn same_chart(&self, other: &Self) -> bool {
        self.chart().zip(other.chart()).is_some_and(|(chart, other)| chart.content == other.content)
    }

    /// Whether both put the same there, wherever it was read from.
    pub fn same_content(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Deploy { chart, values }, Self::Deploy { chart: other, values: others }) => {
                let digests = |values: &[PlannedValues]| -> Vec<String> {
                    values.iter().map(|file| file.sha256.clone()).collect()
                };
                chart.content == other.content && digests(values) == digests(others)
            }
            (Self::Return { .. }, _) | (_, Self::Return { .. }) => false,
        }
    }
}

/// A values file: its place below `release.yaml`, and what was in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedValues {
    /// As `release.yaml` names it.
    pub file: String,
    /// SHA-256 of its content in hex.
    pub sha256: String,
}

/// What happens on one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// What is written.
    pub change: PlannedChange,
    /// Every object that changes.
    pub changes: Vec<Change>,
    /// The gates that judge the cluster afterwards, in order.
    pub gates: Vec<String>,
    /// What a person should know before this runs.
    pub warnings: Vec<String>,
    /// Why a rollback of this change would not be safe; empty = proven feasible.
    pub rollback_obstacles: Vec<String>,
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
