//! Kubernetes' own events about an object, for the evidence.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event as CoreEvent;
use kube::Api;
use kube::api::ListParams;
use serde::{Deserialize, Serialize};

use super::{ApiError, Cluster};

/// One event about an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was seen last, by the cluster's clock; absent where its writer left it out.
    pub at: Option<Timestamp>,
    /// `Normal` or `Warning`.
    pub kind: String,
    /// For example `BackOff`.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// How often.
    pub count: i32,
}

/// The events about one object, oldest first. Those about a cluster-scoped object are in the namespace
/// `default`.
pub async fn about(
    cluster: &Cluster,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
) -> Result<Vec<Event>, ApiError> {
    let api: Api<CoreEvent> = Api::namespaced(cluster.client.clone(), namespace.unwrap_or("default"));
    let selector = format!("involvedObject.kind={kind},involvedObject.name={name}");
    let found = api.list(&ListParams::default().fields(&selector)).await;
    let found =
        found.map_err(|error| ApiError::new(cluster, format!("read the events of {kind} {name}"), &error))?;
    let mut events: Vec<Event> = found.items.into_iter().map(event).collect();
    events.sort_by_key(|event| event.at);
    Ok(events)
}

fn event(event: CoreEvent) -> Event {
    let series = event.series.as_ref();
    let observed = series
        .and_then(|series| series.last_observed_time.as_ref())
        .or(event.event_time.as_ref())
        .map(|time| time.0);
    let created = event.metadata.creation_timestamp.map(|time| time.0);
    Event {
        at: event.last_timestamp.map(|time| time.0).or(observed).or(created).and_then(timestamp),
        kind: event.type_.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
        count: event.count.or_else(|| series.and_then(|series| series.count)).unwrap_or(1),
    }
}

/// The time of an object of the API, which comes in an older version of the same library.
pub fn timestamp(time: k8s_openapi::jiff::Timestamp) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_ways_to_say_when_are_read() {
        let read = |value| event(serde_json::from_value(value).unwrap());
        let old = read(
            json!({"metadata": {}, "involvedObject": {}, "type": "Warning", "reason": "BackOff", "message": "m", "count": 3, "lastTimestamp": "2026-01-01T00:00:01Z"}),
        );
        let new = read(
            json!({"metadata": {}, "involvedObject": {}, "eventTime": "2026-01-01T00:00:00.000001Z", "series": {"count": 4, "lastObservedTime": "2026-01-01T00:00:02.000000Z"}}),
        );
        assert_eq!((old.count, old.at.unwrap().to_string()), (3, "2026-01-01T00:00:01Z".to_owned()));
        assert_eq!((new.count, new.at.unwrap().to_string()), (4, "2026-01-01T00:00:02Z".to_owned()));
    }
}
