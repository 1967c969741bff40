//! Reads a cluster for a [`Baseline`]. Lists only; nothing is watched and nothing is changed.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, PartialObjectMeta};
use serde::de::DeserializeOwned;

use super::state::{CertificateState, IssuerState, OrderState, PodState, RequestState, WorkloadState};
use super::{Baseline, backup};
use crate::certmanager::resources::{
    Certificate, CertificateRequest, Challenge, ClusterIssuer, Issuer, Object, Order,
};
use crate::certmanager::states::{self, Role};
use crate::cluster::Cluster;
use crate::config::{Profile, ReleaseId};
use crate::gate::subject::CRDS;
use crate::gate::{GateError, chain, pulse};

const LEASES: [&str; 2] = ["cert-manager-controller", "cert-manager-cainjector-leader-election"];

impl Baseline {
    /// Reads everything that the gates compare with. Kinds whose CRD is not installed count as empty.
    pub async fn observe(
        cluster: &Cluster,
        release: &ReleaseId,
        profile: Profile,
    ) -> Result<Self, GateError> {
        let reader = Reader { cluster };
        let taken = pulse::server_time(cluster)
            .await
            .map_err(|error| GateError::api(cluster, "read the API server's time", &error))?;
        let mut baseline = Self { taken, ..Self::default() };
        reader.workloads(&release.namespace, &mut baseline).await?;
        if profile == Profile::CertManager {
            reader.chart(release, &mut baseline).await?;
            let certificates = reader.wishes(&mut baseline).await?;
            reader.chains(&certificates, &mut baseline).await?;
        }
        Ok(baseline)
    }
}

struct Reader<'c> {
    cluster: &'c Cluster,
}

impl Reader<'_> {
    async fn workloads(&self, namespace: &str, baseline: &mut Baseline) -> Result<(), GateError> {
        let client = || self.cluster.client.clone();
        for deployment in self.all(&Api::<Deployment>::namespaced(client(), namespace), "Deployments").await?
        {
            let status = deployment.status.as_ref();
            let desired = deployment.spec.replicas.unwrap_or(1);
            let available = status.and_then(|status| status.available_replicas).unwrap_or(0);
            let pod = deployment.spec.template.spec.as_ref();
            let images = images(pod.map(|pod| pod.containers.as_slice()));
            baseline.workloads.insert(deployment.title(), WorkloadState { desired, available, images });
        }
        for set in self.all(&Api::<StatefulSet>::namespaced(client(), namespace), "StatefulSets").await? {
            let desired = set.spec.replicas.unwrap_or(1);
            let available = set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0);
            let pod = set.spec.template.spec.as_ref();
            let images = images(pod.map(|pod| pod.containers.as_slice()));
            baseline.workloads.insert(set.title(), WorkloadState { desired, available, images });
        }
        for set in self.all(&Api::<DaemonSet>::namespaced(client(), namespace), "DaemonSets").await? {
            let desired = set.status.as_ref().map_or(0, |status| status.desired_number_scheduled);
            let available = set.status.as_ref().and_then(|status| status.number_available).unwrap_or(0);
            let pod = set.spec.template.spec.as_ref();
            let images = images(pod.map(|pod| pod.containers.as_slice()));
            baseline.workloads.insert(set.title(), WorkloadState { desired, available, images });
        }
        let pods = self.all(&Api::<Pod>::namespaced(client(), namespace), "Pods").await?;
        baseline.pods = pods.iter().map(|pod| (pod.uid().to_owned(), PodState::of(pod))).collect();
        Ok(())
    }

    /// What the chart brings beside its workloads.
    async fn chart(&self, release: &ReleaseId, baseline: &mut Baseline) -> Result<(), GateError> {
        let client = || self.cluster.client.clone();
        let instance = ListParams::default().labels(&format!("app.kubernetes.io/instance={}", release.name));
        let validating = Api::<ValidatingWebhookConfiguration>::all(client());
        for webhook in self.pages(&validating, instance.clone(), "ValidatingWebhookConfigurations").await? {
            let injected =
                webhook.webhooks.iter().flatten().all(|webhook| is_injected(&webhook.client_config));
            baseline.webhooks.insert(webhook.title(), injected);
        }
        let mutating = Api::<MutatingWebhookConfiguration>::all(client());
        for webhook in self.pages(&mutating, instance, "MutatingWebhookConfigurations").await? {
            let injected =
                webhook.webhooks.iter().flatten().all(|webhook| is_injected(&webhook.client_config));
            baseline.webhooks.insert(webhook.title(), injected);
        }
        for namespace in ["kube-system", &release.namespace] {
            let leases = Api::<Lease>::namespaced(client(), namespace);
            for name in LEASES {
                // Nothing is compared with it, so a namespace that nobody may look into does not matter.
                if let Ok(Some(lease)) = leases.get_opt(name).await {
                    let holder =
                        lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone()).unwrap_or_default();
                    baseline.leases.insert(lease.title(), holder);
                }
            }
        }
        let crds = Api::<PartialObjectMeta<CustomResourceDefinition>>::all(client());
        for name in CRDS {
            if let Some(uid) = self.one(&crds, name).await?.and_then(|crd| crd.metadata.uid) {
                baseline.crds.insert(name.to_owned(), uid);
            }
        }
        Ok(())
    }

    /// What users wrote: issuers and Certificates. Canaries of earlier runs are ours, and about to be
    /// deleted.
    async fn wishes(&self, baseline: &mut Baseline) -> Result<Vec<Certificate>, GateError> {
        let issuers = self.dynamic("Issuer").await?;
        let cluster_issuers = self.dynamic("ClusterIssuer").await?;
        let certificates = self.dynamic("Certificate").await?;
        for issuer in parse::<Issuer>(&issuers) {
            baseline
                .issuers
                .insert(issuer.uid().to_owned(), IssuerState::of(&issuer, &issuer.status.conditions));
        }
        for issuer in parse::<ClusterIssuer>(&cluster_issuers) {
            baseline
                .issuers
                .insert(issuer.uid().to_owned(), IssuerState::of(&issuer, &issuer.status.conditions));
        }
        baseline.backup = backup::yaml(&[&issuers[..], &cluster_issuers, &certificates].concat());
        let certificates: Vec<Certificate> = parse(&certificates).collect();
        let states = certificates
            .iter()
            .map(|certificate| (certificate.uid().to_owned(), CertificateState::of(certificate)));
        baseline.certificates = states.collect();
        Ok(certificates)
    }

    /// Requests, Orders and Challenges with the roles that they have.
    async fn chains(&self, certificates: &[Certificate], baseline: &mut Baseline) -> Result<(), GateError> {
        let client = || self.cluster.client.clone();
        let by_uid: BTreeMap<&str, &Certificate> =
            certificates.iter().map(|certificate| (certificate.uid(), certificate)).collect();
        let mut roles = BTreeMap::new();
        for request in self.all(&Api::<CertificateRequest>::all(client()), "CertificateRequests").await? {
            let owner =
                request.owner("Certificate").and_then(|owner| by_uid.get(owner.uid.as_str()).copied());
            let role = states::role(&request, owner);
            baseline
                .requests
                .extend(RequestState::kept(&request, role).map(|state| (request.uid().to_owned(), state)));
            roles.insert(request.uid().to_owned(), role);
        }
        let mut orders = BTreeMap::new();
        for order in self.all(&Api::<Order>::all(client()), "Orders").await? {
            let matters = order
                .owner("CertificateRequest")
                .and_then(|owner| roles.get(&owner.uid))
                .copied()
                .is_some_and(Role::matters);
            let state = OrderState::of(&order, &order.status.state, &order.status.reason, matters);
            orders.insert(order.uid().to_owned(), matters);
            if matters && order.status.state != "valid" {
                baseline.orders.insert(order.uid().to_owned(), state);
            }
        }
        for challenge in self.all(&Api::<Challenge>::all(client()), "Challenges").await? {
            let matters =
                challenge.owner("Order").and_then(|owner| orders.get(&owner.uid)).copied().unwrap_or(false);
            let state =
                OrderState::of(&challenge, &challenge.status.state, &challenge.status.reason, matters);
            baseline.challenges.insert(challenge.uid().to_owned(), state);
        }
        Ok(())
    }

    async fn dynamic(&self, kind: &str) -> Result<Vec<DynamicObject>, GateError> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", kind));
        let api = Api::<DynamicObject>::all_with(self.cluster.client.clone(), &resource);
        let types = Some(kube::core::TypeMeta {
            api_version: "cert-manager.io/v1".to_owned(),
            kind: kind.to_owned(),
        });
        let mut objects = self.all(&api, &resource.plural).await?;
        objects.retain(|object| !chain::is_canary(&object.metadata));
        for object in &mut objects {
            object.types.clone_from(&types);
        }
        Ok(objects)
    }

    async fn all<K: Clone + Debug + DeserializeOwned>(
        &self,
        api: &Api<K>,
        what: &str,
    ) -> Result<Vec<K>, GateError> {
        self.pages(api, ListParams::default(), what).await
    }

    /// Every object of a list, page by page; none where the kind is not served.
    async fn pages<K: Clone + Debug + DeserializeOwned>(
        &self,
        api: &Api<K>,
        params: ListParams,
        what: &str,
    ) -> Result<Vec<K>, GateError> {
        let mut params = params.limit(500);
        let mut objects = Vec::new();
        loop {
            let page = match api.list(&params).await {
                Ok(page) => page,
                Err(kube::Error::Api(status)) if status.code == 404 => return Ok(objects),
                Err(error) => return Err(GateError::api(self.cluster, format!("list {what}"), &error)),
            };
            objects.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(objects),
            }
        }
    }

    async fn one<K: Clone + Debug + DeserializeOwned>(
        &self,
        api: &Api<K>,
        name: &str,
    ) -> Result<Option<K>, GateError> {
        api.get_opt(name)
            .await
            .map_err(|error| GateError::api(self.cluster, format!("read `{name}`"), &error))
    }
}

/// Objects that cannot be read are in the backup, and judged by nobody.
fn parse<K: DeserializeOwned>(objects: &[DynamicObject]) -> impl Iterator<Item = K> {
    objects.iter().filter_map(|object| serde_json::from_value(serde_json::to_value(object).ok()?).ok())
}

fn images(containers: Option<&[Container]>) -> Vec<String> {
    containers.into_iter().flatten().filter_map(|container| container.image.clone()).collect()
}

/// The API server knows which CA to trust.
fn is_injected(client: &WebhookClientConfig) -> bool {
    client.ca_bundle.as_ref().is_some_and(|bundle| !bundle.0.is_empty())
}
