//! `release rollback --cluster X`: back to the last good revision, gated like an upgrade.

use clap::Args;

use crate::failure::Failure;
use crate::plan::preflight::Allowed;
use crate::report::exit_code::Exit;
use crate::site::connect;
use crate::site::plan::plan_rollback;

use super::Context;
use super::job::{self, Way};
use super::shared_args::{DryRunArgs, ReportArgs, RunArgs, SelectionArgs};

/// Return a cluster to the last good revision, and prove it healthy
#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Return to this revision instead of the last good one
    #[arg(long, value_name = "REVISION")]
    pub to_revision: Option<u32>,
    /// Look first.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// How it waits.
    #[command(flatten)]
    pub run: RunArgs,
    /// Where results go.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Plans the return for every selected cluster, then rolls back one after the other.
pub async fn run(args: &RollbackArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.run.on(args.selection.selection()))?;
    let sites = connect::connect(&settings).await?;
    if !args.dry_run.dry_run {
        connect::refuse_locked(&settings, &sites, args.run.lock_timeout).await?;
    }
    let plan = plan_rollback(&settings, &sites, args.to_revision, &Allowed::default()).await?;
    if args.dry_run.dry_run {
        return job::show(context, &plan, &args.dry_run, &args.report);
    }
    job::execute(context, &settings, sites, plan, Way::back(args.run.lock_timeout), &args.report).await
}
