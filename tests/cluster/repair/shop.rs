//! An application with one Certificate, and what its chain goes through.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::core::ObjectMeta;
use release::cluster::Cluster;
use serde_json::{Value, json};

use crate::support::acme_account::AcmeAccount;
use crate::support::colleagues::{Colleagues, cluster_issuer};
use crate::support::program::{Ran, directory, release};
use crate::support::wait::until;
use crate::support::{THIRD, fresh_release};

/// A proof by DNS takes more than a minute: cert-manager waits for the time to live of the record.
pub(super) const ISSUED: Duration = Duration::from_mins(4);
pub(super) const SOON: Duration = Duration::from_mins(1);

/// A namespace of its own with one Certificate `shop`; a `*` in its name is the namespace.
pub(super) struct Shop {
    cluster: Cluster,
    pub(super) namespace: String,
}

impl Shop {
    /// From the sandbox's ACME issuer.
    pub(super) async fn open(cluster: &Cluster, name: &str) -> Self {
        let shop = Self::empty(cluster).await;
        shop.wish(name, &cluster_issuer("letsencrypt")).await;
        shop
    }

    pub(super) async fn empty(cluster: &Cluster) -> Self {
        let namespace = fresh_release().namespace;
        let metadata = ObjectMeta { name: Some(namespace.clone()), ..ObjectMeta::default() };
        let object = Namespace { metadata, ..Namespace::default() };
        let namespaces = Api::<Namespace>::all(cluster.client.clone());
        namespaces.create(&PostParams::default(), &object).await.unwrap();
        Self { cluster: cluster.clone(), namespace }
    }

    /// The Certificate.
    pub(super) async fn wish(&self, name: &str, issuer: &Value) {
        let certificate = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": {"name": "shop", "namespace": self.namespace},
            "spec": {"secretName": "shop", "dnsNames": [name.replace('*', &self.namespace)], "issuerRef": issuer},
        });
        Colleagues { cluster: &self.cluster }.create("Certificate", &self.namespace, &certificate).await;
    }

    /// An Issuer `acme` like the sandbox's, that writes its proofs to this DNS server; Ready. Answers the
    /// server of the sandbox's.
    pub(super) async fn issuer(&self, nameserver: &str) -> String {
        let colleagues = Colleagues { cluster: &self.cluster };
        let known = colleagues.api("ClusterIssuer", "").get("letsencrypt").await.unwrap();
        let mut acme = known.data["spec"]["acme"].clone();
        let right = acme["solvers"][0]["dns01"]["rfc2136"]["nameserver"].as_str().unwrap().to_owned();
        acme["solvers"][0]["dns01"]["rfc2136"]["nameserver"] = json!(nameserver);
        acme["privateKeySecretRef"]["name"] = json!("acme");
        let issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": {"name": "acme", "namespace": self.namespace}, "spec": {"acme": acme}});
        colleagues.create("Issuer", &self.namespace, &issuer).await;
        let issuers = self.api("cert-manager.io", "Issuer");
        until("the Issuer is Ready", SOON, async || {
            issuers.get("acme").await.unwrap().data["status"]["conditions"][0]["status"] == "True"
        })
        .await;
        right
    }

    /// Its solver is repaired.
    pub(super) async fn nameserver(&self, right: &str) {
        let issuer = self.api("cert-manager.io", "Issuer").get("acme").await.unwrap();
        let mut solvers = issuer.data["spec"]["acme"]["solvers"].clone();
        solvers[0]["dns01"]["rfc2136"]["nameserver"] = json!(right);
        let patch = json!({"spec": {"acme": {"solvers": solvers}}});
        Colleagues { cluster: &self.cluster }.patch("Issuer", &self.namespace, "acme", &patch).await;
    }

    /// The proof of its Order is asked for before it is there: the ACME server looks, finds nothing, and the
    /// Order is invalid. cert-manager looks at a Challenge again that says nothing.
    pub(super) async fn proven_wrong(&self) -> DynamicObject {
        let order = self.order("pending").await;
        let challenges = self.api("acme.cert-manager.io", "Challenge");
        until("there is a Challenge", SOON, async || {
            challenges.list(&ListParams::default()).await.unwrap().items.len() == 1
        })
        .await;
        let challenge = challenges.list(&ListParams::default()).await.unwrap().items.remove(0);
        let issuer = self.api("cert-manager.io", "Issuer").get("acme").await.unwrap();
        let account = AcmeAccount::of(&self.cluster, &issuer).await;
        let url = challenge.data["spec"]["url"].as_str().unwrap();
        account.post(url, "{}").await;
        until("the ACME server has found nothing", SOON, async || {
            account.post(url, "").await["status"] == "invalid"
        })
        .await;
        let (name, forgets) = (challenge.metadata.name.unwrap(), json!({"status": {"state": null}}));
        until("cert-manager knows", SOON, async || {
            let _ = challenges.patch_status(&name, &PatchParams::default(), &Patch::Merge(&forgets)).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let orders = self.orders().list(&ListParams::default()).await.unwrap().items;
            orders.iter().any(|order| order.data["status"]["state"] == "invalid")
        })
        .await;
        self.paused().await;
        order
    }

    pub(super) fn api(&self, group: &str, kind: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        Api::namespaced_with(self.cluster.client.clone(), &self.namespace, &resource)
    }

    pub(super) fn orders(&self) -> Api<DynamicObject> {
        self.api("acme.cert-manager.io", "Order")
    }

    /// The only Order, when it has this state.
    pub(super) async fn order(&self, state: &str) -> DynamicObject {
        let orders = self.orders();
        let find = async || {
            let all = orders.list(&ListParams::default()).await.unwrap().items;
            all.into_iter().find(|order| order.data["status"]["state"] == state)
        };
        until(&format!("an Order is {state}"), SOON, async || find().await.is_some()).await;
        find().await.unwrap()
    }

    /// Its Order is invalid, as the ACME server would say of a wrong proof; what follows is cert-manager's.
    pub(super) async fn invalid(&self) -> DynamicObject {
        let order = self.order("pending").await;
        let name = order.metadata.name.as_deref().unwrap();
        let at = json!(order.metadata.creation_timestamp);
        let status =
            json!({"status": {"state": "invalid", "reason": "the proof was wrong", "failureTime": at}});
        self.orders().patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
        self.paused().await;
        order
    }

    pub(super) async fn certificate(&self) -> DynamicObject {
        self.api("cert-manager.io", "Certificate").get("shop").await.unwrap()
    }

    /// cert-manager has taken note of the failure, and pauses.
    pub(super) async fn paused(&self) -> DynamicObject {
        until("cert-manager pauses", SOON, async || {
            let status = &self.certificate().await.data["status"];
            let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            let failed = |one: &Value| one["type"] == "Issuing" && one["status"] == "False";
            status["lastFailureTime"].is_string() && conditions.iter().any(failed)
        })
        .await;
        self.certificate().await
    }

    /// What identifies the chain and its issuance; cert-manager itself writes to a Certificate now and then.
    pub(super) async fn fingerprint(&self) -> Vec<String> {
        let mut seen = Vec::new();
        for (group, kind) in [
            ("cert-manager.io", "Certificate"),
            ("cert-manager.io", "CertificateRequest"),
            ("acme.cert-manager.io", "Order"),
        ] {
            let all = self.api(group, kind).list(&ListParams::default()).await.unwrap().items;
            seen.extend(all.into_iter().map(|one| format!("{:?} {}", one.metadata.uid, issuance(&one))));
        }
        seen
    }

    pub(super) fn repair(&self, order: &DynamicObject, args: &[&str]) -> Ran {
        let named = format!("{}/{}", self.namespace, order.metadata.name.as_deref().unwrap());
        let config = directory().join("release.yaml");
        release(&config, &[&["repair", "--cluster", THIRD, "--order", &named], args].concat())
    }

    pub(super) async fn close(self) {
        let namespaces = Api::<Namespace>::all(self.cluster.client.clone());
        namespaces.delete(&self.namespace, &DeleteParams::default()).await.unwrap();
        until("the namespace is gone", ISSUED, async || {
            namespaces.get_opt(&self.namespace).await.unwrap().is_none()
        })
        .await;
    }
}

/// The condition Issuing and the failures, of a Certificate.
pub(super) fn issuance(one: &DynamicObject) -> Value {
    let status = &one.data["status"];
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let issuing: Vec<&Value> = conditions.filter(|condition| condition["type"] == "Issuing").collect();
    json!([issuing, status["lastFailureTime"], status["failedIssuanceAttempts"]])
}
