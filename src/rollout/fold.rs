//! What is known of a cluster, as the fold of its events: a run and whoever takes it up know the same, since both
//! know it from here alone. Pure.

use jiff::Timestamp;

use crate::evidence::event::{Event, Record};
use crate::evidence::journal::Journal;
use crate::failure::{Failure, Kind};
use crate::gate::{GateOutcome, Verdict};
use crate::plan::{ClusterPlan, PlannedChange};

use super::outcome::ClusterOutcome;
use super::policy::Failed;
use super::state::{ClusterState, IllegalTransition};

/// What the records of a run say about a cluster.
pub fn replay<'r>(
    plan: &ClusterPlan,
    records: impl IntoIterator<Item = &'r Record>,
) -> Result<ClusterOutcome, IllegalTransition> {
    let mut outcome = ClusterOutcome::untouched(plan);
    records.into_iter().try_for_each(|record| outcome.apply(&record.event))?;
    Ok(outcome)
}

/// When this content was proven on the journal's cluster; `None` when the run did not end so, or was about another
/// chart.
pub fn promoted(journal: &Journal, change: &PlannedChange) -> Option<Timestamp> {
    let plan = journal.cluster_plan().filter(|plan| plan.change.same_chart(change))?;
    let proven = replay(plan, &journal.records).is_ok_and(|outcome| outcome.state == ClusterState::Promoted);
    journal.records.last().filter(|_| proven).map(|record| record.at)
}

impl ClusterOutcome {
    /// Takes in one event; refuses one that cannot happen in this state.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalTransition> {
        let before = self.state;
        self.state = before.next(event)?;
        match event {
            Event::Locked | Event::BaselineTaken { .. } | Event::ChangeStarted { .. } => {}
            Event::Changed { revision }
            | Event::ProvenEarlier { revision }
            | Event::OnTarget { revision } => self.revision = Some(*revision),
            Event::Gated { outcome } if before == ClusterState::Regating => {
                self.regates = Some(outcome.clone());
            }
            Event::Gated { outcome } => {
                self.first_cause = first_cause(outcome);
                self.gates = Some(outcome.clone());
            }
            Event::ChangeFailed { cause, blame } => {
                self.first_cause = Some(cause.clone());
                self.blame = Some(*blame);
            }
            Event::EvidenceCaptured { files } => self.keep(files),
            Event::HaltDecided { reason } => {
                self.reaction = Some(format!("the cluster is left as it is: {reason}"));
            }
            Event::RollbackStarted { to_revision } => self.returning_to = Some(*to_revision),
            Event::RolledBack { revision } => self.rolled_back(*revision),
            Event::RollbackFailed { cause } => {
                let to = self.returning_to.unwrap_or_default();
                self.reaction = Some(format!("the rollback to revision {to} failed: {cause}"));
            }
            Event::Interrupted { signal } => self.interrupt(*signal),
        }
        Ok(())
    }

    fn keep(&mut self, files: &[String]) {
        for file in files {
            if !self.evidence.contains(file) {
                self.evidence.push(file.clone());
            }
        }
    }

    fn rolled_back(&mut self, revision: u32) {
        let to = self.returning_to.unwrap_or_default();
        self.revision = Some(revision);
        self.reaction = Some(format!("rolled back to revision {to} as revision {revision}"));
    }

    /// A signal ended the run here.
    pub(super) fn interrupt(&mut self, signal: i32) {
        self.interrupted = Some(signal);
    }

    /// The run could not go on.
    pub(super) fn stop(&mut self, failure: &Failure) {
        self.locked = failure.kind() == Kind::Locked;
        let told = failure.chain().join(": ");
        if self.first_cause.is_some() {
            self.reaction = Some(format!("then the run stopped: {told}"));
        } else {
            self.first_cause = Some(told);
            self.reaction = failure.hints().first().cloned();
        }
    }

    /// The same for a run that takes it up: what stopped the one before is over.
    #[must_use]
    pub fn taken_up(self) -> Self {
        Self { interrupted: None, locked: false, ..self }
    }

    /// What failed, for the decision on it.
    pub(super) fn failed(&self) -> Failed<'_> {
        self.gates.as_ref().map_or(Failed::Change(self.blame.unwrap_or_default()), Failed::Gates)
    }
}

/// The first cause in one line, when the gates did not pass.
fn first_cause(outcome: &GateOutcome) -> Option<String> {
    outcome.first_cause.as_ref().filter(|_| outcome.verdict != Verdict::Passed).map(ToString::to_string)
}
