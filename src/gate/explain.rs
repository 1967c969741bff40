//! What else is known about an object that failed: its last event, and for a pod the telling line of its log.
//! Never a reason to fail: whatever cannot be read is left out.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Api;
use kube::api::{ListParams, LogParams};
use tokio::time::timeout;

use super::opinion::Target;
use crate::certmanager::logs;
use crate::cluster::Cluster;

const PATIENCE: Duration = Duration::from_secs(10);
const LINES: i64 = 200;
/// A log line can be a whole stack trace as JSON.
const LONGEST: usize = 400;

/// `; last event: …; last log line: …`, as far as they can be read; what was `said` already is not repeated.
pub(crate) async fn explain(cluster: &Cluster, target: &Target, said: &str) -> String {
    let event = timeout(PATIENCE, last_event(cluster, target, said));
    let line = timeout(PATIENCE, log_line(cluster, target));
    let (event, line) = futures::join!(event, line);
    let (event, line) = (event.unwrap_or_default(), line.unwrap_or_default());
    let event = event.map(|event| format!("; last event: {event}")).unwrap_or_default();
    let line = line.map(|line| format!("; last log line: {line}")).unwrap_or_default();
    format!("{event}{line}")
}

async fn last_event(cluster: &Cluster, target: &Target, said: &str) -> Option<String> {
    let uid = target.uid.as_deref().filter(|uid| !uid.is_empty())?;
    let params = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
    // Events about cluster-scoped objects are in the namespace `default`.
    let events =
        Api::<Event>::namespaced(cluster.client.clone(), target.namespace.as_deref().unwrap_or("default"));
    let last = events.list(&params).await.ok()?.items.into_iter().max_by_key(time)?;
    let count =
        last.count.filter(|count| *count > 1).map(|count| format!(" ({count} times)")).unwrap_or_default();
    let (reason, message) = (last.reason.unwrap_or_default(), last.message.unwrap_or_default());
    // Controllers put a word before what the object's status says, too.
    let repeats = message.split(": ").last().is_some_and(|end| said.contains(end));
    Some(if repeats {
        format!("{reason}{count}")
    } else {
        format!("{reason}{count}: {}", short(message.trim()))
    })
}

fn time(event: &Event) -> Option<k8s_openapi::jiff::Timestamp> {
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    last.or(event.event_time.as_ref().map(|time| time.0)).or(event
        .metadata
        .creation_timestamp
        .as_ref()
        .map(|time| time.0))
}

/// Of the container that ended, if one did; else of the one that runs.
async fn log_line(cluster: &Cluster, target: &Target) -> Option<String> {
    if target.kind != "Pod" {
        return None;
    }
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), target.namespace.as_deref()?);
    for previous in [true, false] {
        let params = LogParams {
            container: target.container.clone(),
            previous,
            tail_lines: Some(LINES),
            ..LogParams::default()
        };
        let log = pods.logs(&target.name, &params).await.unwrap_or_default();
        if let Some(line) = logs::telling(&log) {
            return Some(short(line));
        }
    }
    None
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
