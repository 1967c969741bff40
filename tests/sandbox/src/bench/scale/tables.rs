//! `kubectl get KIND -A` without kubectl: the same requests, page by page, and a line for each row.

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;

use crate::talk;

/// What kubectl asks for.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

/// Arguments of the hidden `xtask tables`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Context of the kubeconfig
    #[arg(long)]
    pub context: String,
    /// Groups, versions and plurals, e.g. `cert-manager.io/v1/certificates`
    #[arg(required = true)]
    pub kinds: Vec<String>,
}

/// Lists one kind after the other.
pub async fn run(args: Args) -> Result<()> {
    let options = KubeConfigOptions { context: Some(args.context), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(Kubeconfig::read()?, &options).await?;
    let client = Client::try_from(config)?;
    for kind in &args.kinds {
        list(&client, kind).await.with_context(|| format!("list {kind}"))?;
    }
    Ok(())
}

async fn list(client: &Client, kind: &str) -> Result<()> {
    let mut next = String::new();
    loop {
        let path = format!("/apis/{kind}?limit=500{next}");
        let request = hyper::Request::get(path).header("Accept", TABLE).body(Vec::new())?;
        let table: Value = client.request(request).await?;
        for row in table["rows"].as_array().into_iter().flatten() {
            talk::data(&format!("{} {}", row["object"]["metadata"]["namespace"], row["cells"]));
        }
        match table["metadata"]["continue"].as_str().filter(|token| !token.is_empty()) {
            Some(token) => next = format!("&continue={token}"),
            None => return Ok(()),
        }
    }
}
