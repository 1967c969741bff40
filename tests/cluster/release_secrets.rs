//! Helm's records: what this program writes is read by real Helm 3 and 4, and the other way round.

use libtest_mimic::Trial;
use release::cluster::release_secrets::{history, mark_failed};
use release::helm::release::Status;

use crate::support::chart::{chart, config_map};
use crate::support::helm::{self, helm};
use crate::support::{trial, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "release_secrets::a_revision_marked_failed_reads_failed_in_real_helm",
        a_revision_marked_failed_reads_failed_in_real_helm,
    )]
}

async fn a_revision_marked_failed_reads_failed_in_real_helm() {
    let (cluster, release) = world().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.tgz");
    for (version, writer) in [("1.0.0", "HELM_3"), ("2.0.0", "HELM")] {
        let archive = chart(version, &[("map", &config_map("map", &[("version", version)]))]);
        std::fs::write(&path, archive.bytes()).unwrap();
        helm(writer, &release, &["upgrade", "--install", "app", path.to_str().unwrap()]);
    }
    let records = history(&cluster, &release).await.unwrap();
    let seen: Vec<_> = records
        .iter()
        .map(|record| (record.revision(), record.status(), record.chart_version().to_owned()))
        .collect();
    assert_eq!(
        seen,
        [(1, Status::Superseded, "1.0.0".to_owned()), (2, Status::Deployed, "2.0.0".to_owned())]
    );

    mark_failed(&cluster, &release, 2, "Gates failed: \"webhook\"").await.unwrap();
    let expected =
        ["1 superseded app-1.0.0 Install complete", "2 failed app-2.0.0 Gates failed: \"webhook\""];
    assert_eq!(helm::history("HELM", &release), expected);
    assert_eq!(helm::history("HELM_3", &release), expected);
    // The label, not the record, is what Helm looks deployed and failed releases up by.
    assert_eq!(helm("HELM", &release, &["list", "--failed", "-q"]), "app\n");
    assert_eq!(helm("HELM", &release, &["list", "--deployed", "-q"]), "");
    helm("HELM_3", &release, &["rollback", "app", "1"]);
    assert_eq!(helm::history("HELM", &release)[2], "3 deployed app-1.0.0 Rollback to 1");
}
