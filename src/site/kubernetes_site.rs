//! A cluster as a run really meets it: Kubernetes, Helm's verbs, the gates and the journal behind the
//! [`ClusterPort`] that the loop drives. Decides nothing about the order of steps.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::cluster::Cluster;
use crate::cluster::lease::{Held, Lock};
use crate::evidence::event::Record;
use crate::evidence::journal::Journal;
use crate::evidence::run_directory::BASELINE;
use crate::failure::Failure;
use crate::gate::GateOutcome;
use crate::gate::baseline::Baseline;
use crate::helm::manifest::Object;
use crate::helm::release::Release;
use crate::plan::standing::{SeenRevision, Standing, standing};
use crate::plan::{self, Action, ClusterPlan, Plan};
use crate::rollout::port::{ChangeFailed, ClusterPort, JudgedRevision, Recovered};

use super::connect::Connected;
use super::history;
use super::journal_keeper::JournalKeeper;
use super::lock;
use super::run_context::RunContext;
use super::stored_baseline;

/// One cluster of a run.
pub struct KubernetesSite {
    pub(super) cluster: Cluster,
    pub(super) connected: Connected,
    pub(super) plan: ClusterPlan,
    pub(super) run: Arc<RunContext>,
    pub(super) memory: Mutex<Memory>,
}

/// What a run remembers of a cluster on its way.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) lock: Option<Lock>,
    pub(super) keeper: Option<JournalKeeper>,
    /// The journal of the run before.
    pub(super) previous: Option<Journal>,
    pub(super) baseline: Option<Baseline>,
    /// The history as it was read under the lock, right before the change.
    pub(super) history: Option<Vec<Release>>,
    /// Taken right before a rollback.
    pub(super) rollback_baseline: Option<Baseline>,
    /// The last gates found a controller that can clean up after a canary.
    pub(super) controller_works: bool,
    /// The gates have begun and not come to an end.
    pub(super) judging: bool,
    /// Logs of a hook that failed.
    pub(super) hook_logs: Vec<String>,
    /// What rules on objects of any kind found when the gates failed.
    pub(super) ruled: Vec<Object>,
}

impl KubernetesSite {
    /// A cluster that the run has not touched yet.
    pub fn new(connected: &Connected, plan: &ClusterPlan, run: Arc<RunContext>) -> Self {
        let cluster = connected.cluster.clone();
        let memory = Mutex::new(Memory::default());
        Self { cluster, connected: connected.clone(), plan: plan.clone(), run, memory }
    }

    /// A cluster that an earlier process left, with what it wrote down. `records`: as many as were looked at.
    pub async fn take_up(self, lock: Lock, records: usize) -> Result<Self, Failure> {
        let (release, run) = (&self.run.release, &self.run);
        let process = run.identity.process();
        let taken = JournalKeeper::take_up(&self.cluster, release, &run.run, records, &process).await;
        let keeper = match taken {
            Ok(keeper) => keeper,
            Err(failure) => {
                // Not ours to work on; the lock goes back at once.
                let given_back = lock.release().await;
                return Err(given_back.map_or_else(Failure::from, |()| failure));
            }
        };
        let read = |value: &Option<serde_json::Value>| {
            value.as_ref().and_then(|value| serde_json::from_value(value.clone()).ok())
        };
        // On another machine the directory is empty; on this one it is written again.
        for record in &keeper.journal().records {
            self.run.directory.append(record).iter().for_each(|told| self.note(told));
        }
        let kept = || self.run.directory.kept(&self.plan.cluster, BASELINE);
        let baseline = stored_baseline::taken_up(keeper.journal().baseline.as_ref(), kept);
        let memory = Memory {
            lock: Some(lock),
            baseline,
            rollback_baseline: read(&keeper.journal().rollback_baseline),
            keeper: Some(keeper),
            ..Memory::default()
        };
        Ok(Self { memory: Mutex::new(memory), ..self })
    }

    pub(super) fn note(&self, text: &str) {
        self.run.observer.note(&self.plan.cluster, text);
    }

    pub(super) async fn held(&self) -> Result<Held, Failure> {
        let memory = self.memory.lock().await;
        let held = memory.lock.as_ref().map(Lock::held);
        held.ok_or_else(|| Failure::refused("the lock of the release is not held"))
    }

    /// Whether something may be written now; waits for a lock that recovers.
    pub(super) async fn good_lock(&self) -> Result<(), Failure> {
        lock::good(&self.held().await?).await
    }

    /// The newest revision, which this run wrote; `None` = it has written nothing. What somebody else did is refused.
    pub(super) async fn own_newest(&self) -> Result<(Option<SeenRevision>, Vec<Release>), Failure> {
        let history = history::read(&self.cluster, &self.run.release).await?;
        let installs = self.plan.action == Action::Install;
        match standing(&history::seen(&history), self.plan.base_revision, installs, &self.run.run) {
            Standing::AsPlanned => Ok((None, history)),
            Standing::Written(seen) => Ok((Some(seen), history)),
            Standing::Foreign(foreign) => {
                Err(history::refusal(&self.plan, self.plan.base_revision, &foreign))
            }
        }
    }

    /// The journal of a run that begins.
    fn new_journal(&self) -> Journal {
        let RunContext { run, identity, plan, .. } = self.run.as_ref();
        Journal {
            format: plan::FORMAT,
            run: run.clone(),
            holder: identity.holder(),
            process: identity.process(),
            run_url: identity.run_url.clone(),
            started: jiff::Timestamp::now(),
            cluster: self.plan.cluster.clone(),
            plan_digest: plan.digest(),
            plan: Plan::without_changes(plan),
            baseline: None,
            rollback_baseline: None,
            records: Vec::new(),
        }
    }
}

#[async_trait]
impl ClusterPort for KubernetesSite {
    async fn lock(&self) -> Result<(), Failure> {
        let run = &self.run;
        let lock = lock::take(&self.cluster, &run.release, &run.identity, run.lock_wait).await?;
        self.memory.lock().await.lock = Some(lock);
        let begun = JournalKeeper::begin(&self.cluster, &run.release, self.new_journal()).await?;
        let (keeper, previous) = begun;
        let mut memory = self.memory.lock().await;
        (memory.keeper, memory.previous) = (Some(keeper), previous);
        Ok(())
    }

    async fn baseline(&self) -> Result<Vec<String>, Failure> {
        self.take_baseline().await
    }

    async fn prepare(&self) -> Result<(), Failure> {
        self.prepare_change().await
    }

    async fn change(&self) -> Result<u32, ChangeFailed> {
        self.make_change().await
    }

    async fn recover(&self) -> Result<Recovered, Failure> {
        self.recover_change().await
    }

    async fn proven(&self) -> Result<bool, Failure> {
        self.own_newest().await?;
        Ok(self.is_proven().await)
    }

    async fn gate(&self, judged: JudgedRevision) -> Result<GateOutcome, Failure> {
        self.judge(judged).await
    }

    async fn capture(&self) -> Vec<String> {
        self.capture_evidence().await
    }

    async fn close_pending(&self) -> Result<(), Failure> {
        self.good_lock().await?;
        match self.own_newest().await?.0 {
            Some(seen) if seen.status.is_pending() => {
                self.rewrite_to_failed(seen.revision, "the run broke off in the middle of this").await
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn mark_failed(&self, revision: u32, why: &str) -> Result<(), Failure> {
        self.good_lock().await?;
        self.own_newest().await?;
        self.rewrite_to_failed(revision, &format!("Gates failed: {why}")).await
    }

    async fn rollback_target(&self) -> Result<Option<u32>, Failure> {
        let (own, history) = self.own_newest().await?;
        Ok(own.and_then(|_| history::rollback_target(&history)))
    }

    async fn rollback(&self, to_revision: u32, written: Option<u32>) -> Result<u32, Failure> {
        self.return_to(to_revision, written).await
    }

    async fn record(&self, record: &Record) -> Result<(), Failure> {
        self.good_lock().await?;
        let mut memory = self.memory.lock().await;
        let Some(keeper) = memory.keeper.as_mut() else {
            return Err(Failure::refused("the journal of the run has not begun"));
        };
        let note = keeper.append(&self.cluster, &self.run.release, record).await?;
        drop(memory);
        for told in note.into_iter().chain(self.run.directory.append(record)) {
            self.note(&told);
        }
        Ok(())
    }

    async fn still_ours(&self) -> Result<(), Failure> {
        lock::still_ours(&self.held().await?).await
    }

    async fn unlock(&self) {
        self.leave_no_canary().await;
        let lock = self.memory.lock().await.lock.take();
        if let Some(lock) = lock
            && let Err(error) = lock.release().await
        {
            self.note(&format!("the lock could not be given back, it expires by itself: {error}"));
        }
    }
}
