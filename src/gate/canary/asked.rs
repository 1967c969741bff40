//! The issuers that canaries are asked from, as they are in the cluster. Reads only.

use kube::Api;
use kube::core::DynamicObject;
use kube::discovery::{Scope, oneshot};
use serde_json::Value;

use crate::certmanager::resources::{ClusterIssuer, Condition, Issuer, IssuerSpec};
use crate::cluster::Cluster;
use crate::cluster::error::Cause;
use crate::config::{IssuerKind, IssuerRef};

/// What a configured issuer is, and how it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// Empty for one of another controller.
    pub(super) spec: IssuerSpec,
    pub(super) conditions: Vec<Condition>,
}

/// Reads a configured issuer; an error is a sentence.
pub(super) async fn read(
    cluster: &Cluster,
    release_namespace: &str,
    issuer: &IssuerRef,
) -> Result<Asked, String> {
    let namespace = issuer.namespace.as_deref().unwrap_or(release_namespace);
    let client = cluster.client.clone();
    let found = match &issuer.kind {
        IssuerKind::ClusterIssuer => Api::<ClusterIssuer>::all(client)
            .get(&issuer.name)
            .await
            .map(|found| Asked { spec: found.spec, conditions: found.status.conditions }),
        IssuerKind::Issuer => Api::<Issuer>::namespaced(client, namespace)
            .get(&issuer.name)
            .await
            .map(|found| Asked { spec: found.spec, conditions: found.status.conditions }),
        IssuerKind::External { kind, group } => external(cluster, kind, group, namespace, &issuer.name).await,
    };
    found.map_err(|error| format!("read the canary's issuer {issuer}: {}", Cause::of(&error)))
}

/// One of another controller. What may not be read is left to that controller: nobody has to allow us to.
async fn external(
    cluster: &Cluster,
    kind: &str,
    group: &str,
    namespace: &str,
    name: &str,
) -> Result<Asked, kube::Error> {
    let served = oneshot::group(&cluster.client, group).await?;
    let known = served.recommended_resources().into_iter().find(|(resource, _)| resource.kind == kind);
    let Some((resource, capabilities)) = known else {
        return Err(kube::Error::Discovery(kube::error::DiscoveryError::MissingKind(format!(
            "{kind}.{group}"
        ))));
    };
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(cluster.client.clone(), &resource),
        Scope::Namespaced => Api::namespaced_with(cluster.client.clone(), namespace, &resource),
    };
    match api.get(name).await {
        Ok(found) => Ok(Asked { conditions: conditions(&found.data), ..Asked::default() }),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(Asked::default()),
        Err(error) => Err(error),
    }
}

fn conditions(data: &Value) -> Vec<Condition> {
    let written = data.pointer("/status/conditions").cloned().unwrap_or_default();
    serde_json::from_value(written).unwrap_or_default()
}
