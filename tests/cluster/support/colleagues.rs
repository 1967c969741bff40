//! What users, approvers and other controllers do to a cluster while somebody else upgrades it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
    PostParams,
};
use rcgen::{CertificateParams, KeyPair};
use release::cluster::Cluster;
use serde_json::{Value, json};

use super::wait;

/// Somebody at work on a cluster.
pub(crate) struct Colleagues<'c> {
    pub(crate) cluster: &'c Cluster,
}

impl Colleagues<'_> {
    /// The objects of a kind of cert-manager; those of a cluster-wide kind have no namespace.
    pub(crate) fn api(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let group =
            if matches!(kind, "Order" | "Challenge") { "acme.cert-manager.io" } else { "cert-manager.io" };
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let client = self.cluster.client.clone();
        if namespace.is_empty() {
            Api::all_with(client, &resource)
        } else {
            Api::namespaced_with(client, namespace, &resource)
        }
    }

    pub(crate) async fn create(&self, kind: &str, namespace: &str, object: &Value) -> DynamicObject {
        let object = serde_json::from_value(object.clone()).unwrap();
        self.api(kind, namespace).create(&PostParams::default(), &object).await.unwrap()
    }

    pub(crate) async fn delete(&self, kind: &str, namespace: &str, names: &[&str]) {
        for name in names {
            let _ = self.api(kind, namespace).delete(name, &DeleteParams::default()).await;
        }
    }

    pub(crate) async fn patch(&self, kind: &str, namespace: &str, name: &str, patch: &Value) {
        let api = self.api(kind, namespace);
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub(crate) async fn status(&self, kind: &str, namespace: &str, name: &str, status: &Value) {
        let patch = Patch::Merge(json!({ "status": status }));
        self.api(kind, namespace).patch_status(name, &PatchParams::default(), &patch).await.unwrap();
    }

    /// A Certificate; its Secret has its name.
    pub(crate) async fn certificate(&self, namespace: &str, name: &str, issuer: &Value) {
        self.certificate_in(namespace, name, name, issuer).await;
    }

    pub(crate) async fn certificate_in(&self, namespace: &str, name: &str, secret: &str, issuer: &Value) {
        let certificate = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"secretName": secret, "dnsNames": [format!("{name}.example.com")], "issuerRef": issuer},
        });
        self.create("Certificate", namespace, &certificate).await;
    }

    /// A namespace with two Certificates, as a preview of an application has them.
    pub(crate) async fn preview(&self, namespace: &str) {
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        self.namespaces().create(&PostParams::default(), &object).await.unwrap();
        for name in ["preview-a", "preview-b"] {
            self.certificate(namespace, name, &cluster_issuer("sandbox-ca")).await;
        }
    }

    /// Its end begins.
    pub(crate) async fn delete_preview(&self, namespace: &str) {
        self.namespaces().delete(namespace, &DeleteParams::default()).await.unwrap();
    }

    pub(crate) async fn preview_is_gone(&self, namespace: &str) {
        let gone = async || self.namespaces().get_opt(namespace).await.unwrap().is_none();
        wait::until("the preview is gone", Duration::from_mins(1), gone).await;
    }

    fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.cluster.client.clone())
    }

    /// Its issuance failed, and cert-manager will not try again for an hour; `None` = it did not.
    pub(crate) async fn failure(&self, name: &str, at: Option<&str>) {
        let status = json!({"lastFailureTime": at, "failedIssuanceAttempts": at.map(|_| 1)});
        self.status("Certificate", "demo", name, &status).await;
    }

    /// A pod that asks for a certificate again and again, and a policy that says no. The condition Denied itself needs a
    /// signer whose kind exists; a signer that honours it writes the reason.
    pub(crate) async fn denied(&self) {
        let request = STANDARD.encode(signing_request());
        let object = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
            "metadata": {"generateName": "csi-", "namespace": "demo"},
            "spec": {"request": request, "issuerRef": {"name": "pca", "kind": "PrivateCa", "group": "example.com"}},
        });
        let created = self.create("CertificateRequest", "demo", &object).await;
        let name = created.metadata.name.unwrap();
        let now = json!(created.metadata.creation_timestamp);
        self.status("CertificateRequest", "demo", &name, &refused("Denied", &now)).await;
    }

    pub(crate) async fn no_more_denied(&self) {
        let requests = self.api("CertificateRequest", "demo").list(&ListParams::default()).await.unwrap();
        let names = requests.items.into_iter().filter_map(|request| request.metadata.name);
        for name in names.filter(|name| name.starts_with("csi-")) {
            self.delete("CertificateRequest", "demo", &[&name]).await;
        }
    }

    /// The controller of another issuer says that it could not sign for a Certificate.
    pub(crate) async fn not_signed(&self, certificate: &str) {
        let request = self.request_of(certificate).await;
        let now = json!(request.metadata.creation_timestamp);
        let mut status = refused("Failed", &now);
        status["failureTime"] = now;
        let name = request.metadata.name.as_ref().unwrap();
        self.status("CertificateRequest", "demo", name, &status).await;
    }

    /// The request of a Certificate, when there is one.
    async fn request_of(&self, certificate: &str) -> DynamicObject {
        let requests = self.api("CertificateRequest", "demo");
        let owned = |request: &DynamicObject| {
            request.metadata.owner_references.iter().flatten().any(|owner| owner.name == certificate)
        };
        let find =
            async || requests.list(&ListParams::default()).await.unwrap().items.into_iter().find(owned);
        wait::until("it is asked for", Duration::from_secs(30), async || find().await.is_some()).await;
        find().await.unwrap()
    }
}

/// A reference to an issuer of the whole cluster; `nobody` does not exist.
pub(crate) fn cluster_issuer(name: &str) -> Value {
    json!({"name": name, "kind": "ClusterIssuer"})
}

fn refused(reason: &str, at: &Value) -> Value {
    json!({"conditions": [
        {"type": "Ready", "status": "False", "reason": reason, "message": reason, "lastTransitionTime": at},
    ]})
}

fn signing_request() -> String {
    let key = KeyPair::generate().unwrap();
    let names = vec!["csi.example.com".to_owned()];
    CertificateParams::new(names).unwrap().serialize_request(&key).unwrap().pem().unwrap()
}
