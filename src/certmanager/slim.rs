//! `metadata` without what is large and nobody judges by: who manages which field, and what kubectl last applied.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::{Deserialize, Deserializer};

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
    if let Some(annotations) = &mut slim.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
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
        labels: slim.labels,
        annotations: slim.annotations,
        owner_references: slim.owner_references,
        ..ObjectMeta::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_judges_by_is_not_kept() {
        let whole = serde_json::json!({
            "name": "shop", "namespace": "web", "uid": "u", "generation": 2, "deletionTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"},
            "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}], "finalizers": ["x"],
        });
        let slim = metadata(whole).unwrap();
        assert_eq!((slim.name.as_deref(), slim.generation), (Some("shop"), Some(2)));
        assert!(slim.deletion_timestamp.is_some() && slim.managed_fields.is_none());
        assert_eq!(slim.annotations.unwrap().into_keys().collect::<Vec<_>>(), ["a"]);
    }
}
