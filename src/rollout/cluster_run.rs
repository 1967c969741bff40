//! One cluster from where it stands to a final state: ask for the next step, write the intent, do it, write the
//! result. Everything that it knows is the fold of what it wrote.

use std::time::Instant;

use jiff::Timestamp;

use crate::evidence::event::{Event, Record};
use crate::failure::{Failure, Kind};
use crate::gate::Verdict;
use crate::plan::{Action, ClusterPlan, Terms};

use super::Observer;
use super::interrupt::Interrupt;
use super::outcome::ClusterOutcome;
use super::policy::{self, Decision};
use super::port::{ChangeFailed, ClusterPort, JudgedRevision, Recovered};
use super::state::ClusterState;
use super::step::{self, Step};

/// One cluster on its way.
pub struct ClusterRun<'a> {
    port: &'a dyn ClusterPort,
    plan: &'a ClusterPlan,
    terms: &'a Terms,
    observer: &'a dyn Observer,
    interrupt: &'a Interrupt,
    resumed: bool,
    outcome: ClusterOutcome,
}

impl<'a> ClusterRun<'a> {
    /// A cluster as `outcome` says that it was left: untouched, or as the journal of an earlier process tells. In
    /// the second case the lock is ours already.
    pub fn new(
        port: &'a dyn ClusterPort,
        plan: &'a ClusterPlan,
        terms: &'a Terms,
        observer: &'a dyn Observer,
        interrupt: &'a Interrupt,
        outcome: ClusterOutcome,
    ) -> Self {
        let resumed = outcome.state != ClusterState::Pending;
        Self { port, plan, terms, observer, interrupt, resumed, outcome }
    }

    /// Runs to a final state, an error, or a signal.
    pub async fn run(mut self) -> ClusterOutcome {
        let started = Instant::now();
        while let Some(step) = step::next(self.outcome.state, self.plan.action, self.resumed) {
            if let Some(signal) = self.interrupt.received() {
                self.interrupted(signal).await;
                break;
            }
            self.resumed = false;
            if let Err(failure) = self.perform(step).await {
                let failure = self.explained(failure).await;
                self.outcome.stop(&failure);
                break;
            }
            if self.outcome.interrupted.is_some() {
                break;
            }
        }
        self.port.unlock().await;
        self.outcome.seconds = started.elapsed().as_secs_f64();
        self.outcome
    }

    /// Whoever was stopped for a while finds its requests timed out; what matters then is who has the lock.
    async fn explained(&self, failure: Failure) -> Failure {
        if self.outcome.state == ClusterState::Pending || failure.kind() == Kind::Locked {
            return failure;
        }
        match self.port.still_ours().await {
            Err(lost) if lost.kind() == Kind::Locked => lost,
            Ok(()) | Err(_) => failure,
        }
    }

    async fn perform(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Lock => {
                let port = self.port;
                match self.unless_interrupted(port.lock()).await? {
                    Some(()) => self.record(Event::Locked).await,
                    None => Ok(()),
                }
            }
            Step::Baseline => self.baseline().await,
            Step::Confirm => self.confirm().await,
            Step::Change => self.change().await,
            Step::Recover => self.recover().await,
            Step::Gate => self.gate().await,
            Step::React => self.react().await,
            Step::Rollback => self.go_on_rolling_back().await,
        }
    }

    /// `None` when a signal came first; that is recorded.
    async fn unless_interrupted<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Option<T>, Failure> {
        match self.interrupt.or(work).await {
            Ok(done) => done.map(Some),
            Err(signal) => {
                self.interrupted(signal).await;
                Ok(None)
            }
        }
    }

    async fn baseline(&mut self) -> Result<(), Failure> {
        let port = self.port;
        match self.unless_interrupted(port.baseline()).await? {
            Some(unhealthy) => self.record(Event::BaselineTaken { unhealthy }).await,
            None => Ok(()),
        }
    }

    async fn confirm(&mut self) -> Result<(), Failure> {
        let revision = self.plan.base_revision;
        let proven = self.port.proven().await?;
        let event = if proven { Event::ProvenEarlier { revision } } else { Event::OnTarget { revision } };
        self.record(event).await
    }

    async fn change(&mut self) -> Result<(), Failure> {
        let (action, base_revision) = (self.plan.action, self.plan.base_revision);
        self.port.prepare().await?;
        self.record(Event::ChangeStarted { action, base_revision }).await?;
        match self.port.change().await {
            Ok(revision) => self.record(Event::Changed { revision }).await,
            Err(ChangeFailed { failure, blame }) => match self.unless_leaving(failure).await? {
                Some(failure) => {
                    let cause = failure.chain().join(": ");
                    self.record(Event::ChangeFailed { cause, blame }).await
                }
                None => Ok(()),
            },
        }
    }

    /// Whoever has lost the lock, or is told to stop, leaves the rest to the next run.
    async fn unless_leaving(&mut self, failure: Failure) -> Result<Option<Failure>, Failure> {
        match failure.kind() {
            Kind::Locked => Err(failure),
            Kind::Interrupted(signal) => {
                self.interrupted(signal).await;
                Ok(None)
            }
            Kind::Refused | Kind::Halted | Kind::RolledBack | Kind::Stuck => Ok(Some(failure)),
        }
    }

    async fn recover(&mut self) -> Result<(), Failure> {
        match self.port.recover().await? {
            Recovered::Written(revision) => self.record(Event::Changed { revision }).await,
            Recovered::Again => self.change().await,
        }
    }

    async fn gate(&mut self) -> Result<(), Failure> {
        let revision = self.outcome.revision.unwrap_or(self.plan.base_revision);
        let judged = match (self.outcome.state, self.plan.action) {
            (ClusterState::Regating, _) => JudgedRevision::RolledBack(revision),
            (_, Action::Nothing) => JudgedRevision::Confirmed(revision),
            (_, Action::Install | Action::Upgrade | Action::Rollback) => JudgedRevision::Changed(revision),
        };
        let port = self.port;
        let Some(outcome) = self.unless_interrupted(port.gate(judged)).await? else { return Ok(()) };
        self.record(Event::Gated { outcome }).await?;
        match self.outcome.state {
            ClusterState::Stuck => self.capture().await,
            _ => Ok(()),
        }
    }

    async fn capture(&mut self) -> Result<(), Failure> {
        let files = self.port.capture().await;
        self.record(Event::EvidenceCaptured { files }).await
    }

    /// Evidence before anything is undone; then the decision; then the act.
    async fn react(&mut self) -> Result<(), Failure> {
        self.capture().await?;
        self.port.close_pending().await?;
        let target = self.port.rollback_target().await?;
        self.mark_failed().await?;
        let obstacles = &self.plan.rollback_obstacles;
        let failed = self.outcome.failed();
        match policy::decide(self.terms.on_failure, self.plan.action, failed, obstacles, target) {
            Decision::Halt(reason) => self.record(Event::HaltDecided { reason }).await,
            Decision::Rollback(to_revision) => self.rollback(to_revision).await,
        }
    }

    /// A revision whose gates failed must not look like one to return to. An inconclusive verdict proves nothing
    /// against it.
    async fn mark_failed(&mut self) -> Result<(), Failure> {
        let failed = self.outcome.gates.as_ref().is_some_and(|gates| gates.verdict == Verdict::Failed);
        match self.outcome.revision {
            Some(revision) if failed && self.plan.action != Action::Nothing => {
                let why = self.outcome.first_cause.clone().unwrap_or_default();
                self.port.mark_failed(revision, &why).await
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn go_on_rolling_back(&mut self) -> Result<(), Failure> {
        match self.outcome.returning_to {
            Some(to_revision) => self.rollback(to_revision).await,
            None => Err(Failure::new(Kind::Stuck, "the journal does not say which revision to return to")),
        }
    }

    async fn rollback(&mut self, to_revision: u32) -> Result<(), Failure> {
        self.record(Event::RollbackStarted { to_revision }).await?;
        match self.port.rollback(to_revision, self.outcome.revision).await {
            Ok(revision) => self.record(Event::RolledBack { revision }).await,
            Err(failure) => match self.unless_leaving(failure).await? {
                Some(failure) => {
                    let cause = failure.chain().join(": ");
                    self.record(Event::RollbackFailed { cause }).await
                }
                None => Ok(()),
            },
        }
    }

    async fn record(&mut self, event: Event) -> Result<(), Failure> {
        let mut after = self.outcome.clone();
        after.apply(&event).map_err(|error| Failure::new(Kind::Halted, error))?;
        let record = Record { at: Timestamp::now(), cluster: self.plan.cluster.clone(), event };
        self.port.record(&record).await?;
        self.outcome = after;
        self.observer.event(&self.plan.cluster, self.outcome.state, &record.event);
        Ok(())
    }

    /// Without the lock there is no journal to write to.
    async fn interrupted(&mut self, signal: i32) {
        if self.outcome.state == ClusterState::Pending {
            self.outcome.interrupt(signal);
        } else if let Err(failure) = self.record(Event::Interrupted { signal }).await {
            self.outcome.interrupt(signal);
            let told = failure.chain().join(": ");
            self.observer
                .note(&self.plan.cluster, &format!("the interruption could not be recorded: {told}"));
        }
    }
}
