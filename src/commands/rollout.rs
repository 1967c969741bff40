//! `release --cluster X`: package, publish, then cluster by cluster upgrade and prove it healthy.

use clap::Args;

use super::Context;
use super::check_name;
use super::job::{self, Execution, before_touching};
use super::shared_args::{DryRunArgs, PermissionArgs, ReportArgs, RunArgs, SelectionArgs, VersionArgs};
use crate::config::Settings;
use crate::failure::Failure;
use crate::plan::Plan;
use crate::report::exit_code::Exit;
use crate::site::archive::PlannedArchive;
use crate::site::chart::{self, ChartToDeploy};
use crate::site::connect::{self, Connected};
use crate::site::identity::Identity;
use crate::site::plan::plan_rollout;
use crate::site::run_context::RunStart;
use crate::site::{knowledge, signals, terms};

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
}

/// Resolve and package, preflight of all clusters, publish, then one cluster after the other.
pub async fn run(args: &RolloutArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = args.settings(context)?;
    let interrupt = signals::listen()?;
    let planned = before_touching(&interrupt, Box::pin(planned(args, &settings))).await?;
    let Planned { connected, chart, plan } = planned;
    if args.dry_run.dry_run {
        return job::show(context, &plan, &args.dry_run, &args.report);
    }
    warn(context, &plan);
    let archive = before_touching(&interrupt, chart.publish()).await?;
    let archive = PlannedArchive::at_hand(archive, &settings.chart.repository);
    let start = RunStart::new(&Identity::of_this_process(), args.run.wait.lock_timeout);
    let execution = Execution::begin(plan, start, archive, connected);
    job::execute(context, &settings, execution, interrupt, &args.report).await
}

/// A plan with what it was made from.
struct Planned {
    connected: Vec<Connected>,
    chart: ChartToDeploy,
    plan: Plan,
}

async fn planned(args: &RolloutArgs, settings: &Settings) -> Result<Planned, Failure> {
    let knowledge = knowledge::of(settings)?;
    check_name::known(&args.permission.allow, knowledge.as_ref())?;
    let mut connected = connect::connect_with_values(settings).await?;
    if !args.dry_run.dry_run {
        connect::refuse_locked(settings, &connected, args.run.wait.lock_timeout).await?;
    }
    let chart = chart::resolve(settings).await?;
    let terms = terms::of(settings, args.permission.allowed());
    let plan = plan_rollout(settings, knowledge.as_ref(), &mut connected, &chart, terms).await?;
    Ok(Planned { connected, chart, plan })
}

/// The plan alone, for who only looks.
pub(super) async fn plan(args: &RolloutArgs, settings: &Settings) -> Result<Plan, Failure> {
    planned(args, settings).await.map(|planned| planned.plan)
}

/// What a person should know before it runs.
pub(super) fn warn(context: &Context, plan: &Plan) {
    for cluster in &plan.clusters {
        for warning in &cluster.warnings {
            context.printer.warn(&format!("{}: {warning}", cluster.cluster));
        }
    }
}
