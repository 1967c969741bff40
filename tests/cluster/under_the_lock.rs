//! What happens around the lock: a verb that waits for it decides on what is there afterwards, nothing is
//! written once it is lost, and where no Lease may be written `release helm` goes on without.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::api::rbac::v1::{ClusterRole, Role, RoleBinding};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use libtest_mimic::Trial;
use release::action::apply::{ApplyOptions, Failed};
use release::action::permit::NoLeave;
use release::cluster::lease::{self, Holder, Lock, LockLost, Unlock};
use release::cluster::{Cluster, release_secrets};
use release::config::ReleaseId;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::chart::config_map;
use crate::support::helms::{ChartFolder, Helm, live};
use crate::support::objects::{Place, objects};
use crate::support::program::{Ran, finish};
use crate::support::proxy::Proxy;
use crate::support::{trial, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "under_the_lock::an_uninstall_takes_a_revision_along_that_came_while_it_waited",
            an_uninstall_takes_a_revision_along_that_came_while_it_waited,
        ),
        trial(
            "under_the_lock::a_revision_that_failed_while_an_upgrade_waited_stays_failed",
            a_revision_that_failed_while_an_upgrade_waited_stays_failed,
        ),
        trial(
            "under_the_lock::an_upgrade_behind_an_uninstall_finds_nothing",
            an_upgrade_behind_an_uninstall_finds_nothing,
        ),
        trial(
            "under_the_lock::what_came_before_a_free_lock_was_taken_counts",
            what_came_before_a_free_lock_was_taken_counts,
        ),
        trial(
            "under_the_lock::a_lock_that_is_taken_between_two_objects_stops_the_second",
            a_lock_that_is_taken_between_two_objects_stops_the_second,
        ),
        trial(
            "under_the_lock::a_write_that_hangs_is_cut_off_before_another_holder_begins",
            a_write_that_hangs_is_cut_off_before_another_holder_begins,
        ),
        trial(
            "under_the_lock::without_permission_on_leases_helm_goes_on_without_a_lock",
            without_permission_on_leases_helm_goes_on_without_a_lock,
        ),
        trial(
            "under_the_lock::a_release_in_a_namespace_that_is_being_deleted_is_uninstalled",
            a_release_in_a_namespace_that_is_being_deleted_is_uninstalled,
        ),
    ]
}

const MAPS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {v: {{ .Values.v | quote }}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.second }}}\n";

fn chart() -> ChartFolder {
    ChartFolder::new(
        "1.0.0",
        &[("values.yaml", b"v: '1'\nsecond: two\n"), ("templates/maps.yaml", MAPS.as_bytes())],
    )
}

fn holder(run_id: &str) -> Holder {
    Holder {
        user: "ci".into(),
        host: "runner".into(),
        run_url: None,
        run_id: run_id.into(),
        since: Timestamp::now(),
    }
}

async fn acquire(cluster: &Cluster, release: &ReleaseId, run_id: &str, wait: u64) -> Lock {
    Lock::acquire(cluster, release, &holder(run_id), Duration::from_secs(wait)).await.unwrap()
}

/// `revision status` of everything that is stored.
async fn statuses(cluster: &Cluster, release: &ReleaseId) -> Vec<String> {
    let history = release_secrets::history(cluster, release).await.unwrap();
    history.iter().map(|record| format!("{} {}", record.revision(), record.status())).collect()
}

/// Runs `release helm` while somebody else holds the lock, does something meanwhile, and gives the lock back.
async fn behind_a_lock(
    cluster: &Cluster,
    release: &ReleaseId,
    args: &[&str],
    meanwhile: impl AsyncFnOnce(),
) -> Ran {
    let lock = acquire(cluster, release, "rollout", 0).await;
    let child = Helm::Ours.command(release, args).spawn().unwrap();
    // It has read the history and comes to the lock.
    tokio::time::sleep(Duration::from_secs(6)).await;
    meanwhile().await;
    lock.release().await.unwrap();
    let ran = tokio::task::spawn_blocking(|| finish(child)).await.unwrap();
    assert!(ran.stderr.contains(" is locked by ci@runner (run rollout"), "it waited: {}", ran.stderr);
    ran
}

async fn an_uninstall_takes_a_revision_along_that_came_while_it_waited() {
    let (cluster, release) = world().await;
    let chart = chart();
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    let ran = behind_a_lock(&cluster, &release, &["uninstall", "app"], async || {
        Helm::Four.ok(&release, &["upgrade", "app", &chart.path(), "--set", "second=other"]);
    });
    ran.await.expect(0);
    assert_eq!(statuses(&cluster, &release).await, Vec::<String>::new());
    assert_eq!(live(&cluster, &release).await.0, Vec::<String>::new());
}

async fn a_revision_that_failed_while_an_upgrade_waited_stays_failed() {
    let (cluster, release) = world().await;
    let chart = chart();
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    Helm::Ours.ok(&release, &["upgrade", "app", &chart.path(), "--set", "v=2"]);
    let upgrade = ["upgrade", "app", &chart.path(), "--set", "v=3"];
    let ran = behind_a_lock(&cluster, &release, &upgrade, async || {
        release_secrets::mark_failed(&cluster, &release, 2, "Gates failed: webhook").await.unwrap();
    });
    ran.await.expect(0);
    assert_eq!(statuses(&cluster, &release).await, ["1 superseded", "2 failed", "3 deployed"]);
}

async fn an_upgrade_behind_an_uninstall_finds_nothing() {
    let (cluster, release) = world().await;
    let chart = chart();
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    let upgrade = ["upgrade", "app", &chart.path()];
    let ran = behind_a_lock(&cluster, &release, &upgrade, async || {
        Helm::Four.ok(&release, &["uninstall", "app"]);
    });
    let ran = ran.await.expect(1);
    assert!(ran.stderr.contains("UPGRADE FAILED: \"app\" has no deployed releases"), "{}", ran.stderr);
    assert_eq!(statuses(&cluster, &release).await, Vec::<String>::new());
    assert_eq!(live(&cluster, &release).await.0, Vec::<String>::new());
}

/// Nobody waits here: between what is read and the lock, somebody else is just faster.
async fn what_came_before_a_free_lock_was_taken_counts() {
    let (cluster, release) = world().await;
    let chart = chart();
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    let proxy = Proxy::start();
    proxy.faults(json!([{"method": "POST", "path": "/leases", "effect": "hang"}]));
    let upgrade = ["upgrade", "app", &chart.path(), "--set", "v=3"];
    let child = Helm::Ours.start(&release, &upgrade, &proxy.kubeconfig());
    tokio::time::sleep(Duration::from_secs(6)).await;
    Helm::Four.ok(&release, &["upgrade", "app", &chart.path(), "--set", "v=2,second=other"]);
    proxy.faults(json!([]));
    tokio::task::spawn_blocking(|| finish(child)).await.unwrap().expect(0);
    assert_eq!(statuses(&cluster, &release).await, ["1 superseded", "2 superseded", "3 deployed"]);
    let uids = live(&cluster, &release).await.0;
    assert!(uids.len() == 2 && !uids.iter().any(|uid| uid.contains("/other ")), "{uids:?}");
}

/// The first cluster, twice: as it is, and through a proxy on which a write is held back.
async fn two_ways(proxy: &Proxy) -> (Place, Place) {
    let direct = Place::new().await;
    let proxied = Place { cluster: proxy.connect().await, release: direct.release.clone() };
    (direct, proxied)
}

/// Two objects of two kinds, the first of which is written first.
fn one_and_two() -> Vec<String> {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: one}\n".to_owned();
    vec![secret, config_map("two", &[("k", "1")])]
}

/// Writes them while these faults are in force; answers how that ended, and when.
async fn write(proxy: &Proxy, place: &Place, lock: &Lock, faults: &Value) -> (Failed, Instant) {
    let prepared = place.prepare(&[], &objects(&one_and_two()), ApplyOptions::default()).await.unwrap();
    proxy.faults(faults.clone());
    let failed = prepared.execute(&lock.held()).await.unwrap_err();
    (failed, Instant::now())
}

async fn a_lock_that_is_taken_between_two_objects_stops_the_second() {
    let proxy = Proxy::start();
    let (direct, place) = two_ways(&proxy).await;
    let lock = acquire(&direct.cluster, &direct.release, "one", 0).await;
    let slow = json!([{"method": "PATCH", "path": "/secrets/one", "effect": {"delay": {"ms": 3000}}}]);
    let whose = Unlock::Anybody(holder("on-call"));
    let ((failed, _), taken) = tokio::join!(write(&proxy, &place, &lock, &slow), async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        lease::unlock(&direct.cluster, &direct.release, &whose).await.unwrap()
    });
    assert_eq!(taken.unwrap().run_id, "one");
    assert!(
        matches!(&failed.stopped, Some(NoLeave::Lost(LockLost::Taken { how, .. })) if how.contains("on-call")),
        "{failed}"
    );
    let texts = one_and_two();
    assert!(direct.live(&texts[0]).await.is_some() && direct.live(&texts[1]).await.is_none());
}

async fn a_write_that_hangs_is_cut_off_before_another_holder_begins() {
    let proxy = Proxy::start();
    let (direct, place) = two_ways(&proxy).await;
    let lock = acquire(&place.cluster, &place.release, "one", 0).await;
    let hang = json!([
        {"method": "PATCH", "path": "/configmaps/two", "effect": "hang"},
        {"path": "/leases/", "effect": "hang"},
    ]);
    let ((failed, cut_off), began) = tokio::join!(write(&proxy, &place, &lock, &hang), async {
        // The faults are in force by then.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let other = acquire(&direct.cluster, &direct.release, "two", 60).await;
        (other, Instant::now())
    });
    assert!(matches!(failed.stopped, Some(NoLeave::Lost(LockLost::TooOld { .. }))), "{failed}");
    assert!(began.1 > cut_off + Duration::from_secs(1), "only {:?} later", began.1 - cut_off);
    assert_eq!(failed.applied.created.len(), 2, "what was sent may exist");
    // What still hung in the proxy has nobody who waits for it any more.
    proxy.faults(json!([]));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let texts = one_and_two();
    assert!(direct.live(&texts[0]).await.is_some() && direct.live(&texts[1]).await.is_none());
    assert_eq!(began.0.check(), Ok(()));
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Lets a user do everything with Secrets and `ConfigMaps` in the namespace of the release, and nothing else.
async fn limited_user(cluster: &Cluster, release: &ReleaseId) {
    let (client, namespace, create) = (cluster.client.clone(), &release.namespace, PostParams::default());
    let role: Role = read(json!({
        "metadata": {"name": "limited"},
        "rules": [{"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["*"]}],
    }));
    Api::namespaced(client.clone(), namespace).create(&create, &role).await.unwrap();
    let binding: RoleBinding = read(json!({
        "metadata": {"name": "limited"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "limited"}],
    }));
    Api::namespaced(client, namespace).create(&create, &binding).await.unwrap();
}

async fn without_permission_on_leases_helm_goes_on_without_a_lock() {
    let (cluster, release) = world().await;
    limited_user(&cluster, &release).await;
    let chart = chart();
    for args in [
        vec!["upgrade", "--install", "app", &chart.path()],
        vec!["upgrade", "app", &chart.path(), "--set", "second=other"],
        vec!["rollback", "app", "1"],
        vec!["uninstall", "app"],
    ] {
        let ran = Helm::Ours.run(&release, &[args.as_slice(), &["--kube-as-user", "limited"]].concat());
        let ran = ran.expect(0);
        let told: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(" is not locked: ")).collect();
        assert!(told.len() == 1 && told[0].contains("cannot "), "{args:?}: {}", ran.stderr);
    }
    assert_eq!(live(&cluster, &release).await.0, Vec::<String>::new());
}

/// Everything in it goes by itself, but what lies outside of it does not.
async fn a_release_in_a_namespace_that_is_being_deleted_is_uninstalled() {
    let (cluster, release) = world().await;
    let role = format!("{}-role", release.namespace);
    let text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {role}}}\nrules: []\n"
    );
    let chart = ChartFolder::new(
        "1.0.0",
        &[
            ("templates/role.yaml", text.as_bytes()),
            ("templates/map.yaml", config_map("one", &[]).as_bytes()),
        ],
    );
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    let client = cluster.client.clone();
    // The record is still there when the namespace cannot take anything new any more.
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &release.namespace);
    let held = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/held"]}}));
    secrets.patch("sh.helm.release.v1.app.v1", &PatchParams::default(), &held).await.unwrap();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.delete(&release.namespace, &DeleteParams::default()).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &release.namespace);
    let start = Instant::now();
    while !maps.list(&ListParams::default()).await.unwrap().items.is_empty() {
        assert!(start.elapsed() < Duration::from_mins(1), "its objects do not go");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let ran = Helm::Ours.run(&release, &["uninstall", "app"]).expect(0);
    assert!(
        ran.stderr.contains(" is not locked: ") && ran.stderr.contains("because it is being terminated"),
        "{}",
        ran.stderr
    );
    let roles: Api<ClusterRole> = Api::all(client);
    assert!(roles.get_opt(&role).await.unwrap().is_none());
    assert!(secrets.get_opt("sh.helm.release.v1.app.v1").await.unwrap().is_none());
}
