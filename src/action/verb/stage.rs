//! A revision on its way: its record is stored, and every step is stored with it.

use std::time::Duration;

use jiff::ZonedDateTime;
use tokio::time::{Instant, sleep};

use super::{ActionContext, ActionOptions, Refusal, Wait};
use crate::action::apply::{Applied, Prepared};
use crate::action::hooks::{self, HookPlace};
use crate::action::wait::{self, Until};
use crate::action::{ActionError, removal};
use crate::cluster::discovery::Kinds;
use crate::cluster::error::Cause;
use crate::cluster::{authorship, release_secrets};
use crate::helm::manifest::{Key, Object};
use crate::helm::release::{Hook, Release, Status, stamp};

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

/// How long a restart of an API server may take.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

/// The time of now, as records have it.
pub(super) fn now() -> String {
    stamp(&ZonedDateTime::now())
}

/// Stores a changed record of a revision that is stored already.
///
/// A revision whose end is not stored stops every later verb, so this waits for an API server that is away,
/// as long as the lock stands.
pub(super) async fn put(verb: ActionContext<'_>, record: &Release) -> Result<(), ActionError> {
    let start = Instant::now();
    loop {
        verb.permit.check()?;
        match release_secrets::put(verb.cluster, verb.release, record).await {
            Err(error) if matches!(error.cause(), Cause::Unreachable(_)) && start.elapsed() < PATIENCE => {
                sleep(PAUSE).await
            }
            stored => return Ok(stored?),
        }
    }
}

/// The same record with another status.
pub(super) fn with_status(
    record: &Release,
    status: Status,
    description: &str,
) -> Result<Release, ActionError> {
    record.with_status(status, description).map_err(|source| unwritable(record, source))
}

/// A record that cannot be written down.
pub(super) fn unwritable(record: &Release, source: crate::helm::release::CodecError) -> ActionError {
    ActionError::Record { release: record.name().to_owned(), source }
}

impl Stage<'_> {
    /// Makes room in the history and stores the pending record. That it exists already means that somebody
    /// else works on the release.
    pub(super) async fn begin(&mut self, history: &[Release]) -> Result<(), ActionError> {
        let ActionContext { cluster, release, run, permit, .. } = self.verb;
        self.record = authorship::signed(self.record.clone(), run);
        permit.check()?;
        release_secrets::prune(cluster, release, history, self.conduct.history_max).await?;
        permit.check()?;
        if release_secrets::create(cluster, release, &self.record).await? {
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
        };
        let record = &mut self.record;
        let on_change = async |changed: &[Hook]| {
            *record = record.with_hooks(changed).map_err(|source| unwritable(record, source))?;
            put(verb, record).await
        };
        let ran = hooks::run(place, &mut own, event, on_change).await;
        let logs = match &ran {
            Ok(logs) => logs,
            Err(error) => &error.logs,
        };
        for log in logs.iter().map(|log| log.trim_end()).filter(|log| !log.is_empty()) {
            (verb.talk)(log);
        }
        ran?;
        Ok(())
    }

    /// Writes the objects that were checked before.
    pub(super) async fn apply(&mut self, prepared: &Prepared) -> Result<(), ActionError> {
        for key in prepared.kept_crds() {
            (self.verb.talk)(&format!("{key} stays as it is: the chart's would be a step back"));
        }
        match prepared.execute(&|| self.verb.permit.check()).await {
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
    pub(super) async fn wait(&self) -> Result<(), ActionError> {
        let jobs = self.conduct.wait_for_jobs;
        let until = match self.conduct.wait {
            Wait::Hooks => return Ok(()),
            Wait::Ready => Until::Ready { jobs },
            Wait::Legacy => Until::Legacy { jobs },
        };
        let limit = if self.conduct.timeout.is_zero() { SHORTEST_WAIT } else { self.conduct.timeout };
        let ActionContext { cluster, release, talk, .. } = self.verb;
        Ok(wait::ready(cluster, &self.kinds, &self.objects, &release.namespace, until, limit, talk).await?)
    }

    /// Stores the record with its last status.
    pub(super) async fn end(&mut self, status: Status, description: &str) -> Result<(), ActionError> {
        self.record = with_status(&self.record, status, description)?;
        put(self.verb, &self.record).await
    }

    /// All revisions that are stored as deployed are superseded by this one.
    pub(super) async fn supersede(&self, history: &[Release]) -> Result<(), ActionError> {
        for record in history.iter().filter(|record| record.status() == Status::Deployed) {
            put(self.verb, &with_status(record, Status::Superseded, record.description())?).await?;
        }
        Ok(())
    }

    /// Deletes what this revision created.
    pub(super) async fn clean_up(&self) -> Result<(), ActionError> {
        let ActionContext { cluster, release, permit, .. } = self.verb;
        permit.check()?;
        let created = |object: &&Object| self.created.contains(&self.kinds.key(object, &release.namespace));
        let created: Vec<Object> = self.objects.iter().filter(created).cloned().collect();
        removal::uninstall_objects(cluster, &self.kinds, release, &created, removal::Cascade::Background)
            .await?;
        Ok(())
    }
}
