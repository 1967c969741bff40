//! `release helm` killed with SIGKILL before each of its writes: whatever is left, both Helms and this
//! program go on from it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::DeleteParams;
use libtest_mimic::Trial;
use release::cluster::lease::{Holder, Lock};
use release::cluster::{Cluster, lease, release_secrets};
use release::config::ReleaseId;
use serde_json::{Value, json};

use crate::support::helms::{ChartFolder, Helm, live};
use crate::support::program::finish;
use crate::support::proxy::Proxy;
use crate::support::wait::until;
use crate::support::{trial, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("killed::an_upgrade_at_each_write", an_upgrade_at_each_write),
        trial("killed::an_install_at_each_write", an_install_at_each_write),
        trial("killed::a_rollback_at_each_write", a_rollback_at_each_write),
        trial("killed::an_uninstall_at_each_write", an_uninstall_at_each_write),
        trial("killed::the_lock_of_a_killed_run_ends_by_itself", the_lock_of_a_killed_run_ends_by_itself),
        trial("killed::the_lock_of_a_run_that_lives_is_honoured", the_lock_of_a_run_that_lives_is_honoured),
        trial("killed::a_signal_stores_the_failure", a_signal_stores_the_failure),
        trial(
            "killed::a_write_whose_answer_is_lost_stops_nothing",
            a_write_whose_answer_is_lost_stops_nothing,
        ),
        trial(
            "killed::a_complete_apply_is_recorded_through_every_fault_that_passes",
            a_complete_apply_is_recorded_through_every_fault_that_passes,
        ),
        trial(
            "killed::a_complete_apply_that_cannot_be_recorded_says_what_helps",
            a_complete_apply_that_cannot_be_recorded_says_what_helps,
        ),
    ]
}

/// Far above what anything here takes.
const LIMIT: Duration = Duration::from_mins(1);

/// From the stored revision to the wait for the hook it takes a fraction of a second.
const WAITS: Duration = Duration::from_millis(1500);

const MAPS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {v: {{ .Values.v | quote }}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.second }}}\ndata: {v: {{ .Values.v | quote }}}\n";
const HOOK: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hook, annotations: {helm.sh/hook: 'pre-install,pre-upgrade,pre-rollback,pre-delete'}}\n";

fn chart() -> ChartFolder {
    ChartFolder::new(
        "1.0.0",
        &[
            ("values.yaml", b"v: '1'\nsecond: two\n"),
            ("templates/maps.yaml", MAPS.as_bytes()),
            ("templates/hook.yaml", HOOK.as_bytes()),
        ],
    )
}

/// Before any fault of a write: a dry run is none.
fn dry_runs_pass() -> Value {
    json!({"path": "dryRun=All", "effect": "pass"})
}

/// A write, as a fault of the proxy that holds it back.
fn held((method, path): (&str, &str)) -> Value {
    json!([dry_runs_pass(), {"method": method, "path": path, "effect": "hang"}])
}

/// Runs `release helm` until it hangs at the write, with these revisions left, and kills it.
async fn kill_holding_the_lock(
    cluster: &Cluster,
    release: &ReleaseId,
    args: &[&str],
    write: (&str, &str),
    left: &[&str],
) {
    let proxy = Proxy::start();
    proxy.faults(held(write));
    let mut child = Helm::Ours.start(release, args, &proxy.kubeconfig());
    proxy.all_used(LIMIT).await;
    assert_eq!(child.try_wait().unwrap(), None, "{args:?} does not wait for {write:?}");
    child.kill().and_then(|()| child.wait()).unwrap();
    assert_eq!(statuses(cluster, release).await, left, "{write:?}");
}

/// The same; the lock of the dead run is taken away.
async fn kill(cluster: &Cluster, release: &ReleaseId, args: &[&str], write: (&str, &str), left: &[&str]) {
    kill_holding_the_lock(cluster, release, args, write, left).await;
    forget_lock(cluster, release).await;
}

/// As if the half minute were over that the lock of a dead run stands.
async fn forget_lock(cluster: &Cluster, release: &ReleaseId) {
    let api: Api<Lease> = Api::namespaced(cluster.client.clone(), &release.namespace);
    match api.delete("release.app", &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        deleted => drop(deleted.unwrap()),
    }
}

/// `revision status` of everything that is stored.
async fn statuses(cluster: &Cluster, release: &ReleaseId) -> Vec<String> {
    let history = release_secrets::history(cluster, release).await.unwrap();
    history.iter().map(|record| format!("{} {}", record.revision(), record.status())).collect()
}

/// Each of the three goes on in turn, with a rollback where the killed revision is still pending.
async fn everybody_goes_on(cluster: &Cluster, release: &ReleaseId, chart: &str, uid_of_one: &str) {
    for program in [Helm::Ours, Helm::Four, Helm::Three] {
        let upgrade = ["upgrade", "app", chart, "--set", "v=3"];
        let ran = program.run(release, &upgrade);
        if ran.code != 0 {
            assert!(
                ran.stderr.contains("another operation (install/upgrade/rollback) is in progress"),
                "{program:?}: {}",
                ran.stderr
            );
            program.ok(release, &["rollback", "app", "1"]);
            program.ok(release, &upgrade);
        }
        assert!(
            statuses(cluster, release).await.last().is_some_and(|status| status.ends_with(" deployed")),
            "{program:?}"
        );
        let (uids, managers) = live(cluster, release).await;
        assert!(uids.iter().any(|uid| uid == uid_of_one), "{program:?} made the object anew: {uids:?}");
        assert_eq!(managers, ["helm"]);
    }
}

async fn uid_of_one(cluster: &Cluster, release: &ReleaseId) -> String {
    live(cluster, release).await.0.into_iter().find(|uid| uid.starts_with("ConfigMap/one ")).unwrap()
}

async fn an_upgrade_at_each_write() {
    let pending: &[&str] = &["1 deployed", "2 pending-upgrade"];
    let table: [((&str, &str), &[&str]); 9] = [
        (("POST", "/leases"), &["1 deployed"]),
        (("POST", "/secrets"), &["1 deployed"]),
        (("PUT", "/secrets/sh.helm.release.v1.app.v2"), pending),
        (("POST", "/configmaps"), pending),
        (("PATCH", "/configmaps/one"), pending),
        (("PATCH", "/configmaps/other"), pending),
        (("DELETE", "/configmaps/two"), pending),
        (("PUT", "/secrets/sh.helm.release.v1.app.v1"), pending),
        (("DELETE", "/leases"), &["1 superseded", "2 deployed"]),
    ];
    let chart = chart();
    for (write, left) in table {
        let (cluster, release) = world().await;
        Helm::Four.ok(&release, &["install", "app", &chart.path()]);
        let uid = uid_of_one(&cluster, &release).await;
        kill(
            &cluster,
            &release,
            &["upgrade", "app", &chart.path(), "--set", "v=2,second=other"],
            write,
            left,
        )
        .await;
        everybody_goes_on(&cluster, &release, &chart.path(), &uid).await;
    }
}

async fn an_install_at_each_write() {
    let table: [((&str, &str), &[&str]); 4] = [
        (("POST", "/secrets"), &[]),
        (("POST", "/configmaps"), &["1 pending-install"]),
        (("PUT", "/secrets/sh.helm.release.v1.app.v1"), &["1 pending-install"]),
        (("DELETE", "/leases"), &["1 deployed"]),
    ];
    let chart = chart();
    for (write, left) in table {
        for next in [Helm::Ours, Helm::Four, Helm::Three] {
            let (cluster, release) = world().await;
            kill(&cluster, &release, &["install", "app", &chart.path()], write, left).await;
            if !left.is_empty() {
                next.ok(&release, &["uninstall", "app", "--no-hooks"]);
            }
            next.ok(&release, &["install", "app", &chart.path()]);
            assert_eq!(statuses(&cluster, &release).await, ["1 deployed"], "{write:?} {next:?}");
        }
    }
}

async fn a_rollback_at_each_write() {
    let pending: &[&str] = &["1 superseded", "2 deployed", "3 pending-rollback"];
    let table: [((&str, &str), &[&str]); 4] = [
        (("POST", "/secrets"), &["1 superseded", "2 deployed"]),
        (("PATCH", "/configmaps/one"), pending),
        (("PUT", "/secrets/sh.helm.release.v1.app.v2"), pending),
        (("DELETE", "/leases"), &["1 superseded", "2 superseded", "3 deployed"]),
    ];
    let chart = chart();
    for (write, left) in table {
        let (cluster, release) = world().await;
        Helm::Four.ok(&release, &["install", "app", &chart.path()]);
        Helm::Four.ok(&release, &["upgrade", "app", &chart.path(), "--set", "v=2,second=other"]);
        let uid = uid_of_one(&cluster, &release).await;
        kill(&cluster, &release, &["rollback", "app", "1"], write, left).await;
        everybody_goes_on(&cluster, &release, &chart.path(), &uid).await;
    }
}

async fn an_uninstall_at_each_write() {
    let table: [((&str, &str), &[&str]); 4] = [
        (("PUT", "/secrets/sh.helm.release.v1.app.v2"), &["1 superseded", "2 deployed"]),
        (("DELETE", "/configmaps/two"), &["1 superseded", "2 uninstalling"]),
        (("DELETE", "/secrets/sh.helm.release.v1.app.v1"), &["1 superseded", "2 uninstalling"]),
        (("DELETE", "/secrets/sh.helm.release.v1.app.v2"), &["2 uninstalling"]),
    ];
    let chart = chart();
    for (write, left) in table {
        for next in [Helm::Ours, Helm::Four] {
            let (cluster, release) = world().await;
            Helm::Four.ok(&release, &["install", "app", &chart.path()]);
            Helm::Four.ok(&release, &["upgrade", "app", &chart.path()]);
            kill(&cluster, &release, &["uninstall", "app"], write, left).await;
            next.ok(&release, &["uninstall", "app"]);
            assert_eq!(live(&cluster, &release).await.0, Vec::<String>::new(), "{write:?} {next:?}");
            next.ok(&release, &["install", "app", &chart.path()]);
        }
    }
}

async fn the_lock_of_a_killed_run_ends_by_itself() {
    let (cluster, release) = world().await;
    let chart = chart();
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    let write = ("PUT", "/secrets/sh.helm.release.v1.app.v1");
    let args = ["upgrade", "app", &chart.path()];
    kill_holding_the_lock(&cluster, &release, &args, write, &["1 deployed", "2 pending-upgrade"]).await;
    let ran = Helm::Ours.run(&release, &["rollback", "app", "1"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(" is locked by ") && ran.stderr.contains("; waiting up to 40 s for that to end"),
        "{}",
        ran.stderr
    );
    assert_eq!(statuses(&cluster, &release).await, ["1 superseded", "2 pending-upgrade", "3 deployed"]);
    assert!(lease::holder(&cluster, &release).await.unwrap().is_none());
}

async fn the_lock_of_a_run_that_lives_is_honoured() {
    let (cluster, release) = world().await;
    let chart = chart();
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    let holder = Holder {
        user: "ci".into(),
        host: "runner".into(),
        run_url: None,
        run_id: "rollout".into(),
        since: Timestamp::now(),
    };
    let lock = Lock::acquire(&cluster, &release, &holder, Duration::ZERO).await.unwrap();
    let refused = tokio::task::spawn_blocking({
        let (release, path) = (release.clone(), chart.path());
        move || Helm::Ours.refused(&release, &["upgrade", "app", &path])
    });
    let told = refused.await.unwrap();
    assert!(
        told.contains("Error: UPGRADE FAILED: ") && told.contains("is locked by ci@runner (run rollout"),
        "{told}"
    );
    assert_eq!((lock.check(), statuses(&cluster, &release).await), (Ok(()), vec!["1 deployed".to_owned()]));
    lock.release().await.unwrap();
    Helm::Ours.ok(&release, &["upgrade", "app", &chart.path()]);
}

async fn a_signal_stores_the_failure() {
    let (cluster, release) = world().await;
    let chart = chart();
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    let endless = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: endless, annotations: {helm.sh/hook: post-upgrade}}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: 'sandbox/sh:1', args: [-c, sleep 300]}]}}}\n";
    chart.write("templates/endless.yaml", endless.as_bytes());
    let child = Helm::Ours.command(&release, &["upgrade", "app", &chart.path()]).spawn().unwrap();
    until("the revision is stored", LIMIT, async || {
        statuses(&cluster, &release).await == ["1 deployed", "2 pending-upgrade"]
    })
    .await;
    tokio::time::sleep(WAITS).await;
    assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let ran = finish(child);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "Release app has been cancelled.\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Error: UPGRADE FAILED: context canceled"), "{}", ran.stderr);
    assert_eq!(statuses(&cluster, &release).await, ["1 deployed", "2 failed"]);
    assert!(lease::holder(&cluster, &release).await.unwrap().is_none());
}

async fn a_write_whose_answer_is_lost_stops_nothing() {
    let (cluster, release) = world().await;
    let chart = chart();
    let proxy = Proxy::start();
    let through = |args: &[&str]| {
        let ran = finish(Helm::Ours.start(&release, args, &proxy.kubeconfig()));
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
    };
    let lost = |method: &str, path: &str| json!({"method": method, "path": path, "times": 1, "effect": "lose-answer"});
    proxy.faults(json!([
        dry_runs_pass(),
        lost("POST", "/secrets"),
        lost("PUT", "/secrets/sh.helm.release.v1.app.v1"),
        lost("PATCH", "/configmaps/one")
    ]));
    through(&["install", "app", &chart.path()]);
    proxy.faults(json!([
        dry_runs_pass(),
        lost("POST", "/leases"),
        lost("POST", "/secrets"),
        lost("PATCH", "/configmaps/one"),
        lost("PUT", "/secrets/sh.helm.release.v1.app.v1"),
        lost("PUT", "/secrets/sh.helm.release.v1.app.v2"),
    ]));
    through(&["upgrade", "app", &chart.path(), "--set", "v=2"]);
    assert_eq!(statuses(&cluster, &release).await, ["1 superseded", "2 deployed"]);
}

/// A chart whose record is written twice: as pending, and at the end.
fn chart_without_hooks() -> ChartFolder {
    ChartFolder::new(
        "1.0.0",
        &[("values.yaml", b"v: '1'\nsecond: two\n"), ("templates/maps.yaml", MAPS.as_bytes())],
    )
}

async fn a_complete_apply_is_recorded_through_every_fault_that_passes() {
    let chart = chart_without_hooks();
    let proxy = Proxy::start();
    let of = |revision: u32, times: u32, effect: Value| json!({"method": "PUT", "path": format!("/secrets/sh.helm.release.v1.app.v{revision}"), "times": times, "effect": effect});
    let status = |code: u16| json!({"status": {"code": code}});
    for faults in [
        json!([of(1, 2, status(500)), of(2, 2, status(503))]),
        json!([of(1, 1, status(409)), of(2, 1, status(409))]),
        // An older record that somebody pruned meanwhile.
        json!([of(1, 1, status(404))]),
    ] {
        let (cluster, release) = world().await;
        Helm::Four.ok(&release, &["install", "app", &chart.path()]);
        proxy.faults(faults.clone());
        let upgrade = ["upgrade", "app", &chart.path(), "--set", "v=2"];
        let ran = finish(Helm::Ours.start(&release, &upgrade, &proxy.kubeconfig()));
        assert_eq!(ran.code, 0, "{faults}: {}", ran.stderr);
        let statuses = statuses(&cluster, &release).await;
        assert_eq!(statuses.last().unwrap(), "2 deployed", "{faults}");
        assert!(
            statuses[0] == "1 superseded" || faults[0]["effect"] == status(404),
            "{faults}: {statuses:?}"
        );
    }
}

async fn a_complete_apply_that_cannot_be_recorded_says_what_helps() {
    let (cluster, release) = world().await;
    let chart = chart_without_hooks();
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    let uid = uid_of_one(&cluster, &release).await;
    let proxy = Proxy::start();
    proxy.faults(json!([{"method": "PUT", "path": "/secrets/sh.helm.release.v1.app.v2", "effect": {"status": {"code": 500}}}]));
    let upgrade = ["upgrade", "app", &chart.path(), "--set", "v=2"];
    let child = Helm::Ours.start(&release, &upgrade, &proxy.kubeconfig());
    let ran = tokio::task::spawn_blocking(|| finish(child)).await.unwrap().expect(1);
    assert!(
        ran.stderr.contains("everything of revision 2 of app is applied, but that could not be stored, so it stays pending-upgrade")
            && ran.stderr.contains("`helm rollback app 2`"),
        "{}",
        ran.stderr
    );
    assert_eq!(statuses(&cluster, &release).await, ["1 superseded", "2 pending-upgrade"]);
    Helm::Ours.ok(&release, &["rollback", "app", "2"]);
    assert_eq!(statuses(&cluster, &release).await, ["1 superseded", "2 pending-upgrade", "3 deployed"]);
    assert_eq!(uid_of_one(&cluster, &release).await, uid);
}
