//! The cert-manager release of a cluster of the sandbox: what runs, what the history says, what exists.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use release::cluster::{Cluster, release_secrets};
use release::config::ReleaseId;

use super::wait::until;

pub(crate) fn release() -> ReleaseId {
    ReleaseId { name: "cert-manager".to_owned(), namespace: "cert-manager".to_owned() }
}

/// `revision status chart-version` of every revision.
pub(crate) async fn history(cluster: &Cluster) -> Vec<String> {
    let records = release_secrets::history(cluster, &release()).await.unwrap();
    records
        .iter()
        .map(|record| {
            format!("{} {} {}", record.revision(), record.status().as_str(), record.chart_version())
        })
        .collect()
}

/// The number of the newest revision; a long history begins later than with 1.
pub(crate) async fn newest_revision(cluster: &Cluster) -> u32 {
    let records = release_secrets::history(cluster, &release()).await.unwrap();
    records.last().unwrap().revision()
}

/// The image tags that the pods of the release run, each once.
pub(crate) async fn running(cluster: &Cluster) -> Vec<String> {
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), "cert-manager")
        .list(&ListParams::default())
        .await
        .unwrap();
    let images = pods
        .iter()
        .flat_map(|pod| pod.spec.iter())
        .flat_map(|spec| &spec.containers)
        .filter_map(|container| container.image.as_deref());
    let mut tags: Vec<String> =
        images.filter_map(|image| image.rsplit_once(':')).map(|(_, tag)| tag.to_owned()).collect();
    tags.sort();
    tags.dedup();
    tags
}

/// uid by `namespace/name` of every object of a kind; other tests work in namespaces of their own.
pub(crate) async fn uids(cluster: &Cluster, group: &str, kind: &str) -> BTreeMap<String, String> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    let list = Api::<DynamicObject>::all_with(cluster.client.clone(), &resource)
        .list(&ListParams::default())
        .await
        .unwrap();
    let names = list.iter().map(|object| {
        (format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any()), object.uid().unwrap())
    });
    names.filter(|(name, _)| !name.starts_with("test-")).collect()
}

/// Resource versions of everything that a dry run must not touch: workloads, Secrets, CRDs, webhooks.
pub(crate) async fn fingerprint(cluster: &Cluster) -> BTreeMap<String, String> {
    let kinds = [
        ("apps", "Deployment"),
        ("", "Secret"),
        ("", "ConfigMap"),
        ("", "ServiceAccount"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("cert-manager.io", "Certificate"),
        ("cert-manager.io", "CertificateRequest"),
        ("acme.cert-manager.io", "Order"),
    ];
    let mut seen = BTreeMap::new();
    for (group, kind) in kinds {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let list = Api::<DynamicObject>::all_with(cluster.client.clone(), &resource)
            .list(&ListParams::default())
            .await
            .unwrap();
        // Other tests work in namespaces of their own.
        for object in list.iter().filter(|object| {
            object.namespace().is_none_or(|namespace| namespace == "cert-manager" || namespace == "demo")
        }) {
            seen.insert(format!("{kind} {}", object.name_any()), object.resource_version().unwrap());
        }
    }
    seen.retain(|name, _| !name.contains("test"));
    seen
}

/// Waits until this revision is deployed, or half a minute.
pub(crate) async fn wait_for_revision(cluster: &Cluster, revision: u32) {
    let secrets = Api::<Secret>::namespaced(cluster.client.clone(), "cert-manager");
    let name = release_secrets::secret_name(&release(), revision);
    let deployed = |secret: Secret| {
        secret
            .metadata
            .labels
            .is_some_and(|labels| labels.get("status").is_some_and(|status| status == "deployed"))
    };
    until(&format!("revision {revision} is deployed"), Duration::from_secs(30), async || {
        secrets.get_opt(&name).await.unwrap().is_some_and(deployed)
    })
    .await;
}
