//! Renews a Lease in the background, and says whether it is still ours.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{DEADLINE, Holder, LockLost, RENEW_EVERY, api, holder, object_name, standing};
use crate::cluster::Cluster;
use crate::config::ReleaseId;

/// After a renewal that did not arrive.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// What the lock knows about itself.
#[derive(Debug, Clone)]
struct State {
    renewed: Instant,
    /// The same moment by the wall clock: the other one stands still while a machine sleeps.
    renewed_wall: SystemTime,
    taken: Option<String>,
}

/// The running renewal of one Lease.
#[derive(Debug)]
pub(super) struct Renewal {
    state: Arc<Mutex<State>>,
    place: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Lease>,
}

/// Whether a lock is still held, for those who write under it. Cheap to clone; it does not keep the lock.
#[derive(Debug, Clone)]
pub struct Held {
    state: Arc<Mutex<State>>,
    place: String,
}

impl Held {
    /// Whether something may still be written. Ask before every write.
    pub fn check(&self) -> Result<(), LockLost> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        judge(&state, Instant::now(), SystemTime::now(), &self.place)
    }
}

/// What became of one attempt.
enum Renewed {
    Still(Box<Lease>),
    NotNow,
    Taken(String),
}

impl Renewal {
    /// Renews the Lease from now on; `sent` is when the request that took it was sent.
    pub(super) fn start(cluster: &Cluster, release: &ReleaseId, lease: Lease, sent: Instant) -> Self {
        let state =
            Arc::new(Mutex::new(State { renewed: sent, renewed_wall: SystemTime::now(), taken: None }));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(cluster.clone(), release.clone(), lease, Arc::clone(&state), stopped));
        Self { state, place: release.to_string(), stop, task }
    }

    pub(super) fn held(&self) -> Held {
        Held { state: Arc::clone(&self.state), place: self.place.clone() }
    }

    /// Ends the renewal; the Lease as it is now, if it is still ours.
    pub(super) async fn stop(self) -> Option<Lease> {
        // A task that has ended by itself does not listen any more.
        let _ = self.stop.send(());
        let lease = self.task.await.ok()?;
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.taken.is_none().then_some(lease)
    }
}

/// Pure: a lock is lost when it was taken, or when either clock says that its last renewal is too old.
fn judge(state: &State, now: Instant, wall: SystemTime, place: &str) -> Result<(), LockLost> {
    if let Some(how) = &state.taken {
        return Err(LockLost::Taken { release: place.to_owned(), how: how.clone() });
    }
    let age =
        now.duration_since(state.renewed).max(wall.duration_since(state.renewed_wall).unwrap_or_default());
    if age > DEADLINE {
        Err(LockLost::TooOld { release: place.to_owned(), seconds: age.as_secs() })
    } else {
        Ok(())
    }
}

async fn run(
    cluster: Cluster,
    release: ReleaseId,
    mut lease: Lease,
    state: Arc<Mutex<State>>,
    mut stopped: oneshot::Receiver<()>,
) -> Lease {
    let mut pause = RENEW_EVERY;
    loop {
        tokio::select! {
            // Also when the lock was dropped.
            _ = &mut stopped => return lease,
            () = sleep(pause) => {}
        }
        let (sent, sent_wall) = (Instant::now(), SystemTime::now());
        let renewed = renew(&cluster, &release, &lease).await;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match renewed {
            Renewed::Still(newer) => {
                lease = *newer;
                (state.renewed, state.renewed_wall) = (sent, sent_wall);
                pause = RENEW_EVERY;
            }
            Renewed::NotNow => pause = RETRY_EVERY,
            Renewed::Taken(how) => {
                state.taken = Some(how);
                return lease;
            }
        }
    }
}

async fn renew(cluster: &Cluster, release: &ReleaseId, lease: &Lease) -> Renewed {
    let (api, name) = (api(cluster, release), object_name(release));
    let mut next = lease.clone();
    if let Some(spec) = next.spec.as_mut() {
        spec.renew_time = Some(holder::now());
    }
    match tokio::time::timeout(RENEW_EVERY, api.replace(&name, &PostParams::default(), &next)).await {
        Ok(Ok(lease)) => Renewed::Still(Box::new(lease)),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => {
            Renewed::Taken("its Lease was deleted".to_owned())
        }
        // Ours may have arrived although its answer did not; then the Lease still names us.
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => match api.get_opt(&name).await {
            Ok(Some(found)) if same_holder(&found, lease) => Renewed::Still(Box::new(found)),
            Ok(Some(found)) if standing::is_taken(&found) => {
                Renewed::Taken(format!("it is held by {}", Holder::of(&found)))
            }
            Ok(_) => Renewed::Taken("its Lease was given to nobody".to_owned()),
            Err(_) => Renewed::NotNow,
        },
        Ok(Err(_)) | Err(_) => Renewed::NotNow,
    }
}

fn same_holder(one: &Lease, other: &Lease) -> bool {
    let identity = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
    one.metadata.uid == other.metadata.uid && identity(one) == identity(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_lost_by_age_on_either_clock_or_by_being_taken() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let judged = |age: u64, wall_age: u64, taken: Option<&str>| {
            let state = State { renewed: now, renewed_wall: wall, taken: taken.map(str::to_owned) };
            judge(&state, now + Duration::from_secs(age), wall + Duration::from_secs(wall_age), "ns/r")
                .map_err(|lost| lost.to_string())
        };
        assert_eq!(judged(20, 20, None), Ok(()));
        assert_eq!(
            judged(21, 0, None),
            Err("the lock on ns/r could not be renewed for 21 s; nothing more is written".to_owned())
        );
        assert_eq!(
            judged(0, 600, None),
            Err("the lock on ns/r could not be renewed for 600 s; nothing more is written".to_owned())
        );
        assert_eq!(
            judged(0, 0, Some("its Lease was deleted")),
            Err("the lock on ns/r was taken away: its Lease was deleted; nothing more is written".to_owned())
        );
    }
}
