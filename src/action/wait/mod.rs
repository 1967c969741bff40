//! Waits until objects are ready, finished or gone: on watches, with the reason of every object that is not,
//! and no longer than makes sense.
//!
//! What is seen is judged by a pure function; the loop holds the only clock. A state that does not pass
//! without a change (an image that cannot be pulled, a Job that failed, a quota) ends the wait at once, or after the
//! short time that it may last; a container that keeps crashing after the time that a dependency may take. What was
//! so before the wait began does not count.

mod conditioned;
mod gone;
mod judge;
mod legacy;
mod not_ready;
mod reasons;
mod seen;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use kube::api::TypeMeta;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

pub use gone::{NotGone, gone};
pub use not_ready::{NotReady, Unready};

use conditioned::conditioned;
use judge::{Judged, apart, judge, together};
use reasons::unready;
use seen::{Seen, Sight};
use watch::{Change, Place, Watches, here};

use crate::cluster::Cluster;
use crate::cluster::discovery::Kinds;
use crate::cluster::error::Cause;
use crate::cluster::objects::in_parallel;
use crate::gate::{Clock, server_time};
use crate::health::is_always_ready;
use crate::helm::manifest::{Key, Object};

/// Changes come in bursts; one judgement for each burst is enough.
const BURST: Duration = Duration::from_millis(20);
/// So long a custom resource may stay without the condition `Ready` before it is taken for one that never
/// gets it.
const SILENCE: Duration = Duration::from_secs(5);
/// Writing a release takes some seconds.
const WRITTEN: Duration = Duration::from_secs(10);

/// Until when objects are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Ready by Helm 4's rules; with `jobs`, Jobs complete.
    Ready {
        /// Wait for Jobs to complete, too.
        jobs: bool,
    },
    /// Ready by Helm 3's rules.
    Legacy {
        /// Wait for Jobs to complete, too.
        jobs: bool,
    },
    /// A hook's objects: Jobs complete, Pods succeeded, everything else at once.
    Finished,
}

/// How a wait may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitTerms {
    /// Until when.
    pub until: Until,
    /// For no longer than this.
    pub limit: Duration,
    /// What does not get on ends it before that.
    pub fail_fast: bool,
}

/// Waits until all objects are ready. `namespace` is the release's own; `tell` hears about every object whose
/// state changes.
pub async fn ready(
    cluster: &Cluster,
    kinds: &Kinds,
    objects: &[Object],
    namespace: &str,
    terms: WaitTerms,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), NotReady> {
    let wanted = wanted(cluster, kinds, objects, namespace, terms.until);
    let mut wait = Wait::new(cluster, wanted, terms, tell);
    let deadline = Instant::now() + terms.limit;
    wait.look(Instant::now()).await;
    let result = wait.until(deadline).await;
    wait.watches.tasks.abort_all();
    result
}

/// The objects that need to be looked at, each once.
fn wanted(
    cluster: &Cluster,
    kinds: &Kinds,
    objects: &[Object],
    namespace: &str,
    until: Until,
) -> BTreeMap<Key, Place> {
    let is_awaited = |object: &&Object| match until {
        Until::Finished => matches!((object.group(), object.kind()), ("batch", "Job") | ("", "Pod")),
        Until::Ready { .. } | Until::Legacy { .. } => {
            !is_always_ready(object.group(), object.kind()) && !object.name().is_empty()
        }
    };
    let found = objects.iter().filter(is_awaited);
    let place = |object: &Object| {
        let types = TypeMeta { api_version: object.api_version().to_owned(), kind: object.kind().to_owned() };
        let plural = kinds.find(object)?.0.plural.clone();
        Some(Place { api: kinds.api(cluster, object, namespace)?, types, plural })
    };
    found.filter_map(|object| Some((kinds.key(object, namespace), place(object)?))).collect()
}

/// One wait.
struct Wait<'w> {
    cluster: &'w Cluster,
    places: BTreeMap<Key, Place>,
    keys: Vec<Key>,
    terms: WaitTerms,
    seen: Seen,
    clock: Clock,
    started: Instant,
    /// The API server has told its time, or does not tell it.
    timed: bool,
    watches: Watches<'w>,
    arriving: UnboundedReceiver<Change>,
    watched: BTreeSet<Key>,
    explained: BTreeSet<Key>,
    told: BTreeMap<Key, String>,
    tell: &'w (dyn Fn(&str) + Send + Sync),
}

impl<'w> Wait<'w> {
    fn new(
        cluster: &'w Cluster,
        places: BTreeMap<Key, Place>,
        terms: WaitTerms,
        tell: &'w (dyn Fn(&str) + Send + Sync),
    ) -> Self {
        let (changes, arriving) = unbounded_channel();
        let keys = places.keys().cloned().collect();
        let watches = Watches { cluster, changes, tasks: JoinSet::new() };
        Self {
            cluster,
            places,
            keys,
            terms,
            seen: Seen::default(),
            clock: Clock::default(),
            started: Instant::now(),
            timed: false,
            watches,
            arriving,
            watched: BTreeSet::new(),
            explained: BTreeSet::new(),
            told: BTreeMap::new(),
            tell,
        }
    }

    /// One read of everything: most objects are ready at once, and need no watch.
    async fn look(&mut self, now: Instant) {
        self.started = now;
        let read = async |(key, place): (&Key, &Place)| match place.api.get_opt(&key.name).await {
            Ok(object) => (key.clone(), here(object, &place.types)),
            Err(error) => (key.clone(), Sight::Hidden(Cause::of(&error).to_string())),
        };
        self.seen.objects = in_parallel(&self.places, read).collect().await;
        if matches!(self.terms.until, Until::Ready { .. }) {
            self.seen.conditioned = conditioned(self.cluster, &self.places).await;
        }
    }

    async fn until(&mut self, deadline: Instant) -> Result<(), NotReady> {
        loop {
            let (judged, next) = self.judge();
            if judged.iter().all(Judged::is_ready) {
                return Ok(());
            }
            if judged.iter().any(Judged::has_failed) {
                return Err(unready(self.cluster, &self.seen, judged, false).await);
            }
            if Instant::now() >= deadline {
                return Err(unready(self.cluster, &self.seen, judged, true).await);
            }
            self.ask_for_the_time().await;
            self.watch(&judged);
            self.next_change(next.map_or(deadline, |next| deadline.min(self.started + next))).await;
        }
    }

    /// When the objects were written that are waited for, by the API server's clock: shortly before the wait began.
    async fn ask_for_the_time(&mut self) {
        if self.timed {
            return;
        }
        if let Ok(time) = server_time(self.cluster).await {
            self.timed = true;
            let passed = self.started.elapsed() + WRITTEN;
            self.seen.began = time.and_then(|time| time.checked_sub(passed).ok());
        }
    }

    /// Judges what is seen now; also when something will have lasted too long, from the start.
    fn judge(&mut self) -> (Vec<Judged>, Option<Duration>) {
        let elapsed = self.started.elapsed();
        let patience = (elapsed < SILENCE && !self.seen.conditioned.is_empty()).then_some(SILENCE);
        if patience.is_none() {
            self.seen.conditioned.clear();
        }
        self.seen.now = self.seen.began.and_then(|began| began.checked_add(WRITTEN + elapsed).ok());
        let mut judged = judge(&self.keys, &self.seen, self.terms);
        let weighed = self.clock.weigh("wait", together(&judged), elapsed, None);
        apart(&mut judged, weighed.judgement);
        for judged in &judged {
            let line = if judged.is_ready() {
                format!("{} is ready", judged.key)
            } else {
                format!("{}: {}", judged.key, judged.status.message)
            };
            let known = self.told.get(&judged.key);
            // What was ready at the first look is no news.
            if known != Some(&line) && (known.is_some() || !judged.is_ready()) {
                (self.tell)(&line);
                self.told.insert(judged.key.clone(), line);
            }
        }
        (judged, weighed.next.into_iter().chain(patience).min())
    }

    /// Starts the watches of what is not ready.
    fn watch(&mut self, judged: &[Judged]) {
        for judged in judged.iter().filter(|judged| !judged.is_ready()) {
            let key = &judged.key;
            if self.watched.insert(key.clone())
                && let Some(place) = self.places.get(key)
            {
                self.watches.object(key.clone(), place.clone());
            }
            if let Some(Sight::Here(object)) = self.seen.objects.get(key)
                && self.explained.insert(key.clone())
            {
                self.watches.reasons(object);
            }
        }
    }

    /// Waits for a change and takes all that came with it; no longer than to `until`.
    async fn next_change(&mut self, until: Instant) {
        tokio::select! {
            Some(change) = self.arriving.recv() => change(&mut self.seen),
            () = sleep_until(until) => return,
        }
        sleep(BURST).await;
        while let Ok(change) = self.arriving.try_recv() {
            change(&mut self.seen);
        }
    }
}
