//! Fills what is seen, by watches that start again on their own.

use std::fmt::Debug;

use futures::{Stream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, DynamicObject, TypeMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watch_object, watcher};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use super::seen::{Seen, Sight};
use crate::cluster::Cluster;
use crate::cluster::error::Cause;
use crate::health::kind;
use crate::helm::manifest::Key;

/// One change of what is seen.
pub(super) type Change = Box<dyn FnOnce(&mut Seen) + Send>;

/// Where an object is looked at.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) api: Api<DynamicObject>,
    pub(super) types: TypeMeta,
    /// As in the name of its CRD, for example `certificates`.
    pub(super) plural: String,
}

/// The watches of one wait; they end with it.
pub(super) struct Watches<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) changes: UnboundedSender<Change>,
    pub(super) tasks: JoinSet<()>,
}

impl Watches<'_> {
    /// One object, by its name.
    pub(super) fn object(&mut self, key: Key, place: Place) {
        let changes = self.changes.clone();
        self.tasks.spawn(async move {
            let mut stream = std::pin::pin!(watch_object(place.api, &key.name).default_backoff());
            while let Some(event) = stream.next().await {
                let (key, sight) = (key.clone(), sight(event, &place.types));
                if changes.send(Box::new(move |seen| seen.take(key, sight))).is_err() {
                    return;
                }
            }
        });
    }

    /// What explains why a workload is not ready: its pods, its `ReplicaSets`, and events about pods that
    /// could not be created.
    pub(super) fn reasons(&mut self, object: &Value) {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let Some(selector) = selector(object) else { return };
        let config = || watcher::Config::default().labels(&selector);
        let pods = Api::namespaced(self.cluster.client.clone(), namespace);
        self.follow(watcher(pods, config()), Seen::take_pod);
        if kind(object).1 == "Deployment" {
            let sets = Api::namespaced(self.cluster.client.clone(), namespace);
            self.follow(watcher(sets, config()), |seen, event| seen.replica_sets.take(event));
            return;
        }
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        let failed =
            watcher::Config::default().fields(&format!("involvedObject.uid={uid},reason=FailedCreate"));
        let events = Api::namespaced(self.cluster.client.clone(), namespace);
        self.follow(watcher(events, failed), |seen, event| seen.failed_creates.take(event));
    }

    /// Whoever may not look at pods and events gets no reasons, but may wait.
    fn follow<K, S>(&mut self, stream: S, take: fn(&mut Seen, watcher::Event<K>))
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
        S: Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Send + 'static,
    {
        let changes = self.changes.clone();
        self.tasks.spawn(async move {
            let mut stream = std::pin::pin!(stream.default_backoff());
            while let Some(event) = stream.next().await {
                let Ok(event) = event else { continue };
                if changes.send(Box::new(move |seen| take(seen, event))).is_err() {
                    return;
                }
            }
        });
    }
}

fn sight(event: Result<Option<DynamicObject>, watcher::Error>, types: &TypeMeta) -> Sight {
    match event {
        Ok(object) => here(object, types),
        Err(
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error),
        ) => Sight::Hidden(Cause::of(&error).to_string()),
        Err(watcher::Error::WatchError(status)) => Sight::Hidden(status.message.clone()),
        Err(watcher::Error::NoResourceVersion) => {
            Sight::Hidden("the API server sent no resourceVersion".to_owned())
        }
    }
}

/// What a read or a watch answered. The items of a list do not say of what kind they are.
pub(super) fn here(object: Option<DynamicObject>, types: &TypeMeta) -> Sight {
    let Some(object) = object else { return Sight::Missing };
    let object = DynamicObject { types: Some(types.clone()), ..object };
    serde_json::to_value(object).map_or_else(|error| Sight::Hidden(error.to_string()), Sight::Here)
}

/// By which labels a workload finds its pods; a Pod is found by its own.
fn selector(object: &Value) -> Option<String> {
    let labels = match kind(object).1 {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => {
            &object["spec"]["selector"]["matchLabels"]
        }
        "ReplicationController" => &object["spec"]["selector"],
        _ => return None,
    };
    let pairs: Vec<String> = labels
        .as_object()?
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
        .collect();
    Some(pairs.join(","))
}
