//! What an API server is: its version, and which kinds it serves.

use std::collections::{BTreeSet, HashMap, HashSet};

use kube::api::{Api, DynamicObject};
use kube::core::GroupVersionKind;
use kube::core::discovery::v2::APIGroupDiscovery;
use kube::discovery::{ApiCapabilities, ApiResource, Discovery, Scope, verbs};

use super::{ApiError, Cluster};
use crate::helm::manifest::{Key, Object};

/// The server's own version, for example `v1.36.3` or `v1.33.4-eks-1a2b3c`.
pub async fn version(cluster: &Cluster) -> Result<String, ApiError> {
    let info = cluster.client.apiserver_version().await;
    info.map(|info| info.git_version)
        .map_err(|error| ApiError::new(cluster, "ask for the version of Kubernetes", &error))
}

/// Every kind that the server serves, as of the moment of [`Kinds::load`]: how to address it, and whether it
/// lives in namespaces.
#[derive(Debug, Clone, Default)]
pub struct Kinds(HashMap<GroupVersionKind, (ApiResource, bool)>);

impl Kinds {
    /// Asks the server for all kinds: two requests at once, or one for each group on servers older than 1.26.
    pub async fn load(cluster: &Cluster) -> Result<Self, ApiError> {
        let client = &cluster.client;
        let failed = |error: kube::Error| ApiError::new(cluster, "ask which kinds are served", &error);
        let aggregated =
            tokio::try_join!(client.list_core_api_versions_aggregated(), client.list_api_groups_aggregated());
        let (core, groups) = aggregated.map_err(failed)?;
        // An older server answers with another document, which has none of these items.
        if core.items.is_empty() {
            let discovery = Discovery::new(client.clone()).run().await.map_err(failed)?;
            let versions = discovery
                .groups()
                .flat_map(|group| group.versions().map(move |version| group.versioned_resources(version)));
            return Ok(versions
                .flatten()
                .filter(|(_, capabilities)| capabilities.supports_operation(verbs::GET))
                .collect());
        }
        Ok(Self(core.items.into_iter().chain(groups.items).flat_map(kinds_of_group).collect()))
    }

    /// Every group version (`apps/v1`) and every kind (`apps/v1/Deployment`), sorted.
    pub fn api_versions(&self) -> Vec<String> {
        let api_version = |kind: &GroupVersionKind| {
            if kind.group.is_empty() {
                kind.version.clone()
            } else {
                format!("{}/{}", kind.group, kind.version)
            }
        };
        let versions: BTreeSet<String> = self
            .0
            .keys()
            .flat_map(|kind| [api_version(kind), format!("{}/{}", api_version(kind), kind.kind)])
            .collect();
        versions.into_iter().collect()
    }

    /// The same for a kind that no object of a manifest has.
    pub(super) fn of(&self, kind: &GroupVersionKind) -> Option<(&ApiResource, bool)> {
        self.0.get(kind).map(|(resource, namespaced)| (resource, *namespaced))
    }

    /// How to address a kind, and whether it lives in namespaces; `None` when it is not served.
    pub fn find(&self, object: &Object) -> Option<(&ApiResource, bool)> {
        self.0.get(&kind_of(object)).map(|(resource, namespaced)| (resource, *namespaced))
    }

    /// The kinds of these objects that are neither served nor brought by a CRD among them, as
    /// `group/version Kind`, each once.
    pub fn unserved(&self, objects: &[Object]) -> Vec<String> {
        let brought: HashSet<GroupVersionKind> = objects.iter().flat_map(brought_kinds).collect();
        let unserved = objects
            .iter()
            .filter(|object| self.find(object).is_none() && !brought.contains(&kind_of(object)));
        let names: BTreeSet<String> =
            unserved.map(|object| format!("{} {}", object.api_version(), object.kind())).collect();
        names.into_iter().collect()
    }

    /// These kinds and those that the CRDs among the objects bring, whether they are served already or not.
    #[must_use]
    pub fn with_crds(&self, objects: &[Object]) -> Self {
        let mut kinds = self.clone();
        for object in objects.iter().filter(|object| object.is_crd()) {
            let spec = &object.value["spec"];
            let plural = spec["names"]["plural"].as_str().unwrap_or_default();
            for kind in brought_kinds(object) {
                let resource = ApiResource::from_gvk_with_plural(&kind, plural);
                kinds.0.entry(kind).or_insert((resource, spec["scope"] == "Namespaced"));
            }
        }
        kinds
    }

    /// The object's identity with the namespace that it really lives in; `namespace` is the release's own.
    pub fn key(&self, object: &Object, namespace: &str) -> Key {
        let namespaced = self.find(object).map_or(object.namespace().is_some(), |(_, namespaced)| namespaced);
        let namespace = namespaced.then(|| object.namespace().unwrap_or(namespace).to_owned());
        Key { namespace, ..object.key() }
    }

    /// The API of an object's kind, in the object's namespace or else the release's; `None` when the kind is
    /// not served.
    pub fn api(&self, cluster: &Cluster, object: &Object, namespace: &str) -> Option<Api<DynamicObject>> {
        let (resource, namespaced) = self.find(object)?;
        let client = cluster.client.clone();
        if namespaced {
            Some(Api::namespaced_with(client, object.namespace().unwrap_or(namespace), resource))
        } else {
            Some(Api::all_with(client, resource))
        }
    }
}

impl FromIterator<(ApiResource, ApiCapabilities)> for Kinds {
    fn from_iter<I: IntoIterator<Item = (ApiResource, ApiCapabilities)>>(resources: I) -> Self {
        let served = |(resource, capabilities): (ApiResource, ApiCapabilities)| {
            let kind = GroupVersionKind::gvk(&resource.group, &resource.version, &resource.kind);
            (kind, (resource, capabilities.scope == Scope::Namespaced))
        };
        Self(resources.into_iter().map(served).collect())
    }
}

/// The kinds of a group that can be read.
fn kinds_of_group(group: APIGroupDiscovery) -> impl Iterator<Item = (GroupVersionKind, (ApiResource, bool))> {
    let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
    let versions = group.versions.into_iter().flat_map(|version| {
        let name = version.version.unwrap_or_default();
        version.resources.into_iter().map(move |resource| (name.clone(), resource))
    });
    versions.filter(|(_, resource)| resource.verbs.iter().any(|verb| verb == verbs::GET)).map(
        move |(version, resource)| {
            let kind = GroupVersionKind::gvk(
                &name,
                &version,
                &resource.response_kind.and_then(|kind| kind.kind).unwrap_or_default(),
            );
            let place = ApiResource::from_gvk_with_plural(&kind, &resource.resource.unwrap_or_default());
            (kind, (place, resource.scope.as_deref() == Some("Namespaced")))
        },
    )
}

fn kind_of(object: &Object) -> GroupVersionKind {
    GroupVersionKind::gvk(object.group(), object.version(), object.kind())
}

/// The kinds that a CRD brings, once it is established.
fn brought_kinds(object: &Object) -> Vec<GroupVersionKind> {
    if !object.is_crd() {
        return Vec::new();
    }
    let spec = &object.value["spec"];
    let (group, kind) =
        (spec["group"].as_str().unwrap_or_default(), spec["names"]["kind"].as_str().unwrap_or_default());
    let versions = spec["versions"].as_array().into_iter().flatten();
    versions
        .filter_map(|version| version["name"].as_str())
        .map(|version| GroupVersionKind::gvk(group, version, kind))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kinds() -> Kinds {
        let served = |group: &str, kind: &str, plural: &str, scope| {
            let api_version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
            let resource = ApiResource {
                group: group.into(),
                version: "v1".into(),
                api_version,
                kind: kind.into(),
                plural: plural.into(),
            };
            (resource, ApiCapabilities { scope, subresources: Vec::new(), operations: vec!["get".into()] })
        };
        [served("", "Service", "services", Scope::Namespaced), served("", "Node", "nodes", Scope::Cluster)]
            .into_iter()
            .collect()
    }

    fn object(api_version: &str, kind: &str) -> Object {
        Object::new(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}))
    }

    #[test]
    fn a_kind_that_the_charts_own_crd_brings_is_not_missing() {
        let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "as.g"},
            "spec": {"group": "g", "names": {"kind": "A"}, "versions": [{"name": "v1"}]}});
        let kinds_of = [
            ("v1", "Service"),
            ("g/v1", "A"),
            ("g/v2", "A"),
            ("g/v1", "B"),
            ("g/v1", "B"),
            ("v1beta1", "Service"),
        ];
        let mut objects = kinds_of.map(|(api_version, kind)| object(api_version, kind)).to_vec();
        objects.push(Object::new(crd));
        let expected =
            ["apiextensions.k8s.io/v1 CustomResourceDefinition", "g/v1 B", "g/v2 A", "v1beta1 Service"];
        assert_eq!(kinds().unserved(&objects), expected);
    }

    #[test]
    fn a_kind_that_a_crd_brings_can_be_addressed() {
        let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "as.g"},
            "spec": {"group": "g", "scope": "Namespaced", "names": {"kind": "A", "plural": "as"}, "versions": [{"name": "v1"}]}});
        let kinds = kinds().with_crds(&[Object::new(crd)]);
        let (resource, namespaced) = kinds.find(&object("g/v1", "A")).unwrap();
        assert_eq!(
            (resource.api_version.as_str(), resource.plural.as_str(), namespaced),
            ("g/v1", "as", true)
        );
    }

    #[test]
    fn the_namespace_of_the_release_is_for_namespaced_kinds_only() {
        let kinds = kinds();
        assert_eq!(kinds.key(&object("v1", "Service"), "ns").to_string(), "Service ns/x");
        assert_eq!(kinds.key(&object("v1", "Node"), "ns").to_string(), "Node x");
    }
}
