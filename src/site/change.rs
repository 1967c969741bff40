//! The change of a release on one cluster, made, found again after a kill, and taken back. Touches only what this
//! run wrote.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use crate::action::verb::{self, ActionContext, ActionOptions, RollbackRequest};
use crate::action::{ActionError, Target, TargetError};
use crate::cluster::authorship::author;
use crate::cluster::release_secrets;
use crate::failure::{Failure, Kind};
use crate::gate::Cause;
use crate::gate::baseline::Baseline;
use crate::helm::release::{Release, Revision, Status};
use crate::plan::{PlannedChange, PlannedChart, PlannedValues};
use crate::rollout::port::{ChangeFailed, Recovered};

use super::kubernetes_site::KubernetesSite;
use super::{blame, values};

/// Helm's own limit for `--description` of a rollback, in characters.
const DESCRIPTION_LENGTH: usize = 256;
/// What is being written when a signal comes may still be finished; a hook is not waited for longer.
const GRACE: Duration = Duration::from_secs(5);

impl KubernetesSite {
    /// The chart and the values as they were planned, before the intent is written: what is refused here can be
    /// brought in order, and the run taken up.
    pub(super) async fn prepare_change(&self) -> Result<(), Failure> {
        let (_, history) = self.own_newest().await?;
        let history = self.close_abandoned(history).await?;
        self.memory.lock().await.history = Some(history);
        if let PlannedChange::Deploy { chart, values } = &self.plan.change {
            self.run.archive.get(chart).await?;
            values::read(&self.connected, values)?;
        }
        Ok(())
    }

    pub(super) async fn make_change(&self) -> Result<Revision, ChangeFailed> {
        self.good_lock().await?;
        match &self.plan.change {
            PlannedChange::Deploy { chart, values } => self.deploy(chart, values).await,
            PlannedChange::Return { to_revision } => self.write_rollback(*to_revision).await,
        }
    }

    async fn deploy(
        &self,
        chart: &PlannedChart,
        planned: &[PlannedValues],
    ) -> Result<Revision, ChangeFailed> {
        let archive = self.run.archive.get(chart).await?;
        let files = values::read(&self.connected, planned)?;
        let description = format!("release run {}", self.run.run);
        let target =
            Target { archive: &archive, values: &files, description: &description, options: self.options() };
        let unfit = |error: TargetError| ChangeFailed { failure: error.into(), blame: Cause::Release };
        let deployment = target.deployment().map_err(unfit)?;
        let (looked, history) = (self.connected.looked.clone(), self.memory.lock().await.history.take());
        self.write(async move |verb| {
            let known = looked.as_deref().zip(history).and_then(|(looked, history)| looked.on(history));
            match known {
                Some((observed, draft)) => verb::deploy(verb, &deployment, observed, Some(draft)).await,
                None => verb::deploy(verb, &deployment, verb::observe(verb).await?, None).await,
            }
        })
        .await
    }

    fn options(&self) -> ActionOptions {
        let terms = &self.run.plan.terms;
        ActionOptions {
            force_conflicts: terms.allowed.conflicts,
            history_max: terms.history_max,
            timeout: terms.hook_timeout,
            ..ActionOptions::default()
        }
    }

    /// A revision that the run before was killed over stops Helm. The lock is ours, so nobody works on it any more;
    /// one that nobody of us wrote is left alone. Answers the history as it is then.
    async fn close_abandoned(&self, history: Vec<Release>) -> Result<Vec<Release>, Failure> {
        let previous = self.memory.lock().await.previous.as_ref().map(|journal| journal.run.clone());
        let abandoned = history.last().filter(|newest| newest.status().is_pending());
        match abandoned {
            Some(newest) if previous.is_some() && author(newest) == previous.as_deref() => {
                let why = "a run of `release` was killed in the middle of this";
                self.rewrite_to_failed(newest.revision(), why).await?;
                super::history::read(&self.cluster, &self.run.release).await
            }
            Some(_) | None => Ok(history),
        }
    }

    /// Helm shows the description in one line of its history.
    pub(super) async fn rewrite_to_failed(&self, revision: Revision, why: &str) -> Result<(), Failure> {
        let description: String = why.chars().take(DESCRIPTION_LENGTH).collect();
        Ok(release_secrets::mark_failed(&self.cluster, &self.run.release, revision, &description).await?)
    }

    /// A revision that was left half written is taken away, so that it is written once, whole.
    pub(super) async fn recover_change(&self) -> Result<Recovered, Failure> {
        self.good_lock().await?;
        match self.own_newest().await?.0 {
            Some(seen) if seen.status == Status::Deployed => Ok(Recovered::Written(seen.revision)),
            Some(seen) if seen.status.is_pending() => {
                release_secrets::delete(&self.cluster, &self.run.release, seen.revision).await?;
                Ok(Recovered::Again)
            }
            Some(_) | None => Ok(Recovered::Again),
        }
    }

    /// Returns to a revision. A run that is taken up may find that it has done so, or half of it.
    pub(super) async fn return_to(
        &self,
        to: Revision,
        written: Option<Revision>,
    ) -> Result<Revision, Failure> {
        self.good_lock().await?;
        let (own, _) = self.own_newest().await?;
        let after = written.unwrap_or(self.plan.base_revision);
        match own.filter(|seen| seen.revision > after) {
            Some(seen) if seen.status == Status::Deployed => return Ok(seen.revision),
            Some(seen) if seen.status.is_pending() => {
                release_secrets::delete(&self.cluster, &self.run.release, seen.revision).await?;
            }
            Some(_) | None => {}
        }
        self.take_rollback_baseline().await;
        self.write_rollback(to).await.map_err(|failed| failed.failure)
    }

    /// What the bad version has broken by now is no fault of the one that is returned to.
    async fn take_rollback_baseline(&self) {
        if self.memory.lock().await.rollback_baseline.is_some() {
            return;
        }
        let profile = self.run.plan.terms.profile;
        let observed = async {
            let mut baseline = Baseline::observe(&self.cluster, &self.run.release, profile).await?;
            self.observe_rules(&mut baseline).await?;
            Ok::<_, Failure>(baseline)
        };
        match observed.await {
            Ok(baseline) => {
                let mut memory = self.memory.lock().await;
                if let Some(keeper) = memory.keeper.as_mut() {
                    keeper.journal_mut().rollback_baseline = baseline.packed();
                }
                memory.rollback_baseline = Some(baseline);
            }
            Err(error) => {
                self.note(&format!(
                    "what is broken before the rollback could not be recorded: {}",
                    error.chain().join(": ")
                ));
            }
        }
    }

    async fn write_rollback(&self, to: Revision) -> Result<Revision, ChangeFailed> {
        let description = format!("Rollback to {to} (release run {})", self.run.run);
        let back = RollbackRequest { to: Some(to), description: Some(description), conduct: self.options() };
        self.write(async move |verb| verb::rollback(verb, &back, verb::observe(verb).await?).await).await
    }

    /// Carries out a verb under the lock; answers the revision that it wrote. It is never dropped half-way: half an
    /// upgrade is worse than a late end. A signal has it store its failure and stop, after a short grace.
    async fn write(
        &self,
        work: impl AsyncFnOnce(ActionContext<'_>) -> Result<Release, ActionError> + Send + 'static,
    ) -> Result<Revision, ChangeFailed> {
        let held = self.held().await?;
        let (cluster, run) = (self.cluster.clone(), self.run.clone());
        let interrupted = Arc::new(Notify::new());
        let stop = interrupted.clone();
        let runtime = Handle::current();
        let mut written = spawn_blocking(move || {
            let talk = |text: &str| run.observer.note(&cluster.name, text);
            let verb = ActionContext {
                cluster: &cluster,
                release: &run.release,
                run: &run.run,
                permit: &held,
                interrupted: &interrupted,
                talk: &talk,
            };
            runtime.block_on(work(verb))
        });
        let done = tokio::select! {
            done = &mut written => done,
            _ = self.run.interrupt.wait() => {
                let grace = tokio::time::sleep(GRACE);
                tokio::select! {
                    done = &mut written => done,
                    () = grace => {
                        stop.notify_one();
                        written.await
                    }
                }
            }
        };
        let done = done.map_err(|error| Failure::new(Kind::Halted, error))?;
        if let Err(ActionError::Hook(failed)) = &done {
            let texts = failed.logs.iter().map(|log| format!("{}:\n{}", log.hook, log.text));
            self.memory.lock().await.hook_logs = texts.collect();
        }
        done.map(|record| record.revision()).map_err(|error| self.change_failed(error))
    }

    fn change_failed(&self, error: ActionError) -> ChangeFailed {
        let blame = blame::of(&error);
        let failure = match (&error, self.run.interrupt.received()) {
            (ActionError::Interrupted, Some(signal)) => Failure::new(Kind::Interrupted(signal), error),
            (ActionError::LockLost(lost), _) => super::lock::failure(lost.clone()),
            _ => Failure::new(Kind::Halted, error),
        };
        ChangeFailed { failure, blame }
    }
}
