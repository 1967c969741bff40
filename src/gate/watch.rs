//! Starts watches. Judges nothing.

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::follow::{Follow, Watch, Watchable};
use super::seen::{Change, Seen};
use crate::cluster::Cluster;

/// Where watches are started; they end with the set of tasks.
pub(super) struct Watches<'w> {
    pub(super) cluster: &'w Cluster,
    pub(super) changes: &'w mpsc::Sender<Change>,
    pub(super) tasks: &'w mut JoinSet<()>,
    pub(super) seen: &'w mut Seen,
}

impl Watches<'_> {
    pub(super) fn start<K: Watchable>(&mut self, watch: Watch<K>) {
        let part = (watch.store)(self.seen).open();
        let follow =
            Follow { client: self.cluster.client.clone(), watch, part, changes: self.changes.clone() };
        self.tasks.spawn(follow.forever());
    }
}
