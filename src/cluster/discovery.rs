//! What an API server is: its version, and which kinds it serves.

use std::collections::{BTreeSet, HashMap};

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::api::{Api, DynamicObject};
use kube::core::GroupVersionKind;
use kube::core::discovery::v2::APIGroupDiscovery;
use kube::discovery::{ApiResource, verbs};

use super::objects::in_parallel;
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
pub struct Kinds {
    known: HashMap<GroupVersionKind, Kind>,
    /// Group versions whose aggregated API does not answer, for example `metrics.k8s.io/v1beta1`.
    dead: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Kind {
    resource: ApiResource,
    namespaced: bool,
    /// Only a CRD that is not there yet brings it.
    is_promised: bool,
}

impl Kind {
    fn served(resource: ApiResource, namespaced: bool) -> Self {
        Self { resource, namespaced, is_promised: false }
    }
}

impl Kinds {
    /// Asks the server for all kinds: two requests at once, or one for each group version on servers older
    /// than 1.26. An aggregated API that does not answer takes only its own kinds away.
    pub async fn load(cluster: &Cluster) -> Result<Self, ApiError> {
        let client = &cluster.client;
        let failed = |error: kube::Error| ApiError::new(cluster, "ask which kinds are served", &error);
        let aggregated =
            tokio::try_join!(client.list_core_api_versions_aggregated(), client.list_api_groups_aggregated());
        let (core, groups) = aggregated.map_err(failed)?;
        // An older server answers with another document, which has none of these items.
        if core.items.is_empty() {
            return Self::one_by_one(client).await.map_err(failed);
        }
        let dead = groups.items.iter().flat_map(dead_versions).collect();
        Ok(Self {
            known: core.items.into_iter().chain(groups.items).flat_map(kinds_of_group).collect(),
            dead,
        })
    }

    /// From a server that does not tell all kinds at once.
    async fn one_by_one(client: &kube::Client) -> Result<Self, kube::Error> {
        let mut kinds = Self::default();
        for version in client.list_core_api_versions().await?.versions {
            let list = client.list_core_api_resources(&version).await?;
            kinds.known.extend(kinds_of_list(&version, &list));
        }
        let groups = client.list_api_groups().await?.groups;
        let versions: Vec<String> = groups
            .into_iter()
            .flat_map(|group| group.versions)
            .map(|version| version.group_version)
            .collect();
        // Owned, so that the future may move between threads.
        let lists = in_parallel(versions.clone(), |version| async move {
            client.list_api_group_resources(&version).await
        });
        let lists: Vec<_> = lists.collect().await;
        for (version, list) in versions.into_iter().zip(lists) {
            match list {
                Ok(list) => kinds.known.extend(kinds_of_list(&version, &list)),
                Err(kube::Error::Api(status)) if status.code == 404 || status.code >= 500 => {
                    kinds.dead.insert(version);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(kinds)
    }

    /// The group versions whose aggregated API does not answer, for example `metrics.k8s.io/v1beta1`.
    pub fn dead(&self) -> impl Iterator<Item = &str> {
        self.dead.iter().map(String::as_str)
    }

    /// Whether the kind of an object could be served, if its aggregated API answered.
    pub fn is_dead(&self, object: &Object) -> bool {
        self.dead.contains(object.api_version())
    }

    /// The group versions in which a kind is served now, sorted; another group may have a kind of this name.
    pub fn versions_of(&self, kind: &str) -> Vec<String> {
        let served = self.known.values().filter(|known| !known.is_promised && known.resource.kind == kind);
        let versions: BTreeSet<String> = served.map(|known| known.resource.api_version.clone()).collect();
        versions.into_iter().collect()
    }

    /// Whether the server serves the kind of an object now.
    pub fn is_served(&self, object: &Object) -> bool {
        self.known.get(&kind_of(object)).is_some_and(|kind| !kind.is_promised)
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
            .known
            .keys()
            .flat_map(|kind| [api_version(kind), format!("{}/{}", api_version(kind), kind.kind)])
            .collect();
        versions.into_iter().collect()
    }

    /// The same for a kind that no object of a manifest has.
    pub(super) fn of(&self, kind: &GroupVersionKind) -> Option<(&ApiResource, bool)> {
        self.known.get(kind).map(|kind| (&kind.resource, kind.namespaced))
    }

    /// How to address a kind, and whether it lives in namespaces; `None` when it is not served.
    pub fn find(&self, object: &Object) -> Option<(&ApiResource, bool)> {
        self.of(&kind_of(object))
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
                let namespaced = spec["scope"] == "Namespaced";
                kinds.known.entry(kind).or_insert(Kind { resource, namespaced, is_promised: true });
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

/// The versions of a group that the server lists without knowing what is in them.
fn dead_versions(group: &APIGroupDiscovery) -> Vec<String> {
    let name = group.metadata.as_ref().and_then(|metadata| metadata.name.as_deref()).unwrap_or_default();
    let dead = group
        .versions
        .iter()
        .filter(|version| version.freshness.as_deref() == Some("Stale") && version.resources.is_empty());
    dead.map(|version| format!("{name}/{}", version.version.as_deref().unwrap_or_default())).collect()
}

/// The kinds of a group version that can be read. What has a slash in its name is a subresource.
fn kinds_of_list<'l>(
    group_version: &'l str,
    list: &'l APIResourceList,
) -> impl Iterator<Item = (GroupVersionKind, Kind)> + 'l {
    let (group, version) = group_version.rsplit_once('/').unwrap_or(("", group_version));
    let readable = list.resources.iter().filter(|resource| {
        !resource.name.contains('/') && resource.verbs.iter().any(|verb| verb == verbs::GET)
    });
    readable.map(move |resource| {
        let kind = GroupVersionKind::gvk(group, version, &resource.kind);
        let place = ApiResource::from_gvk_with_plural(&kind, &resource.name);
        (kind, Kind::served(place, resource.namespaced))
    })
}

/// The kinds of a group that can be read.
fn kinds_of_group(group: APIGroupDiscovery) -> impl Iterator<Item = (GroupVersionKind, Kind)> {
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
            (kind, Kind::served(place, resource.scope.as_deref() == Some("Namespaced")))
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
        Kinds { known: kinds_of_list("v1", &core()).collect(), dead: BTreeSet::new() }
    }

    fn core() -> APIResourceList {
        let resource = |name: &str, kind: &str, namespaced: bool, verbs: &[&str]| json!({"name": name, "kind": kind, "namespaced": namespaced, "singularName": "", "verbs": verbs});
        let resources = [
            resource("services", "Service", true, &["get"]),
            resource("services/status", "Service", true, &["get"]),
            resource("nodes", "Node", false, &["get"]),
            resource("bindings", "Binding", true, &["create"]),
        ];
        serde_json::from_value(json!({"groupVersion": "v1", "resources": resources})).unwrap()
    }

    #[test]
    fn an_api_that_does_not_answer_takes_only_its_own_kinds_away() {
        let group = |name: &str, freshness: &str, resources: &serde_json::Value| json!({"metadata": {"name": name}, "versions": [{"version": "v1", "freshness": freshness, "resources": resources}]});
        let pods = json!([{"resource": "pods", "scope": "Namespaced", "verbs": ["get"], "responseKind": {"group": "a", "version": "v1", "kind": "Pod"}}]);
        let groups: Vec<APIGroupDiscovery> = [
            group("current.example.com", "Current", &pods),
            group("dead.example.com", "Stale", &json!([])),
            group("known.example.com", "Stale", &pods),
        ]
        .into_iter()
        .map(|group| serde_json::from_value(group).unwrap())
        .collect();
        assert_eq!(groups.iter().flat_map(dead_versions).collect::<Vec<_>>(), ["dead.example.com/v1"]);
        let dead = groups.iter().flat_map(dead_versions).collect();
        let kinds = Kinds { known: groups.into_iter().flat_map(kinds_of_group).collect(), dead };
        assert!(kinds.is_served(&object("known.example.com/v1", "Pod")));
        let lost = object("dead.example.com/v1", "Pod");
        assert!(!kinds.is_served(&lost) && kinds.is_dead(&lost));
    }

    #[test]
    fn an_older_servers_list_has_subresources_which_are_no_kinds() {
        let kinds = kinds();
        assert_eq!(kinds.api_versions(), ["v1", "v1/Node", "v1/Service"]);
        assert_eq!(kinds.find(&object("v1", "Service")).unwrap().0.plural, "services");
        assert_eq!((kinds.versions_of("Service"), kinds.versions_of("A")), (vec!["v1".to_owned()], vec![]));
    }

    fn object(api_version: &str, kind: &str) -> Object {
        Object::new(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}))
    }

    #[test]
    fn a_kind_that_a_crd_brings_can_be_addressed() {
        let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "as.g"},
            "spec": {"group": "g", "scope": "Namespaced", "names": {"kind": "A", "plural": "as"}, "versions": [{"name": "v1"}]}});
        let kinds = kinds().with_crds(&[Object::new(crd)]);
        assert!(!kinds.is_served(&object("g/v1", "A")) && kinds.is_served(&object("v1", "Node")));
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
