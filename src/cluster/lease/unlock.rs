//! Takes the lock away from its holder: at once when that is dead, only by force when it lives.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use tokio::time::{Instant, sleep};

use super::{Holder, LOOK_EVERY, LockError, RENEW_EVERY, api, delete, failed, object_name, read, standing};
use crate::cluster::{ApiError, Cluster};
use crate::config::ReleaseId;

/// A holder that lives has renewed within this time; a bit more than it takes.
const WATCHED: Duration = Duration::from_secs(RENEW_EVERY.as_secs() + 2);
/// Within this time a holder that lives has tried to renew, and noticed.
const NOTICED: Duration = Duration::from_secs(RENEW_EVERY.as_secs() + 1);

/// Whose lock may be taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlock {
    /// That of a run that is dead: its holder is watched a bit longer than it takes to renew.
    Dead,
    /// Anybody's. A run that lives stops writing before another one can begin.
    Anybody(
        /// Who takes it away; the holder is told.
        Holder,
    ),
}

/// Takes the lock away and answers whose it was; `None` when nobody held it.
pub async fn unlock(
    cluster: &Cluster,
    release: &ReleaseId,
    whose: &Unlock,
) -> Result<Option<Holder>, LockError> {
    let Some(lease) = read(cluster, release).await? else { return Ok(None) };
    let holder = Holder::of(&lease);
    if !standing::is_taken(&lease) {
        delete(cluster, release, &lease).await?;
        return Ok(None);
    }
    match whose {
        Unlock::Dead => take_from_the_dead(cluster, release, &lease, &holder).await?,
        Unlock::Anybody(taker) => take_by_force(cluster, release, lease, taker).await?,
    }
    Ok(Some(holder))
}

async fn take_from_the_dead(
    cluster: &Cluster,
    release: &ReleaseId,
    lease: &Lease,
    holder: &Holder,
) -> Result<(), LockError> {
    let alive = || LockError::Alive {
        cluster: cluster.name.clone(),
        release: release.to_string(),
        holder: holder.clone(),
    };
    let start = Instant::now();
    while start.elapsed() < WATCHED {
        sleep(LOOK_EVERY).await;
        match read(cluster, release).await? {
            None => return Ok(()),
            Some(now) if now.metadata.resource_version != lease.metadata.resource_version => {
                return Err(alive());
            }
            Some(_) => {}
        }
    }
    if delete(cluster, release, lease).await? { Ok(()) } else { Err(alive()) }
}

/// The Lease is held in the taker's name until its holder has noticed, so that nobody else begins before.
async fn take_by_force(
    cluster: &Cluster,
    release: &ReleaseId,
    mut lease: Lease,
    taker: &Holder,
) -> Result<(), ApiError> {
    let (api, name, identity) = (api(cluster, release), object_name(release), taker.identity());
    let ours = loop {
        let next = taker.lease(&identity, super::DURATION, Some(&lease));
        match api.replace(&name, &PostParams::default(), &next).await {
            Ok(ours) => break ours,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            // Its holder was faster with a renewal.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(failed(cluster, release, "take", &error)),
        }
        match read(cluster, release).await? {
            Some(newer) => lease = newer,
            None => return Ok(()),
        }
    };
    sleep(NOTICED).await;
    delete(cluster, release, &ours).await.map(drop)
}
