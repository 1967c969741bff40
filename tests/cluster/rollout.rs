//! The main job on real cert-manager: on the first cluster with ACME, on the second one everything that goes
//! wrong.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::Value;

use super::support::cert_manager::{
    fingerprint, history, release as release_name, running, uids, wait_for_revision,
};
use super::support::program::{self, Ran, config, finish, release, start};
use super::support::wait::until;
use super::support::{FIRST, SECOND, cluster, helm, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("rollout::from_a_dry_run_to_a_proven_upgrade_with_acme", proven_upgrade),
        trial("rollout::bad_releases_and_killed_runs_leave_a_healthy_cluster", bad_releases),
    ]
}

fn outcome(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

/// The facts that a gate of the first cluster gives.
fn facts(ran: &Ran, gate: &str) -> String {
    let outcome = outcome(ran);
    let reports = outcome["clusters"][0]["gates"]["reports"].as_array().unwrap().clone();
    reports
        .iter()
        .find(|report| report["gate"] == gate)
        .map(|report| report["facts"].to_string())
        .unwrap_or_default()
}

async fn proven_upgrade() {
    let dev = cluster(FIRST).await;
    let config = program::directory().join("release.yaml");

    let before = fingerprint(&dev).await;
    let shown = release(&config, &["--cluster", FIRST, "--dry-run", "--detailed-exitcode"]).expect(2);
    assert!(shown.stdout.contains("v1.10.2 → v1.11.5"), "{}", shown.stdout);
    let differs = release(&config, &["diff", "--cluster", FIRST, "--detailed-exitcode"]).expect(2);
    let lines = [
        "--- cluster: Deployment cert-manager/cert-manager",
        "+++ chart: Deployment cert-manager/cert-manager",
        "cert-manager-controller:v1.11.5",
    ];
    assert!(lines.iter().all(|line| differs.stdout.contains(line)), "{}", differs.stdout);
    assert_eq!(fingerprint(&dev).await, before, "neither a dry run nor a diff changes anything");

    let certificates = uids(&dev, "cert-manager.io", "Certificate").await;
    a_canary_that_is_dead_before(&dev).await;
    a_dns_server_that_refuses_updates().await;

    let ran = release(&config, &["--cluster", FIRST, "-o", "json"]).expect(0);
    assert_eq!(running(&dev).await, ["v1.11.5"]);
    assert_eq!(
        uids(&dev, "cert-manager.io", "Certificate").await,
        certificates,
        "no Certificate was recreated, and the canary's are gone"
    );
    let canary = facts(&ran, "canary");
    assert!(canary.contains("ClusterIssuer/letsencrypt") && canary.contains("valid"), "{canary}");
    assert!(helm::history("HELM", &release_name()).last().unwrap().contains("deployed cert-manager-v1.11.5"));
    assert_eq!(published_digest().await, outcome(&ran)["chart"]["digest"].as_str().unwrap());

    let revisions = history(&dev).await;
    release(&config, &["--cluster", FIRST]).expect(0);
    assert_eq!(history(&dev).await, revisions, "a second run adds no revision");
    release(&config, &["--cluster", FIRST, "--dry-run", "--detailed-exitcode"]).expect(0);
    release(&config, &["diff", "--cluster", FIRST, "--detailed-exitcode"]).expect(0);
    release(&config, &["gate", "--cluster", FIRST]).expect(0);
    the_pipelines_entry();
}

/// What CI calls: the dry run and a wave that is on its target pass, and reports are kept. The second cluster
/// is being broken meanwhile.
fn the_pipelines_entry() {
    let reports = tempfile::tempdir().unwrap();
    let config = program::config_without("first-only.yaml", SECOND);
    program::pipeline(&config, &["dry-run"], reports.path()).expect(0);
    let shown = std::fs::read_to_string(reports.path().join("dry-run.txt")).unwrap();
    assert!(shown.contains(FIRST) && shown.contains("on the target already"), "{shown}");
    program::pipeline(&config, &["rollout", "development"], reports.path()).expect(0);
    let junit = std::fs::read_dir(reports.path())
        .unwrap()
        .filter_map(Result::ok)
        .any(|file| file.path().extension().is_some_and(|end| end == "xml"));
    assert!(junit, "the rollout keeps a JUnit report");
}

/// Nothing is changed where the issuer is broken already, and the canary is gone.
async fn a_canary_that_is_dead_before(dev: &release::cluster::Cluster) {
    let config = config(
        "dead-before.yaml",
        &[
            ("settle: 10s", "settle: 10s\n      acme-timeout: 40s"),
            ("canary: { ", "canary: { before: true, "),
        ],
    );
    let certificates = uids(dev, "cert-manager.io", "Certificate").await;
    let control = std::env::var_os("DNS_CONTROL").expect("DNS_CONTROL is set by the sandbox");
    std::fs::write(&control, "refuse-updates").unwrap();
    let ran = release(&config, &["--cluster", FIRST]);
    std::fs::write(&control, "ok").unwrap();
    let ran = ran.expect(1);
    let told = "already dead before the upgrade: Challenge";
    assert!(ran.stderr.contains(told) && ran.stderr.contains("REFUSED"), "{}", ran.stderr);
    assert_eq!(history(dev).await, ["1 deployed v1.10.2"]);
    assert_eq!(running(dev).await, ["v1.10.2"]);
    until("the canary is gone", Duration::from_mins(1), async || {
        uids(dev, "cert-manager.io", "Certificate").await == certificates
    })
    .await;
}

/// Halted within three minutes with the Challenge's own reason, and not rolled back although that is wished:
/// the cause is elsewhere.
async fn a_dns_server_that_refuses_updates() {
    let config = config("impatient.yaml", &[("settle: 10s", "settle: 10s\n      acme-timeout: 40s")]);
    let control = std::env::var_os("DNS_CONTROL").expect("DNS_CONTROL is set by the sandbox");
    std::fs::write(&control, "refuse-updates").unwrap();
    let started = Instant::now();
    let ran = release(&config, &["--cluster", FIRST, "--on-failure", "rollback"]);
    std::fs::write(&control, "ok").unwrap();
    let ran = ran.expect(4);
    assert!(started.elapsed().as_secs() < 180, "it took {:?}", started.elapsed());
    assert!(ran.stderr.contains("REFUSED") && ran.stderr.contains("Challenge"), "{}", ran.stderr);
    assert_eq!(running(&cluster(FIRST).await).await, ["v1.11.5"], "no rollback");
}

/// The sha256 of what ChartMuseum serves.
async fn published_digest() -> String {
    let url = std::env::var("CHARTMUSEUM_URL").unwrap();
    let bytes =
        reqwest::get(format!("{url}/charts/cert-manager-v1.11.5.tgz")).await.unwrap().bytes().await.unwrap();
    release::helm::chart::archive::ChartArchive::read(bytes.to_vec()).unwrap().digest().to_string()
}

async fn bad_releases() {
    let staging = cluster(SECOND).await;
    // Self-signed only: ACME is proven on the first cluster, and takes a minute each time.
    let config = config("without-acme.yaml", &[("issuers: [ClusterIssuer/letsencrypt], ", "")]);
    a_second_runner_and_a_kill(&config, &staging).await;
    a_crash_is_rolled_back(&staging).await;
    an_interrupted_rollback_goes_on(&config, &staging).await;
}

/// Killed while the gates judge: the lock names the dead run, and `resume` goes on where it ended.
async fn a_second_runner_and_a_kill(config: &std::path::Path, staging: &release::cluster::Cluster) {
    let certificates = uids(staging, "cert-manager.io", "Certificate").await;
    let mut first = start(config, &["--cluster", SECOND]);
    wait_for_revision(staging, 2).await;
    the_canary_is_there(staging, &certificates).await;
    let second = release(config, &["--cluster", SECOND]).expect(6);
    assert!(second.stderr.contains("locked by"), "{}", second.stderr);
    first.kill().unwrap();
    finish(first).expect(-9);
    release(config, &["resume", "--cluster", SECOND]).expect(0);
    assert_eq!(history(staging).await, ["1 superseded v1.10.2", "2 deployed v1.11.5"]);
    assert_eq!(uids(staging, "cert-manager.io", "Certificate").await, certificates, "no canary is left");
    assert_eq!(running(staging).await, ["v1.11.5"]);
}

/// A Certificate more than there were.
async fn the_canary_is_there(staging: &release::cluster::Cluster, before: &BTreeMap<String, String>) {
    until("the canary is there", Duration::from_mins(2), async || {
        uids(staging, "cert-manager.io", "Certificate").await.len() > before.len()
    })
    .await;
}

/// The first cause names the pod and its last log line; real Helm reads the bad revision as failed; the
/// cluster after it is not touched.
async fn a_crash_is_rolled_back(staging: &release::cluster::Cluster) {
    // What runs issues, so that the upgrade goes on.
    let config =
        &config("canary-before.yaml", &[("issuers: [ClusterIssuer/letsencrypt], ", "before: true, ")]);
    let ran = release(config, &["--cluster", SECOND, "--ref", "v1.11.6-crash", "--on-failure", "rollback"])
        .expect(3);
    let issued = "the canary before the upgrade was issued by the version that runs";
    assert!(ran.stderr.contains(issued), "{}", ran.stderr);
    let cause = ran.stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(
        cause.contains("Pod cert-manager/cert-manager-") && cause.contains("last log line: panic"),
        "{cause}"
    );
    assert_eq!(
        history(staging).await,
        ["1 superseded v1.10.2", "2 superseded v1.11.5", "3 failed v1.11.6", "4 deployed v1.11.5"]
    );
    assert_eq!(running(staging).await, ["v1.11.5"]);
}

/// SIGTERM ends with 143, the lock given back and the canary gone; `resume` finishes the rollback, with the newer CRDs
/// still there.
async fn an_interrupted_rollback_goes_on(config: &std::path::Path, staging: &release::cluster::Cluster) {
    let crds = uids(staging, "apiextensions.k8s.io", "CustomResourceDefinition").await;
    let certificates = uids(staging, "cert-manager.io", "Certificate").await;
    let rollback = start(config, &["rollback", "--cluster", SECOND]);
    wait_for_revision(staging, 5).await;
    the_canary_is_there(staging, &certificates).await;
    let terminated =
        std::process::Command::new("kill").args(["-TERM", &rollback.id().to_string()]).status().unwrap();
    assert!(terminated.success());
    finish(rollback).expect(143);
    assert_eq!(uids(staging, "cert-manager.io", "Certificate").await, certificates, "its canary is gone");
    release(config, &["resume", "--cluster", SECOND]).expect(0);
    assert_eq!(history(staging).await.last().unwrap(), "5 deployed v1.10.2");
    assert_eq!(running(staging).await, ["v1.10.2"]);
    assert_eq!(
        uids(staging, "apiextensions.k8s.io", "CustomResourceDefinition").await,
        crds,
        "no CRD was recreated"
    );
    release(config, &["unlock", "--cluster", SECOND]).expect(0);
}
