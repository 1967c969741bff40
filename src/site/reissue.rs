//! What an upgrade would issue again on a live cluster: beside its Certificates, the requests and Secrets that the
//! new version reads in another way. Reads only, page by page, and only what the rules of this upgrade ask for.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::DynamicObject;

use super::facts::{resource, untold};
use crate::certmanager::annotations::{CERTIFICATE_NAME, ISSUER_GROUP, ISSUER_KIND, ISSUER_NAME, REVISION};
use crate::certmanager::reissue::budget::ReissueBudget;
use crate::certmanager::reissue::foreseen::{ForeseenReissue, ReadingRule, foresee};
use crate::certmanager::reissue::reader::{ReadCertificate, Reader, SecretAnnotations};
use crate::certmanager::resources::{CertificateRequest, IssuerReference};
use crate::cluster::Cluster;
use crate::cluster::paging::{self, Paging};

/// Namespace and name.
type Place = (String, String);

/// What these rules say of the Certificates of a cluster; what cannot be read is told in `unread`.
pub(super) async fn on_cluster(
    cluster: &Cluster,
    rules: &[ReadingRule],
    mut certificates: Vec<ReadCertificate>,
    budget: ReissueBudget,
    unread: &mut Vec<String>,
) -> Option<ForeseenReissue> {
    let reads = |reader| !certificates.is_empty() && rules.iter().any(|rule| rule.reader == reader);
    let (defaults, annotations) = (reads(Reader::IssuerDefaults), reads(Reader::SecretAnnotations));
    if defaults {
        match requests(cluster).await {
            Ok(found) => certificates.iter_mut().for_each(|certificate| requested(certificate, &found)),
            Err(error) => unread.push(untold(cluster, "CertificateRequests", &error)),
        }
    }
    if annotations {
        let secrets = secrets(cluster, &certificates).await;
        match secrets {
            Ok(mut found) => certificates.iter_mut().for_each(|certificate| {
                certificate.annotated = found.remove(&secret_of(certificate));
            }),
            Err(error) => unread.push(untold(cluster, "the metadata of Secrets", &error)),
        }
    }
    foresee(rules, &certificates, budget)
}

fn secret_of(certificate: &ReadCertificate) -> Place {
    (certificate.namespace.clone(), certificate.secret.clone())
}

fn requested(certificate: &mut ReadCertificate, requests: &HashMap<(Place, i64), IssuerReference>) {
    let place = (certificate.namespace.clone(), certificate.name.clone());
    let found = certificate.revision.and_then(|revision| requests.get(&(place, revision)));
    certificate.requested = found.cloned();
}

/// The issuers that requests name, by Certificate and revision.
async fn requests(cluster: &Cluster) -> kube::Result<HashMap<(Place, i64), IssuerReference>> {
    let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource::<CertificateRequest>());
    let mut found = HashMap::new();
    paging::each(&api, |one| found.extend(request(&one))).await?;
    Ok(found)
}

fn request(request: &DynamicObject) -> Option<((Place, i64), IssuerReference)> {
    let says = |key: &str| annotation(&request.metadata, key);
    let place = (request.metadata.namespace.clone()?, says(CERTIFICATE_NAME)?);
    let issuer = serde_json::from_value(request.data["spec"]["issuerRef"].clone()).ok()?;
    Some(((place, says(REVISION)?.parse().ok()?), issuer))
}

/// What is written on the Secrets of these Certificates; what is in them is not asked for.
async fn secrets(
    cluster: &Cluster,
    certificates: &[ReadCertificate],
) -> kube::Result<HashMap<Place, SecretAnnotations>> {
    let api: Api<Secret> = Api::all(cluster.client.clone());
    let wanted: Vec<Place> = certificates.iter().map(secret_of).collect();
    let wanted: std::collections::HashSet<&Place> = wanted.iter().collect();
    let (mut found, mut paging) = (HashMap::new(), Paging::default());
    while let Some(params) = paging.next() {
        let page = api.list_metadata(&params).await?;
        paging.turn(&page.metadata);
        for metadata in page.items.into_iter().map(|secret| secret.metadata) {
            let place =
                (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default());
            if wanted.contains(&place) {
                found.insert(place, annotations(&metadata));
            }
        }
    }
    Ok(found)
}

fn annotations(metadata: &ObjectMeta) -> SecretAnnotations {
    let says = |key: &str| annotation(metadata, key);
    SecretAnnotations {
        certificate: says(CERTIFICATE_NAME),
        issuer_name: says(ISSUER_NAME),
        issuer: IssuerReference {
            kind: says(ISSUER_KIND).unwrap_or_default(),
            group: says(ISSUER_GROUP).unwrap_or_default(),
            ..IssuerReference::default()
        },
    }
}

fn annotation(metadata: &ObjectMeta, key: &str) -> Option<String> {
    metadata.annotations.as_ref()?.get(key).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(annotations: &Value, spec: &Value) -> DynamicObject {
        let metadata = json!({"namespace": "web", "name": "x", "annotations": annotations});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    #[test]
    fn the_request_of_the_revision_in_the_secret_counts() {
        let of = |name: &str, revision: &str, kind: &str| {
            let annotations = json!({CERTIFICATE_NAME: name, REVISION: revision});
            request(&object(&annotations, &json!({"issuerRef": {"name": "ca", "kind": kind}})))
        };
        let all = [of("shop", "1", "Old"), of("shop", "2", "New"), of("other", "3", "Other")];
        let all: HashMap<_, _> = all.into_iter().flatten().collect();
        for (revision, expected) in
            [(Some(1), Some("Old")), (Some(2), Some("New")), (Some(3), None), (None, None)]
        {
            let mut certificate = ReadCertificate {
                namespace: "web".to_owned(),
                name: "shop".to_owned(),
                revision,
                ..ReadCertificate::default()
            };
            requested(&mut certificate, &all);
            let kind = certificate.requested.as_ref().map(|issuer| issuer.kind.as_str());
            assert_eq!(kind, expected, "{revision:?}");
        }
        assert!(request(&object(&json!({}), &json!({}))).is_none(), "a request of nobody's Certificate");
    }

    #[test]
    fn absent_annotations_are_told_from_empty_ones() {
        let read = annotations(&object(&json!({ISSUER_KIND: "ClusterIssuer"}), &json!({})).metadata);
        assert_eq!((read.certificate, read.issuer.kind.as_str()), (None, "ClusterIssuer"));
    }
}
