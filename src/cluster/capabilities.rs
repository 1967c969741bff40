//! What a chart may ask of a cluster, and what `lookup` finds there.

use kube::api::{Api, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use super::discovery::Kinds;
use super::error::Cause;
use super::{ApiError, Cluster};
use crate::helm::capabilities::{Capabilities, KubeVersion};
use crate::helm::engine::Lookup;

/// What the cluster has: its version, every group version and every kind that it serves.
pub fn of(version: KubeVersion, kinds: &Kinds) -> Capabilities {
    Capabilities::of_cluster(version, kinds.api_versions())
}

/// The cluster's version, as charts see it.
pub async fn version(cluster: &Cluster) -> Result<KubeVersion, ApiError> {
    let doing = "ask for the version of Kubernetes";
    let info =
        cluster.client.apiserver_version().await.map_err(|error| ApiError::new(cluster, doing, &error))?;
    let parsed: KubeVersion =
        info.git_version.parse().map_err(|error: crate::helm::capabilities::KubeVersionError| {
            ApiError::with_cause(&cluster.name, doing, Cause::Other(error.to_string()))
        })?;
    Ok(KubeVersion {
        version: info.git_version,
        normalized: parsed.normalized,
        major: info.major,
        minor: info.minor,
    })
}

/// Answers `lookup` from a cluster. Used from a thread that may block, never from one of the runtime's own.
pub struct ClusterLookup {
    cluster: Cluster,
    kinds: Kinds,
    runtime: Handle,
}

impl ClusterLookup {
    /// For the runtime that this is called in.
    pub fn new(cluster: &Cluster, kinds: &Kinds) -> Self {
        Self { cluster: cluster.clone(), kinds: kinds.clone(), runtime: Handle::current() }
    }

    async fn find(&self, api: Api<DynamicObject>, name: &str) -> Result<Value, kube::Error> {
        let found = if name.is_empty() {
            serde_json::to_value(api.list(&ListParams::default()).await?)
        } else {
            serde_json::to_value(api.get(name).await?)
        };
        found.map_err(kube::Error::SerdeError)
    }
}

impl Lookup for ClusterLookup {
    fn lookup(
        &mut self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Value, String> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let Some((resource, namespaced)) = self.kinds.of(&GroupVersionKind::gvk(group, version, kind)) else {
            let unserved =
                format!("the server could not find the requested resource {kind:?} in {api_version:?}");
            return Err(format!(
                "unable to get apiresource from unstructured: {api_version}, Kind={kind} , error: {unserved}"
            ));
        };
        let client = self.cluster.client.clone();
        let api = if namespaced && !namespace.is_empty() {
            Api::namespaced_with(client, namespace, resource)
        } else {
            Api::all_with(client, resource)
        };
        match self.runtime.block_on(self.find(api, name)) {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Value::Object(Map::new())),
            found => found.map_err(|error| Cause::of(&error).to_string()),
        }
    }
}
