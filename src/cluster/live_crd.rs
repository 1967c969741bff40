//! A CRD of the cluster without its schemas, which are most of it: what it is called, which versions it has and
//! which of them may still be in etcd.

use http::Request;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde::Deserialize;

use super::Cluster;

/// A CRD.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct StoredCrd {
    /// Name, labels, resource version.
    pub metadata: ObjectMeta,
    /// What it declares.
    pub spec: DeclaredKind,
    /// What the server knows of it.
    pub status: CrdStatus,
}

/// `spec` of a CRD.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct DeclaredKind {
    /// The API group.
    pub group: String,
    /// `Namespaced` or `Cluster`.
    pub scope: String,
    /// How the kind is called.
    pub names: KindNames,
    /// Its versions.
    pub versions: Vec<KindVersion>,
}

/// `spec.names` of a CRD.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct KindNames {
    /// As in URLs.
    pub plural: String,
    /// As in objects.
    pub kind: String,
}

/// One of `spec.versions` of a CRD.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct KindVersion {
    /// For example `v1`.
    pub name: String,
    /// It can be asked for.
    pub served: bool,
    /// Objects are written in it.
    pub storage: bool,
}

/// `status` of a CRD.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CrdStatus {
    /// The versions that objects in etcd may be written in.
    pub stored_versions: Vec<String>,
}

impl StoredCrd {
    /// `metadata.name`.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// The version that objects are written in.
    pub fn storage_version(&self) -> Option<&str> {
        self.spec.versions.iter().find(|version| version.storage).map(|version| version.name.as_str())
    }

    /// How its objects can be addressed: in the version that they are written in, else in any that is served.
    pub fn resource(&self) -> Option<ApiResource> {
        let served = || self.spec.versions.iter().filter(|version| version.served);
        let version = served().find(|version| version.storage).or_else(|| served().next())?;
        let DeclaredKind { group, names, .. } = &self.spec;
        let kind = GroupVersionKind::gvk(group, &version.name, &names.kind);
        Some(ApiResource::from_gvk_with_plural(&kind, &names.plural))
    }
}

/// All CRDs, to be written.
pub fn api(cluster: &Cluster) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let resource = ApiResource::from_gvk_with_plural(&kind, "customresourcedefinitions");
    Api::all_with(cluster.client.clone(), &resource)
}

/// The CRD of this name; `None` when there is none.
pub async fn read(cluster: &Cluster, name: &str) -> kube::Result<Option<StoredCrd>> {
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
    let request = Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    match cluster.client.request(request).await {
        Ok(crd) => Ok(Some(crd)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crd(versions: &[(&str, bool, bool)]) -> StoredCrd {
        let version = |(name, served, storage): &(&str, bool, bool)| KindVersion {
            name: (*name).to_owned(),
            served: *served,
            storage: *storage,
        };
        let versions = versions.iter().map(version).collect();
        StoredCrd { spec: DeclaredKind { versions, ..DeclaredKind::default() }, ..StoredCrd::default() }
    }

    #[test]
    fn objects_are_addressed_in_the_version_that_is_stored_where_it_is_served() {
        let table = [
            (crd(&[("v1alpha2", true, false), ("v1", true, true)]), Some("v1")),
            (crd(&[("v1alpha2", true, false), ("v1", false, true)]), Some("v1alpha2")),
            (crd(&[("v1", false, true)]), None),
        ];
        for (crd, expected) in table {
            assert_eq!(crd.resource().map(|resource| resource.version).as_deref(), expected);
            assert_eq!(crd.storage_version(), Some("v1"));
        }
    }
}
