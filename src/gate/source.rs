//! What a gate sees of a cluster: the objects of one kind in one place. The watch and the permissions that it takes come
//! from one value, so that neither is forgotten.

use k8s_openapi::api::core::v1::Event;

use super::follow::{Watch, Watchable};
use super::seen::{Seen, Store};
use super::watch::Watches;
use crate::cluster::access::Access;

/// Objects that a gate sees. Gates may share one: it is known by how it is called.
pub(super) struct Source {
    pub(super) what: String,
    /// What watching them takes.
    pub(super) needs: Vec<Access>,
    open: Box<dyn FnOnce(&mut Watches)>,
}

impl Source {
    /// Starts its watch.
    pub(super) fn open(self, watches: &mut Watches) {
        (self.open)(watches);
    }

    /// What is watched in a namespace, or in the whole cluster.
    pub(super) fn of<K: Watchable + kube::Resource<DynamicType = ()>>(
        namespace: Option<&str>,
        watch: Watch<K>,
    ) -> Self {
        let access = |verb: &str| Access::new(verb, &K::group(&()), &K::plural(&()), namespace);
        let needs = ["get", "list", "watch"].map(access).into();
        Self { what: watch.what.clone(), needs, open: Box::new(move |watches| watches.start(watch)) }
    }

    /// Every object of a kind in a namespace.
    pub(super) fn within<K: Watchable + kube::Resource<DynamicType = ()>>(
        namespace: &str,
        store: fn(&mut Seen) -> &mut Store<K>,
    ) -> Self {
        let what = format!("{}s in {namespace}", K::kind(&()));
        Self::of(Some(namespace), Watch::at(&what, K::url_path(&(), Some(namespace)), store))
    }

    /// One object of a kind, by its name.
    pub(super) fn named<K: Watchable + kube::Resource<DynamicType = ()>>(
        namespace: Option<&str>,
        name: &str,
        store: fn(&mut Seen) -> &mut Store<K>,
    ) -> Self {
        let watch = Watch::at(&format!("{} {name}", K::kind(&())), K::url_path(&(), namespace), store);
        Self::of(namespace, Watch { fields: Some(format!("metadata.name={name}")), ..watch })
    }

    /// Events of one reason about one kind, which nothing but events tells.
    pub(super) fn events(reason: &str, about: &str, store: fn(&mut Seen) -> &mut Store<Event>) -> Self {
        let path = <Event as kube::Resource>::url_path(&(), None);
        let fields = Some(format!("reason={reason},involvedObject.kind={about}"));
        Self::of(None, Watch { fields, ..Watch::at(&format!("Events of {about}s"), path, store) })
    }
}
