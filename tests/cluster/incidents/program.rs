//! Incidents through the whole program: what it does about them.

use std::process::Child;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use libtest_mimic::Trial;
use release::cluster::Cluster;
use serde_json::json;

use super::stage::Stage;
use crate::gate::{alone, quiet};
use crate::support::fleet::signal;
use crate::support::program::{finish, release, start, upgrading};
use crate::support::{THIRD, cert_manager, trial};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("incidents::an_issuance_that_fails_is_rolled_back_to_a_cluster_that_passes", taken_back),
        trial("incidents::a_mass_reissue_halts_and_stops_the_controller", stopped),
    ]
}

/// Starts the upgrade, and waits until its revision is written: this one.
async fn upgrade(cluster: &Cluster, config: &std::path::Path) -> (Child, u32) {
    let revision = cert_manager::newest_revision(cluster).await + 1;
    let run = start(config, &["--cluster", THIRD, "--on-failure", "rollback"]);
    cert_manager::wait_for_revision(cluster, revision).await;
    (run, revision)
}

/// How many revisions were written after this one, and the newest two of the history.
async fn written_since(cluster: &Cluster, revision: u32) -> (u32, Vec<String>) {
    let since = cert_manager::newest_revision(cluster).await - revision;
    let history = cert_manager::history(cluster).await;
    (since, history[history.len().saturating_sub(2)..].to_vec())
}

/// What the new version did to Certificates stays after the rollback, and is not held against the old one.
async fn taken_back() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let before = cert_manager::history(&cluster).await;
    let (run, revision) = upgrade(&cluster, &upgrading(THIRD, "fails", "settle: 5s")).await;
    let stage = Stage::of(&cluster);
    // The run ends with the first failure that it sees: it wakes up to both.
    signal(&run, "STOP");
    stage.happen("several-fail").await;
    signal(&run, "CONT");
    let ran = finish(run);
    stage.undo("several-fail").await;
    let ran = ran.expect(3);
    assert!(ran.stdout.contains("certificates of several issuers fail alike"), "{}", ran.stdout);
    let (since, newest) = written_since(&cluster, revision).await;
    let kept = before.last().unwrap().rsplit(' ').next().unwrap();
    assert_eq!(since, 1, "{newest:?}");
    assert!(newest[0].contains(" failed ") && newest[1].ends_with(&format!("deployed {kept}")), "{newest:?}");
}

/// A rollback is wished, and would only issue everything once more.
async fn stopped() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let config = upgrading(THIRD, "reissues", "settle: 15s\n      on-reissue: stop-controller");
    let (run, revision) = upgrade(&cluster, &config).await;
    Stage::of(&cluster).happen("read-differently").await;
    let ran = finish(run);
    let deployments = Api::<Deployment>::namespaced(cluster.client.clone(), "cert-manager");
    let replicas = deployments.get("cert-manager").await.unwrap().spec.replicas;
    let patch = Patch::Merge(json!({"spec": {"replicas": 1}}));
    deployments.patch("cert-manager", &PatchParams::apply("kubectl-scale"), &patch).await.unwrap();
    quiet(&cluster).await;
    let ran = ran.expect(4);
    assert!(ran.stderr.contains("Deployment cert-manager/cert-manager is scaled to 0"), "{}", ran.stderr);
    assert!(ran.stdout.contains("a rollback would issue everything a second time"), "{}", ran.stdout);
    assert_eq!(replicas, Some(0));
    assert_eq!(written_since(&cluster, revision).await.0, 0, "no rollback");
    // The other tests find the version that was there, and the field that was taken is given back.
    release(&config, &["rollback", "--cluster", THIRD, "--force-conflicts"]).expect(0);
}
