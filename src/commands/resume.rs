//! `release resume --cluster X`: takes up a run that was killed or interrupted, where its journals end, and finishes it:
//! this cluster and the ones after it. Works from the plan that the run was shown with, never from today's flags.

use std::time::Duration;

use clap::Args;

use crate::config::duration;
use crate::failure::Failure;
use crate::report::exit_code::Exit;
use crate::rollout::take_up::TakenUp;
use crate::site::archive::PlannedArchive;
use crate::site::resume::{self, Found};
use crate::site::run_context::RunStart;
use crate::site::signals;

use super::Context;
use super::job::{self, Execution, before_touching};
use super::shared_args::{ReportArgs, SelectionArgs};

/// Take up a run that was killed or interrupted, and finish it
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// How long to wait for somebody else's lock, such as 5m; that of a dead run is seen as such after 40s
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "0s", help_heading = "How")]
    pub lock_timeout: Duration,
    /// Where results go.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Takes up the newest run over one of the selected clusters. How it ended before is how this ends, when nothing is
/// left to do.
pub async fn run(args: &ResumeArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.selection.selection())?;
    let interrupt = signals::listen()?;
    let tell = |text: &str| context.printer.warn(text);
    let Found { taken_up, journals, connected } =
        before_touching(&interrupt, resume::find(&settings, &tell)).await?;
    if taken_up.is_done() {
        context
            .printer
            .line(&format!("run {} has proven all of its clusters: nothing is left to do", taken_up.run));
    }
    let TakenUp { run, plan, left } = taken_up;
    let start = RunStart { run, lock_wait: args.lock_timeout };
    let archive = PlannedArchive::published(&settings.chart.repository);
    let execution = Execution { plan, left, journals, start, archive, connected };
    job::execute(context, &settings, execution, interrupt, &args.report).await
}
