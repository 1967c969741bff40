//! The lock on a release: a Lease beside it, so that two runners never work on one cluster.
//!
//! The holder renews it; one whose own last renewal is older than [`DEADLINE`] stops writing. Others judge by
//! watching whether the Lease changes, never by comparing clocks: see [`standing`]. Every write names the
//! version of the Lease that it was decided on, so of two racers one is refused by the API server.

mod holder;
mod renewal;
mod standing;
mod unlock;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{DeleteParams, PostParams, Preconditions};
use tokio::time::{Instant, sleep, timeout};

pub use holder::Holder;
pub use renewal::Held;
use renewal::Renewal;
use standing::{Standing, Watched};
pub use unlock::{Unlock, unlock};

use super::error::Cause;
use super::journal::object_name;
use super::{ApiError, Cluster, namespace};
use crate::config::ReleaseId;

/// How long a Lease stands after its last renewal.
const DURATION: Duration = Duration::from_secs(30);
/// How often the holder renews.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// A holder that has not renewed for this long stops writing; the rest of [`DURATION`] is for what it has
/// sent already.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// What it has sent is cut off this long after the last renewal: a little before another holder may begin.
const CUT_OFF: Duration = Duration::from_secs(27);
/// A run that ends does not wait longer than this for an API server that does not answer.
const GIVE_BACK_TIMEOUT: Duration = Duration::from_secs(10);
/// How often somebody who waits looks at the Lease.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why the lock is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("{release} on cluster `{cluster}` is locked by {holder}")]
    Held {
        /// The cluster.
        cluster: String,
        /// `namespace/name` of the release.
        release: String,
        /// Who, since when, and where its run can be read.
        holder: Holder,
    },
    /// Its holder was seen to renew it.
    #[error(
        "{release} on cluster `{cluster}` is locked by {holder}, which was seen to renew it: that run lives; stop it where it runs, or take the lock away with --force"
    )]
    Alive {
        /// The cluster.
        cluster: String,
        /// `namespace/name` of the release.
        release: String,
        /// Who, since when, and where its run can be read.
        holder: Holder,
    },
    /// The API server refused.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// The lock is not ours any more, or may not be: nothing more may be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockLost {
    /// The Lease was taken or deleted.
    #[error("the lock on {release} was taken away: {how}; nothing more is written")]
    Taken {
        /// `namespace/name` of the release.
        release: String,
        /// By whom, or that it was deleted.
        how: String,
    },
    /// The API server did not take a renewal for too long.
    #[error("the lock on {release} could not be renewed for {seconds} s; nothing more is written")]
    TooOld {
        /// `namespace/name` of the release.
        release: String,
        /// Age of the last renewal.
        seconds: u64,
    },
}

/// The lock, held. Dropped without [`Lock::release`], it is no longer renewed and expires.
#[derive(Debug)]
pub struct Lock {
    cluster: Cluster,
    release: ReleaseId,
    renewal: Renewal,
}

impl Lock {
    /// Takes the lock, waiting up to `wait` for another holder to give it back or to expire (which takes up
    /// to 30 s to see).
    pub async fn acquire(
        cluster: &Cluster,
        release: &ReleaseId,
        holder: &Holder,
        wait: Duration,
    ) -> Result<Self, LockError> {
        let identity = holder.identity();
        let start = Instant::now();
        let mut watched = Watched::default();
        loop {
            let seen = read(cluster, release).await?;
            let held = match watched.standing(seen.as_ref(), Instant::now()) {
                Standing::Held => seen.as_ref().map(Holder::of),
                Standing::Free => {
                    let sent = Instant::now();
                    if let Some(lease) = take(cluster, release, holder, &identity, seen).await? {
                        return Ok(Self {
                            cluster: cluster.clone(),
                            release: release.clone(),
                            renewal: Renewal::start(cluster, release, lease, sent),
                        });
                    }
                    None
                }
            };
            if let (Some(holder), true) = (held, start.elapsed() >= wait) {
                return Err(LockError::Held {
                    cluster: cluster.name.clone(),
                    release: release.to_string(),
                    holder,
                });
            }
            sleep(LOOK_EVERY.min(wait.saturating_sub(start.elapsed()))).await;
        }
    }

    /// Whether something may still be written, by what is known; asks nobody.
    pub fn check(&self) -> Result<(), LockLost> {
        self.held().check()
    }

    /// The same question, for those who write under the lock.
    pub fn held(&self) -> Held {
        self.renewal.held()
    }

    /// Gives the lock back, if it is still ours. When that fails, it expires by itself.
    pub async fn release(self) -> Result<(), ApiError> {
        let (cluster, release) = (self.cluster, self.release);
        let given_back = async {
            let Some(lease) = self.renewal.stop().await else { return Ok(()) };
            delete(&cluster, &release, &lease).await.map(|_| ())
        };
        timeout(GIVE_BACK_TIMEOUT, given_back).await.unwrap_or_else(|_| {
            let cause = Cause::Unreachable(format!("no answer within {} s", GIVE_BACK_TIMEOUT.as_secs()));
            Err(ApiError::with_cause(&cluster.name, format!("give back the lock on {release}"), cause))
        })
    }
}

/// Who holds the lock, by what the Lease says: a holder that was killed is still named until somebody takes
/// over.
pub async fn holder(cluster: &Cluster, release: &ReleaseId) -> Result<Option<Holder>, ApiError> {
    Ok(read(cluster, release).await?.filter(standing::is_taken).map(|lease| Holder::of(&lease)))
}

/// Writes our name into the Lease; `None` when somebody else was faster.
async fn take(
    cluster: &Cluster,
    release: &ReleaseId,
    holder: &Holder,
    identity: &str,
    seen: Option<Lease>,
) -> Result<Option<Lease>, ApiError> {
    let name = object_name(release);
    let mut lease = holder.lease(identity, DURATION, seen.as_ref());
    lease.metadata.name = Some(name.clone());
    let api = api(cluster, release);
    let written = match seen {
        Some(_) => api.replace(&name, &PostParams::default(), &lease).await,
        None => match api.create(&PostParams::default(), &lease).await {
            // The namespace of a first install; Helm would make it a little later.
            Err(kube::Error::Api(status)) if status.code == 404 => {
                namespace::ensure(cluster, &release.namespace).await?;
                api.create(&PostParams::default(), &lease).await
            }
            created => created,
        },
    };
    match written {
        Ok(lease) => Ok(Some(lease)),
        Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => Ok(None),
        // It may have arrived although its answer did not.
        Err(error) => match read(cluster, release).await? {
            Some(lease) if standing::is_held_by(&lease, identity) => Ok(Some(lease)),
            Some(_) | None => Err(failed(cluster, release, "take", &error)),
        },
    }
}

/// Deletes exactly this version of the Lease; false when it has changed.
async fn delete(cluster: &Cluster, release: &ReleaseId, lease: &Lease) -> Result<bool, ApiError> {
    let preconditions = Preconditions {
        uid: lease.metadata.uid.clone(),
        resource_version: lease.metadata.resource_version.clone(),
    };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    match api(cluster, release).delete(&object_name(release), &parameters).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(failed(cluster, release, "give back", &error)),
    }
}

async fn read(cluster: &Cluster, release: &ReleaseId) -> Result<Option<Lease>, ApiError> {
    api(cluster, release)
        .get_opt(&object_name(release))
        .await
        .map_err(|error| failed(cluster, release, "read", &error))
}

fn failed(cluster: &Cluster, release: &ReleaseId, verb: &str, error: &kube::Error) -> ApiError {
    ApiError::new(
        cluster,
        format!("{verb} the lock, Lease {}/{}", release.namespace, object_name(release)),
        error,
    )
}

fn api(cluster: &Cluster, release: &ReleaseId) -> Api<Lease> {
    Api::namespaced(cluster.client.clone(), &release.namespace)
}
