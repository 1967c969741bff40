//! The Node object: created, without the taint that keeps pods away, and kept Ready.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::{Node, Taint};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::status::HOST_IP;

/// A new Node is tainted until a node-lifecycle controller sees it Ready; the sandbox runs none.
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const HEARTBEAT: Duration = Duration::from_mins(1);
const AGAIN: Duration = Duration::from_millis(200);

/// The node's entry in the cluster.
pub(super) struct Registration {
    nodes: Api<Node>,
    name: String,
    log_port: u16,
}

impl Registration {
    /// Of a node of this name, whose logs are served on this port.
    pub(super) fn new(client: Client, name: &str, log_port: u16) -> Self {
        Self { nodes: Api::all(client), name: name.into(), log_port }
    }

    /// Makes the node Ready; repeats it until the API server answers.
    pub(super) async fn register(&self) {
        while let Err(error) = self.try_register().await {
            tracing::warn!(error = format!("{error:#}"), node = self.name, "register the node");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Tells for ever that the node is Ready, and registers it again when somebody deleted it.
    pub(super) async fn keep(&self) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            self.register().await;
        }
    }

    async fn try_register(&self) -> Result<()> {
        let node = match self.nodes.get_opt(&self.name).await? {
            Some(node) => node,
            None => {
                self.nodes
                    .create(&PostParams::default(), &serde_json::from_value(object(&self.name))?)
                    .await?
            }
        };
        let status = Patch::Strategic(status(&node, self.log_port, Timestamp::now()));
        self.nodes.patch_status(&self.name, &PatchParams::default(), &status).await?;
        let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
        if taints.iter().any(|taint| taint.key == NOT_READY) {
            let others: Vec<&Taint> = taints.iter().filter(|taint| taint.key != NOT_READY).collect();
            let patch = Patch::Merge(json!({"spec": {"taints": others}}));
            self.nodes.patch(&self.name, &PatchParams::default(), &patch).await?;
        }
        Ok(())
    }
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn object(name: &str) -> Value {
    let labels = json!({"kubernetes.io/os": "linux", "kubernetes.io/arch": architecture(), "kubernetes.io/hostname": name});
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})
}

fn status(node: &Node, log_port: u16, now: Timestamp) -> Value {
    // The scheduler never has a reason to refuse a pod: what counts is the machine, and it is shared by
    // everybody.
    let capacity = json!({"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "250"});
    let since =
        node.status.iter().flat_map(|status| status.conditions.iter().flatten()).find_map(|condition| {
            (condition.type_ == "Ready" && condition.status == "True")
                .then(|| condition.last_transition_time.clone())
                .flatten()
        });
    let ready = json!({
        "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the node agent is ready",
        "lastHeartbeatTime": now.strftime("%FT%TZ").to_string(),
        "lastTransitionTime": since.map_or_else(|| json!(now.strftime("%FT%TZ").to_string()), |since| json!(since)),
    });
    json!({"status": {
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": [ready],
        // No host name: the API server would prefer it to the address, and nobody resolves it.
        "addresses": [{"type": "InternalIP", "address": HOST_IP}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": log_port}},
        "nodeInfo": {
            "architecture": architecture(), "operatingSystem": "linux", "osImage": "release sandbox", "kernelVersion": "",
            "kubeletVersion": concat!("sandbox-", env!("CARGO_PKG_VERSION")), "kubeProxyVersion": "",
            "containerRuntimeVersion": "sandbox://1", "machineID": "", "systemUUID": "", "bootID": "",
        },
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_tells_where_its_logs_are_and_since_when_it_is_ready() {
        let now = "2026-01-01T00:01:00Z".parse().expect("a time");
        let mut node: Node = serde_json::from_value(object("dev-node")).expect("a node");
        let first = status(&node, 4711, now);
        assert_eq!(first["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"], 4711);
        assert_eq!(first["status"]["conditions"][0]["lastTransitionTime"], "2026-01-01T00:01:00Z");
        node.status = serde_json::from_value(first["status"].clone()).expect("a status");
        let later = status(&node, 4711, "2026-01-01T00:02:00Z".parse().expect("a time"));
        assert_eq!(later["status"]["conditions"][0]["lastTransitionTime"], "2026-01-01T00:01:00Z");
        assert_eq!(later["status"]["conditions"][0]["lastHeartbeatTime"], "2026-01-01T00:02:00Z");
    }
}
