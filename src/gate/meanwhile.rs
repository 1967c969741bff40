//! Why Certificates were issued between the baseline and the first look. The condition that says so is gone within a second,
//! but the API server tells once more what has changed since a list that it still remembers. Keeps reasons only.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::WatchParams;
use kube::core::WatchEvent;
use kube::core::request::Request;
use kube::{Client, Resource as _};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::seen::{Change, Meanwhile};
use super::start::Start;
use crate::certmanager::resources::Certificate;

/// What has happened is told at once; seconds until the server ends the watch.
const WATCH_SECONDS: u32 = 2;
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
const GONE: u16 = 410;

/// Asks for everything since the baseline.
pub(super) fn start(start: &mut Start) {
    let Some(version) = start.context.baseline.certificates_at.clone() else { return };
    start.seen.meanwhile = Meanwhile::Asked;
    start.task(ask(start.cluster.client.clone(), version, start.changes.clone()));
}

async fn ask(client: Client, version: String, changes: mpsc::Sender<Change>) {
    let mut found = Meanwhile::Unknown;
    for _ in 0..TRIES {
        match since(&client, &version, &changes).await {
            Ok(()) => found = Meanwhile::Known,
            Err(kube::Error::Api(status)) if status.code == GONE => {}
            Err(_) => {
                sleep(PAUSE).await;
                continue;
            }
        }
        break;
    }
    // Nobody listens any more when the run has ended.
    let _ = changes.send(Box::new(move |seen| seen.meanwhile = found)).await;
}

/// Notes every reason that shows up from `version` on, until the server ends the watch.
async fn since(client: &Client, version: &str, changes: &mpsc::Sender<Change>) -> kube::Result<()> {
    let watch = WatchParams::default().disable_bookmarks().timeout(WATCH_SECONDS);
    let request = Request::new(Certificate::url_path(&(), None)).watch(&watch, version);
    let request = request.map_err(kube::Error::BuildRequest)?;
    let mut events = pin!(client.request_events::<Certificate>(request).await?);
    while let Some(event) = events.next().await {
        match event? {
            WatchEvent::Added(certificate) | WatchEvent::Modified(certificate) => {
                let _ = changes.send(Box::new(move |seen| seen.sightings.note(&certificate))).await;
            }
            WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        }
    }
    Ok(())
}
