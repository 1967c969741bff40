//! Every object of a manifest is judged, of whatever kind, and what was not ready before the upgrade is no news.

use std::time::Duration;

use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::config::{GateSettings, Profile, ReleaseId};
use release::gate::{Baseline, Cause, Finding, GateOutcome, HealthRules, Verdict};

use crate::support::chart::{chart, config_map, job};
use crate::support::gates::{self, Recorder, report, run, subject_of};
use crate::support::{trial, verbs, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("promised::every_object_of_the_manifest_is_judged", every_object)]
}

fn claim(class: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: claim}}\nspec: {{storageClassName: {class}, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}\n"
    )
}

/// Its rules match nothing, so that it is in nobody's way.
fn webhook(name: &str) -> String {
    format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: {name}}}\nwebhooks:\n- name: w.example.com\n  admissionReviewVersions: [v1]\n  sideEffects: None\n  clientConfig: {{service: {{name: w, namespace: default}}}}\n  rules: []\n"
    )
}

/// Upgrades, and lets the gates judge against what was before.
async fn upgraded(
    cluster: &Cluster,
    release: &ReleaseId,
    version: &str,
    templates: &[(&str, &str)],
) -> GateOutcome {
    let settings = GateSettings { timeout: Duration::from_secs(12), ..gates::settings(1, &[]) };
    let before = baseline(cluster, release, &settings).await;
    verbs::deploy(cluster, release, &chart(version, templates)).await.unwrap();
    let subject = subject_of(cluster, release, Profile::Generic, true).await;
    run(cluster, &subject, &before, &settings, true, &Recorder::default()).await
}

async fn baseline(cluster: &Cluster, release: &ReleaseId, settings: &GateSettings) -> Baseline {
    let mut baseline = Baseline::observe(cluster, release, Profile::Generic).await.unwrap();
    if !release::cluster::release_secrets::history(cluster, release).await.unwrap().is_empty() {
        let subject = subject_of(cluster, release, Profile::Generic, true).await;
        HealthRules::of(&subject, settings).observe(cluster, &mut baseline).await.unwrap();
    }
    baseline
}

/// Names and texts.
type Templates<'t> = Vec<(&'t str, &'t str)>;

fn said<'o>(outcome: &'o GateOutcome, rule: &str) -> Option<&'o Finding> {
    report(outcome, "objects").findings.iter().find(|finding| finding.rule == rule)
}

async fn every_object() {
    let (cluster, release) = world().await;
    let own = &release.namespace;
    let (good, bad) = (job("good", "exit 0"), job("bad", "exit 1"));
    let brief =
        job("brief", "exit 0").replace("backoffLimit: 0", "backoffLimit: 0\n  ttlSecondsAfterFinished: 0");
    let other = config_map("other", &[("a", "b")]);
    let late = format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: late-{own}}}\nprovisioner: nobody.example.com\nvolumeBindingMode: WaitForFirstConsumer\n"
    );
    let (nowhere, waiting) = (claim("none"), claim(&format!("late-{own}")));
    let hangs = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: hangs}\nspec: {secretName: hangs, dnsNames: [hangs.example.com], issuerRef: {kind: ClusterIssuer, name: nobody}}\n";
    let uncertain = webhook(own);
    let good = ("good", good.as_str());
    let table: [(&str, Templates<'_>, &str, bool); 9] = [
        ("1.0.0", vec![good], "", true),
        ("2.0.0", vec![good, ("bad", &bad)], "failed", false),
        ("3.0.0", vec![good, ("bad", &bad), ("other", &other)], "failed", true),
        ("4.0.0", vec![good, ("claim", &nowhere)], "not-ready", false),
        ("5.0.0", vec![good], "", true),
        ("6.0.0", vec![good, ("late", &late), ("claim", &waiting)], "first-consumer", true),
        ("7.0.0", vec![good, ("brief", &brief)], "", true),
        ("8.0.0", vec![good, ("webhook", &uncertain)], "not-ready", false),
        ("9.0.0", vec![good, ("hangs", hangs)], "not-ready", false),
    ];
    for (version, templates, rule, passes) in table {
        let outcome = upgraded(&cluster, &release, version, &templates).await;
        let expected = if passes { Verdict::Passed } else { Verdict::Failed };
        assert_eq!(outcome.verdict, expected, "{version}: {outcome:#?}");
        assert!(rule.is_empty() || said(&outcome, rule).is_some(), "{version}: {outcome:#?}");
        // Why a Job gives up or a claim is not bound may lie anywhere.
        let cause = outcome.first_cause.as_ref().map_or(Cause::Unknown, |finding| finding.cause);
        assert_eq!(cause, Cause::Unknown, "{version}: {outcome:#?}");
    }
    // Nothing is left that others would see hang.
    verbs::deploy(&cluster, &release, &chart("10.0.0", &[good])).await.unwrap();
}
