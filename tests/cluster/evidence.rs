//! What a failure leaves behind: logs and events, from real pods.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, PostParams};
use libtest_mimic::Trial;
use release::cluster::logs::{self, LogSpan};
use release::cluster::{Cluster, events};
use release::evidence::capture::{self, Scope};
use release::evidence::run_directory::RunDirectory;
use release::helm::manifest::Object;
use serde_json::json;

use crate::support::{FIRST, cluster, trial, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("evidence::the_last_lines_of_a_running_pod_are_read", the_last_lines_of_a_running_pod_are_read),
        trial(
            "evidence::a_pod_that_cannot_start_has_events_and_no_log",
            a_pod_that_cannot_start_has_events_and_no_log,
        ),
        trial("evidence::only_the_release_s_own_pods_are_kept", only_the_release_s_own_pods_are_kept),
    ]
}

async fn any_log(cluster: &Cluster) -> Option<logs::Log> {
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), "cert-manager");
    let pods =
        api.list(&ListParams::default().labels("app.kubernetes.io/component=controller")).await.unwrap();
    let mut found = Vec::new();
    for pod in &pods.items {
        found.extend(logs::of_pod(cluster, pod, LogSpan::last(3)).await.into_iter().flatten());
    }
    found.into_iter().find(|log| !log.previous)
}

async fn the_last_lines_of_a_running_pod_are_read() {
    let cluster = cluster(FIRST).await;
    // Another test may replace the pods at this very moment.
    for _ in 0..60 {
        if let Some(log) = any_log(&cluster).await.filter(|log| log.text.lines().count() == 3) {
            return assert!(log.container.starts_with("cert-manager"), "{}", log.container);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("no controller of cert-manager said three lines");
}

async fn a_pod_that_cannot_start_has_events_and_no_log() {
    let (cluster, release) = world().await;
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &release.namespace);
    let pod = json!({"metadata": {"name": "p"}, "spec": {"automountServiceAccountToken": false, "containers": [{"name": "c", "image": "example.com/nothing:1"}]}});
    api.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    for _ in 0..30 {
        let seen = events::about(&cluster, "Pod", Some(&release.namespace), "p").await.unwrap();
        if seen.iter().any(|event| event.kind == "Warning" && event.message.contains("example.com/nothing:1"))
        {
            assert!(seen.iter().any(|event| event.reason == "Scheduled" && event.at.is_some()), "{seen:?}");
            assert!(seen.is_sorted_by_key(|event| event.at), "{seen:?}");
            assert_eq!(logs::of_pod(&cluster, &api.get("p").await.unwrap(), LogSpan::last(3)).await.len(), 0);
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("no warning: {:?}", events::about(&cluster, "Pod", Some(&release.namespace), "p").await.unwrap());
}

/// A pod whose image does not exist, with a literal value in its environment.
fn broken() -> serde_json::Value {
    json!({"automountServiceAccountToken": false, "restartPolicy": "Never", "containers": [{"name": "c", "image": "example.com/nothing:1",
        "env": [{"name": "A", "value": "hunter2"}]}]})
}

/// A Job and a Pod of the release, and a Pod of somebody else beside them.
async fn only_the_release_s_own_pods_are_kept() {
    let (cluster, release) = world().await;
    let namespace = &release.namespace;
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let pod =
        |name: &str| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": broken()});
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}, "spec": {"template": {"spec": broken()}}});
    for name in ["own", "stranger"] {
        pods.create(&PostParams::default(), &serde_json::from_value(pod(name)).unwrap()).await.unwrap();
    }
    let jobs: Api<Job> = Api::namespaced(cluster.client.clone(), namespace);
    jobs.create(&PostParams::default(), &serde_json::from_value(job.clone()).unwrap()).await.unwrap();
    for _ in 0..30 {
        if pods.list(&ListParams::default()).await.unwrap().items.len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let base = tempfile::tempdir().unwrap();
    let directory = RunDirectory::create(base.path(), "r1");
    let objects = [Object::new(pod("own")), Object::new(job)];
    let scope = Scope { namespace, objects: &objects, hook_logs: &[], ruled: &[], with_chain: false };
    let (files, problems) = capture::capture(&cluster, scope, &directory).await;
    assert_eq!(problems, Vec::<String>::new());
    assert!(files.iter().any(|file| file.contains("/pod-own")), "{files:?}");
    assert!(files.iter().any(|file| file.contains("/pod-migrate-")), "{files:?}");
    assert!(!files.iter().any(|file| file.contains("stranger")), "{files:?}");
    let text = |file: &String| std::fs::read_to_string(directory.path().join(file)).unwrap();
    assert!(!files.iter().any(|file| text(file).contains("hunter2")), "{files:?}");
}
