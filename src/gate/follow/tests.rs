use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::certmanager::resources::Order;
use crate::gate::scripted_api::{ApiAnswer, ScriptedApi, status_of};

fn order(uid: &str, version: &str) -> Value {
    json!({"apiVersion": "acme.cert-manager.io/v1", "kind": "Order",
        "metadata": {"namespace": "web", "name": uid, "uid": uid, "resourceVersion": version}})
}

fn list(version: &str, token: &str, orders: &[&str]) -> ApiAnswer {
    let items: Vec<Value> = orders.iter().map(|uid| order(uid, "1")).collect();
    ApiAnswer::of(&json!({"metadata": {"resourceVersion": version, "continue": token}, "items": items}))
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

fn bookmark(version: &str) -> Value {
    let metadata = json!({"resourceVersion": version});
    event(
        "BOOKMARK",
        &json!({"apiVersion": "acme.cert-manager.io/v1", "kind": "Order", "metadata": metadata}),
    )
}

/// A watch on Orders at a server with these answers, and what it has told.
struct Followed {
    api: ScriptedApi,
    seen: Seen,
    changes: mpsc::Receiver<Change>,
    task: JoinHandle<()>,
}

impl Followed {
    fn start(answers: impl IntoIterator<Item = ApiAnswer>) -> Self {
        let (api, mut seen) = (ScriptedApi::new(answers), Seen::default());
        let watch = Watch::<Order>::at("Orders", "/orders".to_owned(), |seen| &mut seen.orders);
        let part = (watch.store)(&mut seen).open();
        let (sender, changes) = mpsc::channel(1024);
        let follow = Follow { client: api.client(), watch, part, changes: sender };
        Self { api, seen, changes, task: tokio::spawn(follow.forever()) }
    }

    /// When all answers are taken in: the lists as they were asked for, the places of the watches, the uids of what
    /// is known, and all that is seen.
    async fn end(mut self) -> (Vec<String>, Vec<String>, Vec<String>, Seen) {
        self.api.all_said().await;
        self.task.abort();
        while let Ok(change) = self.changes.try_recv() {
            change(&mut self.seen);
        }
        let (watches, lists): (Vec<_>, Vec<_>) =
            self.api.asked().into_iter().partition(|asked| asked.contains("watch=true"));
        let place = |watch: String| {
            assert!(watch.contains("allowWatchBookmarks=true"), "{watch}");
            watch.rsplit_once("resourceVersion=").map(|(_, version)| version.to_owned())
        };
        let places = watches.into_iter().filter_map(place).collect();
        let known = self.seen.orders.iter().map(|order| order.uid().to_owned()).collect();
        (lists, places, known, self.seen)
    }
}

#[tokio::test]
async fn a_watch_that_ends_goes_on_at_the_last_change_or_bookmark_without_a_list() {
    let followed = Followed::start([
        list("5", "", &["a"]),
        ApiAnswer::events(&[event("ADDED", &order("b", "7")), event("MODIFIED", &order("a", "8"))]),
        ApiAnswer::events(&[bookmark("20")]),
        ApiAnswer::events(&[event("DELETED", &order("a", "21"))]),
        ApiAnswer::events(&[]),
    ]);
    let (lists, places, known, seen) = followed.end().await;
    assert_eq!(lists.len(), 1, "{lists:?}");
    assert_eq!(places, ["5", "8", "20", "21", "21"]);
    assert_eq!(known, ["b"]);
    assert!(seen.orders.is_listed() && seen.broken.is_empty());
}

#[tokio::test]
async fn a_forgotten_place_costs_one_list_however_it_is_said() {
    let followed = Followed::start([
        list("5", "", &["a", "b"]),
        ApiAnswer::events(&[event("ERROR", &status_of(410))]),
        list("30", "", &["b"]),
        ApiAnswer::error(410),
        list("40", "", &["b", "c"]),
    ]);
    let (lists, places, known, seen) = followed.end().await;
    assert_eq!((lists.len(), places), (3, vec!["5".to_owned(), "30".to_owned(), "40".to_owned()]));
    assert_eq!(known, ["b", "c"]);
    assert!(seen.orders.is_listed() && seen.broken.is_empty());
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again_from_the_same_place() {
    let followed = Followed::start([
        list("5", "", &["a"]),
        ApiAnswer::error(500),
        ApiAnswer::events(&[event("ERROR", &status_of(500))]),
        ApiAnswer::events(&[event("ADDED", &order("b", "9"))]),
    ]);
    let (lists, places, known, seen) = followed.end().await;
    assert_eq!((lists.len(), places), (1, ["5", "5", "5", "9"].map(str::to_owned).to_vec()));
    assert_eq!(known, ["a", "b"]);
    assert!(!seen.orders.is_listed(), "what was missed may still be on its way");
    assert_eq!(seen.broken.keys().collect::<Vec<_>>(), ["Orders"]);
}

#[tokio::test]
async fn what_was_broken_is_current_once_the_watch_is_silent_again() {
    let open = ApiAnswer::open(&[event("ADDED", &order("b", "9"))]);
    let mut followed = Followed::start([list("5", "", &["a"]), ApiAnswer::error(503), open]);
    let told = timeout(Duration::from_mins(1), async {
        while !(followed.seen.orders.get("b").is_some() && followed.seen.orders.is_listed()) {
            let change = followed.changes.recv().await.expect("the watch goes on");
            change(&mut followed.seen);
        }
    });
    told.await.expect("it is current again");
    followed.task.abort();
    assert!(followed.seen.broken.is_empty());
    assert_eq!(followed.api.asked().len(), 3, "{:?}", followed.api.asked());
}

#[tokio::test]
async fn a_list_that_is_forgotten_half_way_begins_anew() {
    let followed = Followed::start([
        list("5", "more", &["a"]),
        ApiAnswer::error(410),
        list("30", "more", &["b"]),
        list("30", "", &["c"]),
    ]);
    let (lists, places, known, _) = followed.end().await;
    let continued: Vec<bool> = lists.iter().map(|list| list.contains("continue=more")).collect();
    assert_eq!((continued, places), (vec![false, true, false, true], vec!["30".to_owned()]));
    assert_eq!(known, ["b", "c"], "nothing of the list that broke off is left");
}
