//! Which kinds are watched, where, and into which store. Judges nothing.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::{Event, Secret};
use kube::Api;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::follow::{Follow, Watch, Watchable};
use super::rows;
use super::seen::{Change, Seen, Store};
use super::subject::Expected;
use crate::certmanager::resources::{Certificate, Challenge, Object as _};
use crate::cluster::Cluster;
use crate::config::Profile;

/// Starts watches; they end with the set of tasks.
pub(super) struct Watches<'w> {
    pub(super) cluster: &'w Cluster,
    pub(super) changes: &'w mpsc::Sender<Change>,
    pub(super) tasks: &'w mut JoinSet<()>,
    pub(super) seen: &'w mut Seen,
}

impl Watches<'_> {
    /// What every chart has: workloads with their pods, and the CRDs and webhooks that it brings.
    pub(super) fn chart(&mut self, expected: &Expected, profile: Profile) {
        let client = || self.cluster.client.clone();
        let (workloads, crds) = (client(), client());
        for namespace in expected.namespaces() {
            let of = |what: &str| format!("{what} in {namespace}");
            self.add(&of("Deployments"), Api::namespaced(workloads.clone(), namespace), |seen| {
                &mut seen.deployments
            });
            self.add(&of("StatefulSets"), Api::namespaced(workloads.clone(), namespace), |seen| {
                &mut seen.stateful_sets
            });
            self.add(&of("DaemonSets"), Api::namespaced(workloads.clone(), namespace), |seen| {
                &mut seen.daemon_sets
            });
            self.add(&of("ReplicaSets"), Api::namespaced(workloads.clone(), namespace), |seen| {
                &mut seen.replica_sets
            });
            self.add(&of("Pods"), Api::namespaced(workloads.clone(), namespace), |seen| &mut seen.pods);
        }
        for name in &expected.crds {
            self.add_one("CustomResourceDefinition", Api::all(crds.clone()), name, |seen| &mut seen.crds);
        }
        if profile == Profile::CertManager {
            self.injection(expected);
        }
    }

    /// Webhooks with the Secrets of their CAs, and leases: each by its name.
    fn injection(&mut self, expected: &Expected) {
        let client = self.cluster.client.clone();
        for injected in &expected.injected {
            match injected.kind.as_str() {
                "ValidatingWebhookConfiguration" => {
                    let api = Api::<ValidatingWebhookConfiguration>::all(client.clone());
                    self.add_one(&injected.kind, api, &injected.name, |seen| &mut seen.validating);
                }
                "MutatingWebhookConfiguration" => {
                    let api = Api::<MutatingWebhookConfiguration>::all(client.clone());
                    self.add_one(&injected.kind, api, &injected.name, |seen| &mut seen.mutating);
                }
                _ => {}
            }
        }
        for (namespace, name) in expected.ca_secrets() {
            self.add_one("Secret", Api::<Secret>::namespaced(client.clone(), namespace), name, |seen| {
                &mut seen.ca_secrets
            });
        }
        for leader in &expected.leaders {
            self.add_one("Lease", Api::namespaced(client.clone(), &leader.namespace), leader.lease, |seen| {
                &mut seen.leases
            });
        }
    }

    /// cert-manager's own kinds, everywhere in the cluster.
    pub(super) fn issuance(&mut self) {
        let client = self.cluster.client.clone();
        let certificates =
            Watch::of("Certificates", Api::all(client.clone()), |seen: &mut Seen| &mut seen.certificates);
        self.start(Watch { note: note_issuing, ..certificates });
        let requests =
            Watch::of("CertificateRequests", Api::all(client.clone()), |seen: &mut Seen| &mut seen.requests);
        self.start(Watch { rows: Some(&rows::REQUESTS), ..requests });
        let orders = Watch::of("Orders", Api::all(client.clone()), |seen: &mut Seen| &mut seen.orders);
        self.start(Watch { rows: Some(&rows::ORDERS), ..orders });
        let challenges =
            Watch::of("Challenges", Api::all(client.clone()), |seen: &mut Seen| &mut seen.challenges);
        self.start(Watch { note: note_challenged, ..challenges });
        self.add("Issuers", Api::all(client.clone()), |seen| &mut seen.issuers);
        self.add("ClusterIssuers", Api::all(client), |seen| &mut seen.cluster_issuers);
        self.events("Events of Challenges", "reason=PresentError,involvedObject.kind=Challenge", |seen| {
            &mut seen.present_errors
        });
        self.events("Events of Orders", "reason=Solver,involvedObject.kind=Order", |seen| {
            &mut seen.solver_errors
        });
    }

    /// Events of one reason, which nothing but events tells.
    fn events(&mut self, what: &str, fields: &str, store: fn(&mut Seen) -> &mut Store<Event>) {
        let api = Api::<Event>::all(self.cluster.client.clone());
        self.start(Watch { fields: Some(fields.to_owned()), ..Watch::of(what, api, store) });
    }

    fn add<K: Watchable>(&mut self, what: &str, api: Api<K>, store: fn(&mut Seen) -> &mut Store<K>) {
        self.start(Watch::of(what, api, store));
    }

    fn add_one<K: Watchable>(
        &mut self,
        kind: &str,
        api: Api<K>,
        name: &str,
        store: fn(&mut Seen) -> &mut Store<K>,
    ) {
        let fields = Some(format!("metadata.name={name}"));
        self.start(Watch { fields, ..Watch::of(&format!("{kind} {name}"), api, store) });
    }

    fn start<K: Watchable>(&mut self, watch: Watch<K>) {
        let part = (watch.store)(self.seen).open();
        let follow = Follow { watch, part, changes: self.changes.clone() };
        self.tasks.spawn(follow.forever());
    }
}

fn note_issuing(seen: &mut Seen, certificate: &Certificate) {
    seen.sightings.note(certificate);
}

fn note_challenged(seen: &mut Seen, challenge: &Challenge) {
    seen.challenged.extend(challenge.owner("Order").map(|owner| owner.uid.clone()));
}
