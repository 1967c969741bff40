//! `cargo xtask test`: format, lints, every test of the workspace, and the tests on real clusters. What CI
//! calls.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::counts::Counts;
use crate::museum::workspace;
use crate::state::State;
use crate::tools::{Cache, Extras, Programs};
use crate::{down, interrupt, pipelines, spoken, talk};

/// How long an interrupted `up` may take to stop what it started.
const CLEANING_UP: Duration = Duration::from_secs(30);

/// All packages in one go: a selection of packages has features of its own, for which cargo compiles the
/// dependencies again.
const TEST: &[&str] = &["test", "--workspace", "--no-fail-fast"];
/// The tests on clusters are behind a feature of the program's package.
const CLUSTERS: &[&str] = &["--all-features"];

/// Arguments of `xtask test`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Leave out the tests that need clusters
    #[arg(long)]
    pub no_clusters: bool,
    /// Only the tests on clusters whose name contains this
    #[arg(long, value_name = "NAME", conflicts_with = "no_clusters")]
    pub cluster: Option<String>,
}

/// Runs the checks. The last line on stdout sums up all tests, in the words of `cargo test`.
pub async fn run(args: Args) -> Result<()> {
    let begun = Instant::now();
    // Sandboxes that tests start are in here, so that none is left when a test is killed.
    let root = tempfile::Builder::new()
        .prefix("sandbox-")
        .tempdir()
        .context("create a directory for the tests' sandboxes")?;
    let mut counts = Counts::default();
    let done = interrupt::or_signal(checks(&args, root.path(), &mut counts)).await;
    stop_all(root.path()).await?;
    talk::data(&counts.line(done.is_ok(), begun.elapsed()));
    done?;
    if counts.failed > 0 {
        bail!("{} tests failed", counts.failed);
    }
    Ok(())
}

async fn checks(args: &Args, root: &Path, counts: &mut Counts) -> Result<()> {
    let programs = Programs::ensure(&Cache::open()?, &Extras::from_env()).await?;
    let variables = variables(&programs, root)?;
    if let Some(name) = &args.cluster {
        return test(&[TEST, CLUSTERS, &["--test", "cluster", name]].concat(), &variables, counts).await;
    }
    cargo(&["fmt", "--all", "--check"], &variables).await?;
    cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"], &variables)
        .await?;
    pipelines::check().await?;
    let words = if args.no_clusters { TEST.to_vec() } else { [TEST, CLUSTERS].concat() };
    test(&words, &variables, counts).await
}

/// What tests find in their environment: the program that starts sandboxes, where to put them, and the
/// oracles.
fn variables(programs: &Programs, root: &Path) -> Result<BTreeMap<&'static str, String>> {
    let own = std::env::current_exe().context("find this program")?;
    let paths = [
        ("SANDBOX_XTASK", own.as_path()),
        ("SANDBOX_ROOT", root),
        ("HELM", &programs.helm),
        ("HELM_3", &programs.helm_3),
    ];
    let mut variables: BTreeMap<_, _> = paths.map(|(name, path)| (name, path.display().to_string())).into();
    if std::env::var_os("SANDBOX_EXTRAS").is_some() {
        // Who gives extras wants the repository's contract held by ChartMuseum itself.
        variables.insert("REQUIRE_CHARTMUSEUM", "1".to_owned());
    }
    Ok(variables)
}

fn command(words: &[&str], variables: &BTreeMap<&str, String>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words).envs(variables).current_dir(workspace());
    command
}

async fn spoken(
    words: &[&str],
    variables: &BTreeMap<&str, String>,
    heard: impl FnMut(&str),
) -> Result<ExitStatus> {
    talk::line(&format!("== cargo {}", words.join(" ")));
    let what = format!("cargo {}", words[0]);
    spoken::run(&what, &mut command(words, variables), spoken::STILL, heard).await
}

async fn cargo(words: &[&str], variables: &BTreeMap<&str, String>) -> Result<()> {
    let status = spoken(words, variables, |_| ()).await?;
    if !status.success() {
        bail!("cargo {} ended with {status}", words[0]);
    }
    Ok(())
}

/// Failed tests are counted; a build that fails, or a test program that dies without a word about its tests,
/// is an error.
async fn test(words: &[&str], variables: &BTreeMap<&str, String>, counts: &mut Counts) -> Result<()> {
    let mut own = Counts::default();
    let status = spoken(words, variables, |line| own.add(line)).await?;
    *counts += own;
    if own.passed + own.failed == 0 {
        bail!("no test was run");
    }
    if !status.success() && own.failed == 0 {
        bail!("cargo test ended with {status}");
    }
    Ok(())
}

/// Ends the sandboxes that a killed test left. An `up` that was interrupted as well still holds its directory
/// while it cleans up.
async fn stop_all(root: &Path) -> Result<()> {
    for entry in fs::read_dir(root).with_context(|| format!("read {}", root.display()))? {
        let directory = entry?.path();
        if directory.join("processes.json").exists() {
            let state = open(&directory).await?;
            down::stop(&state, &state.ledger()?).await?;
        }
    }
    Ok(())
}

async fn open(directory: &Path) -> Result<State> {
    let deadline = Instant::now() + CLEANING_UP;
    loop {
        match State::open(directory) {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(200)).await,
            opened => return opened,
        }
    }
}
