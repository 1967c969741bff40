//! Watches the pods of the node and gives each an actor of its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt, future::join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::host::Host;
use super::pod::{self, Wish};

/// The pods that the node looks after, by uid: two pods may share a name, one after the other.
pub(super) struct Actors {
    host: Arc<Host>,
    by_uid: HashMap<String, Actor>,
    /// What was listed since the watch began anew.
    listed: HashSet<String>,
}

struct Actor {
    wish: watch::Sender<Wish>,
    task: JoinHandle<()>,
}

impl Actors {
    /// None yet.
    pub(super) fn new(host: Arc<Host>) -> Self {
        Self { host, by_uid: HashMap::new(), listed: HashSet::new() }
    }

    /// Follows the pods of the node for ever.
    pub(super) async fn follow(&mut self) {
        let pods: Api<Pod> = Api::all(self.host.client.clone());
        let ours = Config::default().fields(&format!("spec.nodeName={}", self.host.node));
        let mut events = watcher(pods, ours).default_backoff().boxed();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.take(event),
                Err(error) => tracing::warn!(%error, "watch the pods of the node"),
            }
        }
    }

    /// Ends all processes and leaves the objects.
    pub(super) async fn end(self) {
        let tasks = self.by_uid.into_values().map(|actor| {
            actor.wish.send_modify(|wish| wish.agent_ends = true);
            actor.task
        });
        for ended in join_all(tasks).await {
            if let Err(error) = ended {
                tracing::error!(%error, "the actor of a pod");
            }
        }
    }

    fn take(&mut self, event: Event<Pod>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(pod) => {
                self.listed.extend(pod.uid());
                self.apply(pod);
            }
            Event::InitDone => self.forget_unlisted(),
            Event::Apply(pod) => self.apply(pod),
            Event::Delete(pod) => self.forget(&pod.uid().unwrap_or_default()),
        }
    }

    fn apply(&mut self, pod: Pod) {
        let uid = pod.uid().unwrap_or_default();
        let pod = Arc::new(pod);
        if let Some(actor) = self.by_uid.get(&uid) {
            actor.wish.send_modify(|wish| wish.pod = pod);
            return;
        }
        let (wish, wishes) = watch::channel(Wish { pod, gone: false, agent_ends: false });
        let task = tokio::spawn(pod::run(Arc::clone(&self.host), wishes));
        self.by_uid.insert(uid, Actor { wish, task });
    }

    /// The actor ends by itself, after its processes.
    fn forget(&mut self, uid: &str) {
        if let Some(actor) = self.by_uid.remove(uid) {
            actor.wish.send_modify(|wish| wish.gone = true);
        }
    }

    fn forget_unlisted(&mut self) {
        let gone: Vec<String> =
            self.by_uid.keys().filter(|uid| !self.listed.contains(*uid)).cloned().collect();
        for uid in gone {
            self.forget(&uid);
        }
    }
}
