//! The lock of a release in the words of a run: who else has it, and what its loss means. Decides nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;
use crate::cluster::lease::{Held, Lock, LockError, LockLost};
use crate::config::ReleaseId;
use crate::failure::{Failure, Kind};

use super::identity::Identity;

/// How long a lock that cannot be renewed is given to recover: an API server that is away comes back, and nobody
/// has taken the lock meanwhile.
const RECOVERY: Duration = Duration::from_mins(2);
/// Long enough for one renewal that finds out who has the lock.
const A_LOOK: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Takes the lock of a release.
pub async fn take(
    cluster: &Cluster,
    release: &ReleaseId,
    identity: &Identity,
    wait: Duration,
) -> Result<Lock, Failure> {
    Lock::acquire(cluster, release, &identity.lock_holder(), wait).await.map_err(|error| match error {
        held @ LockError::Held { .. } => {
            let hint = "wait with --lock-timeout, or `release unlock` when that run is dead";
            Failure::new(Kind::Locked, held).hint(hint)
        }
        error => Failure::refused(error),
    })
}

/// Whether something may be written now. A lock that could not be renewed for a while is waited for.
pub async fn good(held: &Held) -> Result<(), Failure> {
    good_within(held, RECOVERY).await
}

/// The same for somebody who only wants to know, and does not wait for an API server that stays away.
pub async fn still_ours(held: &Held) -> Result<(), Failure> {
    good_within(held, A_LOOK).await
}

async fn good_within(held: &Held, patience: Duration) -> Result<(), Failure> {
    let start = Instant::now();
    loop {
        match held.check() {
            Ok(()) => return Ok(()),
            Err(LockLost::TooOld { .. }) if start.elapsed() < patience => sleep(LOOK_EVERY).await,
            Err(lost) => return Err(failure(lost)),
        }
    }
}

/// A lock that is gone: whoever has it now goes on with the cluster.
pub fn failure(lost: LockLost) -> Failure {
    match lost {
        taken @ LockLost::Taken { .. } => {
            let hint = "this run has stopped and writes nothing more; whoever took the lock goes on with the cluster";
            Failure::new(Kind::Locked, taken).hint(hint)
        }
        old @ LockLost::TooOld { .. } => Failure::new(Kind::Halted, old)
            .hint("`release resume` continues when the API server answers again"),
    }
}
