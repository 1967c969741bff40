//! `release rollback --cluster X`: back to the last good revision, gated like an upgrade.

use clap::Args;

use crate::config::Settings;
use crate::failure::Failure;
use crate::plan::Plan;
use crate::plan::preflight::Allowed;
use crate::report::exit_code::Exit;
use crate::site::archive::PlannedArchive;
use crate::site::connect::{self, Connected};
use crate::site::identity::Identity;
use crate::site::plan::plan_rollback;
use crate::site::run_context::RunStart;
use crate::site::{signals, terms};

use super::Context;
use super::job::{self, Execution, before_touching};
use super::shared_args::{DryRunArgs, ReportArgs, SelectionArgs, WaitArgs};

/// Return a cluster to the last good revision, and prove it healthy
#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Return to this revision instead of the last good one
    #[arg(long, value_name = "REVISION")]
    pub to_revision: Option<u32>,
    /// Take back fields that another field manager has set, such as after `kubectl edit`
    #[arg(long, help_heading = "How")]
    pub force_conflicts: bool,
    /// Look first.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// How it waits.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Where results go.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Plans the return for every selected cluster, then rolls back one after the other.
pub async fn run(args: &RollbackArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.wait.on(args.selection.selection()))?;
    let interrupt = signals::listen()?;
    let (connected, plan) = before_touching(&interrupt, Box::pin(planned(args, &settings))).await?;
    if args.dry_run.dry_run {
        return job::show(context, &plan, &args.dry_run, &args.report);
    }
    super::rollout::warn(context, &plan);
    let archive = PlannedArchive::published(&settings.chart.repository);
    let start = RunStart::new(&Identity::of_this_process(), args.wait.lock_timeout);
    let execution = Execution::begin(plan, start, archive, connected);
    job::execute(context, &settings, execution, interrupt, &args.report).await
}

async fn planned(args: &RollbackArgs, settings: &Settings) -> Result<(Vec<Connected>, Plan), Failure> {
    let connected = connect::connect(settings).await?;
    if !args.dry_run.dry_run {
        connect::refuse_locked(settings, &connected, args.wait.lock_timeout).await?;
    }
    let allowed = Allowed { conflicts: args.force_conflicts, ..Allowed::default() };
    let plan = plan_rollback(settings, &connected, args.to_revision, terms::of(settings, allowed)).await?;
    Ok((connected, plan))
}
