//! How every incident is brought about on a real cluster, and taken back.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use release::cluster::Cluster;
use serde_json::json;

use crate::support::colleagues::{Colleagues, cluster_issuer};
use crate::support::wait;

const PREVIEW: &str = "preview-incident";

/// A cluster on which incidents happen.
pub(super) struct Stage<'c> {
    cluster: &'c Cluster,
    colleagues: Colleagues<'c>,
}

impl<'c> Stage<'c> {
    pub(super) fn of(cluster: &'c Cluster) -> Self {
        Self { cluster, colleagues: Colleagues { cluster } }
    }

    /// What has to be there, and well, before it can happen.
    pub(super) async fn prepare(&self, name: &str) {
        match name {
            "external-issuer-fails" => {
                let issuer = json!({"name": "pca", "kind": "PrivateCa", "group": "example.com"});
                self.colleagues.certificate("demo", "external", &issuer).await;
            }
            "namespace-deleted" => self.colleagues.preview(PREVIEW).await,
            "ca-secret-lost" => self.second_ca().await,
            _ => {}
        }
    }

    /// It happens.
    pub(super) async fn happen(&self, name: &str) {
        let colleagues = &self.colleagues;
        match name {
            "edited" => self.names(&["shop.example.com", "shop2.example.com"]).await,
            "hangs" => colleagues.certificate("demo", "hangs", &cluster_issuer("nobody")).await,
            "external-issuer-fails" => colleagues.not_signed("external").await,
            "denied" => colleagues.denied().await,
            "namespace-deleted" => colleagues.delete_preview(PREVIEW).await,
            "shared-secret" => {
                for name in ["twin-a", "twin-b"] {
                    colleagues.certificate_in("demo", name, "twins", &cluster_issuer("sandbox-ca")).await;
                }
            }
            "one-fails" => colleagues.failure("shop", Some(LONG_AGO)).await,
            "several-fail" => {
                // At once: the run ends with the first failure that it sees.
                tokio::join!(
                    colleagues.failure("shop", Some(LONG_AGO)),
                    colleagues.failure("metrics", Some(LONG_AGO))
                );
            }
            "read-differently" => self.issuer_annotation(&["shop-tls", "search-tls"], "another").await,
            "secret-deleted" => {
                self.secrets("demo").delete("search-tls", &DeleteParams::default()).await.unwrap();
            }
            "issuer-deleted" => colleagues.delete("ClusterIssuer", "", &["selfsigned"]).await,
            "ca-secret-lost" => {
                self.secrets("cert-manager").delete("second-ca", &DeleteParams::default()).await.unwrap();
                self.issuer_is("second-ca", "False").await;
            }
            "webhook-pod-drained" => self.delete_pods("webhook").await,
            "broken-neighbour" => self.broken_neighbour().await,
            other => panic!("nobody knows how to stage {other}"),
        }
    }

    /// As it was before.
    pub(super) async fn undo(&self, name: &str) {
        let colleagues = &self.colleagues;
        match name {
            "edited" => self.names(&["shop.demo.example.com"]).await,
            "hangs" => colleagues.delete("Certificate", "demo", &["hangs"]).await,
            "external-issuer-fails" => colleagues.delete("Certificate", "demo", &["external"]).await,
            "denied" => colleagues.no_more_denied().await,
            "namespace-deleted" => colleagues.preview_is_gone(PREVIEW).await,
            "shared-secret" => colleagues.delete("Certificate", "demo", &["twin-a", "twin-b"]).await,
            "one-fails" => colleagues.failure("shop", None).await,
            "several-fail" => {
                colleagues.failure("shop", None).await;
                colleagues.failure("metrics", None).await;
            }
            "issuer-deleted" => {
                let issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer",
                    "metadata": {"name": "selfsigned"}, "spec": {"selfSigned": {}}});
                colleagues.create("ClusterIssuer", "", &issuer).await;
                self.issuer_is("selfsigned", "True").await;
            }
            "ca-secret-lost" => colleagues.delete("ClusterIssuer", "", &["second-ca"]).await,
            "broken-neighbour" => {
                self.deployments().delete("broken", &DeleteParams::default()).await.unwrap();
            }
            _ => {}
        }
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.cluster.client.clone(), namespace)
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.cluster.client.clone(), "cert-manager")
    }

    async fn names(&self, names: &[&str]) {
        let patch = json!({"spec": {"dnsNames": names}});
        self.colleagues.patch("Certificate", "demo", "shop", &patch).await;
    }

    /// As when a new version reads the annotations of Secrets in another way.
    async fn issuer_annotation(&self, secrets: &[&str], issuer: &str) {
        let patch =
            Patch::Merge(json!({"metadata": {"annotations": {"cert-manager.io/issuer-name": issuer}}}));
        for name in secrets {
            self.secrets("demo").patch(name, &PatchParams::default(), &patch).await.unwrap();
        }
    }

    /// A CA whose Secret nobody makes anew.
    async fn second_ca(&self) {
        let secrets = self.secrets("cert-manager");
        let data = secrets.get("sandbox-ca").await.unwrap().data;
        let metadata = ObjectMeta { name: Some("second-ca".into()), ..ObjectMeta::default() };
        let type_ = Some("kubernetes.io/tls".into());
        let copy = Secret { metadata, data, type_, ..Secret::default() };
        secrets.create(&PostParams::default(), &copy).await.unwrap();
        let issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer",
            "metadata": {"name": "second-ca"}, "spec": {"ca": {"secretName": "second-ca"}}});
        self.colleagues.create("ClusterIssuer", "", &issuer).await;
        self.issuer_is("second-ca", "True").await;
    }

    async fn issuer_is(&self, name: &str, ready: &str) {
        let issuers = self.colleagues.api("ClusterIssuer", "");
        let is = async || {
            let issuer = issuers.get(name).await.unwrap();
            issuer.data["status"]["conditions"][0]["status"] == ready
        };
        wait::until("the issuer changes", Duration::from_mins(1), is).await;
    }

    async fn delete_pods(&self, name: &str) {
        let pods = Api::<Pod>::namespaced(self.cluster.client.clone(), "cert-manager");
        let labelled = ListParams::default().labels(&format!("app.kubernetes.io/name={name}"));
        for pod in pods.list(&labelled).await.unwrap() {
            pods.delete(&pod.name_any(), &DeleteParams::default()).await.unwrap();
        }
    }

    /// Somebody's Deployment beside cert-manager that has never worked.
    async fn broken_neighbour(&self) {
        let container = json!({"name": "c", "image": "example.com/missing:v1"});
        let deployment = json!({"metadata": {"name": "broken"}, "spec": {"selector": {"matchLabels": {"app": "broken"}},
            "template": {"metadata": {"labels": {"app": "broken"}}, "spec": {"containers": [container]}}}});
        let deployment = serde_json::from_value(deployment).unwrap();
        self.deployments().create(&PostParams::default(), &deployment).await.unwrap();
    }
}

const LONG_AGO: &str = "2026-01-01T00:00:00Z";
