//! Helm's verbs on one cluster: install, upgrade, roll back, uninstall. No policy.
//!
//! [`verb`] has the verbs, with Helm's statuses and order of writes; [`mod@apply`], [`hooks`], [`wait`],
//! [`removal`] and [`records`] are what they are made of, and [`permit`] lets them write.

pub mod apply;
pub mod hooks;
pub mod migration;
pub mod permit;
pub mod records;
pub mod removal;
pub mod repair;
pub mod wait;

mod obstacles;
mod target;
pub mod verb;

use thiserror::Error;

use crate::cluster::ApiError;
use crate::cluster::lease::{LockError, LockLost};
use crate::helm::manifest::ManifestError;
use crate::helm::release::{CodecError, Revision, Status};
use crate::helm::rendering::RenderingError;

use permit::{NoLeave, Unwritten};
use records::RecordError;

pub use obstacles::{lost_versions, obstacles};
pub use removal::uninstall_objects;
pub use target::{Target, TargetError};

/// A verb could not be carried out.
#[derive(Debug, Error)]
pub enum ActionError {
    /// What was rendered cannot be read.
    #[error("read the rendered manifest of {release}")]
    Manifest {
        /// The release.
        release: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// A release record cannot be read or written.
    #[error("read the release record of {release}")]
    Record {
        /// The release.
        release: String,
        /// Why.
        #[source]
        source: CodecError,
    },
    /// The cluster did not answer as it should.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The objects cannot be applied; nothing was changed.
    #[error(transparent)]
    Refused(#[from] apply::Refused),
    /// Applying the objects stopped in the middle.
    #[error(transparent)]
    Failed(#[from] apply::Failed),
    /// Not everything became ready.
    #[error(transparent)]
    NotReady(#[from] wait::NotReady),
    /// Not everything that was deleted has gone.
    #[error(transparent)]
    NotGone(#[from] wait::NotGone),
    /// A hook failed.
    #[error(transparent)]
    Hook(#[from] hooks::HookError),
    /// Objects could not be deleted.
    #[error(transparent)]
    NotRemoved(#[from] removal::NotRemoved),
    /// The verb is refused; nothing was changed.
    #[error(transparent)]
    Refusal(#[from] verb::Refusal),
    /// The chart cannot be rendered; nothing was changed.
    #[error(transparent)]
    Rendering(#[from] RenderingError),
    /// Rendering ended in a way that it never should.
    #[error("rendering the chart crashed: {0}")]
    Crashed(String),
    /// A file below the chart's `crds/` could not be applied.
    #[error("failed to install CRD {path}: {told}")]
    Crd {
        /// The file.
        path: String,
        /// Why.
        told: String,
    },
    /// Somebody else holds the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The lock was lost on the way.
    #[error(transparent)]
    LockLost(#[from] LockLost),
    /// A verb that was only to look wanted to write.
    #[error("this run only looks and may not write; nothing was changed")]
    ReadOnly,
    /// Everything is applied, and that could not be stored.
    #[error(
        "everything of revision {revision} of {release} is applied, but that could not be stored, so it stays {status}; when the cluster answers again, `helm rollback {release} {revision}` stores it anew and changes nothing else"
    )]
    NotRecorded {
        /// The release.
        release: String,
        /// The revision.
        revision: Revision,
        /// The status that is stored.
        status: Status,
        /// Why.
        #[source]
        source: RecordError,
    },
    /// It was told to stop.
    #[error("context canceled")]
    Interrupted,
    /// It failed, and was undone.
    #[error("{told}")]
    Undone {
        /// How it was undone.
        told: String,
        /// Why it failed.
        #[source]
        error: Box<ActionError>,
    },
    /// It failed, and to undo it failed as well.
    #[error("{told}: {error}: {second}")]
    NotUndone {
        /// What was tried.
        told: &'static str,
        /// Why it failed.
        error: Box<ActionError>,
        /// Why it could not be undone.
        second: String,
    },
    /// The release was uninstalled, but not without problems.
    #[error("uninstallation completed with {count} error(s): {told}")]
    Uninstall {
        /// How many.
        count: usize,
        /// All of them.
        told: String,
    },
}

impl From<RecordError> for ActionError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Codec { release, source } => Self::Record { release, source },
            RecordError::Api(error) => Self::Api(error),
            RecordError::NoLeave(error) => error.into(),
        }
    }
}

impl From<NoLeave> for ActionError {
    fn from(error: NoLeave) -> Self {
        match error {
            NoLeave::Lock(error) => Self::Lock(error),
            NoLeave::Lost(error) => Self::LockLost(error),
            NoLeave::ReadOnly => Self::ReadOnly,
        }
    }
}

impl From<Unwritten<ApiError>> for ActionError {
    fn from(unwritten: Unwritten<ApiError>) -> Self {
        RecordError::from(unwritten).into()
    }
}
