//! A proxy that breaks connections the way networks and servers do.

/// Arguments of `xtask fault-proxy`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs until SIGTERM.
pub async fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("the fault proxy is not part of this build")
}
