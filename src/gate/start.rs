//! What a gate sets going when its turn has come: watches and probes that fill what is seen, and the
//! canaries. It judges nothing.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::context::Context;
use super::lock::StillOurs;
use super::seen::{Change, Seen};
use super::watch::Watches;
use crate::cluster::Cluster;

/// What is at hand for it. Everything that is started ends with the run.
pub(super) struct Start<'s> {
    pub(super) cluster: &'s Cluster,
    pub(super) context: Context<'s>,
    pub(super) lock: &'s Arc<dyn StillOurs>,
    pub(super) changes: &'s mpsc::Sender<Change>,
    pub(super) tasks: &'s mut JoinSet<()>,
    pub(super) seen: &'s mut Seen,
}

impl Start<'_> {
    /// Starts watches.
    pub(super) fn watches(&mut self) -> Watches<'_> {
        Watches { cluster: self.cluster, changes: self.changes, tasks: self.tasks, seen: self.seen }
    }

    /// Starts something else that sends changes.
    pub(super) fn task(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }
}
