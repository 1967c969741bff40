//! One pod, from the moment it is bound to the node until its object is gone.
//!
//! An actor of its own: it runs the containers, tells the API server what is seen of them, and ends them when
//! the pod is deleted.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{Container, Pod};
use tokio::sync::watch;

use super::container::Runner;
use super::event::Level;
use super::host::Host;
use super::identity::Identity;
use super::place::PodPlace;
use super::publish::Publisher;
use super::status::Seen;
use super::stop::{self, Stop};
use super::volume;

/// How often something is looked for again that a pod needs to start; it may come later.
const AGAIN: Duration = Duration::from_secs(2);
/// What containers get when nobody waits for them: the pod is gone already, or the agent ends.
const SHORT_GRACE: Duration = Duration::from_secs(2);

/// What the rest of the world wants of a pod.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// The newest object.
    pub(super) pod: Arc<Pod>,
    /// The object is gone from the API server.
    pub(super) gone: bool,
    /// The agent ends: processes go, objects stay.
    pub(super) agent_ends: bool,
}

/// Why a pod ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Deleted(Duration),
    Gone,
    AgentEnds,
}

impl Wish {
    fn ending(&self) -> Option<Ending> {
        if self.gone {
            return Some(Ending::Gone);
        }
        if self.agent_ends {
            return Some(Ending::AgentEnds);
        }
        let meta = &self.pod.metadata;
        let grace =
            meta.deletion_grace_period_seconds.and_then(|grace| u64::try_from(grace).ok()).unwrap_or(30);
        meta.deletion_timestamp.as_ref().map(|_| Ending::Deleted(Duration::from_secs(grace)))
    }
}

/// Lives as long as the pod does.
pub(super) async fn run(host: Arc<Host>, mut wish: watch::Receiver<Wish>) {
    let pod = Pod::clone(&wish.borrow().pod);
    let place = Arc::new(PodPlace::take(&host, pod));
    let (board, seen) = watch::channel(Seen::first(&place.pod));
    let board = Arc::new(board);
    host.pods.insert(&place.namespace, &place.name, seen.clone());
    let mut publisher = Publisher::new(&host, &place);
    let (stopper, stop) = stop::channel();
    let containers =
        Containers { host: Arc::clone(&host), place: Arc::clone(&place), board: Arc::clone(&board), stop };
    let containers = tokio::spawn(async move {
        if !containers.place.has_finished() {
            containers.run().await;
        }
    });

    let ending = live(&mut wish, seen.clone(), &mut publisher).await;
    stopper.send_replace(Some(match ending {
        Ending::Deleted(grace) => grace,
        Ending::Gone | Ending::AgentEnds => SHORT_GRACE,
    }));
    if let Err(error) = containers.await {
        tracing::error!(%error, pod = place.name_and_uid(), "the containers of a pod");
    }
    if matches!(ending, Ending::Deleted(_)) {
        board.send_modify(|seen| seen.ended = true);
        let last = seen.borrow().clone();
        publisher.publish(&last).await;
        publisher.delete().await;
    }
    host.pods.remove(&place.namespace, &place.name, &seen);
    place.give_back(&host);
}

/// Tells what is seen until the pod has to end.
async fn live(
    wish: &mut watch::Receiver<Wish>,
    mut seen: watch::Receiver<Seen>,
    publisher: &mut Publisher,
) -> Ending {
    seen.mark_changed();
    loop {
        tokio::select! {
            ending = ending(wish) => return ending,
            changed = seen.changed() => {
                if changed.is_err() {
                    return Ending::AgentEnds; // cannot happen: the board lives in `run`
                }
                let now = seen.borrow_and_update().clone();
                publisher.publish(&now).await;
            }
        }
    }
}

/// Waits until the pod has to end; nobody to wish anything means that the agent ends.
async fn ending(wish: &mut watch::Receiver<Wish>) -> Ending {
    let wished = wish.wait_for(|wish| wish.ending().is_some()).await;
    wished.ok().and_then(|wish| wish.ending()).unwrap_or(Ending::AgentEnds)
}

/// The containers of a pod, in their order.
struct Containers {
    host: Arc<Host>,
    place: Arc<PodPlace>,
    board: Arc<watch::Sender<Seen>>,
    stop: Stop,
}

impl Containers {
    async fn run(mut self) {
        if self.place.kubeconfig.is_none() {
            return self.run_all().await;
        }
        let identity = Identity::of(&self.place.directory);
        let Some(renewal) = self.identify(&identity).await else { return };
        let (host, place) = (Arc::clone(&self.host), Arc::clone(&self.place));
        tokio::select! {
            () = self.run_all() => {}
            () = identity.keep(&host, &place.pod, renewal) => {}
        }
    }

    async fn identify(&mut self, identity: &Identity) -> Option<Duration> {
        loop {
            let error = match identity.issue(&self.host, &self.place.pod).await {
                Ok(renewal) => return Some(renewal),
                Err(error) => format!("{error:#}"),
            };
            let message = format!("MountVolume.SetUp failed for the token of the pod: {error}");
            self.host.events.tell(&self.place.pod, None, Level::Warning, "FailedMount", message);
            self.stop.sleep(AGAIN).await?;
        }
    }

    async fn set_up_volumes(&mut self) -> Option<()> {
        while let Err(error) = volume::set_up(&self.host, &self.place).await {
            self.host.events.tell(&self.place.pod, None, Level::Warning, "FailedMount", error.to_string());
            self.stop.sleep(AGAIN).await?;
        }
        Some(())
    }

    async fn run_all(mut self) {
        if let Err(error) = std::fs::create_dir_all(&self.place.directory) {
            return tracing::error!(%error, pod = self.place.name_and_uid(), "make room for a pod");
        }
        if self.set_up_volumes().await.is_none() {
            return;
        }
        for init in self.place.init_containers() {
            let policy = if self.place.restart_policy() == "Never" { "Never" } else { "OnFailure" };
            self.runner(init, policy.into()).run().await;
            if !self.has_succeeded(&init.name) {
                return;
            }
        }
        let main = self.place.pod.spec.iter().flat_map(|spec| &spec.containers);
        join_all(main.map(|container| self.runner(container, self.place.restart_policy()).run())).await;
    }

    fn has_succeeded(&self, container: &str) -> bool {
        let status = self.board.borrow().find(container).cloned();
        status.and_then(|status| status.state?.terminated).is_some_and(|end| end.exit_code == 0)
    }

    fn runner(&self, container: &Container, restart_policy: String) -> Runner {
        Runner {
            host: Arc::clone(&self.host),
            place: Arc::clone(&self.place),
            spec: container.clone(),
            restart_policy,
            board: Arc::clone(&self.board),
            stop: self.stop.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn wished(meta: &Value, gone: bool, agent_ends: bool) -> Option<Ending> {
        let pod: Pod = serde_json::from_value(json!({"metadata": meta})).expect("a pod");
        Wish { pod: Arc::new(pod), gone, agent_ends }.ending()
    }

    #[test]
    fn a_pod_ends_when_it_is_deleted_gone_or_the_agent_ends() {
        let deleted = json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 5});
        assert_eq!(wished(&json!({}), false, false), None);
        assert_eq!(wished(&deleted, false, false), Some(Ending::Deleted(Duration::from_secs(5))));
        assert_eq!(wished(&deleted, true, false), Some(Ending::Gone));
        assert_eq!(wished(&json!({}), false, true), Some(Ending::AgentEnds));
    }
}
