//! What a failure leaves behind: logs and events, from real pods.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, PostParams};
use libtest_mimic::Trial;
use release::cluster::{Cluster, events, logs};
use serde_json::json;

use crate::support::{FIRST, cluster, trial, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("evidence::the_last_lines_of_a_running_pod_are_read", the_last_lines_of_a_running_pod_are_read),
        trial(
            "evidence::a_pod_that_cannot_start_has_events_and_no_log",
            a_pod_that_cannot_start_has_events_and_no_log,
        ),
    ]
}

async fn any_log(cluster: &Cluster) -> Option<logs::Log> {
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), "cert-manager");
    let pods =
        api.list(&ListParams::default().labels("app.kubernetes.io/component=controller")).await.unwrap();
    let mut found = Vec::new();
    for pod in &pods.items {
        found.extend(logs::of_pod(cluster, pod, 3).await.into_iter().flatten());
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
            assert_eq!(logs::of_pod(&cluster, &api.get("p").await.unwrap(), 3).await.len(), 0);
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("no warning: {:?}", events::about(&cluster, "Pod", Some(&release.namespace), "p").await.unwrap());
}
