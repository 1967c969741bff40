//! Reads a cluster for a [`Baseline`]. Lists only; nothing is watched and nothing is changed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{self, Write};

use futures::try_join;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use serde::de::DeserializeOwned;

use super::Baseline;
use super::backup::Backup;
use super::state::{PodState, WorkloadState};
use crate::certmanager::deployed::CRDS;
use crate::certmanager::resources::Object;
use crate::cluster::Cluster;
use crate::config::{Profile, ReleaseId};
use crate::gate::pages::Pages;
use crate::gate::{GateError, metrics, pulse};

const LEASES: [&str; 2] = ["cert-manager-controller", "cert-manager-cainjector-leader-election"];

impl Baseline {
    /// Reads everything that the gates compare with. Kinds whose CRD is not installed count as empty.
    pub async fn observe(
        cluster: &Cluster,
        release: &ReleaseId,
        profile: Profile,
    ) -> Result<Self, GateError> {
        let (reader, mut backup) = (Reader { cluster }, Backup::new(None));
        Box::pin(reader.everything(release, profile, &mut backup)).await
    }

    /// The same; meanwhile Issuers, `ClusterIssuers` and Certificates are written as YAML that can be applied
    /// again. A baseline without its backup is one, too: why it could not be written comes beside it.
    pub async fn observe_with_backup(
        cluster: &Cluster,
        release: &ReleaseId,
        profile: Profile,
        to: &mut (dyn Write + Send),
    ) -> Result<(Self, io::Result<()>), GateError> {
        let (reader, mut backup) = (Reader { cluster }, Backup::new(Some(to)));
        let baseline = Box::pin(reader.everything(release, profile, &mut backup)).await?;
        Ok((baseline, backup.end()))
    }

    /// Only the release's own objects: where no upgrade came before, nothing else is compared.
    pub async fn of_release(
        cluster: &Cluster,
        release: &ReleaseId,
        profile: Profile,
    ) -> Result<Self, GateError> {
        let reader = Reader { cluster };
        let (taken, (workloads, pods), chart) =
            try_join!(reader.time(), reader.workloads(&release.namespace), reader.chart(release, profile))?;
        Ok(Self { taken, workloads, pods, ..chart })
    }
}

/// Workloads and pods.
type Workloads = (BTreeMap<String, WorkloadState>, BTreeMap<String, PodState>);

pub(super) struct Reader<'c> {
    pub(super) cluster: &'c Cluster,
}

impl Reader<'_> {
    /// All lists at the same time.
    async fn everything(
        &self,
        release: &ReleaseId,
        profile: Profile,
        backup: &mut Backup<'_>,
    ) -> Result<Baseline, GateError> {
        let own = Baseline::of_release(self.cluster, release, profile);
        if profile != Profile::CertManager {
            return own.await;
        }
        let (own, issuance) = try_join!(own, self.issuance(backup))?;
        let Baseline { certificates, certificates_at, requests, orders, challenges, issuers, .. } = issuance;
        Ok(Baseline { certificates, certificates_at, requests, orders, challenges, issuers, ..own })
    }

    async fn time(&self) -> Result<Option<Timestamp>, GateError> {
        let time = pulse::server_time(self.cluster).await;
        time.map_err(|error| GateError::api(self.cluster, "read the API server's time", &error))
    }

    async fn workloads(&self, namespace: &str) -> Result<Workloads, GateError> {
        let client = || self.cluster.client.clone();
        let mut workloads = BTreeMap::new();
        for deployment in self.all(&Api::<Deployment>::namespaced(client(), namespace), "Deployments").await?
        {
            let status = deployment.status.as_ref();
            let desired = deployment.spec.replicas.unwrap_or(1);
            let available = status.and_then(|status| status.available_replicas).unwrap_or(0);
            let pod = deployment.spec.template.spec.as_ref();
            let images = images(pod.map(|pod| pod.containers.as_slice()));
            workloads.insert(deployment.title(), WorkloadState { desired, available, images });
        }
        for set in self.all(&Api::<StatefulSet>::namespaced(client(), namespace), "StatefulSets").await? {
            let desired = set.spec.replicas.unwrap_or(1);
            let available = set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0);
            let pod = set.spec.template.spec.as_ref();
            let images = images(pod.map(|pod| pod.containers.as_slice()));
            workloads.insert(set.title(), WorkloadState { desired, available, images });
        }
        for set in self.all(&Api::<DaemonSet>::namespaced(client(), namespace), "DaemonSets").await? {
            let desired = set.status.as_ref().map_or(0, |status| status.desired_number_scheduled);
            let available = set.status.as_ref().and_then(|status| status.number_available).unwrap_or(0);
            let pod = set.spec.template.spec.as_ref();
            let images = images(pod.map(|pod| pod.containers.as_slice()));
            workloads.insert(set.title(), WorkloadState { desired, available, images });
        }
        let pods = self.all(&Api::<Pod>::namespaced(client(), namespace), "Pods").await?;
        Ok((workloads, pods.iter().map(|pod| (pod.uid().to_owned(), PodState::of(pod))).collect()))
    }

    /// What the chart brings beside its workloads.
    async fn chart(&self, release: &ReleaseId, profile: Profile) -> Result<Baseline, GateError> {
        let mut baseline = Baseline::default();
        if profile != Profile::CertManager {
            return Ok(baseline);
        }
        // Nothing fails without them.
        baseline.metrics = metrics::of_release(self.cluster, release).await.unwrap_or_default();
        let client = || self.cluster.client.clone();
        let instance = ListParams::default().labels(&format!("app.kubernetes.io/instance={}", release.name));
        let validating = Api::<ValidatingWebhookConfiguration>::all(client());
        for webhook in self
            .pages(Pages::of(&validating, instance.clone(), None), "ValidatingWebhookConfigurations")
            .await?
        {
            let injected =
                webhook.webhooks.iter().flatten().all(|webhook| is_injected(&webhook.client_config));
            baseline.webhooks.insert(webhook.title(), injected);
        }
        let mutating = Api::<MutatingWebhookConfiguration>::all(client());
        for webhook in
            self.pages(Pages::of(&mutating, instance, None), "MutatingWebhookConfigurations").await?
        {
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
        Ok(baseline)
    }

    async fn all<K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static>(
        &self,
        api: &Api<K>,
        what: &str,
    ) -> Result<Vec<K>, GateError> {
        self.pages(Pages::of(api, ListParams::default(), None), what).await
    }

    /// Every object of a list but those that are as usual; none where the kind is not served.
    pub(super) async fn pages<K: DeserializeOwned + Send + 'static>(
        &self,
        mut pages: Pages<K>,
        what: &str,
    ) -> Result<Vec<K>, GateError> {
        let mut objects = Vec::new();
        while let Some(page) = self.page(&mut pages, what).await? {
            objects.extend(page);
        }
        Ok(objects)
    }

    /// The next page of a list, without what is as usual; none after the last one, and where the kind is not served.
    pub(super) async fn page<K: DeserializeOwned + Send + 'static>(
        &self,
        pages: &mut Pages<K>,
        what: &str,
    ) -> Result<Option<Vec<K>>, GateError> {
        match pages.next().await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(GateError::api(self.cluster, format!("list {what}"), &error)),
            Ok(batch) => Ok(batch.map(|batch| batch.objects)),
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

fn images(containers: Option<&[Container]>) -> Vec<String> {
    containers.into_iter().flatten().filter_map(|container| container.image.clone()).collect()
}

/// The API server knows which CA to trust.
fn is_injected(client: &WebhookClientConfig) -> bool {
    client.ca_bundle.as_ref().is_some_and(|bundle| !bundle.0.is_empty())
}
