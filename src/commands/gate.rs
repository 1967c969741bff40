//! `release gate --cluster X`: the runbook's daily check. Judges now and changes nothing.

use std::time::Duration;

use clap::Args;

use crate::config::{Settings, duration};
use crate::failure::{Failure, Kind};
use crate::gate::{GateOutcome, Verdict};
use crate::report::exit_code::Exit;
use crate::report::explained::explained;
use crate::report::format::Format;
use crate::report::printer::{Printer, Verbosity};
use crate::report::{self, Judged, live};
use crate::rollout::Observer;
use crate::site::connect::{self, Connected};
use crate::site::daily_check::DailyCheck;
use crate::site::identity::Identity;

use super::Context;
use super::shared_args::{ReportArgs, SelectionArgs};

/// Judge whether clusters are healthy now; nothing is changed
#[derive(Debug, Clone, Args)]
pub struct GateArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// How long to wait for what is not healthy yet, such as 5m [default: 20s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "How")]
    pub timeout: Option<Duration>,
    /// Show every rule of every gate with what it saw
    #[arg(long, conflicts_with = "watch", help_heading = "How")]
    pub explain: bool,
    /// Judge again and again, and show what changes, until interrupted
    #[arg(long, help_heading = "How")]
    pub watch: bool,
    /// Where results go.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Judges every selected cluster; the first unhealthy one names the failure.
pub async fn run(args: &GateArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.selection.selection())?;
    let clusters = connect::connect(&settings).await?;
    let observer = report::observer(&context.printer);
    let looking = Looking { settings: &settings, clusters: &clusters, timeout: args.timeout };
    if args.watch {
        return looking.watch(context).await;
    }
    let judged = looking.look(observer.as_ref()).await?;
    let table = args.explain && args.report.output == Format::Table;
    let text = if table { explained(&judged) } else { report::render(&judged, args.report.output)? };
    context.printer.data(&text);
    report::write(&args.report.report, &judged)?;
    verdict(&judged)
}

/// So often `--watch` looks again.
const AGAIN: Duration = Duration::from_secs(5);

/// Which clusters are looked at, and how.
struct Looking<'l> {
    settings: &'l Settings,
    clusters: &'l [Connected],
    timeout: Option<Duration>,
}

impl Looking<'_> {
    async fn look(&self, observer: &dyn Observer) -> Result<Vec<Judged>, Failure> {
        let mut judged = Vec::new();
        for one in self.clusters {
            let outcome = judge(self.settings, one, self.timeout, observer).await?;
            judged.push(Judged { cluster: one.settings.name.clone(), outcome });
        }
        Ok(judged)
    }

    /// Shows the table whenever it says something else than before, until a signal comes; the last verdict is
    /// the command's.
    async fn watch(&self, context: &Context) -> Result<Exit, Failure> {
        let quiet = report::observer(&Printer::from_env(Verbosity::Quiet));
        let (mut last, mut judged) = (String::new(), Vec::new());
        loop {
            tokio::select! {
                looked = self.look(quiet.as_ref()) => judged = looked?,
                _ = tokio::signal::ctrl_c() => return verdict(&judged),
            }
            let text = live::table(&judged);
            if text != last {
                context.printer.frame(&text);
                last = text;
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                _ = tokio::signal::ctrl_c() => return verdict(&judged),
            }
        }
    }
}

fn verdict(judged: &[Judged]) -> Result<Exit, Failure> {
    match judged.iter().find(|one| one.outcome.verdict != Verdict::Passed) {
        None => Ok(Exit::Success),
        Some(one) => Err(unhealthy(&one.cluster, &one.outcome)),
    }
}

async fn judge(
    settings: &Settings,
    one: &Connected,
    timeout: Option<Duration>,
    observer: &dyn Observer,
) -> Result<GateOutcome, Failure> {
    let chart = &settings.chart;
    let run = Identity::of_this_process().run;
    let check = DailyCheck {
        release: &chart.release,
        profile: chart.profile,
        gates: &chart.gates,
        run: &run,
        timeout,
        observer,
    };
    let missing = || {
        let told = format!("{}: release {} does not exist", one.cluster.name, chart.release);
        Failure::refused(told)
    };
    check.judge(one).await?.ok_or_else(missing)
}

/// A gate failed and the cluster is left as it is.
fn unhealthy(cluster: &str, outcome: &GateOutcome) -> Failure {
    let cause =
        outcome.first_cause.as_ref().map_or_else(|| "no gate has passed".to_owned(), ToString::to_string);
    Failure::new(Kind::Halted, format!("{cluster}: {cause}"))
}
