//! Twenty upgrades in a row on a cluster that others work on: none is called a failure for what they do, and a real
//! fault in the middle of it is found.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, PostParams};
use libtest_mimic::Trial;
use release::cluster::Cluster;
use serde_json::json;

use crate::gate::{alone, quiet};
use crate::support::colleagues::{Colleagues, cluster_issuer};
use crate::support::fleet::signal;
use crate::support::program::{self, finish, process, start};
use crate::support::{THIRD, cert_manager, trial, wait};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("noise::twenty_upgrades_in_a_row_are_proven_and_a_real_fault_is_found", twenty_upgrades)]
}

const UPGRADES: u32 = 20;
const DIGESTS: &str = "images-by-digest";
const PREVIEW: &str = "preview-upgrades";
const GHOST: &str = "ghost";
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

async fn twenty_upgrades() {
    let (cluster, _alone) = alone().await;
    let colleagues = Colleagues { cluster: &cluster };
    pin_images(&cluster).await;
    quiet(&cluster).await;
    for number in 0..UPGRADES {
        let real = number == UPGRADES / 2;
        prepare(&colleagues, number).await;
        let revision = cert_manager::newest_revision(&cluster).await + 1;
        let run = start(&release_yaml(number), &["--cluster", THIRD, "--on-failure", "halt"]);
        cert_manager::wait_for_revision(&cluster, revision).await;
        disturb(&colleagues, number).await;
        if real {
            // The run ends with the first failure that it sees: it wakes up to both.
            signal(&run, "STOP");
            let failures = ["search", "metrics"].map(|name| colleagues.failure(name, Some(LONG_AGO)));
            futures::future::join_all(failures).await;
            signal(&run, "CONT");
        }
        let ran = finish(run);
        if real {
            colleagues.failure("search", None).await;
            colleagues.failure("metrics", None).await;
            let ran = ran.expect(4);
            assert!(ran.stdout.contains("certificates of several issuers fail alike"), "{}", ran.stdout);
        } else {
            ran.expect(0);
        }
        settle(&colleagues, number).await;
    }
    assert!(pinned(&cluster).await > 0, "the policy was in force");
    unpin_images(&cluster).await;
}

/// By which the third cluster is upgraded once more.
fn release_yaml(number: u32) -> PathBuf {
    // An API server that is killed needs the time.
    let settle = if number % 5 == 4 { "settle: 5s" } else { "settle: 2s" };
    program::upgrading(THIRD, &format!("upgrade-{number}"), settle)
}

/// What is there before the baseline is taken.
async fn prepare(colleagues: &Colleagues<'_>, number: u32) {
    if number % 5 == 2 {
        colleagues.preview(PREVIEW).await;
        quiet(colleagues.cluster).await;
    }
}

/// While the gates judge.
async fn disturb(colleagues: &Colleagues<'_>, number: u32) {
    match number % 5 {
        0 => {
            let names = [format!("shop-{number}.example.com"), "shop.demo.example.com".to_owned()];
            let edit = json!({"spec": {"dnsNames": names}});
            colleagues.patch("Certificate", "demo", "shop", &edit).await;
            ghost(colleagues.cluster).await;
        }
        1 => {
            let secrets = Api::<k8s_openapi::api::core::v1::Secret>::namespaced(
                colleagues.cluster.client.clone(),
                "demo",
            );
            secrets.delete("search-tls", &DeleteParams::default()).await.unwrap();
            let nodes = Api::<Node>::all(colleagues.cluster.client.clone());
            nodes.delete(GHOST, &DeleteParams::default()).await.unwrap();
        }
        2 => colleagues.delete_preview(PREVIEW).await,
        3 => {
            colleagues.certificate("demo", "hangs", &cluster_issuer("nobody")).await;
            colleagues.denied().await;
        }
        _ => {
            canary_is_created(colleagues).await;
            let server = format!("{THIRD}/kube-apiserver");
            process("kill", &server);
            process("start", &server);
        }
    }
}

/// It is being issued now. cert-manager itself mixes up private keys when the API server is killed meanwhile.
async fn canary_is_created(colleagues: &Colleagues<'_>) {
    let certificates = colleagues.api("Certificate", "cert-manager");
    let is_canary = |certificate: &DynamicObject| {
        certificate.metadata.name.as_ref().is_some_and(|name| name.starts_with("release-canary"))
    };
    let created =
        async || certificates.list(&ListParams::default()).await.unwrap().items.iter().any(is_canary);
    wait::until("the canary is created", Duration::from_mins(1), created).await;
}

/// What would be in the way of the next upgrade's noise.
async fn settle(colleagues: &Colleagues<'_>, number: u32) {
    match number % 5 {
        2 => colleagues.preview_is_gone(PREVIEW).await,
        4 => {
            colleagues.delete("Certificate", "demo", &["hangs"]).await;
            colleagues.no_more_denied().await;
        }
        _ => {}
    }
    quiet(colleagues.cluster).await;
}

/// A node that nothing runs on, and that will vanish.
async fn ghost(cluster: &Cluster) {
    let node = json!({"metadata": {"name": GHOST}, "spec": {"unschedulable": true}});
    let nodes = Api::<Node>::all(cluster.client.clone());
    nodes.create(&PostParams::default(), &serde_json::from_value(node).unwrap()).await.unwrap();
}

fn policies(cluster: &Cluster, kind: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
    Api::all_with(cluster.client.clone(), &ApiResource::from_gvk(&kind))
}

const POLICY: &str = "MutatingAdmissionPolicy";
const BINDING: &str = "MutatingAdmissionPolicyBinding";

/// As policy engines do: every image of a new pod gets its digest.
async fn pin_images(cluster: &Cluster) {
    let digest = format!("'@sha256:{}'", "0".repeat(64));
    let patch = format!(
        "[JSONPatch{{op: 'replace', path: '/spec/containers/0/image', value: object.spec.containers[0].image + {digest}}}]"
    );
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": POLICY, "metadata": {"name": DIGESTS},
        "spec": {
            "failurePolicy": "Ignore", "reinvocationPolicy": "Never",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "cert-manager"}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            },
            "matchConditions": [{"name": "bare", "expression": "!object.spec.containers[0].image.contains('@')"}],
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": BINDING, "metadata": {"name": DIGESTS},
        "spec": {"policyName": DIGESTS},
    });
    for (kind, object) in [(POLICY, policy), (BINDING, binding)] {
        let object = serde_json::from_value(object).unwrap();
        policies(cluster, kind).create(&PostParams::default(), &object).await.unwrap();
    }
}

async fn unpin_images(cluster: &Cluster) {
    for kind in [BINDING, POLICY] {
        policies(cluster, kind).delete(DIGESTS, &DeleteParams::default()).await.unwrap();
    }
}

/// How many pods of cert-manager have an image with a digest.
async fn pinned(cluster: &Cluster) -> usize {
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), "cert-manager");
    let pods = pods.list(&ListParams::default()).await.unwrap();
    let images = pods.iter().filter_map(|pod| pod.spec.as_ref()?.containers[0].image.clone());
    images.filter(|image| image.contains("@sha256:")).count()
}
