//! Reads what a plan is made from. Nothing is judged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::Api;
use serde::de::DeserializeOwned;

use super::RepairTerms;
use crate::certmanager::repair::obstacle::secrets_of;
use crate::certmanager::repair::plan::plan;
use crate::certmanager::repair::scene::Scene;
use crate::certmanager::resources::{Certificate, Object};
use crate::cluster::{ApiError, Cluster, paging};
use crate::failure::Failure;
use crate::gate::server_time;

/// Everything; whether the Secrets of solvers exist only of what is broken.
pub(super) async fn scene(cluster: &Cluster, terms: &RepairTerms) -> Result<Scene, Failure> {
    let mut scene = listed(cluster, terms).await?;
    for (namespace, name) in wanted(&scene, terms) {
        if let Some(exists) = exists(cluster, &namespace, &name).await? {
            scene.secrets.insert((namespace, name), exists);
        }
    }
    Ok(scene)
}

async fn listed(cluster: &Cluster, terms: &RepairTerms) -> Result<Scene, ApiError> {
    let (certificates, requests, orders, challenges, issuers, cluster_issuers, now) = tokio::try_join!(
        all(cluster, "Certificates"),
        all(cluster, "CertificateRequests"),
        all(cluster, "Orders"),
        all(cluster, "Challenges"),
        all(cluster, "Issuers"),
        all(cluster, "ClusterIssuers"),
        now(cluster),
    )?;
    Ok(Scene {
        certificates,
        requests,
        orders,
        challenges,
        issuers,
        cluster_issuers,
        secrets: BTreeMap::new(),
        cluster_namespace: terms.release.namespace.clone(),
        now,
        patience: SignedDuration::try_from(terms.timeout).unwrap_or(SignedDuration::MAX),
        allowed: terms.allowed.clone(),
    })
}

async fn all<K>(cluster: &Cluster, what: &str) -> Result<Vec<K>, ApiError>
where
    K: kube::Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let mut found = Vec::new();
    let listed = paging::each(&Api::<K>::all(cluster.client.clone()), |object| found.push(object)).await;
    listed.map_err(|error| ApiError::new(cluster, format!("list {what}"), &error))?;
    Ok(found)
}

/// The API server's clock; where something between strips it, this machine's.
pub(super) async fn now(cluster: &Cluster) -> Result<Timestamp, ApiError> {
    let time = server_time(cluster).await;
    let time = time.map_err(|error| ApiError::new(cluster, "ask for the time", &error))?;
    Ok(time.unwrap_or_else(Timestamp::now))
}

/// The Secrets that the solvers of broken Certificates read.
fn wanted(scene: &Scene, terms: &RepairTerms) -> BTreeSet<(String, String)> {
    let broken: BTreeSet<String> =
        plan(scene, terms.order.as_ref()).into_iter().flatten().map(|repair| repair.object).collect();
    let mut wanted = BTreeSet::new();
    for certificate in scene.certificates.iter().filter(|one| broken.contains(&one.title())) {
        wanted.extend(secrets(scene, certificate));
    }
    wanted
}

fn secrets(scene: &Scene, certificate: &Certificate) -> Vec<(String, String)> {
    let namespace = certificate.metadata.namespace.as_deref().unwrap_or_default();
    let issuer = scene.issuer(&certificate.spec.issuer_ref, namespace);
    let Some((issuer, acme)) = issuer.and_then(|issuer| Some((issuer, issuer.spec.acme.as_ref()?))) else {
        return Vec::new();
    };
    let names = acme.solvers.iter().flat_map(secrets_of);
    names.map(|name| (issuer.namespace.to_owned(), name)).collect()
}

/// Only its metadata is read. Who may not read it does not know, and goes on.
async fn exists(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<bool>, ApiError> {
    let found = Api::<Secret>::namespaced(cluster.client.clone(), namespace).get_metadata_opt(name).await;
    match found {
        Ok(found) => Ok(Some(found.is_some())),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
        Err(error) => {
            Err(ApiError::new(cluster, format!("see whether Secret {namespace}/{name} exists"), &error))
        }
    }
}
