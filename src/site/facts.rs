//! What the rules on cert-manager's versions ask of a live cluster, read page by page. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;
use futures::future::join3;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use crate::certmanager::advice::condition::{Condition, Facts, LiveCrd};
use crate::certmanager::deployed::{CRDS, labelled_version};
use crate::certmanager::reissue::reader::ReadCertificate;
use crate::certmanager::resources::{Certificate, Object as _, Order};
use crate::certmanager::states;
use crate::cluster::live_crd::{self, StoredCrd};
use crate::cluster::objects::in_parallel;
use crate::cluster::paging::{self, is_absent};
use crate::cluster::{ApiError, Cluster};
use crate::failure::in_one_line;

/// What was found beside the facts.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What cannot be read, in one line each.
    pub(super) unread: Vec<String>,
    /// Every Certificate, if they were asked for and can be read.
    pub(super) certificates: Vec<ReadCertificate>,
}

/// Adds what is asked for. What cannot be read is left out, and told; `whole` asks for every Certificate.
pub(super) async fn gather(
    cluster: &Cluster,
    asked: &BTreeSet<Condition>,
    whole: bool,
    facts: &mut Facts,
) -> Gathered {
    let wants = |conditions: &[Condition]| conditions.iter().any(|condition| asked.contains(condition));
    let of_certificates = async {
        let wanted = whole || wants(&[Condition::CaWithoutRotationPolicy, Condition::SharedSecrets]);
        if wanted { certificates(cluster, whole).await.map(Some) } else { Ok(None) }
    };
    let of_orders =
        async { if wants(&[Condition::OrdersInFlight]) { orders(cluster).await } else { Ok(None) } };
    let (found, orders, crds) = join3(of_certificates, of_orders, live_crds(cluster, facts)).await;
    let (mut unread, mut certificates) = (Vec::new(), Vec::new());
    let told = |what: &str, error: &kube::Error| untold(cluster, what, error);
    match found {
        Ok(found) => {
            facts.cas = found.as_ref().map(|found| found.cas.clone());
            facts.shared_secrets = found.as_ref().map(SeenCertificates::shared);
            certificates = found.and_then(|found| found.all).unwrap_or_default();
        }
        Err(error) => unread.push(told("Certificates", &error)),
    }
    match orders {
        Ok(found) => facts.orders = found,
        Err(error) => unread.push(told("Orders", &error)),
    }
    match crds {
        Ok(found) => facts.crds = Some(found),
        Err(error) => unread.push(told("CRDs", &error)),
    }
    Gathered { unread, certificates }
}

/// That something could not be read, and what comes of it.
pub(super) fn untold(cluster: &Cluster, what: &str, error: &kube::Error) -> String {
    let error = ApiError::new(cluster, format!("list {what}, on which rules on versions depend"), error);
    format!("{}; these rules keep silent", in_one_line(&error))
}

/// The CRDs of cert-manager that the cluster has; those that were read already are not asked for again.
async fn live_crds(cluster: &Cluster, facts: &Facts) -> kube::Result<Vec<LiveCrd>> {
    match &facts.crds {
        Some(known) => Ok(known.clone()),
        None => crds(cluster).await,
    }
}

/// The CRDs of cert-manager that the cluster has.
pub(super) async fn crds(cluster: &Cluster) -> kube::Result<Vec<LiveCrd>> {
    let read = in_parallel(CRDS, |name| live_crd::read(cluster, name));
    read.try_filter_map(async |crd| Ok(crd.map(seen_crd))).try_collect().await
}

fn seen_crd(crd: StoredCrd) -> LiveCrd {
    let labels = serde_json::json!({"metadata": {"labels": crd.metadata.labels}});
    LiveCrd {
        name: crd.name().to_owned(),
        version: labelled_version(&labels),
        stored: crd.status.stored_versions,
        ..LiveCrd::default()
    }
}

/// What Certificates tell.
#[derive(Debug, Default)]
struct SeenCertificates {
    cas: Vec<String>,
    /// The Certificates that name a Secret.
    by_secret: BTreeMap<String, Vec<String>>,
    /// All of them, where they are wanted.
    all: Option<Vec<ReadCertificate>>,
}

impl SeenCertificates {
    fn take(&mut self, certificate: &DynamicObject) {
        let spec = &certificate.data["spec"];
        let namespace = certificate.metadata.namespace.as_deref().unwrap_or_default();
        let name = certificate.metadata.name.clone().unwrap_or_default();
        let policy = spec["privateKey"]["rotationPolicy"].as_str().unwrap_or_default();
        if spec["isCA"] == true && policy.is_empty() {
            self.cas.push(format!("Certificate {namespace}/{name}"));
        }
        let secret = spec["secretName"].as_str().unwrap_or_default();
        self.by_secret.entry(format!("{namespace}/{secret}")).or_default().push(name);
        if let Some(all) = &mut self.all {
            all.push(read(certificate));
        }
    }

    /// Secrets that several Certificates name, with these.
    fn shared(&self) -> Vec<String> {
        let several = self.by_secret.iter().filter(|(_, names)| names.len() > 1);
        several.map(|(secret, names)| format!("Secret {secret} ({})", names.join(" and "))).collect()
    }
}

async fn certificates(cluster: &Cluster, whole: bool) -> kube::Result<SeenCertificates> {
    let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource::<Certificate>());
    let mut seen = SeenCertificates { all: whole.then(Vec::new), ..SeenCertificates::default() };
    paging::each(&api, |certificate| seen.take(&certificate)).await?;
    Ok(seen)
}

fn read(certificate: &DynamicObject) -> ReadCertificate {
    let spec = &certificate.data["spec"];
    let names = spec["dnsNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    ReadCertificate {
        namespace: certificate.metadata.namespace.clone().unwrap_or_default(),
        name: certificate.metadata.name.clone().unwrap_or_default(),
        secret: spec["secretName"].as_str().unwrap_or_default().to_owned(),
        issuer: serde_json::from_value(spec["issuerRef"].clone()).unwrap_or_default(),
        dns_names: names.map(ToOwned::to_owned).collect(),
        revision: certificate.data["status"]["revision"].as_i64(),
        ..ReadCertificate::default()
    }
}

/// The Orders that have not come to their end; nothing where the table does not tell.
async fn orders(cluster: &Cluster) -> kube::Result<Option<Vec<String>>> {
    let (resource, mut open) = (resource::<Order>(), Vec::new());
    let is_told = paging::rows(cluster, &resource, "State", |row| {
        if !states::is_final(&row.cell) {
            open.push(Order { metadata: row.metadata, ..Order::default() }.title());
        }
    });
    let is_told = is_told.await;
    match is_told {
        Err(error) if is_absent(&error) => Ok(Some(open)),
        is_told => Ok(is_told?.then_some(open)),
    }
}

/// How a kind of cert-manager is asked for.
pub(super) fn resource<K: k8s_openapi::Resource>() -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk(K::GROUP, K::VERSION, K::KIND),
        K::URL_PATH_SEGMENT,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cas_without_a_policy_and_secrets_that_are_shared_are_found() {
        let mut seen = SeenCertificates::default();
        let specs = [
            ("a", "one", json!({"isCA": true, "secretName": "x"})),
            ("a", "two", json!({"isCA": true, "secretName": "y", "privateKey": {"rotationPolicy": "Never"}})),
            ("a", "three", json!({"isCA": false, "secretName": "x"})),
            ("b", "four", json!({"isCA": true, "secretName": "x", "privateKey": {"size": 2048}})),
        ];
        for (namespace, name, spec) in specs {
            let object = json!({"metadata": {"namespace": namespace, "name": name}, "spec": spec});
            seen.take(&serde_json::from_value(object).unwrap());
        }
        assert_eq!(seen.cas, ["Certificate a/one", "Certificate b/four"]);
        assert_eq!(seen.shared(), ["Secret a/x (one and three)"]);
    }
}
