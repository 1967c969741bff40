//! What happens to one cluster in a run, one event after the other.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gate::{Cause, GateOutcome};
use crate::plan::Action;

/// One event; the state of a cluster is the fold of its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The lock is ours and the base revision is the planned one.
    Locked,
    /// What existed before the change was recorded; these objects were unhealthy already.
    BaselineTaken {
        /// `Kind namespace/name: why`.
        unhealthy: Vec<String>,
    },
    /// Intent: the release is about to be changed.
    ChangeStarted {
        /// Install, upgrade or rollback.
        action: Action,
        /// The revision that the change starts from; 0 = none.
        base_revision: u32,
    },
    /// The change is written; the release has this revision now.
    Changed {
        /// The new revision.
        revision: u32,
    },
    /// The cluster is on the target and its journal says that the gates passed for this revision and content.
    ProvenEarlier {
        /// The revision that was proven.
        revision: u32,
    },
    /// The cluster is on the target; its gates have to judge again.
    OnTarget {
        /// The revision that runs.
        revision: u32,
    },
    /// The gates gave their verdict.
    Gated {
        /// All reports, worst verdict first cause included.
        outcome: GateOutcome,
    },
    /// The change could not be made.
    ChangeFailed {
        /// The first cause.
        cause: String,
        /// Where it lies.
        #[serde(default)]
        blame: Cause,
    },
    /// The failure was looked into; what it left behind is kept there.
    EvidenceCaptured {
        /// Where, relative to the run's directory.
        files: Vec<String>,
    },
    /// The cluster stays as it is.
    HaltDecided {
        /// Why no rollback is made.
        reason: String,
    },
    /// Intent: the release is about to be rolled back to this revision.
    RollbackStarted {
        /// The revision to return to.
        to_revision: u32,
    },
    /// The rollback is written as this new revision.
    RolledBack {
        /// The new revision.
        revision: u32,
    },
    /// The rollback could not be made.
    RollbackFailed {
        /// Why.
        cause: String,
    },
    /// A signal (its number) stopped the run here.
    Interrupted {
        /// 1, 2 or 15.
        signal: i32,
    },
}

impl Event {
    /// The event's name in the journal, for example `change-started`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::BaselineTaken { .. } => "baseline-taken",
            Self::ChangeStarted { .. } => "change-started",
            Self::Changed { .. } => "changed",
            Self::ProvenEarlier { .. } => "proven-earlier",
            Self::OnTarget { .. } => "on-target",
            Self::Gated { .. } => "gated",
            Self::ChangeFailed { .. } => "change-failed",
            Self::EvidenceCaptured { .. } => "evidence-captured",
            Self::HaltDecided { .. } => "halt-decided",
            Self::RollbackStarted { .. } => "rollback-started",
            Self::RolledBack { .. } => "rolled-back",
            Self::RollbackFailed { .. } => "rollback-failed",
            Self::Interrupted { .. } => "interrupted",
        }
    }
}

/// An event with its place and time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was recorded, by this machine's clock.
    pub at: Timestamp,
    /// The cluster it happened on.
    pub cluster: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}
