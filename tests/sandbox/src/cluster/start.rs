//! Starting a cluster, in the order in which its parts need each other.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::{Api, Client};
use serde_json::json;

use super::{Cluster, Users};
use crate::object;
use crate::processes::{Child, Ledger};
use crate::ready;
use crate::tools::Programs;

/// Far above the 4 s that it takes on an idle machine with 2 cores.
const LIMIT: Duration = Duration::from_mins(2);

/// Starts every part; returns when the API server answers, controllers work and the node is Ready.
pub async fn start(cluster: &Cluster, programs: &Programs, images: &Path, ledger: &Ledger) -> Result<Client> {
    begin(cluster, programs, images, ledger)
        .await
        .with_context(|| format!("start the cluster {}", cluster.name))
}

async fn begin(cluster: &Cluster, programs: &Programs, images: &Path, ledger: &Ledger) -> Result<Client> {
    cluster.write_egress()?;
    let etcd = ledger.start(cluster.etcd(programs))?;
    let api_server = ledger.start(cluster.api_server(programs))?;
    let client = cluster.client().await.context("make a client")?;
    ready::wait("wait for the API server", &[&etcd, &api_server], LIMIT, async || answers(&client).await)
        .await?;

    let xtask = std::env::current_exe().context("find this program")?;
    let controllers = ledger.start(cluster.controller_manager(programs))?;
    let scheduler = ledger.start(cluster.scheduler(programs))?;
    let node = ledger.start(cluster.node_agent(&xtask, images))?;
    let on: [&Child; 5] = [&node, &controllers, &scheduler, &api_server, &etcd];
    ready::wait("wait for the controllers", &on[1..], LIMIT, async || accounts_are_made(&client).await)
        .await?;
    ready::wait("wait for the node", &on, LIMIT, async || node_is_ready(&client).await).await?;
    object::apply(&client, &viewers()).await?;
    Ok(client)
}

async fn answers(client: &Client) -> bool {
    let Ok(request) = hyper::Request::get("/readyz").body(Vec::new()) else { return false };
    client.request_text(request).await.is_ok()
}

/// The first thing that pods need from a controller.
async fn accounts_are_made(client: &Client) -> bool {
    Api::<ServiceAccount>::namespaced(client.clone(), "default")
        .get_opt("default")
        .await
        .is_ok_and(|account| account.is_some())
}

async fn node_is_ready(client: &Client) -> bool {
    let Ok(nodes) = Api::<Node>::all(client.clone()).list(&kube::api::ListParams::default()).await else {
        return false;
    };
    let conditions = nodes.items.into_iter().filter_map(|node| node.status?.conditions).flatten();
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn viewers() -> serde_json::Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": "sandbox-viewers" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": Users::VIEWERS }],
    })
}
