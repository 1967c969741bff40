//! Watches: each one keeps a store of what is seen, and starts again from a new list whenever it breaks (410
//! Gone, a cut connection, an API server that restarts). Until that list is complete the store counts as not
//! listed, so an old picture is never judged as a new one.

use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::{Event, Secret};
use kube::Api;
use kube::runtime::watcher::{self, Event as Watched};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::seen::{Change, Seen, Store};
use super::subject::Expected;
use crate::certmanager::resources::{Certificate, Challenge, Object};
use crate::cluster::Cluster;
use crate::cluster::error::Cause;
use crate::config::Profile;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Seconds after which the server ends a watch, which then goes on where it was: a connection that is dead
/// without a word is noticed soon.
const WATCH_SECONDS: u32 = 30;

/// Starts watches; they end with the set of tasks.
pub(super) struct Watches<'w> {
    pub(super) cluster: &'w Cluster,
    pub(super) changes: &'w mpsc::Sender<Change>,
    pub(super) tasks: &'w mut JoinSet<()>,
    pub(super) seen: &'w mut Seen,
}

/// One watch: what it is called, what it selects, and where it goes.
struct Follow<K> {
    what: String,
    api: Api<K>,
    config: watcher::Config,
    part: usize,
    store: fn(&mut Seen) -> &mut Store<K>,
    /// What else to remember of an object that came or changed.
    note: fn(&mut Seen, &K),
}

impl Watches<'_> {
    /// What every chart has: workloads with their pods, and the CRDs and webhooks that it brings.
    pub(super) fn chart(&mut self, expected: &Expected, profile: Profile) {
        let client = || self.cluster.client.clone();
        let (workloads, crds) = (client(), client());
        for namespace in expected.namespaces() {
            let of = |what: &str| format!("{what} in {namespace}");
            self.add(of("Deployments"), Api::namespaced(workloads.clone(), namespace), |seen| {
                &mut seen.deployments
            });
            self.add(of("StatefulSets"), Api::namespaced(workloads.clone(), namespace), |seen| {
                &mut seen.stateful_sets
            });
            self.add(of("DaemonSets"), Api::namespaced(workloads.clone(), namespace), |seen| {
                &mut seen.daemon_sets
            });
            self.add(of("ReplicaSets"), Api::namespaced(workloads.clone(), namespace), |seen| {
                &mut seen.replica_sets
            });
            self.add(of("Pods"), Api::namespaced(workloads.clone(), namespace), |seen| &mut seen.pods);
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
        self.add_noting(
            "Certificates",
            Api::all(client.clone()),
            |seen| &mut seen.certificates,
            note_issuing,
        );
        self.add("CertificateRequests".to_owned(), Api::all(client.clone()), |seen| &mut seen.requests);
        self.add("Orders".to_owned(), Api::all(client.clone()), |seen| &mut seen.orders);
        self.add_noting("Challenges", Api::all(client.clone()), |seen| &mut seen.challenges, note_challenged);
        self.add("Issuers".to_owned(), Api::all(client.clone()), |seen| &mut seen.issuers);
        self.add("ClusterIssuers".to_owned(), Api::all(client.clone()), |seen| &mut seen.cluster_issuers);
        let config = watcher::Config::default().fields("reason=PresentError,involvedObject.kind=Challenge");
        self.start(
            "Events of Challenges".to_owned(),
            Api::<Event>::all(client),
            config,
            |seen| &mut seen.present_errors,
            nothing,
        );
    }

    fn add<K: Watchable>(&mut self, what: String, api: Api<K>, store: fn(&mut Seen) -> &mut Store<K>) {
        self.start(what, api, watcher::Config::default(), store, nothing);
    }

    fn add_noting<K: Watchable>(
        &mut self,
        what: &str,
        api: Api<K>,
        store: fn(&mut Seen) -> &mut Store<K>,
        note: fn(&mut Seen, &K),
    ) {
        self.start(what.to_owned(), api, watcher::Config::default(), store, note);
    }

    fn add_one<K: Watchable>(
        &mut self,
        kind: &str,
        api: Api<K>,
        name: &str,
        store: fn(&mut Seen) -> &mut Store<K>,
    ) {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        self.start(format!("{kind} {name}"), api, config, store, nothing);
    }

    fn start<K: Watchable>(
        &mut self,
        what: String,
        api: Api<K>,
        config: watcher::Config,
        store: fn(&mut Seen) -> &mut Store<K>,
        note: fn(&mut Seen, &K),
    ) {
        let part = store(self.seen).open();
        let config = config.timeout(WATCH_SECONDS);
        self.tasks.spawn(follow(Follow { what, api, config, part, store, note }, self.changes.clone()));
    }
}

fn nothing<K>(_: &mut Seen, _: &K) {}

fn note_issuing(seen: &mut Seen, certificate: &Certificate) {
    seen.sightings.note(certificate);
}

fn note_challenged(seen: &mut Seen, challenge: &Challenge) {
    seen.challenged.extend(challenge.owner("Order").map(|owner| owner.uid.clone()));
}

/// What a watch needs of a kind.
trait Watchable:
    Object + kube::Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static
{
}
impl<K: Object + kube::Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static>
    Watchable for K
{
}

/// Watches until nobody listens any more.
async fn follow<K: Watchable>(follow: Follow<K>, changes: mpsc::Sender<Change>) {
    let Follow { what, api, config, part, store, note } = follow;
    let mut pause = FIRST_PAUSE;
    loop {
        let mut stream = pin!(watcher::watcher(api.clone(), config.clone()));
        while let Some(event) = stream.next().await {
            let change = match event {
                Ok(event) => {
                    if matches!(event, Watched::InitDone) {
                        pause = FIRST_PAUSE;
                    }
                    seen(what.clone(), part, store, note, event)
                }
                Err(error) => {
                    let sent = changes.send(broken(what.clone(), part, store, &error)).await;
                    if sent.is_err() {
                        return;
                    }
                    break;
                }
            };
            if changes.send(change).await.is_err() {
                return;
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn seen<K: Watchable>(
    what: String,
    part: usize,
    store: fn(&mut Seen) -> &mut Store<K>,
    note: fn(&mut Seen, &K),
    event: Watched<K>,
) -> Change {
    // Nobody reads them here, and they are the largest part of many objects.
    let event = event.modify(|object| object.metadata_mut().managed_fields = None);
    Box::new(move |seen| {
        match &event {
            Watched::Apply(object) | Watched::InitApply(object) => note(seen, object),
            Watched::InitDone => drop(seen.broken.remove(&what)),
            Watched::Init | Watched::Delete(_) => {}
        }
        store(seen).apply(part, event);
    })
}

fn broken<K: Watchable>(
    what: String,
    part: usize,
    store: fn(&mut Seen) -> &mut Store<K>,
    error: &watcher::Error,
) -> Change {
    let why = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Cause::of(error).to_string(),
        watcher::Error::WatchError(status) => status.message.clone(),
        watcher::Error::NoResourceVersion => "the API server sent no resourceVersion".to_owned(),
    };
    Box::new(move |seen| {
        store(seen).broke(part);
        seen.broken.insert(what, why);
    })
}
