//! Runs that die, stop, or are overtaken, with real Helm as the other actor: what somebody else did is told and never
//! adopted or undone, and what is left is finished from another directory.

use std::process::Child;
use std::time::Duration;

use kube::Api;
use kube::api::{Patch, PatchParams};
use libtest_mimic::Trial;
use release::cluster::release_secrets;
use release::helm::release::Release;
use serde_json::json;

use crate::support::fleet::{SmallFleet, signal};
use crate::support::helms::Helm;
use crate::support::program::{Ran, finish};
use crate::support::proxy::Proxy;
use crate::support::{FIRST, SECOND, cluster, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("taken_up::a_rollback_by_hand_is_never_called_the_target", rollback_by_hand_while_changing),
        trial(
            "taken_up::a_release_that_was_taken_back_by_hand_is_not_put_back",
            rollback_by_hand_while_gating,
        ),
        trial(
            "taken_up::a_proven_cluster_that_was_taken_back_is_not_called_healthy",
            taken_back_after_the_proof,
        ),
        trial("taken_up::an_upgrade_by_hand_is_not_written_over", upgrade_by_hand_before_the_change),
        trial("taken_up::a_pending_revision_of_another_helm_is_left_alone", foreign_pending),
        trial("taken_up::an_uninstall_by_hand_is_told", uninstall_by_hand),
        trial("taken_up::an_outage_in_the_change_leaves_no_dead_end", outage_in_the_change),
        trial("taken_up::a_rollback_takes_edited_fields_back_when_told_to", edited_field),
        trial("taken_up::a_lost_run_directory_changes_nothing", lost_run_directory),
        trial("taken_up::other_values_are_refused_and_the_planned_ones_go_on", other_values),
        trial("taken_up::resume_ends_as_the_run_ended", ends_as_it_ended),
    ];
    trials.extend(EVENTS.map(|event| {
        trial(&format!("taken_up::killed_after_{event}_a_run_ends_as_if_nothing_had_been"), move || {
            killed_after(event)
        })
    }));
    trials.extend(EVENTS.map(|event| {
        trial(
            &format!("taken_up::stopped_after_{event}_a_run_that_wakes_up_writes_nothing_more"),
            move || stopped_after(event),
        )
    }));
    trials.extend(WRITES.map(|(method, path)| {
        let name = format!("taken_up::killed_at_{method}_{path}_a_run_ends_as_if_nothing_had_been");
        trial(&name, move || killed_at(method, path))
    }));
    trials
}

/// What a run records before it ends.
const EVENTS: [&str; 4] = ["locked", "baseline-taken", "change-started", "changed"];

/// The writes of an upgrade that are no record of the run.
const WRITES: [(&str, &str); 6] = [
    ("POST", "/secrets"),
    ("PATCH", "/configmaps/first?"),
    ("PATCH", "/configmaps/second?"),
    ("PUT", "/secrets/sh.helm.release.v1.app.v1"),
    ("PUT", "/secrets/sh.helm.release.v1.app.v2"),
    ("DELETE", "/leases/"),
];

/// A settle time in which a test can act.
const LONG: &str = "settle: 20s";

/// Starts an upgrade that hangs where it writes the objects, and kills it there.
async fn killed_while_changing(fleet: &SmallFleet) -> Proxy {
    let proxy = Proxy::start();
    let first = json!({"method": "PATCH", "path": "/configmaps/first?", "effect": "hang"});
    proxy.faults(json!([{"path": "dryRun=All", "effect": {"delay": {"ms": 0}}}, first]));
    let run = fleet.start(&["--cluster", FIRST], Some(proxy.kubeconfig()));
    proxy.all_used(Duration::from_mins(2)).await;
    kill(run);
    proxy.faults(json!([]));
    proxy
}

fn kill(mut run: Child) {
    run.kill().unwrap();
    finish(run).expect(-9);
}

/// Takes the run up on a fresh checkout, on the way that its plan has pinned.
fn resume(fleet: &SmallFleet, proxy: &Proxy) -> Ran {
    proxy.faults(json!([]));
    fleet.run_elsewhere_on(&["resume", "--cluster", FIRST], Some(proxy.kubeconfig()))
}

async fn rollback_by_hand_while_changing() {
    let fleet = SmallFleet::upgrading().await;
    let proxy = killed_while_changing(&fleet).await;
    Helm::Four.ok(&fleet.release, &["rollback", "app", "1"]);
    let ran = resume(&fleet, &proxy).expect(4);
    assert!(
        ran.stderr.contains("revision 3 (deployed)") && ran.stderr.contains("Rollback to 1"),
        "{}",
        ran.stderr
    );
    assert_eq!(fleet.text(FIRST).await, "one");
    assert_eq!(fleet.history(FIRST).await.len(), 3);
    // The next command that it names goes on from there.
    fleet.run(&["--cluster", FIRST]).expect(0);
    assert_eq!(fleet.text(FIRST).await, "two");
}

async fn rollback_by_hand_while_gating() {
    let fleet = SmallFleet::upgrading().await;
    fleet.config(LONG, "on-failure: rollback\n");
    let run = fleet.start(&["--cluster", FIRST], None);
    fleet.wait_for_event(FIRST, "changed").await;
    signal(&run, "TERM");
    finish(run).expect(143);
    Helm::Three.ok(&fleet.release, &["rollback", "app", "1"]);
    let ran = fleet.run_elsewhere(&["resume", "--cluster", FIRST]).expect(4);
    assert!(ran.stderr.contains("somebody else wrote revision 3"), "{}", ran.stderr);
    assert_eq!(fleet.history(FIRST).await, ["1 superseded", "2 superseded", "3 deployed"]);
    assert_eq!(fleet.text(FIRST).await, "one");
}

async fn taken_back_after_the_proof() {
    let fleet = SmallFleet::upgrading().await;
    fleet.run(&["--cluster", FIRST]).expect(0);
    fleet.run_elsewhere(&["resume", "--cluster", FIRST]).expect(0);
    Helm::Four.ok(&fleet.release, &["rollback", "app", "1"]);
    let ran = fleet.run_elsewhere(&["resume", "--cluster", FIRST]).expect(4);
    assert!(ran.stderr.contains("after revision 2: somebody else wrote revision 3"), "{}", ran.stderr);
    assert_eq!(fleet.text(FIRST).await, "one");
}

async fn upgrade_by_hand_before_the_change() {
    let fleet = SmallFleet::upgrading().await;
    let proxy = Proxy::start();
    proxy.faults(json!([{"method": "PUT", "path": "/configmaps/release.app", "effect": "hang"}]));
    let run = fleet.start(&["--cluster", FIRST], Some(proxy.kubeconfig()));
    proxy.all_used(Duration::from_mins(2)).await;
    kill(run);
    Helm::Four.ok(&fleet.release, &["upgrade", "app", &fleet.chart_path(), "--set", "extra=mine"]);
    let ran = resume(&fleet, &proxy);
    assert!(ran.code == 1 || ran.code == 4, "{}: {}", ran.code, ran.stderr);
    assert!(ran.stderr.contains("somebody else wrote revision 2"), "{}", ran.stderr);
    assert_eq!(fleet.history(FIRST).await, ["1 superseded", "2 deployed"]);
}

async fn foreign_pending() {
    let fleet = SmallFleet::upgrading().await;
    let proxy = Proxy::start();
    proxy.faults(json!([{"method": "POST", "path": "/secrets", "effect": "hang"}]));
    let run = fleet.start(&["--cluster", FIRST], Some(proxy.kubeconfig()));
    proxy.all_used(Duration::from_mins(2)).await;
    kill(run);
    let on = cluster(FIRST).await;
    let text =
        r#"{"name":"app","info":{"status":"pending-upgrade","description":"Preparing upgrade"},"version":2}"#;
    assert!(release_secrets::create(&on, &fleet.release, &Release::from_json(text).unwrap()).await.unwrap());
    let ran = resume(&fleet, &proxy).expect(4);
    assert!(ran.stderr.contains("revision 2 (pending-upgrade)"), "{}", ran.stderr);
    let ran = fleet.run(&["--cluster", FIRST]).expect(1);
    assert!(ran.stderr.contains("another Helm operation is in progress"), "{}", ran.stderr);
    assert_eq!(fleet.history(FIRST).await, ["1 deployed", "2 pending-upgrade"]);
}

async fn uninstall_by_hand() {
    let fleet = SmallFleet::upgrading().await;
    fleet.config(LONG, "");
    let run = fleet.start(&["--cluster", FIRST], None);
    fleet.wait_for_event(FIRST, "changed").await;
    Helm::Four.ok(&fleet.release, &["uninstall", "app"]);
    let ran = finish(run).expect(4);
    assert!(ran.stderr.contains("it was uninstalled"), "{}", ran.stderr);
    assert_eq!(fleet.history(FIRST).await, Vec::<String>::new());
}

/// Stopped for longer than its lock stands: the one that took over goes on to the end, and the one that wakes up ends
/// with 6 and leaves journal, lock and release to it.
async fn stopped_after(event: &'static str) {
    let fleet = SmallFleet::upgrading().await;
    fleet.config(LONG, "");
    let stopped = fleet.start(&["--cluster", FIRST], None);
    fleet.wait_for_event(FIRST, event).await;
    signal(&stopped, "STOP");
    let on = cluster(FIRST).await;
    let before = fleet.journal(&on).await.unwrap().process;
    let second = fleet.start(&["resume", "--cluster", FIRST], None);
    // The lease of the stopped one runs out, the second one takes it, and is at work when the first one wakes up.
    tokio::time::sleep(Duration::from_secs(45)).await;
    signal(&stopped, "CONT");
    let (stopped, second) = tokio::task::spawn_blocking(|| (finish(stopped), finish(second))).await.unwrap();
    second.expect(0);
    let ran = stopped.expect(6);
    let told = ["was taken away", "was written by another run"].iter().any(|told| ran.stderr.contains(told));
    assert!(told, "{event}: {}", ran.stderr);
    let journal = fleet.journal(&on).await.unwrap();
    assert_ne!(journal.process, before, "{event}");
    assert_eq!(fleet.history(FIRST).await, ["1 superseded", "2 deployed"], "{event}");
    assert_eq!(fleet.text(FIRST).await, "two", "{event}");
}

/// The API server is away for longer than the lock is good: the revision is marked failed when it is back.
async fn outage_in_the_change() {
    let fleet = SmallFleet::upgrading().await;
    let proxy = Proxy::start();
    let first = json!({"method": "PATCH", "path": "/configmaps/first?", "effect": "hang"});
    proxy.faults(json!([{"path": "dryRun=All", "effect": {"delay": {"ms": 0}}}, first]));
    let run = fleet.start(&["--cluster", FIRST, "--on-failure", "rollback"], Some(proxy.kubeconfig()));
    fleet.wait_for_history(FIRST, &["1 deployed", "2 pending-upgrade"]).await;
    proxy.faults(json!([{"effect": "cut"}]));
    tokio::time::sleep(Duration::from_secs(28)).await;
    proxy.faults(json!([]));
    let ran = finish(run).expect(4);
    assert!(ran.stderr.contains("outside the release"), "an outage is nobody's fault: {}", ran.stderr);
    assert_eq!(fleet.history(FIRST).await, ["1 deployed", "2 failed"]);
    fleet.run(&["rollback", "--cluster", FIRST]).expect(0);
    assert_eq!(fleet.text(FIRST).await, "one");
}

async fn edited_field() {
    use k8s_openapi::api::core::v1::ConfigMap;

    let fleet = SmallFleet::upgrading().await;
    fleet.run(&["--cluster", FIRST]).expect(0);
    let maps = Api::<ConfigMap>::namespaced(cluster(FIRST).await.client, &fleet.release.namespace);
    let edit = json!({"data": {"text": "edited"}});
    let by_hand = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    maps.patch("first", &by_hand, &Patch::Merge(edit)).await.unwrap();
    let shown = fleet.run(&["rollback", "--cluster", FIRST, "--dry-run"]);
    let told = format!("{}{}", shown.stdout, shown.stderr);
    assert!(told.contains("kubectl-edit") && told.contains("--force-conflicts"), "{told}");
    assert_ne!(fleet.run(&["rollback", "--cluster", FIRST]).code, 0);
    assert_eq!(fleet.history(FIRST).await, ["1 superseded", "2 deployed"], "nothing was written");
    fleet.run(&["rollback", "--cluster", FIRST, "--force-conflicts"]).expect(0);
    assert_eq!(fleet.text(FIRST).await, "one");
}

async fn lost_run_directory() {
    let fleet = SmallFleet::upgrading().await;
    fleet.config("settle: 5s", "");
    let run = fleet.start(&["--cluster", FIRST, "-o", "json"], None);
    fleet.wait_for_event(FIRST, "change-started").await;
    std::fs::remove_dir_all(fleet.path().join(".release")).unwrap();
    let ran = finish(run).expect(0);
    assert!(ran.stdout.contains("\"promoted\""), "{}", ran.stdout);
}

async fn other_values() {
    let fleet = SmallFleet::upgrading().await;
    let proxy = killed_while_changing(&fleet).await;
    fleet.write("values.yaml", "extra: more\n");
    let ran = resume(&fleet, &proxy).expect(4);
    assert!(ran.stderr.contains("values.yaml (sha256 "), "{}", ran.stderr);
    fleet.write("values.yaml", "extra: none\n");
    resume(&fleet, &proxy).expect(0);
    assert_eq!(fleet.history(FIRST).await, ["1 superseded", "2 deployed"]);
}

async fn killed_after(event: &'static str) {
    let fleet = SmallFleet::upgrading().await;
    fleet.config("settle: 3s", "");
    let run = fleet.start(&["--cluster", FIRST], None);
    fleet.wait_for_event(FIRST, event).await;
    kill(run);
    fleet.run_elsewhere(&["resume", "--cluster", FIRST]).expect(0);
    assert_eq!(fleet.history(FIRST).await, ["1 superseded", "2 deployed"]);
    assert_eq!(fleet.text(FIRST).await, "two");
}

async fn killed_at(method: &'static str, path: &'static str) {
    let fleet = SmallFleet::upgrading().await;
    let proxy = Proxy::start();
    let held = json!({"method": method, "path": path, "effect": "hang"});
    proxy.faults(json!([{"path": "dryRun=All", "effect": {"delay": {"ms": 0}}}, held]));
    let run = fleet.start(&["--cluster", FIRST], Some(proxy.kubeconfig()));
    proxy.all_used(Duration::from_mins(2)).await;
    kill(run);
    resume(&fleet, &proxy).expect(0);
    assert_eq!(fleet.history(FIRST).await, ["1 superseded", "2 deployed"]);
    assert_eq!(fleet.text(FIRST).await, "two");
}

/// An image that nobody can pull: halted with 4, and `resume` says so again; without a journal there is nothing.
async fn ends_as_it_ended() {
    let fleet = SmallFleet::new(&[FIRST, SECOND]).await;
    let ran = fleet.run(&["resume", "--cluster", FIRST]).expect(1);
    assert!(ran.stderr.contains("no run has left a journal there"), "{}", ran.stderr);
    fleet.installed_by_helm();
    fleet.chart("2.0.0", "two");
    fleet.template("broken", BROKEN);
    fleet.run(&["--cluster", FIRST]).expect(4);
    let ran = fleet.run_elsewhere(&["resume", "--cluster", FIRST]).expect(4);
    assert!(ran.stderr.contains("release rollback --cluster"), "{}", ran.stderr);
    assert_eq!(fleet.history(FIRST).await, ["1 superseded", "2 failed"]);
}

/// A workload whose image does not exist.
pub(crate) const BROKEN: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: broken}
spec:
  selector: {matchLabels: {app: broken}}
  template:
    metadata: {labels: {app: broken}}
    spec:
      containers: [{name: broken, image: 'example.com/does-not-exist:1'}]
";
