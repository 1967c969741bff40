//! `metadata` without what is large and nobody judges by: who manages which field, what kubectl last applied, and the
//! labels and annotations that people and Helm put on ten thousand objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::{Deserialize, Deserializer};

use super::annotations::REVISION;

/// How the labels begin that the program puts on its own canaries.
pub(crate) const CANARY: &str = "release.canary/";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Slim {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

/// Skips the rest while parsing.
pub(crate) fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let mut slim = Slim::deserialize(deserializer)?;
    let labels = kept(slim.labels, |label| label.starts_with(CANARY));
    let annotations = kept(slim.annotations, |annotation| annotation == REVISION);
    if let Some(owners) = &mut slim.owner_references {
        owners.shrink_to_fit();
    }
    Ok(ObjectMeta {
        name: slim.name,
        namespace: slim.namespace,
        uid: slim.uid,
        resource_version: slim.resource_version,
        generation: slim.generation,
        creation_timestamp: slim.creation_timestamp,
        deletion_timestamp: slim.deletion_timestamp,
        labels,
        annotations,
        owner_references: slim.owner_references,
        ..ObjectMeta::default()
    })
}

/// An empty map is none: it would still take room.
fn kept(map: Option<BTreeMap<String, String>>, wanted: fn(&str) -> bool) -> Option<BTreeMap<String, String>> {
    let mut map = map?;
    map.retain(|key, _| wanted(key));
    (!map.is_empty()).then_some(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_judges_by_is_not_kept() {
        let whole = serde_json::json!({
            "name": "shop", "namespace": "web", "uid": "u", "generation": 2, "deletionTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", REVISION: "3"},
            "labels": {"app.kubernetes.io/managed-by": "Helm", "release.canary/run": "r"},
            "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}], "finalizers": ["x"],
        });
        let slim = metadata(whole).unwrap();
        assert_eq!((slim.name.as_deref(), slim.generation), (Some("shop"), Some(2)));
        assert!(slim.deletion_timestamp.is_some() && slim.managed_fields.is_none());
        assert_eq!(slim.annotations.unwrap().into_keys().collect::<Vec<_>>(), [REVISION]);
        assert_eq!(slim.labels.unwrap().into_keys().collect::<Vec<_>>(), ["release.canary/run"]);
        let helms = serde_json::json!({"labels": {"helm.sh/chart": "shop"}, "annotations": {}});
        let slim = metadata(helms).unwrap();
        assert_eq!((slim.labels, slim.annotations), (None, None));
    }
}
