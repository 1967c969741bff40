//! A small authoritative DNS server for one zone that accepts RFC 2136 updates.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Arguments of `xtask dns`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address for UDP and TCP
    #[arg(long)]
    pub listen: SocketAddr,
    /// The zone, e.g. example.com
    #[arg(long)]
    pub zone: String,
    /// While this file exists, updates are refused
    #[arg(long)]
    pub refuse_updates_file: Option<PathBuf>,
}

/// Runs until SIGTERM.
pub async fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("the DNS server is not part of this build")
}
