//! Gates while colleagues are at work: nothing that users, approvers and other controllers do to their own
//! Certificates is a failure of the release, and a real fault in the middle of it is found all the same.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams};
use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::config::GateSettings;
use release::gate::{Cause, GateOutcome, Verdict};
use serde_json::json;

use crate::gate::{alone, quiet, scale};
use crate::support::colleagues::{Colleagues, cluster_issuer};
use crate::support::gates::{Recorder, baseline, report, run, settings, subject};
use crate::support::{trial, wait};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("noise::what_colleagues_do_is_no_failure_of_the_release", what_colleagues_do),
        trial("noise::what_happened_before_the_first_look_has_its_reason", before_the_first_look),
        trial("noise::a_real_fault_in_the_middle_of_it_is_found", a_real_fault),
    ]
}

/// Before the baseline: a preview with two Certificates that will be deleted, and one that hangs.
async fn begin(colleagues: &Colleagues<'_>, preview: &str) {
    colleagues.preview(preview).await;
    colleagues.certificate("demo", "hangs-before", &cluster_issuer("nobody")).await;
    quiet(colleagues.cluster).await;
}

/// While the gates judge.
async fn disturb(colleagues: &Colleagues<'_>, preview: &str) {
    let edit = json!({"spec": {"dnsNames": ["shop.example.com", "shop2.example.com"]}});
    colleagues.patch("Certificate", "demo", "shop", &edit).await;
    colleagues.certificate("demo", "hangs-since", &cluster_issuer("nobody")).await;
    let external = json!({"name": "pca", "kind": "PrivateCa", "group": "example.com"});
    colleagues.certificate("demo", "external", &external).await;
    colleagues.delete_preview(preview).await;
    for _ in 0..6 {
        colleagues.denied().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn end(colleagues: &Colleagues<'_>, preview: &str) {
    let back = json!({"spec": {"dnsNames": ["shop.demo.example.com"]}});
    colleagues.patch("Certificate", "demo", "shop", &back).await;
    colleagues.delete("Certificate", "demo", &["hangs-before", "hangs-since", "external"]).await;
    colleagues.no_more_denied().await;
    colleagues.preview_is_gone(preview).await;
    quiet(colleagues.cluster).await;
}

/// With a fault it has all happened before the gates look: what slips later is given a minute to come right.
async fn judge(cluster: &Cluster, preview: &str, fault: bool) -> GateOutcome {
    let colleagues = Colleagues { cluster };
    begin(&colleagues, preview).await;
    let (subject, before) = (subject(cluster, true).await, baseline(cluster).await);
    let recorder = Recorder::default();
    let timeout = Duration::from_secs(if fault { 12 } else { 40 });
    let settings = GateSettings { timeout, ..settings(12, &[]) };
    if fault {
        disturb(&colleagues, preview).await;
        scale(cluster, 0).await;
    }
    let noise = async {
        if !fault {
            recorder.verdict(Instant::now(), "settle", Verdict::Waiting).await;
            disturb(&colleagues, preview).await;
        }
    };
    let (outcome, ()) = tokio::join!(run(cluster, &subject, &before, &settings, true, &recorder), noise);
    if fault {
        scale(cluster, 1).await;
    }
    end(&colleagues, preview).await;
    outcome
}

async fn what_colleagues_do() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let outcome = judge(&cluster, "preview-noise", false).await;
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    let told: Vec<&str> = outcome
        .reports
        .iter()
        .flat_map(|report| &report.findings)
        .map(|finding| finding.because.as_str())
        .collect();
    assert!(told.contains(&"made since by somebody else"), "{outcome:#?}");
    let requests = &report(&outcome, "certificate-request").findings;
    assert_eq!(requests.iter().filter(|finding| finding.rule == "denied").count(), 6, "{outcome:#?}");
    let vanished = report(&outcome, "certificate").findings.iter().find(|finding| finding.rule == "vanished");
    assert!(
        vanished.is_some_and(|finding| finding.message.starts_with("2 of ")),
        "the namespace was deleted"
    );
}

/// A user asks for a renewal right after the baseline was taken, and has it before anybody looks.
async fn before_the_first_look() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let colleagues = Colleagues { cluster: &cluster };
    let certificates = colleagues.api("Certificate", "demo");
    let revision = async || certificates.get("shop").await.unwrap().data["status"]["revision"].as_i64();
    let first = revision().await;
    let secrets = Api::<Secret>::namespaced(cluster.client.clone(), "demo");
    let secret = certificates.get("shop").await.unwrap().data["spec"]["secretName"].clone();
    secrets.delete(secret.as_str().unwrap(), &DeleteParams::default()).await.unwrap();
    wait::until("it is issued again", Duration::from_mins(1), async || revision().await > first).await;
    quiet(&cluster).await;
    let recorder = Recorder::default();
    let outcome = run(&cluster, &subject, &before, &settings(1, &[]), true, &recorder).await;
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    let facts = &report(&outcome, "reissue").facts;
    assert!(facts[0].contains("(DoesNotExist") && facts[0].contains("demo/shop"), "{facts:?}");
}

async fn a_real_fault() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let outcome = judge(&cluster, "preview-fault", true).await;
    assert_eq!(outcome.verdict, Verdict::Failed, "{outcome:#?}");
    let cause = outcome.first_cause.clone().unwrap();
    assert_eq!(cause.object, "Deployment cert-manager/cert-manager-cainjector", "{outcome:#?}");
    // Who scaled it is not known, so nobody is rolled back for it.
    assert_eq!(cause.cause, Cause::Unknown, "{cause:?}");
}
