//! An API server that is away, busy, or cut off in the middle.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, PostParams};
use libtest_mimic::Trial;
use release::action::apply::{ApplyOptions, prepare};
use release::action::wait::{self, Until, WaitTerms};
use release::cluster::discovery::{self, Kinds};
use release::cluster::journal::{self, JournalVersion};
use release::cluster::lease::{Holder, Lock, LockLost};
use release::cluster::{Cluster, release_secrets};
use release::config::ReleaseId;
use release::helm::manifest::Object;
use release::helm::release::Status;
use serde_json::json;

use crate::support::chart::{chart, config_map};
use crate::support::objects::{Place, objects};
use crate::support::permit::Free;
use crate::support::proxy::Proxy;
use crate::support::wait::until;
use crate::support::{told, trial, verbs, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("resilience::a_read_is_repeated_until_it_is_answered", a_read_is_repeated_until_it_is_answered),
        trial(
            "resilience::a_write_whose_answer_is_lost_is_not_sent_again",
            a_write_whose_answer_is_lost_is_not_sent_again,
        ),
        trial(
            "resilience::what_says_the_same_again_survives_a_lost_answer",
            what_says_the_same_again_survives_a_lost_answer,
        ),
        trial(
            "resilience::a_write_that_was_turned_away_is_sent_again",
            a_write_that_was_turned_away_is_sent_again,
        ),
        trial(
            "resilience::objects_are_applied_and_waited_for_through_every_fault",
            objects_are_applied_and_waited_for_through_every_fault,
        ),
        trial(
            "resilience::a_lock_survives_a_renewal_whose_answer_is_lost",
            a_lock_survives_a_renewal_whose_answer_is_lost,
        ),
        trial(
            "resilience::a_lock_whose_first_answer_is_lost_is_ours",
            a_lock_whose_first_answer_is_lost_is_ours,
        ),
        trial(
            "resilience::a_holder_that_is_cut_off_stops_before_another_takes_over",
            a_holder_that_is_cut_off_stops_before_another_takes_over,
        ),
    ]
}

async fn acquire(cluster: &Cluster, release: &ReleaseId, run_id: &str, wait: u64) -> Lock {
    let holder = Holder {
        user: "ci".into(),
        host: "runner".into(),
        run_url: None,
        run_id: run_id.into(),
        since: Timestamp::now(),
    };
    Lock::acquire(cluster, release, &holder, Duration::from_secs(wait)).await.unwrap()
}

async fn a_read_is_repeated_until_it_is_answered() {
    let proxy = Proxy::start();
    let cluster = proxy.connect().await;
    for effect in [
        json!({"status": {"code": 503}}),
        json!({"status": {"code": 500}}),
        json!({"status": {"code": 429, "headers": {"retry-after": "1"}}}),
        json!("cut"),
        json!("half-body"),
        json!("lose-answer"),
    ] {
        proxy.faults(json!([{"times": 2, "effect": effect}]));
        discovery::version(&cluster).await.unwrap_or_else(|error| panic!("{effect}: {}", told(error)));
    }
    proxy.faults(json!([{"effect": {"status": {"code": 403}}}]));
    let started = Instant::now();
    assert!(discovery::version(&cluster).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(1), "what stays wrong is not asked again");
}

async fn a_write_whose_answer_is_lost_is_not_sent_again() {
    let (direct, release) = world().await;
    let proxy = Proxy::start();
    let maps = |cluster: &Cluster| Api::<ConfigMap>::namespaced(cluster.client.clone(), &release.namespace);
    let cluster = proxy.connect().await;
    proxy.faults(json!([{"method": "POST", "effect": "lose-answer"}]));
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"generateName": "once-"}})).unwrap();
    let started = Instant::now();
    assert!(maps(&cluster).create(&PostParams::default(), &map).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(1));
    let found = maps(&direct).list_metadata(&ListParams::default()).await.unwrap();
    let once = found.items.iter().filter_map(|map| map.metadata.name.as_deref());
    assert_eq!(once.filter(|name| name.starts_with("once-")).count(), 1);
}

/// An apply says the same again, whoever applies; of a rewrite the record itself tells whether it arrived.
async fn what_says_the_same_again_survives_a_lost_answer() {
    let (direct, release) = world().await;
    let archive = chart("1.0.0", &[("a", &config_map("a", &[]))]);
    verbs::deploy(&direct, &release, &archive).await.unwrap();
    let proxy = Proxy::start();
    let cluster = proxy.connect().await;
    for (number, effect) in [json!("lose-answer"), json!({"status": {"code": 503}})].iter().enumerate() {
        let before = journal::read(&direct, &release).await.unwrap().version;
        let method = if number == 0 { "POST" } else { "PUT" };
        proxy.faults(json!([{"method": method, "path": "/configmaps", "times": 1, "effect": effect}]));
        let written = journal::write(&cluster, &release, &number.to_string(), &before).await.unwrap();
        let stored = journal::read(&direct, &release).await.unwrap();
        assert_eq!((stored.text, stored.version), (Some(number.to_string()), written), "it is looked up");
        // What has arrived is not sent again.
        let times = if number == 0 { 1 } else { 2 };
        proxy.faults(json!([{"method": "PUT", "path": "/secrets/", "times": times, "effect": effect}]));
        let before = release_secrets::rewrite(&cluster, &release, 1, |record| {
            record.with_status(Status::Failed, &format!("{} and {number}", record.description()))
        });
        let before = before.await.unwrap_or_else(|error| panic!("{effect}: {}", told(error)));
        let after = release_secrets::history(&direct, &release).await.unwrap().remove(0);
        assert_eq!(after.status(), Status::Failed);
        assert_eq!(after.description(), format!("{} and {number}", before.description()), "changed once");
    }
}

async fn a_write_that_was_turned_away_is_sent_again() {
    let (direct, release) = world().await;
    let proxy = Proxy::start();
    let cluster = proxy.connect().await;
    proxy.faults(
        json!([{"method": "POST", "path": "/configmaps", "times": 2, "effect": {"status": {"code": 429}}}]),
    );
    journal::write(&cluster, &release, "text", &JournalVersion::default()).await.unwrap();
    assert_eq!(journal::read(&direct, &release).await.unwrap().text.as_deref(), Some("text"));
}

/// Applying the same again changes nothing, so it is sent again whatever became of the first time.
async fn objects_are_applied_and_waited_for_through_every_fault() {
    let (cluster, release) = world().await;
    let proxy = Proxy::start();
    let direct = Place { cluster, release: release.clone() };
    let place = Place { cluster: proxy.connect().await, release };
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  minReadySeconds: SECONDS\n  selector: {matchLabels: {a: d}}\n  template:\n    metadata: {labels: {a: d}}\n    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: 'sandbox/sh:1', args: [-c, 'exec sleep NUMBER']}]}\n";
    let texts = |number: usize, seconds: u32| {
        let maps = (0..5).map(|map| config_map(&format!("m{map}"), &[("k", &number.to_string())]));
        let deployment = deployment.replace("NUMBER", &format!("60{number}"));
        let deployment = deployment.replace("SECONDS", &seconds.to_string());
        objects(&maps.chain([deployment]).collect::<Vec<_>>())
    };
    let effects = [
        json!({"status": {"code": 503}}),
        json!({"status": {"code": 429, "headers": {"retry-after": "1"}}}),
        json!("cut"),
        json!("half-body"),
        json!("lose-answer"),
    ];
    let kinds = direct.kinds().await;
    let mut old = Vec::new();
    for (number, effect) in effects.iter().enumerate() {
        let new = texts(number, 0);
        proxy.faults(json!([{"method": "PATCH", "times": 3, "effect": effect}]));
        let prepared = prepare(&place.cluster, &kinds, &place.release, &old, &new, &ApplyOptions::default())
            .await
            .unwrap()
            .accept()
            .unwrap();
        proxy.faults(json!([{"method": "PATCH", "times": 3, "effect": effect}]));
        prepared.execute(&Free).await.unwrap_or_else(|error| panic!("{effect}: {error}"));
        proxy.faults(json!([{"method": "GET", "times": 3, "effect": effect}]));
        wait_for(&place, &kinds, &new, &effect.to_string()).await;
        let live = direct.live(&config_map("m0", &[])).await.unwrap();
        assert_eq!(live["data"]["k"], number.to_string());
        old = new;
    }
    // What is ready at the first look needs no watch.
    proxy.faults(json!([]));
    let new = texts(effects.len(), 5);
    place.apply(&old, &new).await.unwrap();
    proxy.faults(json!([{"path": "watch=true", "times": 3, "effect": "expire-watch"}]));
    wait_for(&place, &kinds, &new, "expire-watch").await;
}

async fn wait_for(place: &Place, kinds: &Kinds, objects: &[Object], through: &str) {
    let limit = Duration::from_mins(1);
    let terms = WaitTerms { until: Until::Ready { jobs: true }, limit, fail_fast: true };
    let waited = wait::ready(&place.cluster, kinds, objects, &place.release.namespace, terms, &|_| ()).await;
    waited.unwrap_or_else(|error| panic!("{through}: {error}"));
}

async fn a_lock_survives_a_renewal_whose_answer_is_lost() {
    let (_, release) = world().await;
    let proxy = Proxy::start();
    let lock = acquire(&proxy.connect().await, &release, "one", 0).await;
    proxy.faults(json!([{"method": "PUT", "path": "/leases/", "times": 1, "effect": "lose-answer"}]));
    tokio::time::sleep(Duration::from_secs(22)).await;
    assert_eq!(lock.check(), Ok(()));
    lock.release().await.unwrap();
}

async fn a_lock_whose_first_answer_is_lost_is_ours() {
    let (direct, release) = world().await;
    let proxy = Proxy::start();
    let cluster = proxy.connect().await;
    proxy.faults(json!([{"method": "POST", "path": "/leases", "times": 1, "effect": "lose-answer"}]));
    acquire(&cluster, &release, "one", 0).await.release().await.unwrap();
    acquire(&direct, &release, "two", 0).await.release().await.unwrap();
}

async fn a_holder_that_is_cut_off_stops_before_another_takes_over() {
    let (direct, release) = world().await;
    let proxy = Proxy::start();
    let lock = acquire(&proxy.connect().await, &release, "cut-off", 0).await;
    proxy.faults(json!([{"effect": "hang"}]));
    let other = tokio::spawn({
        let release = release.clone();
        async move { (acquire(&direct, &release, "other", 60).await, Instant::now()) }
    });
    until("the holder notices", Duration::from_mins(1), async || lock.check().is_err()).await;
    let stopped = (lock.check().unwrap_err(), Instant::now());
    let (other, taken) = other.await.unwrap();
    assert!(matches!(stopped.0, LockLost::TooOld { .. }), "{:?}", stopped.0);
    assert!(
        taken > stopped.1 + Duration::from_secs(5),
        "taken {:?} after the holder stopped",
        taken - stopped.1
    );
    // The way is open again: the first holder learns who has it, and stays quiet.
    proxy.faults(json!([]));
    tokio::time::sleep(Duration::from_secs(8)).await;
    let lost = lock.check().unwrap_err();
    assert!(matches!(&lost, LockLost::Taken { how, .. } if how.contains("run other")), "{lost}");
    assert_eq!(other.check(), Ok(()));
}
