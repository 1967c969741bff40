//! `release --cluster X`: package, publish, then cluster by cluster upgrade and prove it healthy.

use clap::Args;

use super::Context;
use super::job::{self, Way};
use super::shared_args::{DryRunArgs, PermissionArgs, ReportArgs, RunArgs, SelectionArgs, VersionArgs};
use crate::config::Settings;
use crate::failure::Failure;
use crate::plan::preflight::Allowed;
use crate::report::exit_code::Exit;
use crate::site::plan::plan_rollout;
use crate::site::{chart, connect};

/// The arguments of the main job.
#[derive(Debug, Clone, Args)]
pub struct RolloutArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Which version of the chart.
    #[command(flatten)]
    pub version: VersionArgs,
    /// Look first.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
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

impl RolloutArgs {
    /// What was typed with what is configured.
    pub fn settings(&self, context: &Context) -> Result<Settings, Failure> {
        let selection = self.run.on(self.version.on(self.selection.selection()));
        context.settings(&selection)
    }

    fn allowed(&self) -> Allowed {
        Allowed {
            names: self.permission.allow.clone(),
            downgrade: self.permission.allow_downgrade,
            conflicts: self.permission.force_conflicts,
        }
    }
}

/// Resolve and package, preflight of all clusters, publish, then one cluster after the other.
pub async fn run(args: &RolloutArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = args.settings(context)?;
    let clusters = connect::connect_with_values(&settings).await?;
    if !args.dry_run.dry_run {
        connect::refuse_locked(&settings, &clusters, args.run.lock_timeout).await?;
    }
    let mut chart = chart::resolve(&settings).await?;
    let mut plan = plan_rollout(&settings, &clusters, &chart, &args.allowed()).await?;
    if args.dry_run.dry_run {
        return job::show(context, &plan, &args.dry_run, &args.report);
    }
    for (cluster, warning) in plan
        .clusters
        .iter()
        .flat_map(|plan| plan.warnings.iter().map(move |warning| (&plan.cluster, warning)))
    {
        context.printer.warn(&format!("{cluster}: {warning}"));
    }
    chart.publish().await?;
    plan.chart.clone_from(&chart.planned);
    let way =
        Way::forward(chart.archive, chart.planned, args.run.lock_timeout, args.permission.force_conflicts);
    job::execute(context, &settings, clusters, plan, way, &args.report).await
}
