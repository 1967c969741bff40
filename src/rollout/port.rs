//! One cluster as a run needs it: what the loop asks of it, and in which words it answers.

use async_trait::async_trait;

use crate::evidence::event::Record;
use crate::failure::Failure;
use crate::gate::{Cause, GateOutcome};

/// What the gates are asked to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JudgedRevision {
    /// The revision that this run wrote.
    Changed(u32),
    /// The revision that was there already.
    Confirmed(u32),
    /// The revision that a rollback wrote.
    RolledBack(u32),
}

/// The change could not be made.
#[derive(Debug)]
pub struct ChangeFailed {
    /// What happened.
    pub failure: Failure,
    /// Where the cause lies.
    pub blame: Cause,
}

impl From<Failure> for ChangeFailed {
    /// Nothing is known about the cause.
    fn from(failure: Failure) -> Self {
        Self { failure, blame: Cause::Unknown }
    }
}

/// What a killed run left of its change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// It was written as this revision, whole.
    Written(u32),
    /// It has to be made again.
    Again,
}

/// One cluster as a run needs it; the live one talks to Kubernetes, the one of the tests follows a script.
///
/// A failure of the kind `Locked` means that the lock is not ours: nothing more may be written, also no record.
#[async_trait]
pub trait ClusterPort: Send + Sync {
    /// Takes the lock.
    async fn lock(&self) -> Result<(), Failure>;
    /// Records what exists; answers what is unhealthy already.
    async fn baseline(&self) -> Result<Vec<String>, Failure>;
    /// Gets together what the change needs; refuses what is not as it was planned, the release above all.
    async fn prepare(&self) -> Result<(), Failure>;
    /// Makes the planned change; answers the new revision.
    async fn change(&self) -> Result<u32, ChangeFailed>;
    /// After a killed run: what became of its change. Refuses when somebody else has touched the release.
    async fn recover(&self) -> Result<Recovered, Failure>;
    /// Whether an earlier run proved the planned content on the revision that runs now.
    async fn proven(&self) -> Result<bool, Failure>;
    /// Lets the gates judge a revision; refuses when it is not the one that runs.
    async fn gate(&self, judged: JudgedRevision) -> Result<GateOutcome, Failure>;
    /// Captures what the failure left behind; answers the files.
    async fn capture(&self) -> Vec<String>;
    /// Rewrites a revision that this run left pending to `failed`.
    async fn close_pending(&self) -> Result<(), Failure>;
    /// Rewrites a revision of this run to `failed`.
    async fn mark_failed(&self, revision: u32, why: &str) -> Result<(), Failure>;
    /// The revision that a rollback would return to; `None` when this run has written nothing, or there is no good one.
    async fn rollback_target(&self) -> Result<Option<u32>, Failure>;
    /// Returns to a revision; answers the new one. `written`: the revision that this run's change wrote.
    async fn rollback(&self, to_revision: u32, written: Option<u32>) -> Result<u32, Failure>;
    /// Writes to the journal. An intent that cannot be written is an error.
    async fn record(&self, record: &Record) -> Result<(), Failure>;
    /// After something has failed: whether the lock is still ours. The failure is of the kind `Locked` when it is not.
    async fn still_ours(&self) -> Result<(), Failure>;
    /// Gives the lock back.
    async fn unlock(&self);
}
