//! Workloads while somebody else is at work on them: an autoscaler, and a controller of Deployments that is slow.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use libtest_mimic::Trial;
use release::cluster::{Cluster, namespace};
use release::config::{Profile, ReleaseId};
use release::gate::{Baseline, GateOutcome, Verdict};
use serde_json::json;

use crate::gate::alone;
use crate::support::chart::chart;
use crate::support::gates::{self, Recorder, run, subject_of};
use crate::support::program::process;
use crate::support::{THIRD, fresh_release, trial, verbs, world};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("incidents::an_autoscaler_keeps_nothing_from_settling", an_autoscaler),
        trial("incidents::a_slow_controller_manager_is_waited_for", slow_manager),
    ]
}

fn web(version: &str) -> String {
    let pod = "{terminationGracePeriodSeconds: 0, containers: [{name: c, image: 'sandbox/sh:1', args: [-c, 'sleep 600']}]}";
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: web}}}}\n  \
         template: {{metadata: {{labels: {{app: web, version: {version:?}}}}}, spec: {pod}}}\n"
    )
}

/// It wants one pod more or less, again and again.
async fn scale(cluster: &Cluster, release: &ReleaseId) {
    let deployments = Api::<Deployment>::namespaced(cluster.client.clone(), &release.namespace);
    for replicas in (1..=3).cycle() {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        deployments.patch("web", &PatchParams::default(), &patch).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Upgrades, and judges that until the gates have settled; with an autoscaler at work from then on.
async fn settled(cluster: &Cluster, release: &ReleaseId, version: &str, recorder: &Recorder) -> GateOutcome {
    let before = Baseline::observe(cluster, release, Profile::Generic).await.unwrap();
    verbs::deploy(cluster, release, &chart(version, &[("web", &web(version))])).await.unwrap();
    let subject = subject_of(cluster, release, Profile::Generic, true).await;
    run(cluster, &subject, &before, &gates::settings(4, &[]), false, recorder).await
}

/// It begins when the gates judge, and is at work all the time in an upgrade.
async fn an_autoscaler() {
    let (cluster, release) = world().await;
    for (version, before) in [("1.0.0", false), ("2.0.0", true)] {
        let recorder = Recorder::default();
        let disturb = async {
            if !before {
                recorder.verdict(Instant::now(), "settle", Verdict::Waiting).await;
            }
            scale(&cluster, &release).await;
        };
        let outcome = tokio::select! {
            outcome = settled(&cluster, &release, version, &recorder) => outcome,
            () = disturb => unreachable!("it scales for ever"),
        };
        assert_eq!(outcome.verdict, Verdict::Passed, "{version}: {outcome:#?}");
        assert!(outcome.reports.iter().all(|report| report.seconds < 60.0), "{version}: {outcome:#?}");
    }
}

/// Until it has seen the new revision, nothing that it says is about that.
async fn slow_manager() {
    let (cluster, _alone) = alone().await;
    let release = fresh_release();
    namespace::ensure(&cluster, &release.namespace).await.unwrap();
    verbs::deploy(&cluster, &release, &chart("1.0.0", &[("web", &web("1.0.0"))])).await.unwrap();
    let before = Baseline::observe(&cluster, &release, Profile::Generic).await.unwrap();
    let manager = format!("{THIRD}/kube-controller-manager");
    process("freeze", &manager);
    verbs::deploy(&cluster, &release, &chart("2.0.0", &[("web", &web("2.0.0"))])).await.unwrap();
    let subject = subject_of(&cluster, &release, Profile::Generic, true).await;
    let (settings, recorder) = (gates::settings(1, &[]), Recorder::default());
    let thaw = async {
        let old = "is not observed yet";
        recorder
            .wait(Instant::now(), |change| change.gate == "workload" && change.message.contains(old))
            .await;
        process("thaw", &manager);
    };
    let (outcome, ()) = tokio::join!(run(&cluster, &subject, &before, &settings, false, &recorder), thaw);
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
}
