//! `cargo xtask parity`: whether `release helm template` prints what real Helm 4 prints, over a folder of
//! charts.
//!
//! The folder holds `cases.tsv` (chart, case, values, kind), `charts/` and `values/`. It is no part of this
//! project: any charts will do.

mod case;
mod verdict;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::process::Command;

use crate::tools::{Cache, helm};
use crate::{bench, interrupt, talk};
use case::{Case, Kind};
use verdict::{Answer, Verdict, judge};

/// For every render: otherwise each program assumes a Kubernetes of its own.
const KUBERNETES: &str = "v1.33.4";

/// Arguments of `xtask parity`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The folder with `cases.tsv`
    #[arg(value_name = "DIR")]
    pub corpus: PathBuf,
    /// The program to compare [default: one that is built now, optimised]
    #[arg(long, value_name = "PATH")]
    pub program: Option<PathBuf>,
    /// Only cases whose chart or name contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub case: String,
    /// How many cases run at once
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    pub jobs: u8,
}

/// Compares all cases; the counts go to stdout, a difference is an error.
pub async fn run(args: Args) -> Result<()> {
    interrupt::or_signal(compare(&args)).await
}

async fn compare(args: &Args) -> Result<()> {
    let release = match &args.program {
        Some(program) => program.clone(),
        None => bench::release_program().await?,
    };
    let contest = Contest { helm: helm(&Cache::open()?).await?, release, corpus: args.corpus.clone() };
    let text = args.corpus.join("cases.tsv");
    let text = std::fs::read_to_string(&text).with_context(|| format!("read {}", text.display()))?;
    let cases: Vec<Case> = case::read(&text)?.into_iter().filter(|case| case.is_called(&args.case)).collect();
    let verdicts = stream::iter(&cases).map(|case| contest.decide(case)).buffered(args.jobs.into());
    let verdicts: Vec<Verdict> = verdicts.try_collect().await?;
    report(&cases, &verdicts)
}

struct Contest {
    helm: PathBuf,
    release: PathBuf,
    corpus: PathBuf,
}

impl Contest {
    async fn decide(&self, case: &Case) -> Result<Verdict> {
        let ours = self.answer(&self.release, &["helm"], case).await?;
        let mut helms = vec![self.answer(&self.helm, &[], case).await?];
        if case.kind == Kind::Random {
            // What differs between two runs of Helm itself is random.
            helms.push(self.answer(&self.helm, &[], case).await?);
        }
        Ok(judge(case.kind, &helms, &ours))
    }

    async fn answer(&self, program: &Path, first: &[&str], case: &Case) -> Result<Answer> {
        let mut command = Command::new(program);
        command.args(first).args([
            "template",
            "parity",
            "--namespace",
            "default",
            "--kube-version",
            KUBERNETES,
        ]);
        command.arg(self.corpus.join("charts").join(&case.chart)).kill_on_drop(true);
        if let Some(values) = &case.values {
            command.arg("--values").arg(self.corpus.join("values").join(values));
        }
        let output = command.output().await.with_context(|| format!("start {}", program.display()))?;
        Ok(Answer {
            succeeded: output.status.success(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

fn report(cases: &[Case], verdicts: &[Verdict]) -> Result<()> {
    let mut counts: BTreeMap<(Kind, &str), usize> = BTreeMap::new();
    for (case, verdict) in cases.iter().zip(verdicts) {
        let word = if let Verdict::Different(why) = verdict {
            talk::line(&format!("{} {}: {why}", case.chart, case.name));
            "different"
        } else {
            "equal"
        };
        *counts.entry((case.kind, word)).or_default() += 1;
    }
    for ((kind, word), count) in &counts {
        talk::data(&format!("{kind:<8}{word:<10}{count:>5}"));
    }
    let different = verdicts.iter().filter(|verdict| **verdict != Verdict::Equal).count();
    if cases.is_empty() || different > 0 {
        bail!("{different} of {} cases are different", cases.len());
    }
    Ok(())
}
