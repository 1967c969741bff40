//! `release plan --cluster X [--out F]`: the dry run as a value, to be approved and executed by `release apply`.

use std::path::PathBuf;

use clap::Args;

use super::Context;
use super::job;
use super::rollout::RolloutArgs;
use super::shared_args::{DryRunArgs, PermissionArgs, ReportArgs, RunArgs, SelectionArgs, VersionArgs};
use crate::failure::Failure;
use crate::report::exit_code::Exit;
use crate::site::signals;

/// Plan a rollout; with --out as a file that `release apply` executes exactly
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Which version of the chart.
    #[command(flatten)]
    pub version: VersionArgs,
    /// Write the plan to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Exit with 2 when there are changes
    #[arg(long, help_heading = "How")]
    pub detailed_exitcode: bool,
    /// How it waits and what it does when something fails.
    #[command(flatten)]
    pub run: RunArgs,
    /// What it may do although it is refused by default.
    #[command(flatten)]
    pub permission: PermissionArgs,
    /// Where results go.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// The plan file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("write the plan to {}", .0.display())]
struct WriteError(PathBuf, #[source] std::io::Error);

/// Looks at every cluster and changes nothing.
pub async fn run(args: &PlanArgs, context: &Context) -> Result<Exit, Failure> {
    let dry_run = DryRunArgs { dry_run: true, detailed_exitcode: args.detailed_exitcode };
    let rollout = RolloutArgs {
        selection: args.selection.clone(),
        version: args.version.clone(),
        dry_run: dry_run.clone(),
        run: args.run.clone(),
        permission: args.permission.clone(),
        report: args.report.clone(),
    };
    let settings = rollout.settings(context)?;
    let interrupt = signals::listen()?;
    let plan = job::before_touching(&interrupt, Box::pin(super::rollout::plan(&rollout, &settings))).await?;
    if let Some(path) = &args.out {
        let text = serde_json::to_string_pretty(&plan)?;
        std::fs::write(path, text).map_err(|error| WriteError(path.clone(), error))?;
        context
            .printer
            .line(&format!("wrote the plan to {}; `release apply` executes exactly it", path.display()));
    }
    job::show(context, &plan, &dry_run, &args.report)
}
