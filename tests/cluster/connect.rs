//! Who are we, and what may we do? Against a real API server.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;
use release::cluster::access::{self, Access};
use release::cluster::discovery::{self, Kinds};
use release::cluster::journal::{self, JournalVersion, JournalWriteError};
use release::cluster::{Cluster, client};
use release::config::KubeTarget;
use release::helm::manifest;
use serde_json::{Value, json};

use crate::support::chart::config_map;
use crate::support::{FIRST, SECOND, cluster, fresh_release, kubeconfig, target, told, trial, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "connect::a_context_that_leads_elsewhere_is_refused",
            a_context_that_leads_elsewhere_is_refused,
        ),
        trial(
            "connect::an_exec_plugin_is_asked_again_before_its_token_expires",
            an_exec_plugin_is_asked_again_before_its_token_expires,
        ),
        trial("connect::a_token_that_nobody_knows_is_told", a_token_that_nobody_knows_is_told),
        trial(
            "connect::a_certificate_of_another_authority_is_a_tls_problem",
            a_certificate_of_another_authority_is_a_tls_problem,
        ),
        trial("connect::what_a_viewer_lacks_is_named", what_a_viewer_lacks_is_named),
        trial(
            "connect::a_forbidden_write_names_verb_and_resource",
            a_forbidden_write_names_verb_and_resource,
        ),
        trial(
            "connect::version_and_kinds_are_those_of_the_server",
            version_and_kinds_are_those_of_the_server,
        ),
        trial("connect::the_journal_reads_back", the_journal_reads_back),
    ]
}

async fn a_context_that_leads_elsewhere_is_refused() {
    let (first, second) = (cluster(FIRST).await, cluster(SECOND).await);
    let pinned = KubeTarget { context: FIRST.into(), server: Some(second.server.clone()) };
    let told = told(client::connect(FIRST, &pinned).await.unwrap_err());
    assert!(
        told.contains(&format!("leads to {}, but `release.yaml` says {}", first.server, second.server)),
        "{told}"
    );
}

/// The kubeconfig of the sandbox after a change, and what comes of it.
async fn connect_with(directory: &Path, change: impl FnOnce(&mut Value)) -> Result<Cluster, String> {
    let mut config = kubeconfig::read();
    change(&mut config);
    let path = kubeconfig::write(directory, &config);
    client::connect_from(vec![path], FIRST, &target(FIRST)).await.map_err(told)
}

async fn an_exec_plugin_is_asked_again_before_its_token_expires() {
    let directory = tempfile::tempdir().unwrap();
    let (plugin, calls) = (directory.path().join("plugin"), directory.path().join("calls"));
    let cluster = connect_with(directory.path(), |config| {
        let user = kubeconfig::entry(config, "users", FIRST);
        let token = user["token"].as_str().unwrap().to_owned();
        let script = format!(
            "#!/bin/sh\necho call >> {}\nexpires=$(date -u -d '+62 seconds' +%Y-%m-%dT%H:%M:%SZ)\necho '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"{token}\",\"expirationTimestamp\":\"'$expires'\"}}}}'\n",
            calls.display()
        );
        std::fs::write(&plugin, script).unwrap();
        std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
        *user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": plugin}});
    });
    let cluster = cluster.await.unwrap();
    let asked = || std::fs::read_to_string(&calls).unwrap().lines().count();
    assert_eq!(asked(), 1);
    tokio::time::sleep(Duration::from_secs(4)).await;
    discovery::version(&cluster).await.unwrap();
    assert_eq!(asked(), 2, "a token of an EKS cluster lasts shorter than a long gate");
}

async fn a_token_that_nobody_knows_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let told = connect_with(directory.path(), |config| {
        *kubeconfig::entry(config, "users", FIRST) = json!({"token": "wrong"});
    })
    .await
    .unwrap_err();
    assert!(told.contains("does not accept the credentials of the kubeconfig (401)"), "{told}");
}

async fn a_certificate_of_another_authority_is_a_tls_problem() {
    let directory = tempfile::tempdir().unwrap();
    let told = connect_with(directory.path(), |config| {
        let other = kubeconfig::entry(config, "clusters", SECOND)["certificate-authority-data"].clone();
        kubeconfig::entry(config, "clusters", FIRST)["certificate-authority-data"] = other;
    });
    let told = told.await.unwrap_err();
    assert!(told.contains("TLS with the API server failed: invalid peer certificate"), "{told}");
}

async fn what_a_viewer_lacks_is_named() {
    let viewer = client::connect(FIRST, &target(&format!("{FIRST}-viewer"))).await.unwrap();
    let release = fresh_release();
    let wanted = [
        Access::new("get", "", "configmaps", Some(&release.namespace)),
        Access::new("create", "coordination.k8s.io", "leases", Some(&release.namespace)),
        Access::new("patch", "apps", "deployments", Some(&release.namespace)),
    ];
    let missing: Vec<String> =
        access::missing(&viewer, &wanted).await.unwrap().iter().map(ToString::to_string).collect();
    let namespace = &release.namespace;
    let expected = [
        format!("create leases.coordination.k8s.io in namespace {namespace}"),
        format!("patch deployments.apps in namespace {namespace}"),
    ];
    assert_eq!(missing, expected);
    let admin = cluster(FIRST).await;
    assert_eq!(access::missing(&admin, &wanted).await.unwrap(), []);
}

async fn a_forbidden_write_names_verb_and_resource() {
    let (_, release) = world().await;
    let viewer = client::connect(FIRST, &target(&format!("{FIRST}-viewer"))).await.unwrap();
    let told = told(journal::write(&viewer, &release, "{}", &JournalVersion::default()).await.unwrap_err());
    assert!(
        told.starts_with(&format!(
            "write the journal, ConfigMap {}/release.app (cluster `{FIRST}`)\nno permission: ",
            release.namespace
        )),
        "{told}"
    );
    assert!(told.contains("cannot create resource \"configmaps\""), "{told}");
}

async fn version_and_kinds_are_those_of_the_server() {
    let cluster = cluster(FIRST).await;
    assert!(discovery::version(&cluster).await.unwrap().starts_with("v1."));
    let kinds = Kinds::load(&cluster).await.unwrap();
    let manifest = format!(
        "---\n{}---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: x}}\n---\napiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {{name: x}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: x}}\n",
        config_map("x", &[])
    );
    let objects = manifest::split(&manifest).unwrap();
    assert_eq!(
        objects.iter().map(|object| kinds.is_served(object)).collect::<Vec<_>>(),
        [true, true, false, true]
    );
    assert_eq!(kinds.versions_of("Ingress"), ["networking.k8s.io/v1"]);
    let keys: Vec<String> = objects.iter().map(|object| kinds.key(object, "ns").to_string()).collect();
    assert_eq!(keys, ["ConfigMap ns/x", "Certificate ns/x", "Ingress x", "Namespace x"]);
}

async fn the_journal_reads_back() {
    let (cluster, release) = world().await;
    let mut version = journal::read(&cluster, &release).await.unwrap().version;
    assert_eq!(version, JournalVersion::default());
    for text in ["{\"a\": 1}", "{\"b\": 2}"] {
        let before = version;
        version = journal::write(&cluster, &release, text, &before).await.unwrap();
        assert_eq!(journal::read(&cluster, &release).await.unwrap().text.as_deref(), Some(text));
        let late = journal::write(&cluster, &release, "late", &before).await.unwrap_err();
        assert!(matches!(late, JournalWriteError::Moved(_)), "{late}");
    }
    let long = "x".repeat(1_048_576);
    let told = told(journal::write(&cluster, &release, &long, &version).await.unwrap_err());
    assert!(told.contains("are more than a ConfigMap holds"), "{told}");
}
