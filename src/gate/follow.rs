//! One watch: a list in pages, then every change from there on. A connection that breaks, an API server that
//! restarts: the watch goes on where it was. Only when the server has forgotten that place (410 Gone) is
//! everything listed again. Until it is known that nothing was missed, what is known counts as old.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use kube::Client;
use kube::api::{ListParams, WatchParams};
use kube::core::request::Request;
use kube::core::{Status, WatchEvent};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::pages::{Batch, Pages, Rows};
use super::seen::{Change, News, Seen, Store};
use crate::certmanager::resources::Object;
use crate::cluster::error::Cause;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Seconds after which the server ends a watch, which then goes on where it was: a connection that is dead
/// without a word is noticed soon.
const WATCH_SECONDS: u32 = 30;
/// Longer than the server would be silent.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);
const GONE: u16 = 410;
/// What was missed while a watch was broken is told at once when it goes on.
const CATCH_UP: Duration = Duration::from_millis(300);
/// On a busy cluster there is always something new; what was missed has come by then.
const LONGEST_CATCH_UP: Duration = Duration::from_secs(3);

/// What a watch needs of a kind.
pub(super) trait Watchable: Object + Clone + Debug + DeserializeOwned + Send + Sync + 'static {}
impl<K: Object + Clone + Debug + DeserializeOwned + Send + Sync + 'static> Watchable for K {}

/// Where the objects of a watch are kept.
type Place<K> = Arc<dyn Fn(&mut Seen) -> &mut Store<K> + Send + Sync>;

/// What is watched: how it is called, what it selects, and where it goes.
pub(super) struct Watch<K: 'static> {
    pub(super) what: String,
    /// Of the list of all objects.
    pub(super) path: String,
    /// A selector of fields.
    pub(super) fields: Option<String>,
    /// A selector of labels.
    pub(super) labels: Option<String>,
    /// How objects are known from a table.
    pub(super) rows: Option<&'static Rows>,
    pub(super) store: Place<K>,
    /// What else to remember of an object that came or changed.
    pub(super) note: fn(&mut Seen, &K),
}

impl<K: Watchable> Watch<K> {
    /// Every object below a path, read whole.
    pub(super) fn at(
        what: &str,
        path: String,
        store: impl Fn(&mut Seen) -> &mut Store<K> + Send + Sync + 'static,
    ) -> Self {
        let (what, store) = (what.to_owned(), Arc::new(store));
        Self { what, path, fields: None, labels: None, rows: None, store, note: |_, _| {} }
    }
}

/// A watch that goes on.
pub(super) struct Follow<K: 'static> {
    pub(super) client: Client,
    pub(super) watch: Watch<K>,
    pub(super) part: usize,
    pub(super) changes: mpsc::Sender<Change>,
}

/// Nobody listens any more.
struct Unheard;

/// Grows with each failure.
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pause {
    async fn wait(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}

/// Why a watch stopped.
enum Stop {
    /// The place where it was is forgotten.
    Gone,
    /// Nothing about it: it goes on at once.
    Ended,
    Broken(String),
}

impl<K: Watchable> Follow<K> {
    /// Watches until nobody listens any more.
    pub(super) async fn forever(self) {
        let mut pause = Pause::default();
        while self.once(&mut pause).await.is_ok() {}
    }

    /// A list, and the watch from there until its place is forgotten.
    async fn once(&self, pause: &mut Pause) -> Result<(), Unheard> {
        match self.list().await? {
            Ok(version) => {
                *pause = Pause::default();
                self.from(version).await
            }
            Err(error) => {
                self.broken(Cause::of(&error).to_string()).await?;
                pause.wait().await;
                Ok(())
            }
        }
    }

    async fn list(&self) -> Result<kube::Result<String>, Unheard> {
        self.tell(News::Begin).await?;
        let Watch { path, fields, labels, rows, .. } = &self.watch;
        let (field_selector, label_selector) = (fields.clone(), labels.clone());
        let params = ListParams { field_selector, label_selector, ..ListParams::default() };
        let mut pages = Pages::at(self.client.clone(), path.clone(), params, *rows);
        loop {
            match pages.next().await {
                Ok(Some(Batch { objects, usual })) => {
                    if !usual.is_empty() {
                        self.tell(News::Usual(usual)).await?;
                    }
                    self.tell(News::Page(objects)).await?;
                }
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            }
        }
        self.tell(News::Listed).await?;
        Ok(Ok(pages.version().to_owned()))
    }

    /// Goes on from a place, again and again, until the server does not know it any more.
    async fn from(&self, mut version: String) -> Result<(), Unheard> {
        let (mut pause, mut behind) = (Pause::default(), false);
        loop {
            let before = version.clone();
            let stop = match self.ask(&version).await {
                Ok(events) => self.events(events, &mut version, &mut behind).await?,
                Err(error) => Stop::of(&error),
            };
            if version != before {
                pause = Pause::default();
            }
            match stop {
                Stop::Gone => return self.broken("it has to be listed again".to_owned()).await,
                Stop::Ended => {}
                Stop::Broken(why) => {
                    self.broken(why).await?;
                    behind = true;
                    pause.wait().await;
                }
            }
        }
    }

    async fn ask(
        &self,
        version: &str,
    ) -> kube::Result<impl Stream<Item = kube::Result<WatchEvent<K>>> + use<K>> {
        let request = Request::new(&self.watch.path).watch(&self.params(), version);
        let request = request.map_err(kube::Error::BuildRequest)?;
        self.client.request_events::<K>(request).await
    }

    async fn events(
        &self,
        events: impl Stream<Item = kube::Result<WatchEvent<K>>>,
        version: &mut String,
        behind: &mut bool,
    ) -> Result<Stop, Unheard> {
        let mut events = pin!(events);
        let caught_up = Instant::now() + LONGEST_CATCH_UP;
        loop {
            if *behind && Instant::now() >= caught_up {
                *behind = false;
                self.tell(News::Current).await?;
            }
            let event = match timeout(if *behind { CATCH_UP } else { SILENCE }, events.next()).await {
                Err(_) if *behind => {
                    *behind = false;
                    self.tell(News::Current).await?;
                    continue;
                }
                Err(_) | Ok(None) => return Ok(Stop::Ended),
                Ok(Some(Err(error))) => return Ok(Stop::of(&error)),
                Ok(Some(Ok(event))) => event,
            };
            let (news, object) = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => (News::Put as fn(_) -> _, object),
                WatchEvent::Deleted(object) => (News::Gone as fn(_) -> _, object),
                WatchEvent::Bookmark(bookmark) => {
                    *version = bookmark.metadata.resource_version;
                    continue;
                }
                WatchEvent::Error(status) => return Ok(Stop::said(&status)),
            };
            if let Some(now) = &object.metadata().resource_version {
                version.clone_from(now);
            }
            self.tell(news(object)).await?;
        }
    }

    fn params(&self) -> WatchParams {
        let Watch { fields, labels, .. } = &self.watch;
        let (field_selector, label_selector) = (fields.clone(), labels.clone());
        WatchParams { field_selector, label_selector, ..WatchParams::default() }.timeout(WATCH_SECONDS)
    }

    async fn broken(&self, why: String) -> Result<(), Unheard> {
        let (what, store, part) = (self.watch.what.clone(), self.watch.store.clone(), self.part);
        self.send(Box::new(move |seen| {
            store(seen).apply(part, News::Broken);
            seen.broken.insert(what, why);
        }))
        .await
    }

    async fn tell(&self, mut news: News<K>) -> Result<(), Unheard> {
        slim(&mut news);
        let (what, store, part, note) =
            (self.watch.what.clone(), self.watch.store.clone(), self.part, self.watch.note);
        self.send(Box::new(move |seen| {
            match &news {
                News::Page(objects) => objects.iter().for_each(|object| note(seen, object)),
                News::Put(object) => note(seen, object),
                News::Listed | News::Current => drop(seen.broken.remove(&what)),
                News::Begin | News::Usual(_) | News::Gone(_) | News::Broken => {}
            }
            store(seen).apply(part, news);
        }))
        .await
    }

    async fn send(&self, change: Change) -> Result<(), Unheard> {
        self.changes.send(change).await.map_err(|_| Unheard)
    }
}

impl Stop {
    fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::said(status),
            error => Self::Broken(Cause::of(error).to_string()),
        }
    }

    fn said(status: &Status) -> Self {
        if status.code == GONE { Self::Gone } else { Self::Broken(status.message.clone()) }
    }
}

/// Nobody reads them here, and they are the largest part of many objects.
fn slim<K: Object>(news: &mut News<K>) {
    let objects = match news {
        News::Page(objects) => objects.as_mut_slice(),
        News::Put(object) => std::slice::from_mut(object),
        News::Begin | News::Usual(_) | News::Listed | News::Gone(_) | News::Broken | News::Current => &mut [],
    };
    for object in objects {
        object.metadata_mut().managed_fields = None;
    }
}

#[cfg(test)]
mod tests;
