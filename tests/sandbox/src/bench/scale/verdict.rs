//! From a change in the cluster to the changed verdict of a `release gate` that looks on.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStderr, Command};
use tokio::time::timeout;

use super::Gate;
use super::objects::{self, Kind};

const LIMIT: Duration = Duration::from_mins(2);

/// The median of several times; a Deployment that is scaled to nothing keeps the gates looking on.
pub(super) async fn race(client: &Client, gate: &Gate, rounds: u32) -> Result<Duration> {
    let mut took = Vec::new();
    scale(client, 0).await?;
    for _ in 0..rounds {
        took.push(once(client, gate).await);
    }
    scale(client, 1).await?;
    let mut took = took.into_iter().collect::<Result<Vec<_>>>()?;
    took.sort_unstable();
    took.get(took.len() / 2).copied().context("at least one round")
}

/// From before the write to the line that tells it.
async fn once(client: &Client, gate: &Gate) -> Result<Duration> {
    let mut command = Command::new(&gate.program);
    command
        .args(["gate", "--timeout", "5m", "--cluster", &gate.context])
        .envs(gate.env())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().context("start release")?;
    let mut lines = BufReader::new(child.stderr.take().context("its messages")?).lines();
    said(&mut lines, "passed").await?;
    let begun = Instant::now();
    let failed = json!([{
        "type": "Ready", "status": "False", "reason": "DoesNotExist", "message": "its Secret is gone",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]);
    set_conditions(client, &failed).await?;
    let told = said(&mut lines, "failed").await;
    let took = begun.elapsed();
    child.kill().await.context("stop release")?;
    set_conditions(client, &objects::status(Kind::Certificate)["conditions"]).await?;
    told.map(|()| took)
}

/// Waits for what gate `certificate` says.
async fn said(lines: &mut Lines<BufReader<ChildStderr>>, verdict: &str) -> Result<()> {
    let mut all = String::new();
    let found = async {
        while let Some(line) = lines.next_line().await? {
            if line.split_whitespace().any(|word| word == "certificate") && line.contains(verdict) {
                return Ok(());
            }
            all.push_str(&line);
            all.push('\n');
        }
        bail!("release gate has ended")
    };
    let found = timeout(LIMIT, found).await.context("it took too long").and_then(|found| found);
    found.with_context(|| format!("wait for `certificate {verdict}` in:\n{all}"))
}

async fn set_conditions(client: &Client, conditions: &Value) -> Result<()> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate"));
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), &objects::namespace(0), &kind);
    let patch = Patch::Merge(json!({"status": {"conditions": conditions}}));
    let name = objects::name(Kind::Certificate, 0);
    api.patch_status(&name, &PatchParams::default(), &patch)
        .await
        .context("change a Certificate's status")?;
    Ok(())
}

async fn scale(client: &Client, replicas: u32) -> Result<()> {
    let deployments = Api::<Deployment>::namespaced(client.clone(), "cert-manager");
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    deployments
        .patch("cert-manager-cainjector", &PatchParams::default(), &patch)
        .await
        .context("scale the cainjector")?;
    Ok(())
}
