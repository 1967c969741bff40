//! `release apply F`: executes exactly the plan that a file holds, or says what has moved since it was made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::Context;
use super::job::{self, Execution, before_touching};
use super::shared_args::ReportArgs;
use crate::config::{ChartSettings, Selection, Settings, duration};
use crate::failure::Failure;
use crate::plan::{Plan, check};
use crate::report::exit_code::Exit;
use crate::site::archive::{self, PlannedArchive};
use crate::site::chart::{self, ChartToDeploy};
use crate::site::connect::{self, Connected};
use crate::site::identity::Identity;
use crate::site::plan::plan_rollout;
use crate::site::run_context::RunStart;
use crate::site::{knowledge, signals};

/// Execute exactly the plan that `release plan --out` wrote
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    /// The file with the plan
    #[arg(value_name = "FILE")]
    pub plan: PathBuf,
    /// How long to wait for somebody else's lock, such as 5m; 0s exits with 6 at once
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "0s", help_heading = "How")]
    pub lock_timeout: Duration,
    /// Where results go.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// The plan file cannot be executed.
#[derive(Debug, thiserror::Error)]
#[error("read the plan {}", .0.display())]
struct ReadError(PathBuf, #[source] Box<dyn std::error::Error + Send + Sync>);

/// Looks at the clusters as a dry run does, and goes on only when the plan would be the same.
pub async fn run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let plan = read(&args.plan)?;
    let settings = settings(context, &plan)?;
    let interrupt = signals::listen()?;
    let checked = Box::pin(checked(&settings, &plan, args.lock_timeout));
    let (connected, chart) = before_touching(&interrupt, checked).await?;
    super::rollout::warn(context, &plan);
    let archive = before_touching(&interrupt, chart.publish()).await?;
    let start = RunStart::new(&Identity::of_this_process(), args.lock_timeout);
    let archive = PlannedArchive::at_hand(archive, &settings.chart.repository);
    let execution = Execution::begin(plan, start, archive, connected);
    job::execute(context, &settings, execution, interrupt, &args.report).await
}

fn read(path: &Path) -> Result<Plan, Failure> {
    let told = |error: Box<dyn std::error::Error + Send + Sync>| ReadError(path.to_owned(), error);
    let text = std::fs::read_to_string(path).map_err(|error| told(error.into()))?;
    let plan = check::read(&text).map_err(|error| told(error.into()))?;
    match plan.planned_chart() {
        Some(_) => Ok(plan),
        None => Err(Failure::refused(told("it deploys no chart".into()))),
    }
}

/// Names are given their meaning by release.yaml; everything else is in the plan.
fn settings(context: &Context, plan: &Plan) -> Result<Settings, Failure> {
    let chart = plan.planned_chart();
    let uploads = plan.publish.as_ref().is_some_and(|publish| publish.uploads);
    let selection = Selection {
        chart: Some(plan.chart.clone()),
        clusters: plan.clusters.iter().map(|cluster| cluster.cluster.clone()).collect(),
        // What was published then is what is deployed; what was not is packaged again, from the same commit.
        version: chart.filter(|_| !uploads).map(|chart| chart.version.clone()),
        reference: chart.filter(|_| uploads).and_then(|chart| chart.commit.clone()),
        ..Selection::default()
    };
    let settings = context.settings(&selection)?;
    let chart_name = chart.map_or(settings.chart.chart_name, |chart| chart.name.clone());
    let gates = plan.terms.gates.clone();
    Ok(Settings { chart: ChartSettings { chart_name, gates, ..settings.chart }, ..settings })
}

/// What the plan is executed with, once it is known to be the same now.
async fn checked(
    settings: &Settings,
    plan: &Plan,
    lock_wait: Duration,
) -> Result<(Vec<Connected>, ChartToDeploy), Failure> {
    let mut connected = connect::connect_with_values(settings).await?;
    connect::refuse_locked(settings, &connected, lock_wait).await?;
    let chart = chart::resolve(settings).await?;
    let now =
        plan_rollout(settings, knowledge::of(settings)?.as_ref(), &mut connected, &chart, plan.terms.clone())
            .await?;
    let mut differences = check::differences(plan, &now).into_iter();
    if let Some(first) = differences.next() {
        let failure = differences.fold(Failure::refused(first), Failure::hint);
        return Err(failure.hint("make a new plan with `release plan --out`, and have it approved"));
    }
    if let Some(planned) = plan.planned_chart() {
        archive::check(&chart.archive, planned)?;
    }
    Ok((connected, chart))
}
