//! Everything that the gates see of a cluster, as one value. Watches and probes fill it, judges only read it;
//! it knows none of them.

mod canary;
mod entrances;
mod host;
mod logs;
mod meanwhile;
mod probe;
mod pulse;
mod ruled;
mod scraped;
mod sightings;
mod store;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, Pod, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::jiff::Timestamp;

pub(crate) use canary::{BY_INGRESS, Canary, Refusal, RefusedBy, SELF_SIGNED, State};
pub(crate) use entrances::{EntranceKind, EntrancesSeen, SeenEntrance};
pub(crate) use host::{HostsSeen, NoHandshake, Presented, Probed, ProbedHost, Staple};
pub(crate) use logs::LogsSeen;
pub(crate) use meanwhile::Meanwhile;
pub(crate) use probe::{Probe, Problem};
pub(crate) use pulse::Pulse;
pub(crate) use ruled::{RuleAnswer, RuleSeen, RuledObject};
pub(crate) use scraped::{Scraped, Unread};
pub(crate) use sightings::Sightings;
pub(crate) use store::{News, Store};
pub(crate) use tally::Tally;

use crate::certmanager::resources::{
    Certificate, CertificateRequest, Challenge, ClusterIssuer, Issuer, Order,
};

/// One change of what is seen: what a watch or a probe sends.
pub(crate) type Change = Box<dyn FnOnce(&mut Seen) + Send>;

/// Everything seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) pulse: Pulse,
    /// The API server's clock when it last answered.
    pub(crate) server_time: Option<Timestamp>,
    /// Broken watches, by what they watch, with the reason.
    pub(crate) broken: BTreeMap<String, String>,
    pub(crate) crds: Store<CustomResourceDefinition>,
    pub(crate) deployments: Store<Deployment>,
    pub(crate) stateful_sets: Store<StatefulSet>,
    pub(crate) daemon_sets: Store<DaemonSet>,
    pub(crate) replica_sets: Store<ReplicaSet>,
    pub(crate) pods: Store<Pod>,
    pub(crate) leases: Store<Lease>,
    pub(crate) validating: Store<ValidatingWebhookConfiguration>,
    pub(crate) mutating: Store<MutatingWebhookConfiguration>,
    pub(crate) ca_secrets: Store<Secret>,
    pub(crate) certificates: Store<Certificate>,
    pub(crate) requests: Store<CertificateRequest>,
    pub(crate) orders: Store<Order>,
    pub(crate) challenges: Store<Challenge>,
    pub(crate) issuers: Store<Issuer>,
    pub(crate) cluster_issuers: Store<ClusterIssuer>,
    /// `PresentError` events of Challenges.
    pub(crate) present_errors: Store<Event>,
    /// `Solver` events of Orders: no solver of the issuer can prove their names.
    pub(crate) solver_errors: Store<Event>,
    /// Answers of the webhook, oldest first.
    pub(crate) probes: Vec<Probe>,
    /// All its answers in this run, counted.
    pub(crate) webhook: Tally,
    /// Hosts, as a client sees them.
    pub(crate) hosts: HostsSeen,
    /// Ingresses and Gateways.
    pub(crate) entrances: EntrancesSeen,
    /// Readings of the controller's counters, oldest first.
    pub(crate) scraped: Vec<Scraped>,
    /// Why certificates were seen to be issued.
    pub(crate) sightings: Sightings,
    /// Whether they are all.
    pub(crate) meanwhile: Meanwhile,
    /// Orders for which a Challenge was seen: they prove something, the others reuse an older proof.
    pub(crate) challenged: BTreeSet<String>,
    /// What each rule sees, by its name.
    pub(crate) rules: BTreeMap<String, RuleSeen>,
    /// What the release's pods logged.
    pub(crate) logs: Option<LogsSeen>,
    /// Storage classes that bind a claim only when a pod wants it.
    pub(crate) late_classes: BTreeSet<String>,
    /// The canaries that were created, or why one could not be.
    pub(crate) canaries: Vec<Canary>,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("pulse", &self.pulse)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}
