//! How every incident is brought about on a real cluster, and taken back.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::api::rbac::v1::RoleBinding;
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
            "clean-up-hangs" => self.hanging_challenge().await,
            "may-not-lead" => {
                self.leader_election_is_for("nobody").await;
                self.new_cainjector().await;
            }
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
            "clean-up-hangs" => {
                let patch = json!({"metadata": {"finalizers": null}});
                let api = colleagues.api("Challenge", "demo");
                api.patch("hangs", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
            }
            "may-not-lead" => self.cainjector_leads_again().await,
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

    /// Somebody else's finalizer stands for cert-manager's own, which it would take away here.
    async fn hanging_challenge(&self) {
        let challenge = json!({
            "apiVersion": "acme.cert-manager.io/v1", "kind": "Challenge",
            "metadata": {"name": "hangs", "namespace": "demo", "finalizers": ["example.com/hangs"]},
            "spec": {
                "authorizationURL": "https://acme.example.com/authz/1", "url": "https://acme.example.com/chall/1",
                "dnsName": "hangs.example.com", "type": "DNS-01", "key": "k", "token": "t", "wildcard": false, "solver": {},
                "issuerRef": cluster_issuer("letsencrypt"),
            },
        });
        self.colleagues.create("Challenge", "demo", &challenge).await;
        self.colleagues.delete("Challenge", "demo", &["hangs"]).await;
    }

    /// As Helm writes it: whoever else did would be in the way of the next upgrade.
    async fn leader_election_is_for(&self, account: &str) {
        let bindings = Api::<RoleBinding>::namespaced(self.cluster.client.clone(), "kube-system");
        let mut binding = bindings.get(ELECTION).await.unwrap();
        account.clone_into(&mut binding.subjects.as_mut().unwrap()[0].name);
        let as_helm = PostParams { field_manager: Some("helm".to_owned()), ..PostParams::default() };
        bindings.replace(ELECTION, &as_helm, &binding).await.unwrap();
    }

    /// Returns when it is up, which says nothing about whether it leads.
    async fn new_cainjector(&self) -> String {
        let pods = Api::<Pod>::namespaced(self.cluster.client.clone(), "cert-manager");
        let labelled = ListParams::default().labels("app.kubernetes.io/name=cainjector");
        let ready = async || {
            let all = pods.list(&labelled).await.unwrap().items;
            let ready = |pod: &Pod| {
                let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
                conditions.into_iter().any(|is| is.type_ == "Ready" && is.status == "True")
            };
            (all.len() == 1 && ready(&all[0])).then(|| all[0].name_any())
        };
        let before = pods.list(&labelled).await.unwrap();
        self.delete_pods("cainjector").await;
        let is_new = |name: &String| before.iter().all(|pod| pod.name_any() != *name);
        let up = async || ready().await.is_some_and(|name| is_new(&name));
        wait::until("a new cainjector is up", Duration::from_mins(1), up).await;
        ready().await.unwrap_or_default()
    }

    /// A new pod asks for the lease at once, and nobody has to wait for the old one's to run out.
    async fn cainjector_leads_again(&self) {
        self.leader_election_is_for("cert-manager-cainjector").await;
        let leases = Api::<Lease>::namespaced(self.cluster.client.clone(), "kube-system");
        let name = "cert-manager-cainjector-leader-election";
        let _ = leases.delete(name, &DeleteParams::default()).await;
        let pod = self.new_cainjector().await;
        let leads = async || {
            let lease = leases.get_opt(name).await.unwrap().and_then(|lease| lease.spec);
            lease.and_then(|spec| spec.holder_identity).is_some_and(|holder| holder.starts_with(&pod))
        };
        wait::until("the new cainjector leads", Duration::from_mins(2), leads).await;
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

/// Of cainjector, in the chart.
const ELECTION: &str = "cert-manager-cainjector:leaderelection";
const LONG_AGO: &str = "2026-01-01T00:00:00Z";
