//! `cargo xtask demo`: the whole story on real clusters. Every step is checked, so a demo that ends well has
//! shown what it says.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::charts::CRASHES;
use crate::state::State;
use crate::tools::{Cache, Extras, Programs};
use crate::{down, external, interrupt, museum, spoken, talk, up};

const FIRST: &str = "eks-development-1";
const SECOND: &str = "eks-staging-1";

/// Arguments of `xtask demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Directory of the sandbox; a new one under the temporary directory when not given
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Leave the sandbox running
    #[arg(long)]
    pub keep: bool,
}

/// Tells the story and stops everything, unless it is to be kept.
pub async fn run(args: Args) -> Result<()> {
    let begun = Instant::now();
    let directory = match args.state {
        Some(directory) => directory,
        None => tempfile::Builder::new()
            .prefix("release-demo-")
            .tempdir()
            .context("create a directory for the demo")?
            .keep(),
    };
    let state = State::claim(&directory)?;
    let (programs, release) = interrupt::or_signal(ready()).await?;
    title("Two clusters with cert-manager v1.10.2, a git repository, ChartMuseum, an ACME server");
    let variables = up::start(&state, &programs, 2).await?;
    let story = Story { release, helm: programs.helm, variables };
    let told = interrupt::or_signal(story.tell()).await;
    if args.keep && told.is_ok() {
        talk::line(&format!(
            "everything runs on: . {0}/env; cargo xtask down --state {0}",
            state.directory().display()
        ));
    } else {
        down::stop(&state, &state.ledger()?).await?;
        talk::line(&format!("everything is stopped; the logs are in {}", state.directory().display()));
    }
    talk::line(&format!("the demo took {}", talk::elapsed(begun.elapsed())));
    told
}

async fn ready() -> Result<(Programs, PathBuf)> {
    let programs = Programs::ensure(&Cache::open()?, &Extras::from_env()).await?;
    Ok((programs, museum::release_program().await?))
}

struct Story {
    release: PathBuf,
    helm: PathBuf,
    variables: Vec<(&'static str, String)>,
}

/// A revision, as `helm history -o json` has it.
#[derive(Debug, Deserialize)]
struct Revision {
    #[serde(rename = "revision")]
    number: u32,
    status: String,
    chart: String,
}

impl Story {
    async fn tell(&self) -> Result<()> {
        self.upgrade().await?;
        self.bad_release().await?;
        self.rollback().await
    }

    async fn upgrade(&self) -> Result<()> {
        title("What would an upgrade to v1.11.5 change? Nothing is changed to find out");
        self.release(&["--cluster", FIRST, "--dry-run", "--detailed-exitcode"], 2).await?;
        self.expect(FIRST, &["deployed cert-manager-v1.10.2"]).await?;
        title("The upgrade, on one cluster, then on the next");
        for cluster in [FIRST, SECOND] {
            self.release(&["--cluster", cluster], 0).await?;
            self.expect(cluster, &["superseded cert-manager-v1.10.2", "deployed cert-manager-v1.11.5"])
                .await?;
        }
        title("Once more: there is nothing to do");
        self.release(&["--cluster", FIRST], 0).await?;
        self.expect(FIRST, &["superseded cert-manager-v1.10.2", "deployed cert-manager-v1.11.5"]).await
    }

    async fn bad_release(&self) -> Result<()> {
        title(
            "A release whose controller crashes: noticed, explained, rolled back; the next cluster is never touched",
        );
        let clusters = ["--cluster", FIRST, "--cluster", SECOND];
        self.release(&[&clusters[..], &["--ref", CRASHES.tag, "--on-failure", "rollback"]].concat(), 3)
            .await?;
        self.helm(&["history", "cert-manager"]).await?;
        let bad = format!("failed cert-manager-{}", CRASHES.version);
        let back = [
            "superseded cert-manager-v1.10.2",
            "superseded cert-manager-v1.11.5",
            &bad,
            "deployed cert-manager-v1.11.5",
        ];
        self.expect(FIRST, &back).await?;
        self.expect(SECOND, &["superseded cert-manager-v1.10.2", "deployed cert-manager-v1.11.5"]).await
    }

    async fn rollback(&self) -> Result<()> {
        title("Back to v1.10.2, by hand");
        self.release(&["rollback", "--cluster", FIRST], 0).await?;
        self.helm(&["history", "cert-manager"]).await?;
        let last = self.history(FIRST).await?.pop().context("a release has revisions")?;
        ensure!(
            last.chart == "cert-manager-v1.10.2" && last.status == "deployed",
            "{FIRST} ended at {last:?}"
        );
        Ok(())
    }

    /// Runs the program before the viewer's eyes; any other exit code than `expected` ends the demo.
    async fn release(&self, args: &[&str], expected: i32) -> Result<()> {
        talk::line(&format!("\n$ release {}", args.join(" ")));
        // It needs neither helm nor kubectl nor git, so it finds none.
        let mut command = self.command(&self.release);
        command.args(args).env("PATH", "").env_remove("HELM");
        let status = spoken::run("release", &mut command, spoken::STILL, |_| ()).await?;
        if status.code() != Some(expected) {
            bail!("release {} ended with {status}, not with {expected}", args.join(" "));
        }
        talk::line(&format!("(exit code {expected})"));
        Ok(())
    }

    /// Real Helm, on the first cluster.
    async fn helm(&self, args: &[&str]) -> Result<()> {
        let place = ["--namespace", "cert-manager", "--kube-context", FIRST];
        talk::line(&format!("\n$ helm {}", [args, &place].concat().join(" ")));
        let mut command = self.command(&self.helm);
        command.args(args).args(place);
        let status = spoken::run("helm", &mut command, spoken::STILL, |_| ()).await?;
        ensure!(status.success(), "helm ended with {status}");
        Ok(())
    }

    /// Compares the history of a cluster, as real Helm reads it: a status and a chart for each revision.
    async fn expect(&self, cluster: &str, expected: &[&str]) -> Result<()> {
        let history = self.history(cluster).await?;
        let seen: Vec<String> =
            history.iter().map(|revision| format!("{} {}", revision.status, revision.chart)).collect();
        ensure!(seen == expected, "{cluster} has the revisions {seen:?}, not {expected:?}");
        Ok(())
    }

    async fn history(&self, cluster: &str) -> Result<Vec<Revision>> {
        let mut command = self.command(&self.helm);
        command.args([
            "history",
            "cert-manager",
            "--namespace",
            "cert-manager",
            "--kube-context",
            cluster,
            "--output",
            "json",
        ]);
        let said = external::run("ask Helm for the history", &mut command).await?;
        let mut history: Vec<Revision> = serde_json::from_str(&said).context("read Helm's history")?;
        history.sort_by_key(|revision| revision.number);
        Ok(history)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).kill_on_drop(true);
        command
    }
}

fn title(text: &str) {
    talk::line(&format!("\n== {text}"));
}
