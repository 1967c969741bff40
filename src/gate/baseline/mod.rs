//! What a cluster looked like before the upgrade. Small enough to be written down: states, no contents.
//!
//! Secrets are not read: a Certificate's revision says as well whether it was issued again, and the
//! permission to read every Secret is not needed. Canaries are no part of it: they are ours, and come and go.

mod backup;
mod compact;
mod issuance;
mod logs;
mod observe;
mod packed;
mod red;
mod state;
mod uid;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;

use crate::certmanager::metrics::ControllerCounts;
use crate::certmanager::resources::Object;
use crate::gate::subject::{Expected, Subject};

pub(crate) use logs::LogsState;
pub use red::{can_be_red, red};
pub(crate) use state::{
    CertificateState, HostState, IssuerState, OrderState, PodState, RequestState, RuledState, WorkloadState,
};

/// What was there before the upgrade, by uid where a recreated object is another object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baseline {
    /// When it was taken, by the API server's clock.
    pub(crate) taken: Option<Timestamp>,
    pub(crate) certificates: BTreeMap<String, CertificateState>,
    /// The place of that list among all changes: what has happened since can be asked for.
    pub(crate) certificates_at: Option<String>,
    pub(crate) requests: BTreeMap<String, RequestState>,
    pub(crate) orders: BTreeMap<String, OrderState>,
    pub(crate) challenges: BTreeMap<String, OrderState>,
    pub(crate) issuers: BTreeMap<String, IssuerState>,
    /// By title, `Deployment namespace/name`.
    pub(crate) workloads: BTreeMap<String, WorkloadState>,
    pub(crate) pods: BTreeMap<String, PodState>,
    /// Holders by title, `Lease namespace/name`.
    pub(crate) leases: BTreeMap<String, String>,
    /// By title: every webhook of the configuration has a caBundle.
    pub(crate) webhooks: BTreeMap<String, bool>,
    /// What the controller has counted, by the uid of its pods; nothing where that could not be read.
    pub(crate) metrics: BTreeMap<String, ControllerCounts>,
    /// Uids by name.
    pub(crate) crds: BTreeMap<String, String>,
    /// What each rule of `release.yaml` saw, by its name and by uid.
    pub(crate) rules: BTreeMap<String, BTreeMap<String, RuledState>>,
    /// For whose requests cert-manager's own approver might decide.
    pub(crate) signers: BTreeSet<String>,
    /// What the pods logged, where that was read.
    pub(crate) logs: Option<LogsState>,
    /// Hosts that were probed, by how reports call them.
    pub(crate) hosts: BTreeMap<String, HostState>,
    /// What was wrong with Ingresses and Gateways, each as rule, object and names.
    pub(crate) entrances: BTreeSet<String>,
    /// Why there is none.
    missing: Option<String>,
}

impl Baseline {
    /// There was one and it cannot be had. Nothing can be compared with it: what compares is inconclusive.
    pub fn missing(why: impl Into<String>) -> Self {
        Self { missing: Some(why.into()), ..Self::default() }
    }

    /// Remembers how often the containers of `pod` have restarted, the first time that it is seen.
    pub(crate) fn remember(&mut self, pod: &Pod) {
        self.pods.entry(pod.uid().to_owned()).or_insert_with(|| PodState::of(pod));
    }

    /// Remembers for whose requests the approver of the revision that ran might decide.
    pub fn remember_signers(&mut self, ran: &Subject) {
        self.signers = Expected::of(ran).signers;
    }

    /// How often a container of the pod with this uid had restarted.
    pub(crate) fn restarts(&self, pod: Option<&str>, container: &str) -> i32 {
        let pod = pod.and_then(|uid| self.pods.get(uid));
        let counted = pod.and_then(|pod| pod.restarts.iter().find(|(name, _)| name == container));
        counted.map_or(0, |(_, count)| *count)
    }

    /// Why there is none to compare with.
    pub(crate) fn why_missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// What is broken already, each as one line. It is reported, and does not block.
    pub fn unhealthy(&self) -> Vec<String> {
        let certificates = self.certificates.values().filter_map(CertificateState::complaint);
        let requests = self.requests.values().filter_map(RequestState::complaint);
        let orders = self.orders.values().chain(self.challenges.values()).filter_map(OrderState::complaint);
        let issuers = self.issuers.values().filter_map(IssuerState::complaint);
        let ruled = self.rules.values().flat_map(BTreeMap::values).filter_map(RuledState::complaint);
        let hosts = self.hosts.iter().filter_map(|(label, state)| state.complaint(label));
        self.red_workloads()
            .into_iter()
            .chain(hosts)
            .chain(ruled)
            .chain(issuers)
            .chain(certificates)
            .chain(requests)
            .chain(orders)
            .collect()
    }

    /// Workloads that are not up and webhooks without a CA: an upgrade on top of them would prove nothing.
    pub fn red_workloads(&self) -> Vec<String> {
        let workloads = self.workloads.iter().filter_map(|(title, state)| state.complaint(title));
        let webhooks = self
            .webhooks
            .iter()
            .filter(|(_, injected)| !**injected)
            .map(|(title, _)| format!("{title} has no caBundle"));
        workloads.chain(webhooks).collect()
    }
}
