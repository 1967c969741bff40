//! Kubernetes: one cluster, its API and what `release` reads and writes there. Knows no plan and no gate.
//!
//! Every read is repeated, with a growing pause and a bound, when the API server is away for a moment; writes
//! are not.

pub mod access;
pub mod authorship;
pub mod capabilities;
pub mod client;
pub mod conflict;
pub mod context;
pub mod discovery;
pub mod error;
pub mod events;
pub mod gitops;
pub mod helm_marks;
pub mod immutable;
pub mod journal;
pub mod kubeconfig;
pub mod lease;
pub mod live_crd;
pub mod logs;
pub mod managed_fields;
pub mod namespace;
pub mod objects;
pub mod paging;
pub mod release_logs;
pub mod release_objects;
pub mod release_secrets;

mod container_statuses;
mod plugin;
mod retry;

use std::path::PathBuf;

pub(crate) use container_statuses::container_statuses;
pub use error::ApiError;
pub use plugin::PluginError;

/// One cluster, connected.
#[derive(Clone)]
pub struct Cluster {
    /// Its name in `release.yaml`.
    pub name: String,
    /// The URL of its API server, as in the kubeconfig.
    pub server: String,
    /// The context of the kubeconfig.
    pub context: String,
    /// The files that make up the kubeconfig.
    pub kubeconfig: Vec<PathBuf>,
    /// Speaks to the API server, with retries of reads and with time limits.
    pub client: kube::Client,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cluster({} at {})", self.name, self.server)
    }
}
