//! Helm's records: what this program writes is read by real Helm 3 and 4, and the other way round.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use libtest_mimic::Trial;
use release::cluster::release_secrets::{history, mark_failed, stored_revisions};
use release::cluster::{Cluster, authorship};
use release::config::ReleaseId;
use release::helm::release::{Release, Status};
use serde_json::json;

use crate::support::chart::{chart, config_map};
use crate::support::helm::{self, helm};
use crate::support::helms::{ChartFolder, Helm};
use crate::support::{self, trial, verbs, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "release_secrets::a_revision_marked_failed_reads_failed_in_real_helm",
            a_revision_marked_failed_reads_failed_in_real_helm,
        ),
        trial(
            "release_secrets::both_helms_keep_the_signature_and_never_sign",
            both_helms_keep_the_signature_and_never_sign,
        ),
        trial(
            "release_secrets::an_old_record_that_cannot_be_read_stops_nothing",
            an_old_record_that_cannot_be_read_stops_nothing,
        ),
        trial(
            "release_secrets::a_newest_record_that_cannot_be_read_is_named",
            a_newest_record_that_cannot_be_read_is_named,
        ),
        trial(
            "release_secrets::a_release_that_is_kept_in_config_maps_is_no_first_install",
            a_release_that_is_kept_in_config_maps_is_no_first_install,
        ),
        trial(
            "release_secrets::the_target_of_a_rollback_is_not_pruned",
            the_target_of_a_rollback_is_not_pruned,
        ),
    ]
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

/// `revision author status` of everything that is stored.
async fn authors(cluster: &Cluster, release: &ReleaseId) -> Vec<String> {
    let history = history(cluster, release).await.unwrap();
    let line = |record: &Release| {
        let author = authorship::author(record).unwrap_or("nobody");
        format!("{} {author} {}", record.revision(), record.status())
    };
    history.iter().map(line).collect()
}

async fn both_helms_keep_the_signature_and_never_sign() {
    for theirs in [Helm::Three, Helm::Four] {
        let (cluster, release) = world().await;
        let folder =
            ChartFolder::new("2.0.0", &[("templates/a.yaml", config_map("a", &[("k", "2")]).as_bytes())]);
        let archive = chart("1.0.0", &[("a", &config_map("a", &[("k", "1")]))]);
        verbs::deploy(&cluster, &release, &archive).await.unwrap();
        theirs.ok(&release, &["upgrade", "app", &folder.path()]);
        assert_eq!(
            authors(&cluster, &release).await,
            ["1 test superseded", "2 nobody deployed"],
            "{theirs:?}"
        );
        theirs.ok(&release, &["rollback", "app", "1"]);
        verbs::deploy(&cluster, &release, &archive).await.unwrap();
        theirs.ok(&release, &["uninstall", "app", "--keep-history"]);
        let expected =
            ["1 test superseded", "2 nobody superseded", "3 nobody superseded", "4 test uninstalled"];
        assert_eq!(authors(&cluster, &release).await, expected, "{theirs:?}");
    }
}

/// Spoils a stored record.
async fn spoil(cluster: &Cluster, release: &ReleaseId, revision: u32) {
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), &release.namespace);
    let patch = Patch::Merge(json!({"stringData": {"release": "no record"}}));
    let name = format!("sh.helm.release.v1.app.v{revision}");
    api.patch(&name, &PatchParams::default(), &patch).await.unwrap();
}

fn folder() -> ChartFolder {
    ChartFolder::new("1.0.0", &[("templates/a.yaml", config_map("a", &[]).as_bytes())])
}

async fn an_old_record_that_cannot_be_read_stops_nothing() {
    let (cluster, release) = world().await;
    let folder = folder();
    Helm::Four.ok(&release, &["install", "app", &folder.path()]);
    Helm::Four.ok(&release, &["upgrade", "app", &folder.path()]);
    Helm::Four.ok(&release, &["upgrade", "app", &folder.path()]);
    spoil(&cluster, &release, 1).await;
    for args in [vec!["upgrade", "app", &folder.path()], vec!["rollback", "app", "2"]] {
        let ran = Helm::Ours.run(&release, &args).expect(0);
        let told = format!("Secret {}/sh.helm.release.v1.app.v1 is passed over", release.namespace);
        assert_eq!(ran.stderr.matches(&told).count(), 1, "{}", ran.stderr);
    }
    Helm::Ours.ok(&release, &["uninstall", "app"]);
    assert_eq!(stored_revisions(&cluster, &release).await.unwrap(), Vec::<u32>::new());
}

async fn a_newest_record_that_cannot_be_read_is_named() {
    let (cluster, release) = world().await;
    let folder = folder();
    Helm::Four.ok(&release, &["install", "app", &folder.path()]);
    Helm::Four.ok(&release, &["upgrade", "app", &folder.path()]);
    spoil(&cluster, &release, 2).await;
    let told = Helm::Ours.refused(&release, &["upgrade", "app", &folder.path()]);
    let (namespace, name) = (&release.namespace, "sh.helm.release.v1.app.v2");
    assert!(
        told.contains(&format!("the newest record, Secret {namespace}/{name}, cannot be read: ")),
        "{told}"
    );
    assert!(told.contains(&format!("`kubectl delete secret {name} --namespace {namespace}`")), "{told}");
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    secrets.delete(name, &DeleteParams::default()).await.unwrap();
    Helm::Ours.ok(&release, &["rollback", "app", "1"]);
}

async fn a_release_that_is_kept_in_config_maps_is_no_first_install() {
    let (cluster, release) = world().await;
    let folder = folder();
    let install = Helm::Four
        .command(&release, &["install", "app", &folder.path()])
        .env("HELM_DRIVER", "configmap")
        .output()
        .unwrap();
    assert!(install.status.success());
    let told = "release app is kept in ConfigMaps (sh.helm.release.v1.app.v1), and only releases in Secrets";
    for args in [
        vec!["upgrade", "--install", "app", &folder.path()],
        vec!["install", "app", &folder.path()],
        vec!["uninstall", "app", "--ignore-not-found"],
    ] {
        let refused = Helm::Ours.refused(&release, &args);
        assert!(refused.contains(told), "{args:?}: {refused}");
    }
    let archive = chart("1.0.0", &[("a", &config_map("a", &[]))]);
    let target = verbs::target(&archive, &[]);
    let refused = support::told(verbs::render(&cluster, &release, &target).await.unwrap_err());
    assert!(refused.contains(told), "a fleet run, too: {refused}");
}

async fn the_target_of_a_rollback_is_not_pruned() {
    let (cluster, release) = world().await;
    let folder = folder();
    let ours = |args: &[&str]| {
        let ran = Helm::Ours.command(&release, args).env("HELM_MAX_HISTORY", "3").output().unwrap();
        assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    };
    ours(&["install", "app", &folder.path()]);
    ours(&["upgrade", "app", &folder.path()]);
    ours(&["upgrade", "app", &folder.path()]);
    ours(&["rollback", "app", "1"]);
    assert_eq!(stored_revisions(&cluster, &release).await.unwrap(), [1, 3, 4]);
    let path = folder.path();
    ours(&["upgrade", "app", &path, "--history-max", "2"]);
    assert_eq!(stored_revisions(&cluster, &release).await.unwrap(), [4, 5]);
}
