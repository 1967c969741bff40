//! The lock, against a real API server: races, death, theft.

use std::time::{Duration, Instant};

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::cluster::lease::{self, Holder, Lock, LockError, LockLost, Unlock};
use release::config::ReleaseId;

use crate::support::{self, FIRST, cluster, fresh_release, trial, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("lease::of_many_racers_one_wins", of_many_racers_one_wins),
        trial("lease::a_lock_that_is_given_back_leaves_nothing", a_lock_that_is_given_back_leaves_nothing),
        trial("lease::who_waits_gets_it_when_it_is_given_back", who_waits_gets_it_when_it_is_given_back),
        trial("lease::a_dead_holder_is_found_out_by_watching", a_dead_holder_is_found_out_by_watching),
        trial("lease::a_living_holder_is_never_taken_for_dead", a_living_holder_is_never_taken_for_dead),
        trial("lease::a_holder_that_was_unlocked_stops", a_holder_that_was_unlocked_stops),
        trial(
            "lease::a_lock_is_taken_from_the_dead_only_unless_by_force",
            a_lock_is_taken_from_the_dead_only_unless_by_force,
        ),
        trial("lease::a_write_finds_out_that_the_lock_is_lost", a_write_finds_out_that_the_lock_is_lost),
        trial("lease::a_first_install_has_its_namespace_made", a_first_install_has_its_namespace_made),
    ]
}

fn holder(run_id: &str) -> Holder {
    Holder {
        user: "ci".into(),
        host: "runner".into(),
        run_url: Some("https://ci.example.com/1".into()),
        run_id: run_id.into(),
        since: Timestamp::now(),
    }
}

async fn acquire(cluster: &Cluster, release: &ReleaseId, run_id: &str, wait: u64) -> Result<Lock, LockError> {
    Lock::acquire(cluster, release, &holder(run_id), Duration::from_secs(wait)).await
}

async fn lease_exists(cluster: &Cluster, release: &ReleaseId) -> bool {
    let api: Api<Lease> = Api::namespaced(cluster.client.clone(), &release.namespace);
    api.get_opt("release.app").await.unwrap().is_some()
}

async fn of_many_racers_one_wins() {
    let (cluster, release) = world().await;
    let names: Vec<String> = (0..20).map(|number| format!("run-{number}")).collect();
    let results = join_all(names.iter().map(|name| acquire(&cluster, &release, name, 0))).await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 19));
    let winner = lease::holder(&cluster, &release).await.unwrap().unwrap();
    for error in lost.into_iter().filter_map(Result::err) {
        assert!(matches!(error, LockError::Held { holder, .. } if holder == winner));
    }
}

async fn a_lock_that_is_given_back_leaves_nothing() {
    let (cluster, release) = world().await;
    let lock = acquire(&cluster, &release, "one", 0).await.unwrap();
    assert_eq!(lock.check(), Ok(()));
    assert_eq!(lease::holder(&cluster, &release).await.unwrap().unwrap().run_id, "one");
    let told = support::told(acquire(&cluster, &release, "two", 0).await.unwrap_err());
    assert!(
        told.contains(&format!("{release} on cluster `{FIRST}` is locked by ci@runner (run one) since ")),
        "{told}"
    );
    assert!(told.contains("https://ci.example.com/1"), "{told}");
    lock.release().await.unwrap();
    assert!(!lease_exists(&cluster, &release).await);
    acquire(&cluster, &release, "two", 0).await.unwrap().release().await.unwrap();
}

async fn who_waits_gets_it_when_it_is_given_back() {
    let (cluster, release) = world().await;
    let lock = acquire(&cluster, &release, "one", 0).await.unwrap();
    let waiting = tokio::spawn({
        let (cluster, release) = (cluster.clone(), release.clone());
        async move { acquire(&cluster, &release, "two", 20).await }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!waiting.is_finished());
    lock.release().await.unwrap();
    let started = Instant::now();
    waiting.await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(3));
}

async fn a_dead_holder_is_found_out_by_watching() {
    let (cluster, release) = world().await;
    // Dropped without giving it back: as after a kill, nobody renews it.
    drop(acquire(&cluster, &release, "killed", 0).await.unwrap());
    assert!(matches!(acquire(&cluster, &release, "hasty", 0).await, Err(LockError::Held { .. })));
    let started = Instant::now();
    let lock = acquire(&cluster, &release, "patient", 60).await.unwrap();
    assert!(
        started.elapsed() > Duration::from_secs(29),
        "taken after {:?}, before its time",
        started.elapsed()
    );
    assert_eq!(lock.check(), Ok(()));
}

async fn a_living_holder_is_never_taken_for_dead() {
    let (cluster, release) = world().await;
    let lock = acquire(&cluster, &release, "one", 0).await.unwrap();
    assert!(
        matches!(acquire(&cluster, &release, "two", 40).await, Err(LockError::Held { holder, .. }) if holder.run_id == "one")
    );
    assert_eq!(lock.check(), Ok(()));
}

async fn a_holder_that_was_unlocked_stops() {
    let (cluster, release) = world().await;
    let lock = acquire(&cluster, &release, "one", 0).await.unwrap();
    let forced = Unlock::Anybody(holder("on-call"));
    let taken = lease::unlock(&cluster, &release, &forced).await.unwrap().unwrap();
    assert_eq!(taken.run_id, "one");
    let lost = lock.check().unwrap_err();
    assert!(
        matches!(&lost, LockLost::Taken { how, .. } if how.contains("run on-call")),
        "it knows before anybody else can begin: {lost}"
    );
    assert_eq!(lease::unlock(&cluster, &release, &forced).await.unwrap(), None);
    let other = acquire(&cluster, &release, "two", 0).await.unwrap();
    lock.release().await.unwrap();
    assert_eq!(other.check(), Ok(()), "the loser does not give back what is not its own");
    assert!(lease_exists(&cluster, &release).await);
}

async fn a_lock_is_taken_from_the_dead_only_unless_by_force() {
    let (cluster, release) = world().await;
    let lock = acquire(&cluster, &release, "lives", 0).await.unwrap();
    let told = support::told(lease::unlock(&cluster, &release, &Unlock::Dead).await.unwrap_err());
    assert!(
        told.contains("is locked by ci@runner (run lives) since ")
            && told.contains("https://ci.example.com/1, which was seen to renew it"),
        "{told}"
    );
    assert_eq!(lock.check(), Ok(()));
    // As after a kill.
    drop(lock);
    let started = Instant::now();
    let taken = lease::unlock(&cluster, &release, &Unlock::Dead).await.unwrap().unwrap();
    assert_eq!(taken.run_id, "lives");
    assert!(started.elapsed() > Duration::from_secs(6), "it was watched for {:?}", started.elapsed());
    assert!(!lease_exists(&cluster, &release).await);
}

/// It does not wait for its next renewal to hear of it.
async fn a_write_finds_out_that_the_lock_is_lost() {
    let (cluster, release) = world().await;
    let lock = acquire(&cluster, &release, "one", 0).await.unwrap();
    assert_eq!(lock.held().ask().await, Ok(()));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let api: Api<Lease> = Api::namespaced(cluster.client.clone(), &release.namespace);
    api.delete("release.app", &kube::api::DeleteParams::default()).await.unwrap();
    let lost = lock.held().ask().await.unwrap_err();
    assert!(matches!(&lost, LockLost::Taken { how, .. } if how == "its Lease was deleted"), "{lost}");
    assert!(matches!(lock.held().lapsed().await, LockLost::Taken { .. }));
}

async fn a_first_install_has_its_namespace_made() {
    let (cluster, release) = (cluster(FIRST).await, fresh_release());
    let lock = acquire(&cluster, &release, "one", 0).await.unwrap();
    lock.release().await.unwrap();
}
