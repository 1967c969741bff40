//! What is waited for becomes ready, or the reason why it does not is told, and told early.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use libtest_mimic::Trial;
use release::action::wait::{self, NotReady, Until, WaitTerms};
use serde_json::json;

use crate::support::chart;
use crate::support::objects::{Place, objects};
use crate::support::trial;
use crate::support::wait::until;

const LONG: Duration = Duration::from_mins(3);
const READY: Until = Until::Ready { jobs: true };

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "waiting::a_deployment_is_ready_when_all_its_new_pods_are",
            a_deployment_is_ready_when_all_its_new_pods_are,
        ),
        trial(
            "waiting::an_image_that_cannot_be_pulled_ends_the_wait",
            an_image_that_cannot_be_pulled_ends_the_wait,
        ),
        trial(
            "waiting::a_container_that_keeps_crashing_is_told_with_its_log",
            a_container_that_keeps_crashing_is_told_with_its_log,
        ),
        trial(
            "waiting::a_container_that_crashes_until_its_database_is_up_is_waited_for",
            a_container_that_crashes_until_its_database_is_up_is_waited_for,
        ),
        trial("waiting::a_quota_ends_the_wait", a_quota_ends_the_wait),
        trial("waiting::a_job_is_waited_for_to_its_end", a_job_is_waited_for_to_its_end),
        trial(
            "waiting::what_is_not_ready_in_time_is_told_as_helm_tells_it",
            what_is_not_ready_in_time_is_told_as_helm_tells_it,
        ),
        trial(
            "waiting::a_certificate_is_ready_when_its_condition_says_so",
            a_certificate_is_ready_when_its_condition_says_so,
        ),
    ]
}

fn deployment(replicas: u32, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{a: d}}}}\n  template:\n    metadata: {{labels: {{a: d}}}}\n    spec:\n      terminationGracePeriodSeconds: 1\n      containers: [{{name: c, {container}}}]\n"
    )
}

fn job(script: &str) -> String {
    chart::job("j", script)
}

const RUNS: &str = "image: 'sandbox/sh:1', args: [-c, 'exec sleep 600']";

/// Nothing listens there.
const CLOSED: &str = "readinessProbe: {tcpSocket: {port: 9}, periodSeconds: 1}";

/// Applies the text over the old one and waits; also what was told on the way.
async fn applied(
    place: &Place,
    old: &str,
    new: &str,
    until: Until,
    limit: Duration,
) -> (Result<(), NotReady>, Vec<String>) {
    applied_on(place, old, new, WaitTerms { until, limit, fail_fast: true }).await
}

async fn applied_on(
    place: &Place,
    old: &str,
    new: &str,
    terms: WaitTerms,
) -> (Result<(), NotReady>, Vec<String>) {
    let (old, new) = (objects(&[old]), objects(&[new]));
    place.apply(&old, &new).await.unwrap();
    let told = Mutex::new(Vec::new());
    let tell = |line: &str| told.lock().unwrap().push(line.to_owned());
    let kinds = place.kinds().await;
    let result = wait::ready(&place.cluster, &kinds, &new, &place.release.namespace, terms, &tell).await;
    (result, told.into_inner().unwrap())
}

async fn failed(place: &Place, text: &str) -> String {
    let start = Instant::now();
    let error = applied(place, "", text, READY, LONG).await.0.unwrap_err();
    assert!(start.elapsed() < Duration::from_mins(2) && !error.timed_out, "{error}");
    error.to_string()
}

async fn a_deployment_is_ready_when_all_its_new_pods_are() {
    let place = Place::new().await;
    let (first, second) = (deployment(2, RUNS), deployment(2, &RUNS.replace("600", "601")));
    let (result, told) = applied(&place, "", &first, READY, LONG).await;
    result.unwrap();
    let namespace = &place.release.namespace;
    assert_eq!(told.last().unwrap(), &format!("Deployment {namespace}/d is ready"));
    assert!(told[0].starts_with(&format!("Deployment {namespace}/d: ")), "{told:?}");
    applied(&place, &first, &second, READY, LONG).await.0.unwrap();
    let status = place.live(&second).await.unwrap()["status"].clone();
    assert_eq!(
        (&status["updatedReplicas"], &status["readyReplicas"], &status["replicas"]),
        (&json!(2), &json!(2), &json!(2))
    );
    // Nothing is waited for, and told, when nothing changes.
    let start = Instant::now();
    let (result, told) = applied(&place, &second, &second, READY, LONG).await;
    result.unwrap();
    assert!(told.is_empty() && start.elapsed() < Duration::from_secs(5), "{told:?}");
}

async fn an_image_that_cannot_be_pulled_ends_the_wait() {
    let place = Place::new().await;
    let namespace = place.release.namespace.clone();
    applied(&place, "", &deployment(1, RUNS), READY, LONG).await.0.unwrap();
    let broken = deployment(1, "image: 'example.com/no-such-image:1'");
    let start = Instant::now();
    let error = applied(&place, &deployment(1, RUNS), &broken, READY, LONG).await.0.unwrap_err();
    assert!(start.elapsed() < Duration::from_mins(1) && !error.timed_out, "{error}");
    let error = error.to_string();
    let begin = format!(
        "resource Deployment/{namespace}/d not ready. status: Failed, message: Pending termination: 1; Pod {namespace}/d-"
    );
    assert!(error.starts_with(&begin), "{error}");
    assert!(
        error.contains(": container c: ImagePullBackOff: ")
            || error.contains(": container c: ErrImagePull: "),
        "{error}"
    );
}

async fn a_container_that_keeps_crashing_is_told_with_its_log() {
    let place = Place::new().await;
    let crashes = format!("image: 'sandbox/sh:1', args: [-c, 'echo error: no database; exit 3'], {CLOSED}");
    let short = Duration::from_secs(40);
    let error = applied(&place, "", &deployment(1, &crashes), READY, short).await.0.unwrap_err();
    assert!(error.timed_out, "it may yet find its database: {error}");
    let error = error.to_string();
    assert!(
        error.contains("container c: CrashLoopBackOff after ")
            && error.contains(", the last after exit code 3"),
        "{error}"
    );
    assert!(error.contains("last log line: error: no database"), "{error}");
}

/// Two crashes, and then what it needs is there.
async fn a_container_that_crashes_until_its_database_is_up_is_waited_for() {
    let place = Place::new().await;
    let up = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 12;
    let script = format!("test $(date +%s) -gt {up} || exit 3; exec sleep 600");
    let text = deployment(1, &format!("image: 'sandbox/sh:1', args: [-c, {script:?}]"));
    // A container without a probe is ready for the moment that it runs.
    let text = text.replace("  replicas: 1\n", "  replicas: 1\n  minReadySeconds: 5\n");
    let (result, told) = applied(&place, "", &text, READY, LONG).await;
    result.unwrap();
    let pods = Api::<Pod>::namespaced(place.cluster.client.clone(), &place.release.namespace);
    let pods = pods.list(&ListParams::default()).await.unwrap().items;
    let restarts =
        |pod: &Pod| pod.status.as_ref()?.container_statuses.as_ref()?.first().map(|c| c.restart_count);
    assert!(pods.iter().filter_map(restarts).any(|count| count >= 2), "it crashed twice: {told:?} {pods:#?}");
}

async fn a_quota_ends_the_wait() {
    let place = Place::new().await;
    place
        .apply(
            &[],
            &objects(&[
                "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec: {hard: {pods: '0'}}\n",
            ]),
        )
        .await
        .unwrap();
    let sets = deployment(1, RUNS)
        .replace("kind: Deployment", "kind: StatefulSet")
        .replace("  replicas:", "  serviceName: d\n  replicas:");
    for text in [deployment(1, RUNS), sets] {
        let error = failed(&place, &text).await;
        assert!(error.contains("not ready. status: Failed, message: Replicas: 0/1; "), "{error}");
        assert!(error.contains("FailedCreate: ") && error.contains("exceeded quota: q"), "{error}");
    }
    let patient = WaitTerms { until: READY, limit: Duration::from_secs(30), fail_fast: false };
    let error = applied_on(&place, "", &deployment(1, RUNS), patient).await.0.unwrap_err();
    assert!(error.timed_out && error.to_string().contains("exceeded quota: q"), "{error}");
}

async fn a_job_is_waited_for_to_its_end() {
    let place = Place::new().await;
    applied(&place, "", &job("exit 0"), READY, LONG).await.0.unwrap();
    let place = Place::new().await;
    let error = failed(&place, &job("exit 3")).await;
    let begin = format!(
        "resource Job/{}/j not ready. status: Failed, message: Job Failed. failed: 1/1 (BackoffLimitExceeded: ",
        place.release.namespace
    );
    assert!(error.starts_with(&begin), "{error}");
    // Without being asked for, a Job only has to start.
    let place = Place::new().await;
    applied(&place, "", &job("exec sleep 600"), Until::Ready { jobs: false }, LONG).await.0.unwrap();
    applied(&place, "", &job("exec sleep 600"), Until::Legacy { jobs: false }, LONG).await.0.unwrap();
}

async fn what_is_not_ready_in_time_is_told_as_helm_tells_it() {
    let place = Place::new().await;
    let never = deployment(1, &format!("{RUNS}, {CLOSED}"));
    for until in [READY, Until::Legacy { jobs: true }] {
        let error = applied(&place, &never, &never, until, Duration::from_secs(5)).await.0.unwrap_err();
        let message = if until == READY {
            "Available: 0/1"
        } else {
            "Deployment is not ready. 0 out of 1 expected pods are ready"
        };
        let expected = format!(
            "resource Deployment/{}/d not ready. status: InProgress, message: {message}\ncontext deadline exceeded",
            place.release.namespace
        );
        assert_eq!(error.to_string(), expected);
    }
}

async fn a_certificate_is_ready_when_its_condition_says_so() {
    let place = Place::new().await;
    let issuer =
        "apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: i}\nspec: {selfSigned: {}}\n";
    let certificate = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c}\nspec: {secretName: c, dnsNames: [example.com], issuerRef: {name: i}}\n";
    applied(&place, "", &format!("{issuer}---\n{certificate}"), READY, LONG).await.0.unwrap();
    let orphan = certificate
        .replace("name: c}", "name: orphan}")
        .replace("secretName: c", "secretName: orphan")
        .replace("name: i}", "name: nobody}");
    // Another test may replace the controller at this very moment; what nobody has looked at yet counts as
    // ready.
    place.apply(&[], &objects(&[&orphan])).await.unwrap();
    until("cert-manager looks at the orphan", LONG, async || {
        place.live(&orphan).await.is_some_and(|live| !live["status"]["conditions"].is_null())
    })
    .await;
    let (result, _) = applied(&place, "", &orphan, READY, Duration::from_secs(8)).await;
    let error = result.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!(
            "resource Certificate/{}/orphan not ready. status: InProgress, message: ",
            place.release.namespace
        )),
        "{error}"
    );
    // A request that stays open holds the gates of every run on this cluster.
    place.apply(&objects(&[orphan]), &[]).await.unwrap();
}
