//! `release gate --cluster X`: the runbook's daily check. Judges now and changes nothing.

use std::time::Duration;

use clap::Args;

use crate::config::{Settings, duration};
use crate::failure::{Failure, Kind};
use crate::gate::{GateOutcome, Verdict};
use crate::report::exit_code::Exit;
use crate::report::{self, Judged};
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
    /// Where results go.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Judges every selected cluster; the first unhealthy one names the failure.
pub async fn run(args: &GateArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.selection.selection())?;
    let observer = report::observer(&context.printer);
    let mut judged = Vec::new();
    for one in connect::connect(&settings).await? {
        let outcome = judge(&settings, &one, args.timeout, observer.as_ref()).await?;
        judged.push(Judged { cluster: one.settings.name, outcome });
    }
    context.printer.data(&report::render(&judged, args.report.output)?);
    report::write(&args.report.report, &judged)?;
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
