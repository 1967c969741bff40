//! Storage classes that bind a claim only when a pod wants it: until then it is Pending, and nothing is wrong. Read
//! once; who may not read them waits for the claim like for anything else.

use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;

use super::HealthRule;
use crate::gate::seen::{Change, RuledObject, Seen};
use crate::gate::start::Start;

const CLAIM: &str = "PersistentVolumeClaim";
const LATE: &str = "WaitForFirstConsumer";

/// Learns the classes, where the manifest holds a claim.
pub(super) fn learn(start: &mut Start) {
    if !start.context.rules.unwritten().any(is_of_claims) {
        return;
    }
    let (client, changes) = (start.cluster.client.clone(), start.changes.clone());
    start.task(async move {
        if let Ok(classes) = Api::<StorageClass>::all(client).list(&ListParams::default()).await {
            let late = classes.into_iter().filter(|class| class.volume_binding_mode.as_deref() == Some(LATE));
            let names: Vec<String> = late.filter_map(|class| class.metadata.name).collect();
            let change: Change = Box::new(move |seen: &mut Seen| seen.late_classes.extend(names));
            // Nobody listens any more: the run is over.
            let _ = changes.send(change).await;
        }
        std::future::pending::<()>().await;
    });
}

fn is_of_claims(rule: &HealthRule) -> bool {
    rule.settings.watch.group.is_empty() && rule.settings.watch.kind == CLAIM
}

/// A claim that no pod has wanted yet.
pub(super) fn waits_for_a_pod(rule: &HealthRule, object: &RuledObject, seen: &Seen) -> bool {
    let class = object.value.pointer("/spec/storageClassName").and_then(Value::as_str);
    is_of_claims(rule) && class.is_some_and(|class| seen.late_classes.contains(class))
}
