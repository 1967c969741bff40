//! Lists the Ingresses and, where they are served, the Gateways of a cluster. Judges nothing.

use std::time::Duration;

use kube::api::ListParams;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::pages::Pages;
use super::seen::{Change, EntranceKind, EntrancesSeen, SeenEntrance};
use crate::certmanager::ingress::Entrance;
use crate::cluster::Cluster;
use crate::cluster::access::Access;
use crate::cluster::error::Cause;

const INGRESSES: &str = "/apis/networking.k8s.io/v1/ingresses";
/// The newest that is served.
const GATEWAYS: [&str; 2] =
    ["/apis/gateway.networking.k8s.io/v1/gateways", "/apis/gateway.networking.k8s.io/v1beta1/gateways"];
/// Ingresses change seldom, and there may be thousands.
const BEAT: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(30);

/// Listing Ingresses. A cluster without the Gateway API cannot be asked whether Gateways may be listed.
pub(super) fn needs() -> Vec<Access> {
    vec![Access::new("list", "networking.k8s.io", "ingresses", None)]
}

/// Lists them until nobody listens any more.
pub(super) async fn watch(cluster: Cluster, changes: mpsc::Sender<Change>) {
    loop {
        let seen_now = seen(&cluster).await;
        if changes.send(Box::new(move |seen| seen.entrances = seen_now)).await.is_err() {
            return;
        }
        sleep(BEAT).await;
    }
}

/// As they are now.
pub(super) async fn seen(cluster: &Cluster) -> EntrancesSeen {
    list(cluster).await.map_or_else(EntrancesSeen::Unread, EntrancesSeen::Listed)
}

/// As they are now; an error is a sentence.
pub(super) async fn list(cluster: &Cluster) -> Result<Vec<SeenEntrance>, String> {
    let silent = |_| format!("list Ingresses: no answer within {} s", PATIENCE.as_secs());
    timeout(PATIENCE, Box::pin(all(cluster))).await.map_err(silent)?
}

async fn all(cluster: &Cluster) -> Result<Vec<SeenEntrance>, String> {
    let found = of_kind(cluster, EntranceKind::Ingress, INGRESSES).await;
    let mut all = found.map_err(|error| format!("list Ingresses: {}", Cause::of(&error)))?;
    for path in GATEWAYS {
        match of_kind(cluster, EntranceKind::Gateway, path).await {
            // Not served.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(format!("list Gateways: {}", Cause::of(&error))),
            Ok(gateways) => {
                all.extend(gateways);
                break;
            }
        }
    }
    Ok(all)
}

async fn of_kind(cluster: &Cluster, kind: EntranceKind, path: &str) -> kube::Result<Vec<SeenEntrance>> {
    let mut pages =
        Pages::<Entrance>::at(cluster.client.clone(), path.to_owned(), ListParams::default(), None);
    let mut all = Vec::new();
    while let Some(page) = pages.next().await? {
        all.extend(page.objects.into_iter().map(|entrance| SeenEntrance { kind, entrance }));
    }
    Ok(all)
}
