//! The objects of one kind, kept by watches. A list that is under way, or a watch that broke, makes the store
//! incomplete; what it knew until then stays to be shown, and is never taken for new.

use std::collections::BTreeMap;

use kube::runtime::watcher;

use crate::certmanager::resources::Object;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::resources::Order;
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
