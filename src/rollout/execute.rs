//! One cluster from where it stands to a final state: ask for the next step, write the intent, do it, write
//! the result.

use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::config::OnFailure;
use crate::evidence::event::{Event, Record};
use crate::failure::{Failure, Kind};
use crate::gate::{GateOutcome, Verdict};
use crate::plan::{Action, ClusterPlan};

use super::Observer;
use super::interrupt::Interrupt;
use super::outcome::ClusterOutcome;
use super::policy::{self, Decision, Failed};
use super::state::ClusterState;
use super::step::{self, Step};

/// What the gates are asked to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// The revision that this run wrote.
    Changed(u32),
    /// The revision that was there already.
    Confirmed(u32),
    /// The revision that a rollback wrote.
    RolledBack(u32),
}

/// One cluster as a run needs it; the live one talks to Kubernetes, the one of the tests follows a script.
#[async_trait]
pub trait ClusterPort: Send + Sync {
    /// Takes the lock; refuses when the base revision is not the planned one.
    async fn lock(&self) -> Result<(), Failure>;
    /// Records what exists; answers what is unhealthy already.
    async fn baseline(&self) -> Result<Vec<String>, Failure>;
    /// Makes the planned change; answers the new revision.
    async fn change(&self) -> Result<u32, Failure>;
    /// After a killed run: the revision that the change wrote, or `None` when it has to be made again.
    async fn recover(&self) -> Result<Option<u32>, Failure>;
    /// Whether an earlier run proved the planned content on the revision that runs now.
    async fn proven(&self) -> Result<bool, Failure>;
    /// Lets the gates judge.
    async fn gate(&self, judged: Judged) -> Result<GateOutcome, Failure>;
    /// Captures what the failure left behind; answers the files.
    async fn capture(&self) -> Vec<String>;
    /// Rewrites a revision to `failed`.
    async fn mark_failed(&self, revision: u32, why: &str) -> Result<(), Failure>;
    /// The revision that a rollback would return to.
    async fn rollback_target(&self) -> Result<Option<u32>, Failure>;
    /// Returns to a revision; answers the new one.
    async fn rollback(&self, to_revision: u32) -> Result<u32, Failure>;
    /// Writes to the journal. An intent that cannot be written is an error.
    async fn record(&self, record: &Record) -> Result<(), Failure>;
    /// Gives the lock back.
    async fn unlock(&self);
}

/// One cluster on its way.
pub struct ClusterRun<'a> {
    site: &'a dyn ClusterPort,
    plan: &'a ClusterPlan,
    on_failure: OnFailure,
    observer: &'a dyn Observer,
    interrupt: &'a Interrupt,
    state: ClusterState,
    resumed: bool,
    outcome: ClusterOutcome,
}

impl<'a> ClusterRun<'a> {
    /// A cluster that a run has not touched yet.
    pub fn new(
        site: &'a dyn ClusterPort,
        plan: &'a ClusterPlan,
        on_failure: OnFailure,
        observer: &'a dyn Observer,
        interrupt: &'a Interrupt,
    ) -> Self {
        let outcome = ClusterOutcome::untouched(plan);
        Self {
            site,
            plan,
            on_failure,
            observer,
            interrupt,
            state: ClusterState::Pending,
            resumed: false,
            outcome,
        }
    }

    /// A cluster that an earlier run left in this state, with the newest revision that it wrote. The lock is
    /// ours already.
    #[must_use]
    pub fn resume(mut self, state: ClusterState, revision: Option<u32>) -> Self {
        self.state = state;
        self.outcome.revision = revision;
        self.resumed = true;
        self
    }

    /// Runs to a final state, an error, or a signal.
    pub async fn run(mut self) -> ClusterOutcome {
        let started = Instant::now();
        while let Some(step) = step::next(self.state, self.plan.action, self.resumed) {
            if let Some(signal) = self.interrupt.received() {
                self.interrupted(signal).await;
                break;
            }
            self.resumed = false;
            if let Err(failure) = self.perform(step).await {
                self.stop(&failure);
                break;
            }
            if self.outcome.interrupted.is_some() {
                break;
            }
        }
        self.site.unlock().await;
        self.outcome.state = self.state;
        self.outcome.seconds = started.elapsed().as_secs_f64();
        self.outcome
    }

    async fn perform(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Lock => {
                self.site.lock().await?;
                self.record(Event::Locked).await
            }
            Step::Baseline => {
                let unhealthy = self.site.baseline().await?;
                self.record(Event::BaselineTaken { unhealthy }).await
            }
            Step::Confirm => self.confirm().await,
            Step::Change => self.change().await,
            Step::Recover => self.recover().await,
            Step::Gate => self.gate().await,
            Step::React => self.react().await,
            Step::Rollback => {
                let to_revision = self.site.rollback_target().await?.unwrap_or(self.plan.base_revision);
                self.rollback(to_revision).await
            }
        }
    }

    async fn confirm(&mut self) -> Result<(), Failure> {
        let revision = self.plan.base_revision;
        self.outcome.revision = Some(revision);
        let event = if self.site.proven().await? {
            Event::ProvenEarlier { revision }
        } else {
            Event::OnTarget { revision }
        };
        self.record(event).await
    }

    async fn change(&mut self) -> Result<(), Failure> {
        self.record(Event::ChangeStarted {
            action: self.plan.action,
            base_revision: self.plan.base_revision,
        })
        .await?;
        match self.site.change().await {
            Ok(revision) => {
                self.outcome.revision = Some(revision);
                self.record(Event::Changed { revision }).await
            }
            Err(failure) => {
                let cause = failure.chain().join(": ");
                self.outcome.first_cause = Some(cause.clone());
                self.record(Event::ChangeFailed { cause }).await
            }
        }
    }

    async fn recover(&mut self) -> Result<(), Failure> {
        match self.site.recover().await? {
            Some(revision) => {
                self.outcome.revision = Some(revision);
                self.record(Event::Changed { revision }).await
            }
            None => self.change().await,
        }
    }

    async fn gate(&mut self) -> Result<(), Failure> {
        let revision = self.outcome.revision.unwrap_or(self.plan.base_revision);
        let judged = match (self.state, self.plan.action) {
            (ClusterState::Regating, _) => Judged::RolledBack(revision),
            (_, Action::Nothing) => Judged::Confirmed(revision),
            (_, Action::Install | Action::Upgrade | Action::Rollback) => Judged::Changed(revision),
        };
        let outcome = tokio::select! {
            outcome = self.site.gate(judged) => outcome?,
            signal = self.interrupt.wait() => {
                self.interrupted(signal).await;
                return Ok(());
            }
        };
        if self.state == ClusterState::Regating {
            self.outcome.regates = Some(outcome.clone());
        } else {
            self.outcome.first_cause = first_cause(&outcome);
            self.outcome.gates = Some(outcome.clone());
        }
        self.record(Event::Gated { outcome }).await
    }

    /// Evidence before anything is undone; then the decision; then the act.
    async fn react(&mut self) -> Result<(), Failure> {
        let files = self.site.capture().await;
        self.outcome.evidence.clone_from(&files);
        self.record(Event::EvidenceCaptured { files }).await?;
        let target = self.site.rollback_target().await?;
        self.mark_failed().await?;
        let failed = self.outcome.gates.as_ref().map_or(Failed::Change, Failed::Gates);
        match policy::decide(self.on_failure, self.plan.action, failed, &self.plan.rollback_obstacles, target)
        {
            Decision::Halt(reason) => {
                self.outcome.reaction = Some(format!("the cluster is left as it is: {reason}"));
                self.record(Event::HaltDecided { reason }).await
            }
            Decision::Rollback(to_revision) => self.rollback(to_revision).await,
        }
    }

    async fn rollback(&mut self, to_revision: u32) -> Result<(), Failure> {
        self.record(Event::RollbackStarted { to_revision }).await?;
        match self.site.rollback(to_revision).await {
            Ok(revision) => {
                self.outcome.revision = Some(revision);
                self.outcome.reaction =
                    Some(format!("rolled back to revision {to_revision} as revision {revision}"));
                self.record(Event::RolledBack { revision }).await
            }
            Err(failure) => {
                let cause = failure.chain().join(": ");
                self.outcome.reaction =
                    Some(format!("the rollback to revision {to_revision} failed: {cause}"));
                self.record(Event::RollbackFailed { cause }).await
            }
        }
    }

    /// A revision whose gates failed must not look like one to return to. An inconclusive verdict proves
    /// nothing against it.
    async fn mark_failed(&mut self) -> Result<(), Failure> {
        let failed = self.outcome.gates.as_ref().is_some_and(|gates| gates.verdict == Verdict::Failed);
        match (self.outcome.revision, failed && self.plan.action != Action::Nothing) {
            (Some(revision), true) => {
                let why = self.outcome.first_cause.clone().unwrap_or_default();
                self.site.mark_failed(revision, &why).await
            }
            (Some(_) | None, _) => Ok(()),
        }
    }

    async fn record(&mut self, event: Event) -> Result<(), Failure> {
        let next = self.state.next(&event).map_err(|error| Failure::new(Kind::Halted, error))?;
        let record = Record { at: Timestamp::now(), cluster: self.plan.cluster.clone(), event };
        self.site.record(&record).await?;
        self.state = next;
        self.observer.event(&self.plan.cluster, next, &record.event);
        Ok(())
    }

    async fn interrupted(&mut self, signal: i32) {
        self.outcome.interrupted = Some(signal);
        self.outcome.first_cause.get_or_insert_with(|| format!("interrupted by signal {signal}"));
        if let Err(failure) = self.record(Event::Interrupted { signal }).await {
            self.observer.note(
                &self.plan.cluster,
                &format!("the interruption could not be recorded: {}", failure.chain().join(": ")),
            );
        }
    }

    fn stop(&mut self, failure: &Failure) {
        self.outcome.locked = failure.kind() == Kind::Locked;
        let told = failure.chain().join(": ");
        if self.outcome.first_cause.is_some() {
            self.outcome.reaction = Some(format!("then the run stopped: {told}"));
        } else {
            self.outcome.first_cause = Some(told);
            self.outcome.reaction = failure.hints().first().cloned();
        }
    }
}

/// The first cause in one line, when the gates did not pass.
fn first_cause(outcome: &GateOutcome) -> Option<String> {
    outcome.first_cause.as_ref().filter(|_| outcome.verdict != Verdict::Passed).map(ToString::to_string)
}
