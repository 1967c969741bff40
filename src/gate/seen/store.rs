//! The objects of one kind, kept by watches. A list that is under way, or a watch that broke, makes the store
//! incomplete; what it knew until then stays to be shown, and is never taken for new.

use std::collections::{BTreeMap, BTreeSet};

use crate::certmanager::resources::Object;

/// What a watch tells of its kind.
#[derive(Debug)]
pub(crate) enum News<K> {
    /// A list begins.
    Begin,
    /// One page of it.
    Page(Vec<K>),
    /// The uids of some on it that are as usual, of which nothing else is told.
    Usual(Vec<String>),
    /// It is complete.
    Listed,
    /// An object came or changed.
    Put(K),
    /// An object is gone.
    Gone(K),
    /// The watch does not get through: what is known may be old.
    Broken,
    /// It goes on where it was, and has told what was missed.
    Current,
}

/// The objects of one watch, and which of them an owner has.
#[derive(Debug, Clone)]
struct Objects<K> {
    by_uid: BTreeMap<String, Box<K>>,
    /// The uid of a controller, and that of an object of it.
    owned: BTreeSet<(String, String)>,
    /// The uids of those of which it is only known that they are as usual.
    usual: BTreeSet<String>,
}

impl<K> Default for Objects<K> {
    fn default() -> Self {
        Self { by_uid: BTreeMap::new(), owned: BTreeSet::new(), usual: BTreeSet::new() }
    }
}

impl<K: Object> Objects<K> {
    fn put(&mut self, object: K) {
        self.remove(object.uid());
        let uid = object.uid().to_owned();
        if let Some(owner) = object.controller() {
            self.owned.insert((owner.uid.clone(), uid.clone()));
        }
        self.by_uid.insert(uid, Box::new(object));
    }

    fn remove(&mut self, uid: &str) {
        self.usual.remove(uid);
        if let Some(owner) = self.by_uid.remove(uid).as_ref().and_then(|object| object.controller()) {
            self.owned.remove(&(owner.uid.clone(), uid.to_owned()));
        }
    }
}

/// What one watch has listed so far.
#[derive(Debug, Clone)]
struct Part<K> {
    objects: Objects<K>,
    listing: Objects<K>,
    /// There is a list.
    listed: bool,
    /// The watch does not get through.
    broken: bool,
}

impl<K> Default for Part<K> {
    fn default() -> Self {
        Self { objects: Objects::default(), listing: Objects::default(), listed: false, broken: false }
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

impl<K: Object> Store<K> {
    /// A watch is about to start; until its first list is complete the store is not.
    pub(crate) fn open(&mut self) -> usize {
        let part = self.parts.len();
        self.parts.insert(part, Part::default());
        part
    }

    /// Takes what a watch tells. A list that starts again replaces what was there only when it is complete.
    pub(crate) fn apply(&mut self, part: usize, news: News<K>) {
        let part = self.parts.entry(part).or_default();
        match news {
            News::Begin => part.listing = Objects::default(),
            News::Page(objects) => objects.into_iter().for_each(|object| part.listing.put(object)),
            News::Usual(uids) => part.listing.usual.extend(uids),
            News::Listed => {
                part.objects = std::mem::take(&mut part.listing);
                (part.listed, part.broken) = (true, false);
            }
            News::Put(object) => part.objects.put(object),
            News::Gone(object) => part.objects.remove(object.uid()),
            News::Broken => part.broken = true,
            News::Current => part.broken = false,
        }
    }

    /// Every watch that was started has a complete and current list; true where none was.
    pub(crate) fn is_complete(&self) -> bool {
        self.parts.values().all(|part| part.listed && !part.broken)
    }

    /// There is a watch, and everything that should be known is known and current.
    pub(crate) fn is_listed(&self) -> bool {
        !self.parts.is_empty() && self.is_complete()
    }

    /// How many there are of which it is only known that they are as usual.
    pub(crate) fn usual(&self) -> usize {
        self.parts.values().map(|part| part.objects.usual.len()).sum()
    }

    /// Every object that is known.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        self.parts.values().flat_map(|part| part.objects.by_uid.values()).map(Box::as_ref)
    }

    /// The object with a uid.
    pub(crate) fn get(&self, uid: &str) -> Option<&K> {
        self.parts.values().find_map(|part| part.objects.by_uid.get(uid)).map(Box::as_ref)
    }

    /// The objects whose controller has a uid.
    pub(crate) fn owned_by<'s>(&'s self, uid: &'s str) -> impl Iterator<Item = &'s K> {
        self.parts.values().flat_map(move |part| {
            let owned = part.objects.owned.range((uid.to_owned(), String::new())..);
            let owned = owned.take_while(move |(owner, _)| owner == uid);
            owned.filter_map(|(_, uid)| part.objects.by_uid.get(uid)).map(Box::as_ref)
        })
    }

    /// The object with a name. Looks at each: for kinds of which there are few.
    pub(crate) fn find(&self, namespace: Option<&str>, name: &str) -> Option<&K> {
        self.iter().find(|object| {
            object.metadata().name.as_deref() == Some(name)
                && object.metadata().namespace.as_deref() == namespace
        })
    }
}

#[cfg(test)]
impl<K: Object> FromIterator<K> for Store<K> {
    fn from_iter<I: IntoIterator<Item = K>>(objects: I) -> Self {
        let mut store = Self::default();
        let part = store.open();
        for news in [News::Page(objects.into_iter().collect()), News::Listed] {
            store.apply(part, news);
        }
        store
    }
}

#[cfg(test)]
mod tests {
    use super::News::{Begin, Broken, Current, Gone, Listed, Page, Put, Usual};
    use super::*;
    use crate::certmanager::resources::Order;

    fn order(uid: &str) -> Order {
        owned(uid, "r")
    }

    fn owned(uid: &str, owner: &str) -> Order {
        crate::gate::tests::order(uid, owner, &serde_json::json!({}))
    }

    #[test]
    fn a_new_list_replaces_the_old_one_only_when_complete() {
        let mut store = Store::default();
        assert!(!store.is_listed());
        let part = store.open();
        for news in [Begin, Page(vec![order("a"), order("b")])] {
            store.apply(part, news);
        }
        assert!(!store.is_listed() && store.get("a").is_none());
        store.apply(part, Listed);
        assert!(store.is_listed() && store.find(Some("web"), "b").is_some());
        store.apply(part, Broken);
        assert!(!store.is_listed() && store.get("a").is_some());
        for news in [Begin, Page(vec![order("b")]), Listed, Put(order("c")), Gone(order("b"))] {
            store.apply(part, news);
        }
        assert_eq!(store.iter().map(Object::uid).collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn a_watch_that_goes_on_keeps_what_it_knew() {
        let mut store = Store::default();
        let part = store.open();
        for news in [Page(vec![order("a")]), Listed, Broken, Put(order("b"))] {
            store.apply(part, news);
        }
        assert!(!store.is_listed());
        store.apply(part, Current);
        assert!(store.is_listed() && store.iter().count() == 2);
    }

    #[test]
    fn owners_are_known_whatever_comes_and_goes() {
        let mut store = Store::default();
        let part = store.open();
        let of = |store: &Store<Order>, owner: &str| {
            store.owned_by(owner).map(|order| order.uid().to_owned()).collect::<Vec<_>>()
        };
        for news in [Page(vec![owned("a", "x"), owned("b", "x")]), Listed, Put(owned("c", "y"))] {
            store.apply(part, news);
        }
        assert_eq!((of(&store, "x"), of(&store, "y")), (vec!["a".into(), "b".into()], vec!["c".into()]));
        for news in [Put(owned("a", "y")), Gone(order("b"))] {
            store.apply(part, news);
        }
        assert_eq!((of(&store, "x"), of(&store, "y")), (vec![], vec!["a".into(), "c".into()]));
    }

    #[test]
    fn what_is_as_usual_is_counted_until_more_is_told_of_it() {
        let mut store = Store::default();
        let part = store.open();
        for news in [Begin, Usual(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]), Listed] {
            store.apply(part, news);
        }
        assert_eq!((store.usual(), store.iter().count()), (3, 0));
        for news in [Put(order("a")), Gone(order("b"))] {
            store.apply(part, news);
        }
        assert_eq!((store.usual(), store.iter().count()), (1, 1));
        for news in [Begin, Listed] {
            store.apply(part, news);
        }
        assert_eq!((store.usual(), store.iter().count()), (0, 0));
    }

    #[test]
    fn a_store_is_listed_when_each_of_its_watches_is() {
        let mut store = Store::<Order>::default();
        let (first, second) = (store.open(), store.open());
        store.apply(first, Listed);
        assert!(!store.is_listed());
        store.apply(second, Listed);
        assert!(store.is_listed());
    }
}
