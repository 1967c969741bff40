//! What an API server is and what it serves.

use std::collections::BTreeMap;

use kube::Discovery;
use kube::core::GroupVersionKind;
use kube::discovery::{ApiResource, Scope};

use crate::helm::manifest::Object;

use super::{ApiError, Cluster};

/// The server's own version, for example `v1.36.3` or `v1.33.4-eks-1a2b3c`.
pub async fn version(cluster: &Cluster) -> Result<String, ApiError> {
    let info = cluster.client.apiserver_version().await;
    info.map(|info| info.git_version).map_err(|error| ApiError::new(cluster, "ask for the version of Kubernetes", &error))
}

/// The kinds that an API server serves.
#[derive(Debug, Clone, Default)]
pub struct Kinds(BTreeMap<(String, String, String), (ApiResource, bool)>);

impl Kinds {
    /// Asks the API server for every group.
    pub async fn load(cluster: &Cluster) -> Result<Self, ApiError> {
        let discovery = Discovery::new(cluster.client.clone()).run_aggregated().await;
        let discovery = discovery.map_err(|error| ApiError::new(cluster, "ask which kinds are served", &error))?;
        let mut kinds = BTreeMap::new();
        for group in discovery.groups() {
            for version in group.versions() {
                for (resource, capabilities) in group.versioned_resources(version) {
                    let key = (resource.group.clone(), resource.version.clone(), resource.kind.clone());
                    kinds.insert(key, (resource, capabilities.scope == Scope::Namespaced));
                }
            }
        }
        Ok(Self(kinds))
    }

    /// How to address a kind, and whether it lives in namespaces; `None` when it is not served.
    pub fn find(&self, object: &Object) -> Option<(&ApiResource, bool)> {
        let key = (object.group().to_owned(), object.version().to_owned(), object.kind().to_owned());
        self.0.get(&key).map(|(resource, namespaced)| (resource, *namespaced))
    }

    /// The kinds of these objects that are neither served nor brought by a CRD among them, as `group/version Kind`, each once.
    pub fn unserved(&self, objects: &[Object]) -> Vec<String> {
        let brought: Vec<GroupVersionKind> = objects.iter().flat_map(brought_kinds).collect();
        let mut unserved: Vec<String> = objects
            .iter()
            .filter(|object| self.find(object).is_none() && !brought.contains(&kind_of(object)))
            .map(|object| format!("{} {}", object.api_version(), object.kind()))
            .collect();
        unserved.sort();
        unserved.dedup();
        unserved
    }
}

fn kind_of(object: &Object) -> GroupVersionKind {
    GroupVersionKind::gvk(object.group(), object.version(), object.kind())
}

/// The kinds that a CRD brings, once it is established.
fn brought_kinds(object: &Object) -> Vec<GroupVersionKind> {
    if object.kind() != "CustomResourceDefinition" {
        return Vec::new();
    }
    let spec = &object.value["spec"];
    let (group, kind) = (spec["group"].as_str().unwrap_or_default(), spec["names"]["kind"].as_str().unwrap_or_default());
    let versions = spec["versions"].as_array().into_iter().flatten();
    versions.filter_map(|version| version["name"].as_str()).map(|version| GroupVersionKind::gvk(group, version, kind)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: serde_json::Value) -> Object {
        Object { source: None, value }
    }

    #[test]
    fn a_kind_that_the_chart_brings_itself_is_no_surprise() {
        let crd = object(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "spec": {"group": "a.io", "names": {"kind": "A"}, "versions": [{"name": "v1"}]}}));
        let brought = object(json!({"apiVersion": "a.io/v1", "kind": "A"}));
        let foreign = object(json!({"apiVersion": "b.io/v1", "kind": "B"}));
        let unserved = Kinds::default().unserved(&[crd, brought, foreign.clone(), foreign]);
        assert_eq!(unserved, ["apiextensions.k8s.io/v1 CustomResourceDefinition", "b.io/v1 B"]);
    }
}
