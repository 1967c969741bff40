//! A revision on its way: its record is stored, and every step is stored with it.

use std::time::Duration;

use jiff::ZonedDateTime;

use super::{ActionContext, ActionOptions, Refusal, Wait};
use crate::action::apply::{Applied, Prepared};
use crate::action::hooks::{self, HookLog, HookPlace};
use crate::action::records::{unwritable, with_status};
use crate::action::wait::{self, Until, WaitTerms};
use crate::action::{ActionError, removal};
use crate::cluster::authorship;
use crate::cluster::discovery::Kinds;
use crate::failure::in_one_line;
use crate::helm::manifest::{Key, Object};
use crate::helm::release::{Hook, Release, Revision, Status, stamp};

/// Helm 4 takes a wait without a limit for this long.
const SHORTEST_WAIT: Duration = Duration::from_secs(30);

/// A revision that is being written.
pub(super) struct Stage<'a> {
    pub(super) verb: ActionContext<'a>,
    pub(super) conduct: ActionOptions,
    /// The kinds that the cluster serves, and those that the release brings.
    pub(super) kinds: Kinds,
    /// The record as it is stored now.
    pub(super) record: Release,
    /// The objects of its manifest.
    pub(super) objects: Vec<Object>,
    /// What it created so far.
    pub(super) created: Vec<Key>,
}

/// The time of now, as records have it.
pub(super) fn now() -> String {
    stamp(&ZonedDateTime::now())
}

impl<'a> Stage<'a> {
    /// A revision of these objects; nothing is written yet.
    pub(super) fn new(
        verb: ActionContext<'a>,
        conduct: ActionOptions,
        kinds: &Kinds,
        record: Release,
        objects: Vec<Object>,
    ) -> Self {
        Self { verb, conduct, kinds: kinds.with_crds(&objects), record, objects, created: Vec::new() }
    }

    /// Makes room in the history, where `target` stays, and stores the pending record in the name of the run.
    /// That it exists already means that somebody else works on the release.
    pub(super) async fn begin(
        &mut self,
        history: &[Release],
        target: Option<Revision>,
    ) -> Result<(), ActionError> {
        self.record = authorship::signed(self.record.clone(), self.verb.run);
        let records = self.verb.records();
        records.prune(history, self.conduct.history_max, target).await?;
        if records.create(&self.record).await? {
            Ok(())
        } else {
            Err(Refusal::Raced(self.record.revision()).into())
        }
    }

    /// Does something to the end, unless the verb is to stop.
    pub(super) async fn until_interrupted<T>(
        interrupted: &tokio::sync::Notify,
        work: impl Future<Output = Result<T, ActionError>>,
    ) -> Result<T, ActionError> {
        tokio::select! {
            done = work => done,
            () = interrupted.notified() => Err(ActionError::Interrupted),
        }
    }

    /// From the hooks before an event (`install`, `upgrade`, `rollback`) to those after it, unless the verb
    /// is to stop. Where it stopped decides what is stored.
    pub(super) async fn carry_out(
        &mut self,
        event: &str,
        prepared: Option<&Prepared>,
    ) -> Result<(), ActionError> {
        let interrupted = self.verb.interrupted;
        Self::until_interrupted(interrupted, async {
            self.hooks(&format!("pre-{event}")).await?;
            if let Some(prepared) = prepared {
                self.apply(prepared).await?;
            }
            self.wait().await?;
            self.hooks(&format!("post-{event}")).await
        })
        .await
    }

    /// Runs the hooks of an event; the record is stored before and after each.
    pub(super) async fn hooks(&mut self, event: &str) -> Result<(), ActionError> {
        let mut own = self.record.hooks().to_vec();
        if !self.conduct.hooks || !own.iter().any(|hook| hook.events.iter().any(|own| own == event)) {
            return Ok(());
        }
        let verb = self.verb;
        let place = HookPlace {
            cluster: verb.cluster,
            kinds: &self.kinds,
            namespace: &verb.release.namespace,
            timeout: self.conduct.timeout,
            fail_fast: self.conduct.fail_fast,
            permit: verb.permit,
        };
        let record = &mut self.record;
        let on_change = async |changed: &[Hook]| {
            *record = record.with_hooks(changed).map_err(|source| unwritable(record, source))?;
            verb.records().put(record).await
        };
        let ran = hooks::run(place, &mut own, event, on_change).await;
        let logs = match &ran {
            Ok(logs) => logs,
            Err(error) => &error.logs,
        };
        for HookLog { text, .. } in logs.iter().filter(|log| log.asked_for && !log.text.trim().is_empty()) {
            (verb.talk)(text.trim_end());
        }
        ran?;
        Ok(())
    }

    /// Writes the objects that were checked before.
    async fn apply(&mut self, prepared: &Prepared) -> Result<(), ActionError> {
        for key in prepared.kept_crds() {
            (self.verb.talk)(&format!("{key} stays as it is: the chart's would be a step back"));
        }
        match prepared.execute(self.verb.permit).await {
            Ok(Applied { created, .. }) => {
                self.created = created;
                Ok(())
            }
            Err(failed) => {
                self.created.clone_from(&failed.applied.created);
                Err(failed.into())
            }
        }
    }

    /// Waits as the conduct says.
    async fn wait(&self) -> Result<(), ActionError> {
        let jobs = self.conduct.wait_for_jobs;
        let until = match self.conduct.wait {
            Wait::Hooks => return Ok(()),
            Wait::Ready => Until::Ready { jobs },
            Wait::Legacy => Until::Legacy { jobs },
        };
        let limit = if self.conduct.timeout.is_zero() { SHORTEST_WAIT } else { self.conduct.timeout };
        let ActionContext { cluster, release, talk, .. } = self.verb;
        let terms = WaitTerms { until, limit, fail_fast: self.conduct.fail_fast };
        Ok(wait::ready(cluster, &self.kinds, &self.objects, &release.namespace, terms, talk).await?)
    }

    /// Everything is applied: the revisions before are superseded, then this one is deployed.
    ///
    /// That an earlier one stays deployed is no failure: the newest deployed revision counts, for both Helms,
    /// and the next one supersedes all of them.
    pub(super) async fn finish(&mut self, history: &[Release], description: &str) -> Result<(), ActionError> {
        let pending = self.record.status();
        let superseded = self.verb.records().supersede(history).await;
        let ended = with_status(&self.record, Status::Deployed, description)?;
        if let Err(source) = self.verb.records().put(&ended).await {
            let (release, revision) = (ended.name().to_owned(), ended.revision());
            return Err(ActionError::NotRecorded { release, revision, status: pending, source });
        }
        self.record = ended;
        if let Err(error) = superseded {
            let told = in_one_line(&error);
            (self.verb.talk)(&format!(
                "an earlier revision is still stored as deployed, until the next one is: {told}"
            ));
        }
        Ok(())
    }

    /// Stores the record with its last status.
    pub(super) async fn end(&mut self, status: Status, description: &str) -> Result<(), ActionError> {
        self.record = with_status(&self.record, status, description)?;
        Ok(self.verb.records().put(&self.record).await?)
    }

    /// Deletes what this revision created.
    pub(super) async fn clean_up(&self) -> Result<(), ActionError> {
        let ActionContext { cluster, release, permit, .. } = self.verb;
        let created = |object: &&Object| self.created.contains(&self.kinds.key(object, &release.namespace));
        let created: Vec<Object> = self.objects.iter().filter(created).cloned().collect();
        let cascade = removal::Cascade::Background;
        removal::uninstall_objects(cluster, &self.kinds, release, &created, cascade, permit).await?;
        Ok(())
    }
}
