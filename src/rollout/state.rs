//! The state of one cluster in a run, and the one function that moves it. Pure; recovery replays the journal
//! through the same function.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::evidence::event::Event;
use crate::gate::Verdict;

/// Where a cluster stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterState {
    /// Not touched.
    Pending,
    /// Locked, nothing changed.
    Locked,
    /// Locked and the baseline taken.
    Ready,
    /// The release is being changed.
    Changing,
    /// The change is written; the gates judge.
    Gating,
    /// On the target and proven healthy.
    Promoted,
    /// The change or a gate failed; what to do is being decided.
    Failed,
    /// Failed and left as it is.
    Halted,
    /// The earlier revision is being written back.
    RollingBack,
    /// The earlier revision is written; the gates judge it.
    Regating,
    /// Back on the earlier revision and proven healthy.
    RolledBack,
    /// The rollback failed: a person must look.
    Stuck,
}

impl ClusterState {
    /// The state as shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "not touched",
            Self::Locked | Self::Ready => "not changed",
            Self::Changing => "being changed",
            Self::Gating => "being judged",
            Self::Promoted => "healthy on the target",
            Self::Failed => "failed",
            Self::Halted => "halted",
            Self::RollingBack => "being rolled back",
            Self::Regating => "being judged after the rollback",
            Self::RolledBack => "rolled back and healthy",
            Self::Stuck => "stuck",
        }
    }

    /// Whether a run has nothing left to do here.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Promoted | Self::Halted | Self::RolledBack | Self::Stuck)
    }

    /// Whether the cluster may differ from what the run found.
    pub fn is_touched(self) -> bool {
        !matches!(self, Self::Pending | Self::Locked | Self::Ready)
    }
}

/// An event that cannot happen in a state: a journal that was edited, or a defect.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("`{event}` cannot happen to a cluster that is {state:?}")]
pub struct IllegalTransition {
    /// The state it was in.
    pub state: ClusterState,
    /// The event's name.
    pub event: &'static str,
}

impl ClusterState {
    /// The state after an event.
    ///
    /// An intent may be repeated (`ChangeStarted` while changing): a resumed run takes it up again.
    pub fn next(self, event: &Event) -> Result<Self, IllegalTransition> {
        use ClusterState as S;
        let next = match event {
            Event::Locked => (self == S::Pending).then_some(S::Locked),
            Event::BaselineTaken { .. } => (self == S::Locked).then_some(S::Ready),
            Event::ChangeStarted { .. } => matches!(self, S::Ready | S::Changing).then_some(S::Changing),
            Event::Changed { .. } => (self == S::Changing).then_some(S::Gating),
            Event::ChangeFailed { .. } => (self == S::Changing).then_some(S::Failed),
            Event::OnTarget { .. } => (self == S::Ready).then_some(S::Gating),
            Event::ProvenEarlier { .. } => matches!(self, S::Locked | S::Ready).then_some(S::Promoted),
            Event::Gated { outcome } => self.gated(outcome.verdict),
            Event::EvidenceCaptured { .. } => matches!(self, S::Failed | S::Stuck).then_some(self),
            Event::HaltDecided { .. } => (self == S::Failed).then_some(S::Halted),
            Event::RollbackStarted { .. } => {
                matches!(self, S::Failed | S::RollingBack).then_some(S::RollingBack)
            }
            Event::RolledBack { .. } => (self == S::RollingBack).then_some(S::Regating),
            Event::RollbackFailed { .. } => matches!(self, S::RollingBack | S::Regating).then_some(S::Stuck),
            Event::Interrupted { .. } => (!self.is_final()).then_some(self),
        };
        next.ok_or_else(|| IllegalTransition { state: self, event: event.name() })
    }

    fn gated(self, verdict: Verdict) -> Option<Self> {
        match (self, verdict) {
            (Self::Gating, Verdict::Passed) => Some(Self::Promoted),
            (Self::Gating, Verdict::Waiting | Verdict::Inconclusive | Verdict::Failed) => Some(Self::Failed),
            (Self::Regating, Verdict::Passed) => Some(Self::RolledBack),
            (Self::Regating, Verdict::Waiting | Verdict::Inconclusive | Verdict::Failed) => Some(Self::Stuck),
            (
                Self::Pending
                | Self::Locked
                | Self::Ready
                | Self::Changing
                | Self::Promoted
                | Self::Failed
                | Self::Halted
                | Self::RollingBack
                | Self::RolledBack
                | Self::Stuck,
                _,
            ) => None,
        }
    }
}

/// The state after all events, from `Pending`.
pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<ClusterState, IllegalTransition> {
    events.into_iter().try_fold(ClusterState::Pending, ClusterState::next)
}
