//! Everything that the gates see of a cluster, as one value. Watches and probes fill it; judges only read it.

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
use kube::runtime::watcher;

use super::canary::Canary;
use super::reissue::Sightings;
use super::webhook::Probe;
use crate::certmanager::resources::{
    Certificate, CertificateRequest, Challenge, ClusterIssuer, Issuer, Object, Order,
};

/// One change of what is seen: what a watch or a probe sends.
pub(crate) type Change = Box<dyn FnOnce(&mut Seen) + Send>;

/// What one watch has listed so far.
#[derive(Debug, Clone)]
struct Part<K> {
    objects: BTreeMap<String, K>,
    listing: BTreeMap<String, K>,
    listed: bool,
}

impl<K> Default for Part<K> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), listing: BTreeMap::new(), listed: false }
    }
}

/// The objects of one kind, by uid, kept by one or more watches.
#[derive(Debug, Clone)]
pub(crate) struct Store<K> {
    parts: BTreeMap<usize, Part<K>>,
}

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self { parts: BTreeMap::new() }
    }
}

impl<K: Object + Clone> Store<K> {
    /// A watch is about to start; until its first list is complete the store is not.
    pub(crate) fn open(&mut self) -> usize {
        let part = self.parts.len();
        self.parts.insert(part, Part::default());
        part
    }

    /// Takes an event of a watch. A list that starts again replaces what was there only when it is complete.
    pub(crate) fn apply(&mut self, part: usize, event: watcher::Event<K>) {
        let part = self.parts.entry(part).or_default();
        match event {
            watcher::Event::Init => part.listing.clear(),
            watcher::Event::InitApply(object) => {
                part.listing.insert(object.uid().to_owned(), object);
            }
            watcher::Event::InitDone => {
                part.objects = std::mem::take(&mut part.listing);
                part.listed = true;
            }
            watcher::Event::Apply(object) => {
                part.objects.insert(object.uid().to_owned(), object);
            }
            watcher::Event::Delete(object) => {
                part.objects.remove(object.uid());
            }
        }
    }

    /// A watch broke: what it knew may be old until it has listed again.
    pub(crate) fn broke(&mut self, part: usize) {
        self.parts.entry(part).or_default().listed = false;
    }

    /// Every watch that was started has a complete and current list; true where none was.
    pub(crate) fn is_complete(&self) -> bool {
        self.parts.values().all(|part| part.listed)
    }

    /// There is a watch, and everything that should be known is known and current.
    pub(crate) fn is_listed(&self) -> bool {
        !self.parts.is_empty() && self.is_complete()
    }

    /// Every object.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        self.parts.values().flat_map(|part| part.objects.values())
    }

    /// The object with a uid.
    pub(crate) fn get(&self, uid: &str) -> Option<&K> {
        self.parts.values().find_map(|part| part.objects.get(uid))
    }

    /// The object with a name.
    pub(crate) fn find(&self, namespace: Option<&str>, name: &str) -> Option<&K> {
        self.iter().find(|object| {
            object.metadata().name.as_deref() == Some(name)
                && object.metadata().namespace.as_deref() == namespace
        })
    }
}

#[cfg(test)]
impl<K: Object + Clone> FromIterator<K> for Store<K> {
    fn from_iter<I: IntoIterator<Item = K>>(objects: I) -> Self {
        let mut store = Self::default();
        let part = store.open();
        store.apply(part, watcher::Event::Init);
        objects.into_iter().for_each(|object| store.apply(part, watcher::Event::InitApply(object)));
        store.apply(part, watcher::Event::InitDone);
        store
    }
}

/// Whether the API server answers; asked again and again, because a silent watch looks like a healthy one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Pulse {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It answered the last time.
    Answers,
    /// It did not, and why.
    Silent(String),
}

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
    /// Answers of the webhook, oldest first.
    pub(crate) probes: Vec<Probe>,
    /// Why certificates were seen to be issued.
    pub(crate) sightings: Sightings,
    /// Orders for which a Challenge was seen: they prove something, the others reuse an older proof.
    pub(crate) challenged: BTreeSet<String>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use kube::runtime::watcher::Event::{Apply, Delete, Init, InitApply, InitDone};

    fn order(uid: &str) -> Order {
        serde_json::from_value(serde_json::json!({"metadata": {"namespace": "web", "name": uid, "uid": uid}}))
            .unwrap()
    }

    #[test]
    fn a_new_list_replaces_the_old_one_only_when_complete() {
        let mut store = Store::default();
        assert!(!store.is_listed());
        let part = store.open();
        for event in [Init, InitApply(order("a")), InitApply(order("b"))] {
            store.apply(part, event);
        }
        assert!(!store.is_listed() && store.get("a").is_none());
        store.apply(part, InitDone);
        assert!(store.is_listed() && store.find(Some("web"), "b").is_some());
        store.broke(part);
        assert!(!store.is_listed() && store.get("a").is_some());
        for event in [Init, InitApply(order("b")), InitDone, Apply(order("c")), Delete(order("b"))] {
            store.apply(part, event);
        }
        assert_eq!(store.iter().map(Object::uid).collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn a_store_is_listed_when_each_of_its_watches_is() {
        let mut store = Store::<Order>::default();
        let (first, second) = (store.open(), store.open());
        store.apply(first, InitDone);
        assert!(!store.is_listed());
        store.apply(second, InitDone);
        assert!(store.is_listed());
    }
}
