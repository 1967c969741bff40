//! What a run carries to every cluster: who it is, what it does, where it keeps things, and who watches. The same for
//! all clusters of the run; never changed on the way.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{ReleaseId, Settings};
use crate::evidence::run_directory::RunDirectory;
use crate::plan::Plan;
use crate::rollout::Observer;
use crate::rollout::interrupt::Interrupt;

use super::archive::PlannedArchive;
use super::identity::Identity;

/// One run.
pub struct RunContext {
    /// Its id: of the run that began, also for whoever takes it up. Every revision and canary names it.
    pub run: String,
    /// Who runs it now.
    pub identity: Identity,
    /// What it does; never changed.
    pub plan: Plan,
    /// The Helm release.
    pub release: ReleaseId,
    /// The chart that is deployed.
    pub archive: PlannedArchive,
    /// How long to wait for somebody else's lock.
    pub lock_wait: Duration,
    /// Where the evidence is kept.
    pub directory: RunDirectory,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Whether it shall stop.
    pub interrupt: Interrupt,
}

/// What differs between a run that begins and one that is taken up.
pub struct RunStart {
    /// Its id.
    pub run: String,
    /// How long to wait for somebody else's lock.
    pub lock_wait: Duration,
}

impl RunStart {
    /// A run that begins.
    pub fn new(identity: &Identity, lock_wait: Duration) -> Self {
        Self { run: identity.run.clone(), lock_wait }
    }
}

impl RunContext {
    /// Puts a run together.
    pub fn new(
        start: RunStart,
        plan: Plan,
        settings: &Settings,
        archive: PlannedArchive,
        observer: Arc<dyn Observer>,
        interrupt: Interrupt,
    ) -> Self {
        let RunStart { run, lock_wait } = start;
        let directory = RunDirectory::create(&settings.base_dir, &run);
        let (identity, release) = (Identity::of_this_process(), settings.chart.release.clone());
        Self { run, identity, plan, release, archive, lock_wait, directory, observer, interrupt }
    }
}
