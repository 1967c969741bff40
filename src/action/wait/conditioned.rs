//! Custom resources whose controller will say how they are, although it has not yet. Helm takes them for
//! ready, which proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use serde_json::Value;

use super::watch::Place;
use crate::cluster::Cluster;
use crate::cluster::objects::in_parallel;
use crate::helm::manifest::Key;

/// The objects whose CRD has a status with conditions; what cannot be read is taken as Helm takes it.
pub(super) async fn conditioned(cluster: &Cluster, places: &BTreeMap<Key, Place>) -> BTreeSet<Key> {
    let custom = |key: &&Key| key.group.contains('.') && !key.group.ends_with(".k8s.io");
    let kinds: BTreeSet<(String, String)> = places
        .iter()
        .filter(|(key, _)| custom(key))
        .map(|(key, place)| (crd_name(key, place), version(place).to_owned()))
        .collect();
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    let has = |(name, version): (String, String)| {
        let crds = crds.clone();
        async move {
            let crd = crds.get(&name).await.ok().and_then(|crd| serde_json::to_value(crd).ok());
            crd.is_some_and(|crd| has_conditions(&crd, &version)).then_some(name)
        }
    };
    let named: BTreeSet<String> = in_parallel(kinds, has).filter_map(|name| async { name }).collect().await;
    places
        .iter()
        .filter(|(key, place)| custom(key) && named.contains(&crd_name(key, place)))
        .map(|(key, _)| key.clone())
        .collect()
}

fn crd_name(key: &Key, place: &Place) -> String {
    format!("{}.{}", place.plural, key.group)
}

fn version(place: &Place) -> &str {
    place.types.api_version.rsplit('/').next().unwrap_or_default()
}

/// The status is written apart from the object, and has conditions.
fn has_conditions(crd: &Value, version: &str) -> bool {
    let versions = crd["spec"]["versions"].as_array().into_iter().flatten();
    versions.filter(|found| found["name"] == version).any(|found| {
        let status = &found["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"];
        !found["subresources"]["status"].is_null() && !status["conditions"].is_null()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_status_with_conditions_is_worth_waiting_for() {
        let crd = |subresources: Value, status: Value| {
            let schema = json!({"openAPIV3Schema": {"properties": {"status": {"properties": status}}}});
            json!({"spec": {"versions": [{"name": "v1", "subresources": subresources, "schema": schema}]}})
        };
        let conditions = json!({"conditions": {}});
        assert!(has_conditions(&crd(json!({"status": {}}), conditions.clone()), "v1"));
        assert!(!has_conditions(&crd(json!({"status": {}}), conditions.clone()), "v2"));
        assert!(!has_conditions(&crd(json!(null), conditions), "v1"));
        assert!(!has_conditions(&crd(json!({"status": {}}), json!({"replicas": {}})), "v1"));
    }
}
