//! Helm's verbs on one cluster: render, upgrade, roll back. No policy.
//!
//! The verbs are carried out by a Helm 4 program, and nothing outside this module knows that: callers see charts, revisions and manifests.

pub mod apply;
pub mod hooks;
pub mod removal;
pub mod wait;

mod crds;
mod program;
mod rollback;
mod upgrade;
pub mod verb;

use thiserror::Error;

use crate::cluster::ApiError;
use crate::cluster::lease::{LockError, LockLost};
use crate::config::{ReleaseName, ValuesFile};
use crate::helm::chart::archive::ChartArchive;
use crate::helm::manifest::{ManifestError, Object};
use crate::helm::release::{CodecError, Hook};
use crate::helm::rendering::RenderingError;

pub use program::ProgramError;
pub use removal::uninstall_objects;
pub use rollback::{obstacles, rollback, rolled_back_objects};
pub use upgrade::{render, upgrade};

/// What is to be deployed: one archive with its values, under a release name.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The Helm release.
    pub release: &'a ReleaseName,
    /// The chart.
    pub archive: &'a ChartArchive,
    /// Values files; later ones win.
    pub values: &'a [ValuesFile],
    /// The revision's description in the history.
    pub description: &'a str,
    /// Take fields away from other field managers.
    pub force_conflicts: bool,
}

/// What a target renders to on one cluster, with nothing written.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The manifest, without hooks.
    pub manifest: String,
    /// The manifest's objects.
    pub objects: Vec<Object>,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// The merged user values.
    pub config: serde_json::Value,
    /// What the release Secret would hold, in bytes of its base64.
    pub record_bytes: usize,
}

/// A verb could not be carried out.
#[derive(Debug, Error)]
pub enum ActionError {
    /// The program that carries the verb out is missing, or refused.
    #[error(transparent)]
    Program(#[from] ProgramError),
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
    /// The verb seemed to work and left no revision.
    #[error("{release} has no revision after the {verb}; look at its history")]
    NoRevision {
        /// The release.
        release: String,
        /// What was done.
        verb: &'static str,
    },
    /// The revision to return to is gone.
    #[error("{release} has no revision {revision}; its history may have been pruned")]
    MissingRevision {
        /// The release.
        release: String,
        /// The revision.
        revision: u32,
    },
}
