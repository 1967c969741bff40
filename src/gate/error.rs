//! Why the gates could not be asked at all.

use tokio::task::JoinError;

use crate::cluster::lease::LockLost;
use crate::cluster::{ApiError, Cluster};

/// The gates could not be asked: this is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// A read or write failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Another run may have taken over: nothing more is judged, and nothing is deleted.
    #[error(transparent)]
    Lost(#[from] LockLost),
    /// A watch or a probe broke off, so nothing more would be seen.
    #[error("a watch of the gates broke off; this is a defect of `release`, please report it")]
    Stopped(#[source] JoinError),
}

impl GateError {
    pub(crate) fn api(cluster: &Cluster, doing: impl Into<String>, error: &kube::Error) -> Self {
        Self::Api(ApiError::new(cluster, doing, error))
    }
}
