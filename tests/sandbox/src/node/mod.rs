//! The node agent: makes the pods of one node real as local processes.

use std::path::PathBuf;

/// Arguments of `xtask node-agent`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Kubeconfig with full rights on the cluster
    #[arg(long)]
    pub kubeconfig: PathBuf,
    /// Name of the cluster, for the node and the log lines
    #[arg(long)]
    pub cluster: String,
    /// Directory for logs and pod state
    #[arg(long)]
    pub state: PathBuf,
    /// Unix socket on which the API server's egress connections arrive
    #[arg(long)]
    pub egress_socket: PathBuf,
    /// The table of images
    #[arg(long)]
    pub images: PathBuf,
}

/// Runs until SIGTERM.
pub async fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("the node agent is not part of this build")
}
