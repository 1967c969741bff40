//! Who are we, and what may we do? Against a real API server.

use libtest_mimic::Trial;
use release::cluster::access::{self, Access};
use release::cluster::discovery::{self, Kinds};
use release::cluster::{client, journal};
use release::config::KubeTarget;
use release::helm::manifest;

use crate::support::chart::config_map;
use crate::support::{FIRST, SECOND, cluster, fresh_release, target, told, trial, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("connect::a_context_that_leads_elsewhere_is_refused", a_context_that_leads_elsewhere_is_refused),
        trial("connect::what_a_viewer_lacks_is_named", what_a_viewer_lacks_is_named),
        trial("connect::a_forbidden_write_names_verb_and_resource", a_forbidden_write_names_verb_and_resource),
        trial("connect::version_and_kinds_are_those_of_the_server", version_and_kinds_are_those_of_the_server),
        trial("connect::the_journal_reads_back", the_journal_reads_back),
    ]
}

async fn a_context_that_leads_elsewhere_is_refused() {
    let (first, second) = (cluster(FIRST).await, cluster(SECOND).await);
    let pinned = KubeTarget { context: FIRST.into(), server: Some(second.server.clone()) };
    let told = told(client::connect(FIRST, &pinned).await.unwrap_err());
    assert!(told.contains(&format!("leads to {}, but `release.yaml` says {}", first.server, second.server)), "{told}");
}

async fn what_a_viewer_lacks_is_named() {
    let viewer = client::connect(FIRST, &target(&format!("{FIRST}-viewer"))).await.unwrap();
    let release = fresh_release();
    let wanted = [
        Access::new("get", "", "configmaps", Some(&release.namespace)),
        Access::new("create", "coordination.k8s.io", "leases", Some(&release.namespace)),
        Access::new("patch", "apps", "deployments", Some(&release.namespace)),
    ];
    let missing: Vec<String> = access::missing(&viewer, &wanted).await.unwrap().iter().map(ToString::to_string).collect();
    let namespace = &release.namespace;
    let expected =
        [format!("create leases.coordination.k8s.io in namespace {namespace}"), format!("patch deployments.apps in namespace {namespace}")];
    assert_eq!(missing, expected);
    let admin = cluster(FIRST).await;
    assert_eq!(access::missing(&admin, &wanted).await.unwrap(), []);
}

async fn a_forbidden_write_names_verb_and_resource() {
    let (_, release) = world().await;
    let viewer = client::connect(FIRST, &target(&format!("{FIRST}-viewer"))).await.unwrap();
    let told = told(journal::write(&viewer, &release, "{}").await.unwrap_err());
    assert!(
        told.starts_with(&format!("write the journal, ConfigMap {}/release.app (cluster `{FIRST}`)\nno permission: ", release.namespace)),
        "{told}"
    );
    assert!(told.contains("cannot patch resource \"configmaps\""), "{told}");
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
    assert_eq!(kinds.unserved(&objects), ["extensions/v1beta1 Ingress"]);
    let keys: Vec<String> = objects.iter().map(|object| kinds.key(object, "ns").to_string()).collect();
    assert_eq!(keys, ["ConfigMap ns/x", "Certificate ns/x", "Ingress x", "Namespace x"]);
}

async fn the_journal_reads_back() {
    let (cluster, release) = world().await;
    assert_eq!(journal::read(&cluster, &release).await.unwrap(), None);
    for text in ["{\"a\": 1}", "{\"b\": 2}"] {
        journal::write(&cluster, &release, text).await.unwrap();
        assert_eq!(journal::read(&cluster, &release).await.unwrap().as_deref(), Some(text));
    }
    let told = told(journal::write(&cluster, &release, &"x".repeat(1_048_576)).await.unwrap_err());
    assert!(told.contains("are more than a ConfigMap holds"), "{told}");
}
