//! Real cert-manager's own logs: a burst of what is normal, and a burst of errors after a permission was taken away.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::config::{GateSettings, LogsGate};
use release::gate::baseline::Baseline;
use release::gate::{Cause, GateOutcome, Verdict};
use serde_json::{Value, json};

use crate::gate::alone;
use crate::support::colleagues::{Colleagues, cluster_issuer};
use crate::support::gates::{Recorder, baseline, report, run, settings, subject};
use crate::support::program::{config, release};
use crate::support::{THIRD, fresh_release, trial, wait};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("logs::an_error_burst_is_told_from_a_benign_burst", bursts)]
}

/// Gives cert-manager permission to write Secrets.
const ROLE: &str = "cert-manager-controller-certificates";
const LIMIT: Duration = Duration::from_mins(2);

async fn bursts() {
    let (cluster, _alone) = alone().await;
    new_controller(&cluster).await;
    let colleagues = Colleagues { cluster: &cluster };
    let namespace = fresh_release().namespace;
    let before = observed(&cluster).await;
    colleagues.preview(&namespace).await;
    benign_burst(&colleagues, &namespace).await;
    let healthy = judged(&cluster, &before, LogsGate::Block).await;

    let before = observed(&cluster).await;
    let rules = forbid_secrets(&cluster).await;
    for name in ["log-a", "log-b", "log-c"] {
        colleagues.certificate(&namespace, name, &cluster_issuer("sandbox-ca")).await;
    }
    wait::until("the errors are logged", LIMIT, async || count("forbidden") >= 3).await;
    let blocked = judged(&cluster, &before, LogsGate::Block).await;
    let reported = judged(&cluster, &before, LogsGate::Report).await;
    let shown = logs(&["--benign"]);
    write_rules(&cluster, &rules).await;
    colleagues.delete_preview(&namespace).await;
    colleagues.preview_is_gone(&namespace).await;

    the_benign_burst_is_normal(&healthy);
    the_error_burst_is_told(&blocked, &reported);
    for said in [
        "  real     forbidden ",
        "why:   The service account may not do what the version needs",
        "to do: Compare the chart's roles with those in the cluster",
        "is forbidden: User \"system:serviceaccount:cert-manager:cert-manager\" cannot",
        "  benign   optimistic-locking ",
        "why:   Two writers met; the later one reads again and goes on",
    ] {
        assert!(shown.contains(said), "{said} is not in\n{shown}");
    }
}

/// Other tests have made it log what is looked for here; its log begins anew with its pod.
async fn new_controller(cluster: &Cluster) {
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), "cert-manager");
    let controllers = ListParams::default().labels("app.kubernetes.io/component=controller");
    let old = pods.list(&controllers).await.unwrap().items;
    for pod in &old {
        pods.delete(pod.metadata.name.as_deref().unwrap(), &DeleteParams::default()).await.unwrap();
    }
    let is_new = |pod: &Pod| {
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let ready =
            conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
        ready && old.iter().all(|old| old.metadata.uid != pod.metadata.uid)
    };
    let replaced = async || {
        let now = pods.list(&controllers).await.unwrap().items;
        !now.is_empty() && now.iter().all(is_new)
    };
    wait::until("a new controller runs", LIMIT, replaced).await;
}

fn the_benign_burst_is_normal(outcome: &GateOutcome) {
    let gate = report(outcome, "logs");
    let told = gate.facts.join("\n");
    assert_eq!(gate.verdict, Verdict::Passed, "{gate:#?}");
    assert!(gate.findings.iter().all(|finding| !finding.message.contains("optimistic")), "{gate:#?}");
    assert!(told.contains("optimistic-locking") && told.contains("Two writers met"), "{told}");
}

fn the_error_burst_is_told(blocked: &GateOutcome, reported: &GateOutcome) {
    let gate = report(blocked, "logs");
    let failed = gate.findings.iter().find(|finding| finding.verdict == Verdict::Failed);
    let failed = failed.unwrap_or_else(|| panic!("{blocked:#?}"));
    assert_eq!((failed.rule.as_str(), failed.cause), ("new-error", Cause::Release), "{failed:#?}");
    assert!(
        failed.message.starts_with("forbidden: ") && failed.message.contains("never before"),
        "{failed:#?}"
    );
    let told = report(reported, "logs");
    let remark = told.findings.iter().find(|finding| finding.rule == "new-error");
    assert_eq!(
        (told.verdict, remark.map(|remark| remark.verdict)),
        (Verdict::Passed, Some(Verdict::Passed)),
        "{told:#?}"
    );
}

/// What was there, with what was logged.
async fn observed(cluster: &Cluster) -> Baseline {
    let mut before = baseline(cluster).await;
    let unread = before.observe_logs(cluster, &subject(cluster, true).await).await;
    assert_eq!(unread, None);
    before
}

async fn judged(cluster: &Cluster, before: &Baseline, logs: LogsGate) -> GateOutcome {
    let settings = GateSettings { logs, timeout: Duration::from_mins(1), ..settings(0, &[]) };
    run(cluster, &subject(cluster, true).await, before, &settings, false, &Recorder::default()).await
}

/// What the program shows of the last minutes.
fn logs(more: &[&str]) -> String {
    let arguments = [&["logs", "--cluster", THIRD, "--from", "cluster", "--since", "5m"], more].concat();
    release(&config("logs.yaml", &[]), &arguments).expect(0).stdout
}

/// How often a rule is found in them.
fn count(rule: &str) -> u64 {
    let shown: Value = serde_json::from_str(&logs(&["--rule", rule, "--output", "json"])).unwrap();
    shown["clusters"][0]["groups"][0]["count"].as_u64().unwrap_or(0)
}

/// A colleague writes to Certificates while they are issued, until a controller has met them.
async fn benign_burst(colleagues: &Colleagues<'_>, namespace: &str) {
    let mut round = 0_u32;
    let met = async || {
        round += 1;
        for name in ["preview-a", "preview-b"] {
            let patch = json!({"metadata": {"annotations": {"round": round.to_string()}},
                "spec": {"dnsNames": [format!("{name}-{round}.example.com")]}});
            colleagues.patch("Certificate", namespace, name, &patch).await;
            let touch = json!({"metadata": {"annotations": {"touch": round.to_string()}}});
            for _ in 0..5 {
                colleagues.patch("Certificate", namespace, name, &touch).await;
            }
        }
        round.is_multiple_of(10) && count("optimistic-locking") > 0
    };
    wait::until("a controller has met another writer", LIMIT, met).await;
}

/// Takes the permission to write Secrets away; the rules of before.
async fn forbid_secrets(cluster: &Cluster) -> Vec<PolicyRule> {
    let roles = Api::<ClusterRole>::all(cluster.client.clone());
    let before = roles.get(ROLE).await.unwrap().rules.unwrap();
    let mut less = before.clone();
    let of_secrets = |rule: &&mut PolicyRule| rule.resources.iter().flatten().any(|name| name == "secrets");
    for rule in less.iter_mut().filter(of_secrets) {
        rule.verbs.retain(|verb| ["get", "list", "watch"].contains(&verb.as_str()));
    }
    assert_ne!(less, before);
    write_rules(cluster, &less).await;
    before
}

async fn write_rules(cluster: &Cluster, rules: &[PolicyRule]) {
    let api = Api::<ClusterRole>::all(cluster.client.clone());
    let patch = Patch::Merge(json!({"rules": rules}));
    api.patch(ROLE, &PatchParams::default(), &patch).await.unwrap();
}
