//! Whose an object is that stands where a hook is to be created. Pure.

use std::collections::BTreeMap;

use kube::api::ObjectMeta;
use serde_json::Value;
use thiserror::Error;

use crate::cluster::objects::FIELD_MANAGER;
use crate::helm::manifest::Object;

/// The annotation that makes an object a hook.
const HOOK: &str = "helm.sh/hook";
/// Kubernetes itself writes into some objects, for example the tokens of a `ServiceAccount`.
const KUBERNETES: &str = "kube-controller-manager";

/// Why an object is not taken for one that an earlier run of the same hook left.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Stranger {
    /// It has run, or runs.
    #[error("applying it would not run it again")]
    RunsOnce,
    /// The chart would have marked it.
    #[error("it does not have the labels and annotations that the chart gives it")]
    Unmarked,
    /// Somebody else has written it, too.
    #[error("{0} has written it, too")]
    WrittenBy(String),
    /// Nothing can be said about it.
    #[error("whose it is cannot be read: {0}")]
    Unreadable(String),
}

/// The live object is this very hook, left by an earlier run that was killed or whose policies let it stay: it has
/// every label and annotation that the chart gives it, and nobody but Helm has written it. A Job or Pod would not
/// run again when it is applied.
pub(super) fn recognize(live: &ObjectMeta, hook: &Object) -> Result<(), Stranger> {
    if matches!((hook.group(), hook.kind()), ("batch", "Job") | ("", "Pod")) {
        return Err(Stranger::RunsOnce);
    }
    let metadata = &hook.value["metadata"];
    let is_marked = hook.annotation(HOOK).is_some()
        && has_all(live.labels.as_ref(), &metadata["labels"])
        && has_all(live.annotations.as_ref(), &metadata["annotations"]);
    if !is_marked {
        return Err(Stranger::Unmarked);
    }
    let writers = live.managed_fields.iter().flatten().filter_map(|entry| entry.manager.as_ref());
    let other = writers.into_iter().find(|name| ![FIELD_MANAGER, KUBERNETES].contains(&name.as_str()));
    other.map_or(Ok(()), |name| Err(Stranger::WrittenBy(name.clone())))
}

fn has_all(live: Option<&BTreeMap<String, String>>, wanted: &Value) -> bool {
    let has = |(name, text): (&String, &Value)| {
        live.and_then(|live| live.get(name)).map(String::as_str) == text.as_str()
    };
    wanted.as_object().into_iter().flatten().all(has)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hook(api_version: &str, kind: &str, annotations: &Value) -> Object {
        Object::new(
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "labels": {"app": "a"}, "annotations": annotations}}),
        )
    }

    fn live(label: &str, managers: &[&str]) -> ObjectMeta {
        let fields: Vec<Value> = managers.iter().map(|name| json!({"manager": name})).collect();
        serde_json::from_value(json!({
            "labels": {"app": label, "more": "b"}, "annotations": {HOOK: "pre-install"}, "managedFields": fields,
        }))
        .unwrap()
    }

    #[test]
    fn a_left_over_is_marked_by_the_chart_and_written_by_helm_alone() {
        let (marked, unmarked) = (json!({HOOK: "pre-install"}), json!({}));
        let table = [
            (hook("v1", "Secret", &marked), live("a", &["helm", KUBERNETES]), Ok(())),
            (hook("v1", "Secret", &marked), live("a", &[]), Ok(())),
            (hook("v1", "Secret", &marked), live("b", &["helm"]), Err(Stranger::Unmarked)),
            (hook("v1", "Secret", &unmarked), live("a", &["helm"]), Err(Stranger::Unmarked)),
            (hook("v1", "Secret", &json!({HOOK: "test"})), live("a", &["helm"]), Err(Stranger::Unmarked)),
            (hook("v1", "Secret", &marked), ObjectMeta::default(), Err(Stranger::Unmarked)),
            (
                hook("v1", "Secret", &marked),
                live("a", &["helm", "kubectl-edit"]),
                Err(Stranger::WrittenBy("kubectl-edit".into())),
            ),
            (hook("batch/v1", "Job", &marked), live("a", &["helm"]), Err(Stranger::RunsOnce)),
            (hook("v1", "Pod", &marked), live("a", &["helm"]), Err(Stranger::RunsOnce)),
            (hook("g.example.com/v1", "Job", &marked), live("a", &["helm"]), Ok(())),
        ];
        for (hook, live, expected) in table {
            assert_eq!(recognize(&live, &hook), expected, "{} {live:?}", hook.value);
        }
    }
}
