//! Waits until objects are deleted.

use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, DynamicObject};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::cluster::Cluster;
use crate::cluster::discovery::Kinds;
use crate::cluster::error::Cause;
use crate::cluster::objects;
use crate::helm::manifest::{Key, Object};

/// Objects that are still there, in Helm 4's words.
#[derive(Debug, Error)]
#[error("{}", self.text())]
pub struct NotGone {
    /// The objects, with what the last look at them said.
    pub objects: Vec<(Key, String)>,
}

impl NotGone {
    fn text(&self) -> String {
        let line = |(key, message): &(Key, String)| {
            let namespace = key.namespace.as_deref().unwrap_or_default();
            format!(
                "resource {}/{namespace}/{} still exists. status: Terminating, message: {message}",
                key.kind, key.name
            )
        };
        let mut lines: Vec<String> = self.objects.iter().map(line).collect();
        lines.push("context deadline exceeded".to_owned());
        lines.join("\n")
    }
}

/// Waits until no object is there any more, or another one has taken its place. `namespace` is the release's
/// own.
pub async fn gone(
    cluster: &Cluster,
    kinds: &Kinds,
    objects: &[Object],
    namespace: &str,
    limit: Duration,
) -> Result<(), NotGone> {
    let deadline = Instant::now() + limit;
    let served = objects
        .iter()
        .filter_map(|object| Some((kinds.key(object, namespace), kinds.api(cluster, object, namespace)?)));
    let waits = served.map(|(key, api)| async move {
        let left = one(&api, &key.name, deadline).await;
        left.map(|message| (key, message))
    });
    let left: Vec<Option<(Key, String)>> = futures::future::join_all(waits).await;
    let objects: Vec<(Key, String)> = left.into_iter().flatten().collect();
    if objects.is_empty() { Ok(()) } else { Err(NotGone { objects }) }
}

/// `None` when it is gone; else why it is not.
async fn one(api: &Api<DynamicObject>, name: &str, deadline: Instant) -> Option<String> {
    let first = match objects::metadata(api, name).await {
        Ok(None) => return None,
        Ok(Some(live)) => live,
        Err(error) => return Some(Cause::of(&error).to_string()),
    };
    let mut stream = std::pin::pin!(watch_object(api.clone(), name).default_backoff());
    let mut message = "Resource scheduled for deletion".to_owned();
    while let Ok(Some(event)) = timeout_at(deadline, stream.next()).await {
        match event {
            Ok(None) => return None,
            Ok(Some(live)) if live.metadata.uid != first.uid => return None,
            Ok(Some(live)) => message = said(&live),
            Err(_) => {}
        }
    }
    Some(message)
}

fn said(live: &DynamicObject) -> String {
    let finalizers = live.metadata.finalizers.as_deref().unwrap_or_default();
    match (live.metadata.deletion_timestamp.is_some(), finalizers) {
        (false, _) => "it is not being deleted".to_owned(),
        (true, []) => "Resource scheduled for deletion".to_owned(),
        (true, finalizers) => {
            format!("Resource scheduled for deletion; its finalizers are left: {}", finalizers.join(", "))
        }
    }
}
