//! A cluster as a run really meets it: Kubernetes, Helm's verbs, the gates and the journal behind the
//! [`ClusterPort`] that the loop drives.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify};
use tokio::task::spawn_blocking;

use crate::action::verb::{self, ActionContext, ActionOptions, RollbackRequest};
use crate::action::{ActionError, Target};
use crate::cluster::lease::{Held, Lock, LockError};
use crate::cluster::{Cluster, journal as stored, release_secrets};
use crate::config::{GateSettings, Profile, ReleaseId, ValuesFile};
use crate::evidence::capture::{self, Scope};
use crate::evidence::event::{Event, Record};
use crate::evidence::journal::Journal;
use crate::evidence::run_directory::RunDirectory;
use crate::failure::{Failure, Kind};
use crate::gate::baseline::Baseline;
use crate::gate::{self, GateOutcome, Subject, Verdict};
use crate::helm::chart::archive::ChartArchive;
use crate::helm::manifest::{self, Object};
use crate::helm::release::{Release, Revision, Status};
use crate::plan::{Action, ClusterPlan, PlannedChart, decide};

use super::identity::Identity;
use crate::rollout::Observer;
use crate::rollout::execute::{ClusterPort, Judged};
use crate::rollout::state::{ClusterState, replay};

/// Helm's own limit for `--description` of a rollback, in characters.
const DESCRIPTION_LENGTH: usize = 256;

/// What a run brings to a cluster.
pub struct KubernetesSite {
    /// The cluster.
    pub cluster: Cluster,
    /// The Helm release.
    pub release: ReleaseId,
    /// What is known about the chart.
    pub profile: Profile,
    /// How the gates judge.
    pub gates: GateSettings,
    /// What is done here.
    pub plan: ClusterPlan,
    /// The chart to deploy; `None` when the run returns to an older revision.
    pub archive: Option<(Arc<ChartArchive>, PlannedChart)>,
    /// The cluster's values files.
    pub values: Vec<ValuesFile>,
    /// Take fields away from other field managers.
    pub force_conflicts: bool,
    /// How many revisions are kept, the new one included; 0 = all.
    pub history_max: u32,
    /// How long one hook may take.
    pub hook_timeout: Duration,
    /// Who runs this.
    pub identity: Identity,
    /// How long to wait for the lock.
    pub lock_wait: Duration,
    /// Where the evidence is kept.
    pub directory: RunDirectory,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// What the run remembers on its way.
    pub memory: Mutex<Memory>,
}

/// What a run remembers of a cluster on its way.
#[derive(Default)]
pub struct Memory {
    lock: Option<Lock>,
    baseline: Option<Baseline>,
    records: Vec<Record>,
    started: Option<Timestamp>,
    previous: Option<Journal>,
    /// What the hooks of the last change wrote before they failed.
    hook_logs: Vec<String>,
    /// The last gates found a controller that can clean up after a canary.
    controller_works: bool,
}

impl Memory {
    /// What an earlier run wrote down, for a run that takes it up; the lock is ours already.
    pub fn taken_up(lock: Lock, journal: &Journal) -> Self {
        let baseline = journal.baseline.as_ref().and_then(|value| serde_json::from_value(value.clone()).ok());
        Self {
            lock: Some(lock),
            baseline,
            records: journal.records.clone(),
            started: Some(journal.started),
            ..Self::default()
        }
    }
}

/// The journal of the last rollout, if there is a readable one.
pub async fn read_journal(cluster: &Cluster, release: &ReleaseId) -> Result<Option<Journal>, Failure> {
    let text = stored::read(cluster, release).await?;
    text.map(|text| Journal::decode(&text)).transpose().map_err(Failure::from)
}

/// Takes the lock of a release.
pub async fn take_lock(
    cluster: &Cluster,
    release: &ReleaseId,
    identity: &Identity,
    wait: Duration,
) -> Result<Lock, Failure> {
    Lock::acquire(cluster, release, &identity.lock_holder(), wait).await.map_err(|error| match error {
        held @ LockError::Held { .. } => Failure::new(Kind::Locked, held)
            .hint("wait with --lock-timeout, or `release unlock` when that run is dead"),
        error => Failure::refused(error),
    })
}

#[async_trait]
impl ClusterPort for KubernetesSite {
    async fn lock(&self) -> Result<(), Failure> {
        let lock = take_lock(&self.cluster, &self.release, &self.identity, self.lock_wait).await?;
        let mut memory = self.memory.lock().await;
        memory.lock = Some(lock);
        memory.started = Some(Timestamp::now());
        memory.previous = read_journal(&self.cluster, &self.release).await?;
        drop(memory);
        let newest = self.history().await?.last().map_or(0, Release::revision);
        if newest == self.plan.base_revision {
            return Ok(());
        }
        let moved = format!(
            "release {} moved from revision {} to {newest} since the plan was made",
            self.release, self.plan.base_revision
        );
        Err(Failure::refused(moved).hint("run again: a new plan is made from what is there now"))
    }

    async fn baseline(&self) -> Result<Vec<String>, Failure> {
        let baseline = Baseline::observe(&self.cluster, &self.release, self.profile).await?;
        let kept = self.directory.keep_exact(&self.plan.cluster, "backup.yaml", &baseline.backup_yaml());
        self.note(kept.note);
        let unhealthy = baseline.unhealthy();
        self.memory.lock().await.baseline = Some(baseline);
        Ok(unhealthy)
    }

    async fn change(&self) -> Result<u32, Failure> {
        self.check_lock().await?;
        if self.plan.action == Action::Upgrade || self.plan.action == Action::Install {
            self.repair_pending().await?;
        }
        let description = format!("release run {}", self.identity.run);
        match (&self.archive, self.plan.to_revision) {
            (Some((archive, _)), None) => {
                let target = Target {
                    archive,
                    values: &self.values,
                    description: &description,
                    force_conflicts: self.force_conflicts,
                    history_max: self.history_max,
                    hook_timeout: self.hook_timeout,
                };
                let deployment = target.deployment()?;
                self.write(async move |verb| verb::deploy(verb, &deployment).await).await
            }
            (_, Some(revision)) => self.rollback(revision).await,
            (None, None) => Err(Failure::refused("the plan names neither a chart nor a revision")),
        }
    }

    async fn recover(&self) -> Result<Option<u32>, Failure> {
        let history = self.history().await?;
        let newest = history.last().filter(|newest| newest.revision() > self.plan.base_revision);
        Ok(newest.filter(|newest| newest.status() == Status::Deployed).map(Release::revision))
    }

    async fn proven(&self) -> Result<bool, Failure> {
        let memory = self.memory.lock().await;
        let content = |chart: Option<&PlannedChart>| chart.map(|chart| chart.content.clone());
        let wanted = content(self.archive.as_ref().map(|(_, chart)| chart));
        Ok(memory.previous.as_ref().is_some_and(|journal| {
            let promoted =
                replay(journal.records.iter().map(|record| &record.event)) == Ok(ClusterState::Promoted);
            let same = content(journal.chart.as_ref()) == wanted && journal.plan.values == self.plan.values;
            promoted && same && journal.revision() == Some(self.plan.base_revision)
        }))
    }

    async fn gate(&self, judged: Judged) -> Result<GateOutcome, Failure> {
        let (Judged::Changed(revision) | Judged::Confirmed(revision) | Judged::RolledBack(revision)) = judged;
        let (baseline, fresh) = self.baseline_for(judged).await;
        let subject = self.subject(revision, fresh).await?;
        let progress = Watched { cluster: &self.plan.cluster, observer: self.observer.as_ref() };
        let outcome =
            gate::run(&self.cluster, &subject, &baseline, &self.gates, &self.identity.run, true, &progress)
                .await?;
        self.memory.lock().await.controller_works = outcome.controller_works();
        Ok(outcome)
    }

    async fn capture(&self) -> Vec<String> {
        let with_chain = self.profile == Profile::CertManager;
        let hook_logs = self.memory.lock().await.hook_logs.clone();
        let (objects, unread) = self.evidence_objects().await;
        let (namespace, hook_logs) = (self.release.namespace.as_str(), hook_logs.as_slice());
        let scope = Scope { namespace, objects: &objects, hook_logs, with_chain };
        let (files, problems) = capture::capture(&self.cluster, scope, &self.directory).await;
        for problem in unread.into_iter().chain(problems) {
            self.observer.note(&self.plan.cluster, &format!("evidence: {problem}"));
        }
        if self.memory.lock().await.controller_works {
            self.delete_canary().await;
        }
        files
    }

    async fn mark_failed(&self, revision: u32, why: &str) -> Result<(), Failure> {
        self.check_lock().await?;
        // Helm shows the description in one line of its history.
        let description: String = format!("Gates failed: {why}").chars().take(DESCRIPTION_LENGTH).collect();
        Ok(release_secrets::mark_failed(&self.cluster, &self.release, revision, &description).await?)
    }

    async fn rollback_target(&self) -> Result<Option<u32>, Failure> {
        let begun = |record: &Record| {
            if let Event::RollbackStarted { to_revision } = record.event { Some(to_revision) } else { None }
        };
        if let Some(revision) = self.memory.lock().await.records.iter().find_map(begun) {
            return Ok(Some(revision));
        }
        let history = self.history().await?;
        let written = history.last().is_some_and(|newest| newest.revision() > self.plan.base_revision);
        Ok(rollback_target(&history).filter(|_| written))
    }

    async fn rollback(&self, to_revision: u32) -> Result<u32, Failure> {
        let description = format!("Rollback to {to_revision} (release run {})", self.identity.run);
        let back = RollbackRequest {
            to: Some(to_revision),
            description: Some(description),
            conduct: ActionOptions {
                history_max: self.history_max,
                timeout: self.hook_timeout,
                ..ActionOptions::default()
            },
        };
        self.write(async move |verb| verb::rollback(verb, &back).await).await
    }

    async fn record(&self, record: &Record) -> Result<(), Failure> {
        self.note(self.directory.append(record));
        let mut memory = self.memory.lock().await;
        memory.records.push(record.clone());
        let journal = self.journal(&memory);
        drop(memory);
        match stored::write(&self.cluster, &self.release, &journal.encode()).await {
            Ok(()) => Ok(()),
            // A result is on the disk and can be found out again; an intent must be in the cluster before the
            // act.
            Err(error)
                if matches!(
                    record.event,
                    Event::Locked | Event::ChangeStarted { .. } | Event::RollbackStarted { .. }
                ) =>
            {
                Err(error.into())
            }
            Err(error) => {
                let told = Failure::from(error).chain().join(": ");
                self.observer.note(
                    &self.plan.cluster,
                    &format!("the journal in the cluster lacks `{}`: {told}", record.event.name()),
                );
                Ok(())
            }
        }
    }

    async fn unlock(&self) {
        let lock = self.memory.lock().await.lock.take();
        if let Some(lock) = lock
            && let Err(error) = lock.release().await
        {
            self.observer.note(
                &self.plan.cluster,
                &format!("the lock could not be given back, it expires by itself: {error}"),
            );
        }
    }
}

impl KubernetesSite {
    async fn history(&self) -> Result<Vec<Release>, Failure> {
        Ok(release_secrets::history(&self.cluster, &self.release).await?)
    }

    /// Once its chain is captured, a canary that was not issued would only be tried again and again.
    async fn delete_canary(&self) {
        match gate::clean_up(&self.cluster).await {
            Ok(deleted) if deleted.is_empty() => {}
            Ok(deleted) => self.observer.note(&self.plan.cluster, &format!("deleted {}", deleted.join(", "))),
            Err(error) => {
                self.observer.note(&self.plan.cluster, &format!("{error}; the next run deletes the canary"))
            }
        }
    }

    /// Carries out a verb under the lock; answers the revision that it wrote. It is never stopped half-way,
    /// also when nobody waits for it any more: half an upgrade is worse than a late end.
    async fn write(
        &self,
        work: impl AsyncFnOnce(ActionContext<'_>) -> Result<Release, ActionError> + Send + 'static,
    ) -> Result<Revision, Failure> {
        let (held, cluster, release, observer) =
            (self.held().await?, self.cluster.clone(), self.release.clone(), self.observer.clone());
        let run = self.identity.run.clone();
        let runtime = Handle::current();
        let written = spawn_blocking(move || {
            let talk = |text: &str| observer.note(&cluster.name, text);
            let verb = ActionContext {
                cluster: &cluster,
                release: &release,
                run: &run,
                permit: &held,
                interrupted: &Notify::new(),
                talk: &talk,
            };
            runtime.block_on(work(verb))
        });
        let written = written.await?;
        if let Err(ActionError::Hook(failed)) = &written {
            self.memory.lock().await.hook_logs.clone_from(&failed.logs);
        }
        Ok(written?.revision())
    }

    /// What is told of the run beside its events.
    fn note(&self, text: Option<String>) {
        if let Some(text) = text {
            self.observer.note(&self.plan.cluster, &text);
        }
    }

    /// The objects of the newest revision, and those of its hooks that failed, or why they are not known.
    async fn evidence_objects(&self) -> (Vec<Object>, Option<String>) {
        let history = match self.history().await {
            Ok(history) => history,
            Err(error) => return (Vec::new(), Some(error.chain().join(": "))),
        };
        let Some(newest) = history.last() else { return (Vec::new(), None) };
        let failed = newest.hooks().iter().filter(|hook| hook.last_run.phase == "Failed");
        let texts = std::iter::once(newest.manifest()).chain(failed.map(|hook| hook.manifest.as_str()));
        (texts.filter_map(|text| manifest::split(text).ok()).flatten().collect(), None)
    }

    async fn held(&self) -> Result<Held, Failure> {
        let memory = self.memory.lock().await;
        memory
            .lock
            .as_ref()
            .map(Lock::held)
            .ok_or_else(|| Failure::refused("the lock of the release is not held"))
    }

    async fn check_lock(&self) -> Result<(), Failure> {
        self.held().await?.check().map_err(|lost| Failure::new(Kind::Halted, lost))
    }

    /// A revision that a killed run of ours left pending stops Helm; the lock is ours, so nobody works on it
    /// any more.
    async fn repair_pending(&self) -> Result<(), Failure> {
        for pending in self.history().await?.iter().filter(|record| record.status().is_pending()) {
            let why = "a run of `release` was killed in the middle of this";
            release_secrets::mark_failed(&self.cluster, &self.release, pending.revision(), why).await?;
        }
        Ok(())
    }

    /// A verdict on a revision is relative to what was there before it was written, also when a later run
    /// gives it.
    async fn baseline_for(&self, judged: Judged) -> (Baseline, bool) {
        let memory = self.memory.lock().await;
        let taken = memory.baseline.clone().unwrap_or_default();
        match judged {
            Judged::Changed(_) | Judged::RolledBack(_) => (taken, true),
            Judged::Confirmed(revision) => {
                let earlier = memory.previous.as_ref().filter(|journal| {
                    journal.revision() == Some(revision) && journal.plan.action != Action::Nothing
                });
                let earlier =
                    earlier.and_then(|journal| serde_json::from_value(journal.baseline.clone()?).ok());
                earlier.map_or((taken, false), |baseline| (baseline, true))
            }
        }
    }

    async fn subject(&self, revision: Revision, fresh: bool) -> Result<Subject, Failure> {
        let history = self.history().await?;
        let record = history.iter().find(|record| record.revision() == revision);
        let record = record.ok_or_else(|| {
            Failure::new(Kind::Halted, format!("release {} has lost its revision {revision}", self.release))
        })?;
        subject(record, &self.release, self.profile, fresh)
    }

    fn journal(&self, memory: &Memory) -> Journal {
        Journal {
            run: self.identity.run.clone(),
            holder: self.identity.holder(),
            run_url: self.identity.run_url.clone(),
            started: memory.started.unwrap_or_else(Timestamp::now),
            chart: self.archive.as_ref().map(|(_, chart)| chart.clone()),
            plan: self.plan.clone(),
            baseline: memory.baseline.as_ref().and_then(|baseline| serde_json::to_value(baseline).ok()),
            records: memory.records.clone(),
        }
    }
}

/// What the gates judge: a revision as it is stored, with everything that it promises.
pub fn subject(
    record: &Release,
    release: &ReleaseId,
    profile: Profile,
    fresh: bool,
) -> Result<Subject, Failure> {
    Ok(Subject {
        release: release.clone(),
        revision: record.revision(),
        objects: manifest::split(record.manifest())?,
        chart_version: record.chart_version().to_owned(),
        profile,
        fresh,
    })
}

/// The newest good revision before the newest one that deploys something else.
pub fn rollback_target(history: &[Release]) -> Option<Revision> {
    let rows: Vec<(Revision, Status, String)> =
        history.iter().map(|record| (record.revision(), record.status(), deployed(record))).collect();
    decide::rollback_target(&rows, history.last()?.revision())
}

/// What a revision deploys, to compare: without the CRDs, which a rollback leaves as they are.
fn deployed(record: &Release) -> String {
    let objects = manifest::split(record.manifest()).unwrap_or_default();
    let objects = objects.iter().filter(|object| !object.is_crd()).map(|object| object.value.to_string());
    format!("{}\n{}", record.chart_version(), objects.collect::<Vec<_>>().join("\n"))
}

/// Hands what the gates say on to whoever watches the run.
pub struct Watched<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// Who watches.
    pub observer: &'a dyn Observer,
}

impl gate::Progress for Watched<'_> {
    fn changed(&self, gate: &str, verdict: Verdict, message: &str) {
        self.observer.gate(self.cluster, gate, verdict, message);
    }
}
