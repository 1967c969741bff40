//! Events as the kubelet writes them: core/v1, with a count that grows when the same thing happens again.
//!
//! They are told in order by one task, and never hold up a pod: an event that cannot be written is only
//! logged.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc;

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Level {
    Normal,
    Warning,
}

/// Something that happened to a pod or to one of its containers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Happening {
    namespace: String,
    pod: String,
    uid: String,
    /// `spec.containers{name}`; none for the pod as a whole.
    field: Option<String>,
    level: Level,
    reason: &'static str,
    message: String,
}

type Timed = (Happening, Timestamp);

/// Takes events from everywhere in the node.
#[derive(Debug, Clone)]
pub(super) struct Events {
    queue: mpsc::UnboundedSender<Timed>,
}

impl Events {
    /// Starts the task that writes them.
    pub(super) fn start(client: Client, node: String) -> Self {
        let (queue, happenings) = mpsc::unbounded_channel();
        tokio::spawn(Writer { client, node, written: HashMap::new() }.run(happenings));
        Self { queue }
    }

    /// Tells an event about a pod, or about the field of it that a container stands in.
    pub(super) fn tell(
        &self,
        pod: &Pod,
        field: Option<String>,
        level: Level,
        reason: &'static str,
        message: String,
    ) {
        let happening = Happening {
            namespace: pod.namespace().unwrap_or_default(),
            pod: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            field,
            level,
            reason,
            message,
        };
        if let Err(lost) = self.queue.send((happening, Timestamp::now())) {
            tracing::warn!(?lost, "the writer of events is gone");
        }
    }
}

struct Writer {
    client: Client,
    node: String,
    /// Name and count of what was written.
    written: HashMap<Happening, (String, i32)>,
}

impl Writer {
    async fn run(mut self, mut happenings: mpsc::UnboundedReceiver<Timed>) {
        while let Some((happening, time)) = happenings.recv().await {
            if let Err(error) = self.write(&happening, time).await {
                tracing::warn!(%error, ?happening, "write an event");
            }
        }
    }

    async fn write(&mut self, happening: &Happening, time: Timestamp) -> Result<(), kube::Error> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &happening.namespace);
        if let Some((name, count)) = self.written.get_mut(happening) {
            *count += 1;
            let again = json!({"count": *count, "lastTimestamp": Time(time)});
            match events.patch(name, &PatchParams::default(), &Patch::Merge(again)).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => {} // it expired: written anew
                result => return result.map(drop),
            }
        }
        let event = event(happening, &self.node, time);
        let name = event.name_any();
        events.create(&PostParams::default(), &event).await?;
        self.written.insert(happening.clone(), (name, 1));
        Ok(())
    }
}

fn event(happening: &Happening, node: &str, now: Timestamp) -> Event {
    Event {
        metadata: ObjectMeta {
            // The kubelet's own naming: the object's name and the time in hexadecimal nanoseconds.
            name: Some(format!("{}.{:x}", happening.pod, now.as_nanosecond())),
            namespace: Some(happening.namespace.clone()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(Pod::api_version(&()).into()),
            kind: Some(Pod::kind(&()).into()),
            namespace: Some(happening.namespace.clone()),
            name: Some(happening.pod.clone()),
            uid: Some(happening.uid.clone()),
            field_path: happening.field.clone(),
            ..ObjectReference::default()
        },
        type_: Some(format!("{:?}", happening.level)),
        reason: Some(happening.reason.into()),
        message: Some(happening.message.clone()),
        count: Some(1),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        source: Some(EventSource { component: Some("kubelet".into()), host: Some(node.into()) }),
        reporting_component: Some("kubelet".into()),
        reporting_instance: Some(node.into()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_like_the_kubelets() {
        let happening = Happening {
            namespace: "cert-manager".into(),
            pod: "webhook-x".into(),
            uid: "u".into(),
            field: Some("spec.containers{webhook}".into()),
            level: Level::Warning,
            reason: "BackOff",
            message: "Back-off".into(),
        };
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        let event = serde_json::to_value(event(&happening, "node-1", now)).expect("it serializes");
        assert_eq!(event["metadata"]["name"], "webhook-x.18867251edfa0000");
        assert_eq!(event["type"], "Warning");
        assert_eq!(event["involvedObject"]["fieldPath"], "spec.containers{webhook}");
        assert_eq!(event["source"], json!({"component": "kubelet", "host": "node-1"}));
        assert_eq!(event["lastTimestamp"], "2026-01-01T00:00:00Z");
    }
}
