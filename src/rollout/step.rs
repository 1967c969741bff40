//! Which step comes next: one total match over the state. Pure.

use crate::plan::Action;

use super::state::ClusterState;

/// One step of a run on one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Take the lock and re-read the base revision.
    Lock,
    /// Record what exists, healthy or not.
    Baseline,
    /// Install, upgrade or roll back.
    Change,
    /// Nothing to change: the journal may have the proof, else the gates judge.
    Confirm,
    /// A killed run left the change half done: find out what was written.
    Recover,
    /// Let the gates judge.
    Gate,
    /// Capture the evidence, mark the revision, decide, and act on the decision.
    React,
    /// Write the earlier revision back.
    Rollback,
}

/// The next step, or `None` when nothing is left to do.
///
/// `resumed` is true until the first step of a resumed run is done.
pub fn next(state: ClusterState, action: Action, resumed: bool) -> Option<Step> {
    match state {
        ClusterState::Pending => Some(Step::Lock),
        ClusterState::Locked => Some(Step::Baseline),
        ClusterState::Ready if action == Action::Nothing => Some(Step::Confirm),
        ClusterState::Changing if resumed => Some(Step::Recover),
        ClusterState::Ready | ClusterState::Changing => Some(Step::Change),
        ClusterState::Gating | ClusterState::Regating => Some(Step::Gate),
        ClusterState::Failed => Some(Step::React),
        ClusterState::RollingBack => Some(Step::Rollback),
        ClusterState::Promoted | ClusterState::Halted | ClusterState::RolledBack | ClusterState::Stuck => {
            None
        }
    }
}
