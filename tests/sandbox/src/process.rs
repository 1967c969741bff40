//! `cargo xtask process`: stops, kills and starts single processes of a running sandbox, so that tests can
//! break it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::processes::{Child, Ledger};
use crate::state::State;
use crate::talk;

const GRACE: Duration = Duration::from_secs(20);

/// Arguments of `xtask process`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Directory of the sandbox
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Print every process: its name, its pid and whether it runs
    List,
    /// End a process with SIGTERM
    Stop(Name),
    /// End a process with SIGKILL
    Kill(Name),
    /// Stop a process in its tracks (SIGSTOP): its connections stay open and nothing answers
    Freeze(Name),
    /// Let a frozen process go on
    Thaw(Name),
    /// Start a process that has ended, the way it was started before
    Start(Name),
}

#[derive(Debug, Clone, clap::Args)]
struct Name {
    /// As in the list, e.g. eks-development-1/kube-apiserver
    name: String,
}

/// Does it.
pub async fn run(args: Args) -> Result<()> {
    let state = State::open(&args.state)?;
    let ledger = state.ledger()?;
    match args.what {
        What::List => ledger.children().iter().for_each(|child| talk::data(&line(child))),
        What::Stop(Name { name }) => find(&ledger, &name)?.end(GRACE).await?,
        What::Kill(Name { name }) => find(&ledger, &name)?.kill().await?,
        What::Freeze(Name { name }) => find(&ledger, &name)?.send(Signal::SIGSTOP)?,
        What::Thaw(Name { name }) => find(&ledger, &name)?.send(Signal::SIGCONT)?,
        What::Start(Name { name }) => start(&ledger, &name)?,
    }
    Ok(())
}

fn line(child: &Child) -> String {
    let state = if child.pid.alive() { "runs" } else { "ended" };
    format!("{}\t{}\t{state}", child.name, child.pid.pid)
}

fn find(ledger: &Ledger, name: &str) -> Result<Child> {
    let names = || ledger.children().into_iter().map(|child| child.name).collect::<Vec<_>>().join(", ");
    ledger.find(name).with_context(|| format!("no process is called {name}; there are {}", names()))
}

fn start(ledger: &Ledger, name: &str) -> Result<()> {
    let child = find(ledger, name)?;
    if child.pid.alive() {
        bail!("{name} runs already (pid {})", child.pid.pid);
    }
    let daemon = child.daemon.with_context(|| format!("{name} cannot be started alone"))?;
    ledger.start(daemon).map(|_| ())
}
