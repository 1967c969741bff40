//! Which release an object belongs to: the label and the two annotations that Helm writes when it applies.
//! Pure.
//!
//! They are added at apply time only; the stored manifest does not have them (Helm's
//! `pkg/action/validate.go`).

use std::collections::BTreeMap;

use kube::api::ObjectMeta;
use serde_json::{Map, Value};

use crate::config::ReleaseId;

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const HELM: &str = "Helm";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// What Helm adds to every object when it applies it, over what the chart says.
pub fn marked(value: &Value, release: &ReleaseId) -> Value {
    let mut value = value.clone();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        set(metadata, "labels", MANAGED_BY, HELM);
        set(metadata, "annotations", RELEASE_NAME, &release.name);
        set(metadata, "annotations", RELEASE_NAMESPACE, &release.namespace);
    }
    value
}

fn set(metadata: &mut Map<String, Value>, place: &str, name: &str, text: &str) {
    let texts = metadata.entry(place).or_insert_with(|| Value::Object(Map::new()));
    if texts.is_null() {
        *texts = Value::Object(Map::new());
    }
    if let Some(texts) = texts.as_object_mut() {
        texts.insert(name.to_owned(), Value::String(text.to_owned()));
    }
}

/// Why a live object does not belong to the release, in Helm's words; `None` when it does.
pub fn foreign(live: &ObjectMeta, release: &ReleaseId) -> Option<String> {
    let wrong = [
        wrong("label", live.labels.as_ref(), MANAGED_BY, HELM),
        wrong("annotation", live.annotations.as_ref(), RELEASE_NAME, &release.name),
        wrong("annotation", live.annotations.as_ref(), RELEASE_NAMESPACE, &release.namespace),
    ];
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    (!wrong.is_empty()).then(|| format!("invalid ownership metadata; {}", wrong.join("; ")))
}

fn wrong(what: &str, texts: Option<&BTreeMap<String, String>>, key: &str, wanted: &str) -> Option<String> {
    match texts.and_then(|texts| texts.get(key)) {
        Some(text) if text == wanted => None,
        Some(text) => Some(format!(
            "{what} validation error: key {key:?} must equal {wanted:?}: current value is {text:?}"
        )),
        None => Some(format!("{what} validation error: missing key {key:?}: must be set to {wanted:?}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn release() -> ReleaseId {
        ReleaseId { name: "r".into(), namespace: "ns".into() }
    }

    fn metadata(value: &Value) -> ObjectMeta {
        serde_json::from_value(value["metadata"].clone()).unwrap()
    }

    #[test]
    fn helms_own_labels_and_annotations_are_added() {
        let value = marked(
            &json!({"metadata": {"name": "x", "labels": {"a": "b", "app.kubernetes.io/managed-by": "me"}, "annotations": null}}),
            &release(),
        );
        let expected = json!({"name": "x", "labels": {"a": "b", "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "ns"}});
        assert_eq!(value["metadata"], expected);
        assert_eq!(foreign(&metadata(&value), &release()), None);
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_as_helm_tells_it() {
        let bare = ObjectMeta::default();
        assert_eq!(
            foreign(&bare, &release()).unwrap(),
            "invalid ownership metadata; label validation error: missing key \"app.kubernetes.io/managed-by\": must be set to \"Helm\"; \
             annotation validation error: missing key \"meta.helm.sh/release-name\": must be set to \"r\"; \
             annotation validation error: missing key \"meta.helm.sh/release-namespace\": must be set to \"ns\""
        );
        let other = marked(
            &json!({"metadata": {"name": "x"}}),
            &ReleaseId { name: "other".into(), namespace: "ns".into() },
        );
        assert_eq!(
            foreign(&metadata(&other), &release()).unwrap(),
            "invalid ownership metadata; annotation validation error: key \"meta.helm.sh/release-name\" must equal \"r\": current value is \"other\""
        );
    }
}
