//! Gates against real cert-manager, on a cluster of their own: what is broken here would stop everybody
//! else's rollout.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::cluster::lease::LockLost;
use release::config::{CanarySettings, GateSettings, Profile, ReleaseId};
use release::gate::{self, Baseline, Canaries, Cause, GateError, GateRequest, NoLock, StillOurs, Verdict};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::support::cert_manager::{self, fingerprint, uids};
use crate::support::chart::{chart, config_map};
use crate::support::colleagues::Colleagues;
use crate::support::gates::{self, Recorder, baseline, report, run, settings, subject, subject_of};
use crate::support::program::{config, process, release};
use crate::support::{THIRD, cluster, trial, verbs, wait, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("gate::a_healthy_cluster_passes_now_and_nothing_changes", a_healthy_cluster_passes_now),
        trial("gate::canaries_are_issued_and_deleted", canaries_are_issued_and_deleted),
        trial("gate::a_lock_that_is_lost_ends_the_gates_and_deletes_nothing", a_lock_that_is_lost),
        trial("gate::a_canary_is_deleted_only_for_its_own_run_or_when_that_is_dead", canaries_of_two_runs),
        trial("gate::a_resumed_run_takes_its_canary_up", a_resumed_run_takes_its_canary_up),
        trial("gate::after_a_failure_the_other_gates_are_looked_at_once", after_a_failure),
        trial("gate::without_a_baseline_nothing_is_compared_and_the_rest_is_proven", without_a_baseline),
        trial("gate::a_verdict_changes_within_half_a_second_of_its_event", a_verdict_changes_at_once),
        trial("gate::certificates_that_are_issued_again_stop_everything", certificates_that_are_issued_again),
        trial("gate::what_was_broken_before_is_reported_and_does_not_block", what_was_broken_before),
        trial("gate::an_api_server_that_is_away_breaks_the_settle_time_only", an_api_server_that_is_away),
        trial("gate::another_chart_is_judged_by_its_workloads", another_chart_is_judged_by_its_workloads),
        trial("gate::an_image_that_is_missing_and_a_webhook_that_is_broken_are_named", bad_releases),
    ]
}

/// Nothing is being issued: what is under way when a baseline is taken is not compared.
pub(crate) async fn quiet(cluster: &Cluster) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate"));
    let certificates = Api::<DynamicObject>::all_with(cluster.client.clone(), &resource);
    let issuing = |certificate: &DynamicObject| {
        // Nobody signs for these.
        let issuer = &certificate.data["spec"]["issuerRef"]["name"];
        let hangs = issuer == "nobody" || issuer == "pca";
        let conditions = certificate.data["status"]["conditions"].as_array().into_iter().flatten();
        let is_issuing = |condition: &Value| condition["type"] == "Issuing" && condition["status"] == "True";
        !hangs && conditions.clone().any(is_issuing)
    };
    let is_answered = |certificate: &DynamicObject| {
        let conditions = certificate.data["status"]["conditions"].as_array().into_iter().flatten();
        let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
        ready.any(|ready| ready["observedGeneration"].as_i64() >= certificate.metadata.generation)
    };
    let none = async || {
        let all = certificates.list(&kube::api::ListParams::default()).await.unwrap().items;
        all.iter().all(is_answered) && !all.iter().any(issuing)
    };
    wait::until("no certificate is being issued", Duration::from_mins(1), none).await;
}

/// One test after the other: each of them disturbs what the others judge.
pub(crate) async fn alone() -> (Cluster, MutexGuard<'static, ()>) {
    static ALONE: Mutex<()> = Mutex::const_new(());
    let guard = ALONE.lock().await;
    (cluster(THIRD).await, guard)
}

async fn a_healthy_cluster_passes_now() {
    let (cluster, _alone) = alone().await;
    let before = fingerprint(&cluster).await;
    let outcome = run(
        &cluster,
        &subject(&cluster, false).await,
        &baseline(&cluster).await,
        &settings(10, &[]),
        false,
        &Recorder::default(),
    )
    .await;
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    assert!(
        !outcome.acme_proven && outcome.reports.iter().all(|report| report.seconds < 10.0),
        "{outcome:#?}"
    );
    assert_eq!(fingerprint(&cluster).await, before);
}

async fn canaries_are_issued_and_deleted() {
    let (cluster, _alone) = alone().await;
    let certificates = uids(&cluster, "cert-manager.io", "Certificate").await;
    let settings = settings(2, &["ClusterIssuer/sandbox-ca", "ClusterIssuer/selfsigned"]);
    let outcome = run(
        &cluster,
        &subject(&cluster, true).await,
        &baseline(&cluster).await,
        &settings,
        true,
        &Recorder::default(),
    )
    .await;
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    let facts = report(&outcome, "canary").facts.join("\n");
    for expected in [
        "self-signed: Certificate",
        "ClusterIssuer/sandbox-ca: Certificate",
        "ACME not proven",
        "deleted Certificate",
    ] {
        assert!(facts.contains(expected), "{facts}");
    }
    assert_eq!(uids(&cluster, "cert-manager.io", "Certificate").await, certificates);
    let release = cert_manager::release();
    let canaries = canaries(&cluster, &release, &settings.canary);
    assert!(canaries.clean_up("test").await.unwrap().is_empty(), "nothing is left");
}

fn canaries<'c>(cluster: &'c Cluster, release: &'c ReleaseId, settings: &'c CanarySettings) -> Canaries<'c> {
    Canaries { cluster, release, settings, lock: &NoLock }
}

/// A lock that is lost when a test says so.
#[derive(Debug, Default)]
struct Fragile(AtomicBool);

impl StillOurs for Fragile {
    fn check(&self) -> Result<(), LockLost> {
        if !self.0.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(LockLost::Taken {
            release: "cert-manager/cert-manager".into(),
            how: "another run took it".into(),
        })
    }
}

/// The gates of a run, up to its canary being issued; then the run loses its lock.
async fn lose_the_lock(cluster: &Cluster, run: &str) -> GateError {
    let (subject, before) = (subject(cluster, true).await, baseline(cluster).await);
    let (settings, recorder) = (settings(600, &[]), Recorder::default());
    let lock = Arc::new(Fragile::default());
    let asked = GateRequest { run, lock: lock.clone(), ..gates::request(&subject, &before, &settings, true) };
    let lost = async {
        recorder.verdict(Instant::now(), "settle", Verdict::Waiting).await;
        lock.0.store(true, Ordering::SeqCst);
        Instant::now()
    };
    let (ended, lost) = tokio::join!(gate::run(cluster, &asked, &recorder), lost);
    assert!(lost.elapsed() < Duration::from_secs(3), "{:?}", lost.elapsed());
    ended.unwrap_err()
}

async fn a_lock_that_is_lost() {
    let (cluster, _alone) = alone().await;
    let error = lose_the_lock(&cluster, "lost").await;
    assert!(matches!(error, GateError::Lost(_)), "{error:?}");
    let (release, settings) = (cert_manager::release(), CanarySettings::default());
    let deleted = canaries(&cluster, &release, &settings).clean_up("lost").await.unwrap();
    let kinds: Vec<&str> = deleted.iter().filter_map(|title| title.split(' ').next()).collect();
    assert_eq!(kinds, ["Certificate", "Secret", "Issuer"], "its canary was still there");
}

async fn canaries_of_two_runs() {
    let (cluster, _alone) = alone().await;
    lose_the_lock(&cluster, "first").await;
    lose_the_lock(&cluster, "second").await;
    let (release, settings) = (cert_manager::release(), CanarySettings::default());
    let canaries = canaries(&cluster, &release, &settings);
    let seen = canaries.clean_up_after_others("second", |_| false).await.unwrap();
    let [left] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((left.run.as_str(), left.objects.len(), left.deleted), ("first", 3, false), "{left}");
    assert!(left.age.is_some_and(|age| age < Duration::from_mins(5)), "{left}");

    // The run that was stopped wakes up, and cleans up after itself.
    assert_eq!(canaries.clean_up("first").await.unwrap().len(), 3);
    let seen = canaries.clean_up_after_others("third", |run| run == "second").await.unwrap();
    assert!(seen.len() == 1 && seen[0].deleted && seen[0].objects.len() == 3, "{seen:?}");
    assert!(canaries.clean_up_after_others("third", |_| true).await.unwrap().is_empty());
}

async fn a_resumed_run_takes_its_canary_up() {
    let (cluster, _alone) = alone().await;
    lose_the_lock(&cluster, "resumed").await;
    let made = uids(&cluster, "cert-manager.io", "Certificate").await;
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let (settings, recorder) = (settings(600, &[]), Recorder::default());
    let asked = GateRequest { run: "resumed", ..gates::request(&subject, &before, &settings, true) };
    let proven = recorder.verdict(Instant::now(), "settle", Verdict::Waiting);
    tokio::select! {
        outcome = gate::run(&cluster, &asked, &recorder) => panic!("{outcome:#?}"),
        _ = proven => {}
    }
    assert_eq!(uids(&cluster, "cert-manager.io", "Certificate").await, made, "no second canary");

    let settings = gates::settings(1, &[]);
    let asked = GateRequest { run: "resumed", ..gates::request(&subject, &before, &settings, true) };
    let outcome = gate::run(&cluster, &asked, &recorder).await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    let release = cert_manager::release();
    let left = canaries(&cluster, &release, &settings.canary).clean_up("resumed").await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

/// Everything is healthy but one Deployment that somebody scaled to nothing.
async fn after_a_failure() {
    let (cluster, _alone) = alone().await;
    let (subject, before) = (subject(&cluster, false).await, baseline(&cluster).await);
    let settings = settings(1, &[]);
    let asked = GateRequest {
        timeout: Some(Duration::from_secs(5)),
        ..gates::request(&subject, &before, &settings, true)
    };
    scale(&cluster, 0).await;
    let started = Instant::now();
    let outcome = gate::run(&cluster, &asked, &Recorder::default()).await;
    let took = started.elapsed();
    scale(&cluster, 1).await;
    let outcome = outcome.unwrap();

    let cause = outcome.first_cause.clone().unwrap();
    assert_eq!(cause.object, "Deployment cert-manager/cert-manager-cainjector", "{outcome:#?}");
    let verdict = |gate: &str| (report(&outcome, gate).verdict, report(&outcome, gate).not_reached());
    assert_eq!(verdict("workload"), (Verdict::Failed, None));
    for seen in ["ca-bundle", "issuer", "certificate", "reissue"] {
        assert_eq!(verdict(seen), (Verdict::Passed, None), "{seen} {outcome:#?}");
    }
    for asks in ["webhook", "canary"] {
        let why = "it does not act before gate workload has passed";
        assert_eq!(verdict(asks), (Verdict::Waiting, Some(why)), "{outcome:#?}");
    }
    // The deadline, one look, and what explains the failure.
    assert!(took < Duration::from_secs(8), "{took:?}");
    let healthy = GateRequest {
        timeout: Some(Duration::from_mins(1)),
        ..gates::request(&subject, &before, &settings, false)
    };
    let outcome = gate::run(&cluster, &healthy, &Recorder::default()).await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Passed, "with --timeout it is waited for: {outcome:#?}");
}

pub(crate) async fn scale(cluster: &Cluster, replicas: i32) {
    let deployments = Api::<Deployment>::namespaced(cluster.client.clone(), "cert-manager");
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    deployments.patch("cert-manager-cainjector", &PatchParams::default(), &patch).await.unwrap();
}

async fn without_a_baseline() {
    let (cluster, _alone) = alone().await;
    let (subject, missing) = (subject(&cluster, true).await, Baseline::missing("it is lost"));
    let outcome = run(&cluster, &subject, &missing, &settings(1, &[]), false, &Recorder::default()).await;
    assert_eq!(outcome.verdict, Verdict::Inconclusive, "{outcome:#?}");
    assert!(outcome.first_cause.clone().unwrap().message.starts_with("it is lost"), "{outcome:#?}");
    for gate in ["workload", "lease", "webhook", "settle"] {
        assert_eq!(report(&outcome, gate).verdict, Verdict::Passed, "{outcome:#?}");
    }
    for gate in ["issuer", "certificate-request", "order", "certificate", "reissue"] {
        assert_eq!(report(&outcome, gate).verdict, Verdict::Inconclusive, "{outcome:#?}");
    }
}

/// From before the write that causes the event to the changed verdict: the median of five, on a machine that
/// is busy with other tests.
async fn a_verdict_changes_at_once() {
    let (cluster, _alone) = alone().await;
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let (settings, recorder) = (settings(600, &[]), Recorder::default());
    let judged = run(&cluster, &subject, &before, &settings, false, &recorder);
    let measured = async {
        let mut took = Vec::new();
        recorder.verdict(Instant::now(), "settle", Verdict::Waiting).await;
        for _ in 0..5 {
            let paused = Instant::now();
            pause(&cluster, true).await;
            took.push(recorder.verdict(paused, "workload", Verdict::Waiting).await.at - paused);
            let resumed = Instant::now();
            pause(&cluster, false).await;
            recorder.verdict(resumed, "workload", Verdict::Passed).await;
        }
        took.sort();
        took
    };
    let took = tokio::select! {
        outcome = judged => panic!("{outcome:#?}"),
        took = measured => took,
    };
    assert!(took[2] < Duration::from_millis(500), "{took:?}");
}

async fn pause(cluster: &Cluster, paused: bool) {
    let deployments = Api::<Deployment>::namespaced(cluster.client.clone(), "cert-manager");
    let patch = Patch::Merge(json!({"spec": {"paused": paused}}));
    deployments.patch("cert-manager-cainjector", &PatchParams::default(), &patch).await.unwrap();
}

/// As when a new version reads the annotations of Secrets differently.
async fn certificates_that_are_issued_again() {
    let (cluster, _alone) = alone().await;
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let (settings, recorder) = (settings(600, &[]), Recorder::default());
    let disturb = async {
        recorder.verdict(Instant::now(), "settle", Verdict::Waiting).await;
        let secrets = Api::<Secret>::namespaced(cluster.client.clone(), "demo");
        let patch =
            Patch::Merge(json!({"metadata": {"annotations": {"cert-manager.io/issuer-name": "another"}}}));
        for name in ["shop-tls", "search-tls"] {
            secrets.patch(name, &PatchParams::default(), &patch).await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = run(&cluster, &subject, &before, &settings, false, &recorder) => outcome,
        () = disturb => unreachable!("it waits for ever"),
    };
    let cause = outcome.first_cause.clone().unwrap();
    assert_eq!((outcome.verdict, cause.cause), (Verdict::Failed, Cause::Environment), "{outcome:#?}");
    assert!(cause.message.contains("certificates are issued again (IncorrectIssuer"), "{}", cause.message);
}

async fn what_was_broken_before() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let (fresh, healthy) = (subject(&cluster, true).await, baseline(&cluster).await);
    let colleagues = Colleagues { cluster: &cluster };
    colleagues.failure("shop", Some("2026-01-01T00:00:00Z")).await;
    let broken = baseline(&cluster).await;
    let (settings, now) = (settings(1, &[]), subject(&cluster, false).await);

    let new = run(&cluster, &fresh, &healthy, &settings, false, &Recorder::default()).await;
    let old = run(&cluster, &fresh, &broken, &settings, false, &Recorder::default()).await;
    let strict = run(&cluster, &now, &broken, &settings, false, &Recorder::default()).await;
    colleagues.failure("shop", None).await;

    assert_eq!(new.first_cause.unwrap().object, "Certificate demo/shop");
    assert_eq!(old.verdict, Verdict::Passed, "{old:#?}");
    assert!(report(&old, "certificate").findings.iter().any(|finding| finding.baseline), "{old:#?}");
    assert_eq!(
        broken.unhealthy(),
        ["Certificate demo/shop: Ready, but its renewal failed at 2026-01-01T00:00:00Z, 1 failed attempts"]
    );
    assert_eq!(
        (strict.verdict, strict.first_cause.unwrap().object.as_str()),
        (Verdict::Failed, "Certificate demo/shop")
    );
}

/// Frozen, its connections stay open and say nothing; killed, every watch has to list again.
async fn an_api_server_that_is_away() {
    let (cluster, _alone) = alone().await;
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let (settings, recorder) = (settings(8, &[]), Recorder::default());
    let server = format!("{THIRD}/kube-apiserver");
    let disturb = async {
        recorder.verdict(Instant::now(), "settle", Verdict::Waiting).await;
        let frozen = Instant::now();
        process("freeze", &server);
        recorder.verdict(frozen, "api-server", Verdict::Waiting).await;
        process("thaw", &server);
        let answers = recorder.verdict(frozen, "api-server", Verdict::Passed).await.at;
        // One that is back within a second may go unnoticed: the watches go on where they were.
        process("kill", &server);
        process("start", &server);
        answers
    };
    let (outcome, answers) =
        tokio::join!(run(&cluster, &subject, &before, &settings, false, &recorder), disturb);
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    assert!(answers.elapsed() >= settings.settle, "the time began again");
}

/// Nothing of cert-manager is asked of another chart; what keeps its pods from running is named.
async fn another_chart_is_judged_by_its_workloads() {
    let (cluster, release) = world().await;
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  \
                      template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: 'example.com/missing:v1'}]}}\n";
    let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none}\nspec: {hard: {pods: '0'}}\n";
    let settings = config_map("settings", &[("a", "b")]);
    // What does not come right within this time does not.
    let judged_by = GateSettings { timeout: Duration::from_secs(15), ..gates::settings(1, &[]) };
    for (version, templates, expected) in [
        ("1.0.0", vec![("settings", settings.as_str())], None),
        ("2.0.0", vec![("web", deployment)], Some(["Pod", "example.com/missing:v1"])),
        ("3.0.0", vec![], None),
        ("4.0.0", vec![("quota", quota)], None),
        ("5.0.0", vec![("quota", quota), ("web", deployment)], Some(["Deployment", "exceeded quota"])),
    ] {
        let archive = chart(version, &templates);
        verbs::deploy(&cluster, &release, &archive).await.unwrap();
        let subject = subject_of(&cluster, &release, Profile::Generic, true).await;
        let before = Baseline::observe(&cluster, &release, Profile::Generic).await.unwrap();
        let outcome = run(&cluster, &subject, &before, &judged_by, true, &Recorder::default()).await;
        match (expected, outcome.first_cause.as_ref()) {
            (None, None) => assert_eq!(outcome.verdict, Verdict::Passed, "{version}: {outcome:#?}"),
            (Some([kind, words]), Some(cause)) => {
                assert_eq!(
                    (outcome.verdict, cause.cause),
                    (Verdict::Failed, Cause::Release),
                    "{version}: {outcome:#?}"
                );
                assert!(
                    cause.object.starts_with(kind) && cause.message.contains(words),
                    "{version}: {cause:?}"
                );
            }
            _ => panic!("{version}: {outcome:#?}"),
        }
    }
}

/// Each through the whole program: the cause is the release, and the rollback brings a healthy cluster back.
async fn bad_releases() {
    let (_cluster, _alone) = alone().await;
    let config = config(
        "bad-releases.yaml",
        &[("issuers: [ClusterIssuer/letsencrypt], ", ""), ("settle: 10s", "settle: 1s")],
    );
    for (reference, words) in [
        ("v1.11.7-no-image", ["ImagePull", "cert-manager-controller:v1.11.7"]),
        ("v1.11.8-webhook-refuses", ["failed calling webhook", "could not find the requested resource"]),
    ] {
        let allowed = ["--allow", "skipped-minors", "--on-failure", "rollback"];
        let ran =
            release(&config, &[&["--cluster", THIRD, "--ref", reference][..], &allowed].concat()).expect(3);
        let cause = ran.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(words.iter().all(|word| cause.contains(word)), "{}", ran.stderr);
    }
}
