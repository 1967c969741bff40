//! `cargo xtask demo`: the main job on two real clusters, a bad release that is rolled back, and a rollback, as a user would type them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::state::State;
use crate::tools::{Cache, Extras, Programs};
use crate::{down, interrupt, museum, talk, up};

const DEVELOPMENT: &str = "eks-development-1";
const STAGING: &str = "eks-staging-1";

/// Arguments of `xtask demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Directory of the sandbox [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Leave everything running
    #[arg(long)]
    pub keep: bool,
}

/// One command of the story: what it shows, what is typed, how it must end.
struct Act {
    shows: &'static str,
    config: &'static str,
    words: &'static [&'static str],
    exit: i32,
}

/// ACME is proven in the first act; the later ones use the self-signed canary, which takes seconds instead of a minute.
const ACTS: [Act; 4] = [
    Act {
        shows: "the dry run: everything that would happen, nothing changed",
        config: "release.yaml",
        words: &["--cluster", DEVELOPMENT, "--cluster", STAGING, "--dry-run", "--detailed-exitcode"],
        exit: 2,
    },
    Act {
        shows: "the main job: v1.10.2 to v1.11.5, cluster after cluster, each one proven by a fresh ACME certificate",
        config: "release.yaml",
        words: &["--cluster", DEVELOPMENT, "--cluster", STAGING],
        exit: 0,
    },
    Act {
        shows: "a release whose controller crashes: it fails fast, is rolled back, and the second cluster is never touched",
        config: "release-self-signed.yaml",
        words: &["--cluster", DEVELOPMENT, "--cluster", STAGING, "--ref", "v1.11.6-crash", "--on-failure", "rollback"],
        exit: 3,
    },
    Act {
        shows: "back to v1.10.2, with the newer CRDs kept",
        config: "release-self-signed.yaml",
        words: &["rollback", "--cluster", DEVELOPMENT],
        exit: 0,
    },
];

/// Starts a sandbox, tells the story, and stops the sandbox again.
pub async fn run(args: Args) -> Result<()> {
    let begun = Instant::now();
    let temporary = tempfile::Builder::new().prefix("release-demo-").tempdir().context("create a directory for the demo")?;
    let path = args.state.clone().unwrap_or_else(|| temporary.path().to_owned());
    let state = State::claim(&path)?;
    let programs = interrupt::or_signal(Programs::ensure(&Cache::open()?, &Extras::from_env())).await?;
    let release = interrupt::or_signal(museum::release_program()).await?;
    up::start(&state, &programs, 2).await?;
    let told = interrupt::or_signal(tell(&state, &programs, &release)).await;
    if args.keep {
        let kept = temporary.keep();
        talk::line(&format!("left running: . {}; stop it with: cargo xtask down --state {}", state.file("env").display(), path.display()));
        drop(kept);
    } else {
        down::stop(&state, &state.ledger()?).await?;
    }
    told?;
    talk::line(&format!("the demo took {}", talk::elapsed(begun.elapsed())));
    Ok(())
}

async fn tell(state: &State, programs: &Programs, release: &Path) -> Result<()> {
    let config = std::fs::read_to_string(state.file("release.yaml")).context("read the sandbox's release.yaml")?;
    let without_acme = config.replace("issuers: [ClusterIssuer/letsencrypt], ", "");
    std::fs::write(state.file("release-self-signed.yaml"), without_acme).context("write a release.yaml without ACME")?;
    for act in &ACTS {
        play(act, state, programs, release).await?;
    }
    for cluster in [DEVELOPMENT, STAGING] {
        history(state, programs, cluster).await?;
    }
    let bad = output(state, programs, DEVELOPMENT).await?;
    if !bad.lines().any(|line| line.contains("failed") && line.contains("cert-manager-v1.11.6")) {
        bail!("real helm history does not show the bad revision as failed:\n{bad}");
    }
    Ok(())
}

async fn play(act: &Act, state: &State, programs: &Programs, release: &Path) -> Result<()> {
    let begun = Instant::now();
    talk::line(&format!("\n== {}\n$ RELEASE_CONFIG={} release {}", act.shows, act.config, act.words.join(" ")));
    let mut command = Command::new(release);
    command.args(act.words).env("RELEASE_CONFIG", state.file(act.config)).env("KUBECONFIG", state.file("kubeconfig"));
    command.env("HELM", &programs.helm).current_dir(state.directory()).stdin(Stdio::null()).kill_on_drop(true);
    let status = command.status().await.context("start release")?;
    let code = status.code().unwrap_or(-1);
    talk::line(&format!("exit {code} after {}", talk::elapsed(begun.elapsed())));
    if code != act.exit {
        bail!("`release {}` ended with {status}, and {} was expected", act.words.join(" "), act.exit);
    }
    Ok(())
}

async fn history(state: &State, programs: &Programs, cluster: &str) -> Result<()> {
    talk::line(&format!("\n$ helm history cert-manager --namespace cert-manager --kube-context {cluster}"));
    talk::data(output(state, programs, cluster).await?.trim_end());
    Ok(())
}

/// What real Helm says about the release.
async fn output(state: &State, programs: &Programs, cluster: &str) -> Result<String> {
    let mut command = Command::new(&programs.helm);
    command.args(["history", "cert-manager", "--namespace", "cert-manager", "--kube-context", cluster]);
    let output = command.env("KUBECONFIG", state.file("kubeconfig")).output().await.context("start helm")?;
    if !output.status.success() {
        bail!("helm history: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
