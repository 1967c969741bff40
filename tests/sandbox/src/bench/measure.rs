//! One run of a program: how long it took and how much memory it needed at most.
//!
//! Linux tells the peak of the *children* of a process, all together. So every run gets a process of its own,
//! this program again, as its parent.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command as Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::{external, talk};

/// Arguments of the hidden `xtask measure`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// What one run needed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Usage {
    /// From the start of the process to its end.
    pub(super) seconds: f64,
    /// The most that was resident at once.
    pub(super) kibibytes: i64,
}

/// Runs a program to its end and prints what it needed, as JSON. What the program prints is read and dropped.
pub fn run(args: &Args) -> Result<()> {
    let (program, words) = args.words.split_first().context("a program to measure")?;
    let begun = Instant::now();
    let output = Child::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start {}", program.display()))?;
    let seconds = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} ended with {}:\n{}",
        program.display(),
        output.status,
        external::last_lines(&said)
    );
    let kibibytes = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    talk::data(&serde_json::to_string(&Usage { seconds, kibibytes })?);
    Ok(())
}

/// A command that is measured again and again.
#[derive(Debug, Clone)]
pub(super) struct Contender {
    /// What the table calls it.
    pub(super) name: &'static str,
    /// The program.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) args: Vec<OsString>,
    /// What it has in its environment beyond ours.
    pub(super) env: Vec<(&'static str, OsString)>,
}

impl Contender {
    pub(super) async fn run(&self) -> Result<Usage> {
        let mut command = Command::new(std::env::current_exe().context("find this program")?);
        command.arg("measure").arg("--").arg(&self.program).args(&self.args).envs(self.env.iter().cloned());
        let said = external::run(&format!("measure {}", self.name), &mut command).await?;
        serde_json::from_str(&said).context("read what was measured")
    }
}

/// The middle of several runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Median {
    /// Wall time.
    pub(super) time: Duration,
    /// Peak memory in MB (10^6 bytes).
    pub(super) megabytes: f64,
}

impl Median {
    /// The middle value of each measure; `None` when nothing was measured.
    pub(super) fn of(runs: &[Usage]) -> Option<Self> {
        let mut seconds: Vec<f64> = runs.iter().map(|run| run.seconds).collect();
        let mut kibibytes: Vec<i64> = runs.iter().map(|run| run.kibibytes).collect();
        seconds.sort_by(f64::total_cmp);
        kibibytes.sort_unstable();
        let middle = runs.len() / 2;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let megabytes = *kibibytes.get(middle)? as f64 * 1024.0 / 1e6;
        Some(Self { time: Duration::from_secs_f64(*seconds.get(middle)?), megabytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_each_measure() {
        let run = |seconds, kibibytes| Usage { seconds, kibibytes };
        let median = Median::of(&[run(0.3, 1000), run(0.1, 3000), run(0.2, 2000)]).expect("three runs");
        assert_eq!(median.time, Duration::from_millis(200));
        assert!((median.megabytes - 2.048).abs() < 1e-9);
        assert!(Median::of(&[]).is_none());
    }
}
