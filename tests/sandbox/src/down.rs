//! `cargo xtask down`: stops what `up` started, and nothing else.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::node;
use crate::processes::Ledger;
use crate::state::State;
use crate::talk;

/// How long a process may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// Arguments of `xtask down`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Directory of the sandbox
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
}

/// Stops a sandbox. The directory with its logs stays.
pub async fn run(args: Args) -> Result<()> {
    let state = State::open(&args.state)?;
    let ledger = state.ledger()?;
    let count = ledger.children().len();
    stop(&state, &ledger).await?;
    talk::line(&format!("stopped {count} processes; the logs are in {}", state.directory().display()));
    Ok(())
}

/// Stops every recorded process, the latest first, and the containers of node agents that could not do it
/// themselves.
pub(crate) async fn stop(state: &State, ledger: &Ledger) -> Result<()> {
    let env = state.file("env");
    if env.exists() {
        fs::remove_file(&env).with_context(|| format!("remove {}", env.display()))?;
    }
    let stopped = ledger.stop_all(GRACE).await;
    for node in nodes(state)? {
        node::end_leftovers(&node)?;
    }
    stopped
}

/// The directories of all node agents.
fn nodes(state: &State) -> Result<Vec<PathBuf>> {
    let clusters = state.file("clusters");
    if !clusters.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&clusters).with_context(|| format!("read {}", clusters.display()))?;
    Ok(entries
        .filter_map(|entry| Some(entry.ok()?.path().join("node")))
        .filter(|node| node.is_dir())
        .collect())
}
