//! Renews a Lease in the background, and says whether it is still ours.

use std::time::{Duration, SystemTime};

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{CUT_OFF, DEADLINE, Holder, LockLost, RENEW_EVERY, api, holder, object_name, standing};
use crate::cluster::Cluster;
use crate::config::ReleaseId;

/// After a renewal that did not arrive.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// A write that comes later than this after the last renewal asks for another one first.
const FRESH: Duration = Duration::from_secs(1);
/// How often a write that is under way looks at the clocks.
const TICK: Duration = Duration::from_millis(500);

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
    held: Held,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Lease>,
}

/// Whether a lock is still held, for those who write under it. Cheap to clone; it does not keep the lock.
#[derive(Debug, Clone)]
pub struct Held {
    state: watch::Receiver<State>,
    /// Asks for a renewal at once; the sender that is sent is dropped when it is over.
    asks: mpsc::Sender<oneshot::Sender<()>>,
    place: String,
}

impl Held {
    /// Whether something may still be written, by what is known; asks nobody.
    pub fn check(&self) -> Result<(), LockLost> {
        judge(&self.state.borrow(), DEADLINE, Instant::now(), SystemTime::now(), &self.place)
    }

    /// The same question before a write: the cluster is asked unless it has said so within the last second.
    pub async fn ask(&self) -> Result<(), LockLost> {
        let age = self.state.borrow().renewed.elapsed();
        if age > FRESH && self.check().is_ok() {
            let (over, renewed) = oneshot::channel();
            if self.asks.send(over).await.is_ok() {
                // An error says that the sender was dropped: the renewal is over.
                let _ = renewed.await;
            }
        }
        self.check()
    }

    /// Ends when a write that is under way must be over, because somebody else may have the lock: it was
    /// taken, or has not been renewed for almost as long as it stands.
    pub async fn lapsed(&self) -> LockLost {
        let mut state = self.state.clone();
        loop {
            let judged =
                judge(&state.borrow_and_update(), CUT_OFF, Instant::now(), SystemTime::now(), &self.place);
            if let Err(lost) = judged {
                return lost;
            }
            tokio::select! {
                Ok(()) = state.changed() => {}
                () = sleep(TICK) => {}
            }
        }
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
        let (seen, state) =
            watch::channel(State { renewed: sent, renewed_wall: SystemTime::now(), taken: None });
        let (stop, stopped) = oneshot::channel();
        let (asks, asked) = mpsc::channel(1);
        let (cluster, place) = (cluster.clone(), release.to_string());
        let task = tokio::spawn(run(cluster, release.clone(), lease, seen, stopped, asked));
        Self { held: Held { state, asks, place }, stop, task }
    }

    pub(super) fn held(&self) -> Held {
        self.held.clone()
    }

    /// Ends the renewal; the Lease as it is now, if it is still ours.
    pub(super) async fn stop(self) -> Option<Lease> {
        // A task that has ended by itself does not listen any more.
        let _ = self.stop.send(());
        let lease = self.task.await.ok()?;
        self.held.state.borrow().taken.is_none().then_some(lease)
    }
}

/// Pure: a lock is lost when it was taken, or when either clock says that its last renewal is older than the
/// limit.
fn judge(
    state: &State,
    limit: Duration,
    now: Instant,
    wall: SystemTime,
    place: &str,
) -> Result<(), LockLost> {
    if let Some(how) = &state.taken {
        return Err(LockLost::Taken { release: place.to_owned(), how: how.clone() });
    }
    let age =
        now.duration_since(state.renewed).max(wall.duration_since(state.renewed_wall).unwrap_or_default());
    if age > limit {
        Err(LockLost::TooOld { release: place.to_owned(), seconds: age.as_secs() })
    } else {
        Ok(())
    }
}

async fn run(
    cluster: Cluster,
    release: ReleaseId,
    mut lease: Lease,
    state: watch::Sender<State>,
    mut stopped: oneshot::Receiver<()>,
    mut asked: mpsc::Receiver<oneshot::Sender<()>>,
) -> Lease {
    let mut pause = RENEW_EVERY;
    loop {
        let waiting = tokio::select! {
            // Also when the lock was dropped.
            _ = &mut stopped => return lease,
            () = sleep(pause) => None,
            Some(over) = asked.recv() => Some(over),
        };
        let (sent, sent_wall) = (Instant::now(), SystemTime::now());
        match renew(&cluster, &release, &lease).await {
            Renewed::Still(newer) => {
                lease = *newer;
                state.send_modify(|state| (state.renewed, state.renewed_wall) = (sent, sent_wall));
                pause = RENEW_EVERY;
            }
            Renewed::NotNow => pause = RETRY_EVERY,
            Renewed::Taken(how) => {
                state.send_modify(|state| state.taken = Some(how));
                return lease;
            }
        }
        drop(waiting);
        // Those who asked meanwhile have their answer, too.
        while asked.try_recv().is_ok() {}
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
            Ok(Some(_)) => Renewed::Taken("its Lease was given to nobody".to_owned()),
            Ok(None) => Renewed::Taken("its Lease was deleted".to_owned()),
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

    fn state(now: Instant, wall: SystemTime, taken: Option<&str>) -> State {
        State { renewed: now, renewed_wall: wall, taken: taken.map(str::to_owned) }
    }

    #[test]
    fn a_lock_is_lost_by_age_on_either_clock_or_by_being_taken() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let judged = |age: u64, wall_age: u64, taken: Option<&str>| {
            let (later, later_wall) = (now + Duration::from_secs(age), wall + Duration::from_secs(wall_age));
            judge(&state(now, wall, taken), DEADLINE, later, later_wall, "ns/r")
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

    fn held(state: watch::Receiver<State>) -> (Held, mpsc::Receiver<oneshot::Sender<()>>) {
        let (asks, asked) = mpsc::channel(1);
        (Held { state, asks, place: "ns/r".into() }, asked)
    }

    #[tokio::test]
    async fn what_was_sent_is_over_before_somebody_else_may_write() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let old = now.checked_sub(CUT_OFF + Duration::from_secs(1)).unwrap();
        let (seen, state_of_old) = watch::channel(state(old, wall, None));
        assert!(matches!(held(state_of_old).0.lapsed().await, LockLost::TooOld { seconds: 28, .. }));
        seen.send_replace(state(now, wall, None));
        let (held, _asked) = held(seen.subscribe());
        let (lost, ()) = tokio::join!(held.lapsed(), async {
            tokio::task::yield_now().await;
            seen.send_modify(|state| state.taken = Some("it is held by b".into()));
        });
        assert!(matches!(lost, LockLost::Taken { .. }), "{lost}");
    }

    #[tokio::test]
    async fn a_write_asks_the_cluster_whether_the_lock_is_still_ours() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let (seen, states) = watch::channel(state(now, wall, None));
        let (held, mut asked) = held(states);
        assert_eq!(held.ask().await, Ok(()), "it was renewed just now");
        seen.send_replace(state(now.checked_sub(FRESH * 2).unwrap(), wall, None));
        let (answer, ()) = tokio::join!(held.ask(), async {
            let over = asked.recv().await.unwrap();
            seen.send_modify(|state| state.taken = Some("its Lease was deleted".into()));
            drop(over);
        });
        assert!(matches!(answer, Err(LockLost::Taken { .. })));
    }
}
