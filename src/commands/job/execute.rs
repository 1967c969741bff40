//! A plan, executed: the loop over its clusters, and the report at the end.

use std::sync::Arc;

use crate::commands::Context;
use crate::commands::shared_args::ReportArgs;
use crate::config::Settings;
use crate::evidence::journal::Journal;
use crate::failure::Failure;
use crate::plan::Plan;
use crate::report;
use crate::report::exit_code::Exit;
use crate::rollout::fleet::FleetRun;
use crate::rollout::interrupt::Interrupt;
use crate::rollout::{ClusterOutcome, Outcome};
use crate::site::archive::PlannedArchive;
use crate::site::connect::Connected;
use crate::site::fleet::KubernetesFleet;
use crate::site::run_context::{RunContext, RunStart};

/// What is executed: a plan from its beginning, or from where a run left it.
pub struct Execution {
    /// The plan.
    pub plan: Plan,
    /// Where its clusters stand, in its order.
    pub left: Vec<ClusterOutcome>,
    /// The journals that say so; empty for a run that begins.
    pub journals: Vec<Journal>,
    /// Under which name, and how patiently.
    pub start: RunStart,
    /// The chart.
    pub archive: PlannedArchive,
    /// The clusters that were reached already.
    pub connected: Vec<Connected>,
}

impl Execution {
    /// A plan from its beginning.
    pub fn begin(plan: Plan, start: RunStart, archive: PlannedArchive, connected: Vec<Connected>) -> Self {
        let left = plan.clusters.iter().map(ClusterOutcome::untouched).collect();
        Self { plan, left, journals: Vec::new(), start, archive, connected }
    }
}

/// Executes it, cluster after cluster, and reports.
pub async fn execute(
    context: &Context,
    settings: &Settings,
    execution: Execution,
    interrupt: Interrupt,
    report: &ReportArgs,
) -> Result<Exit, Failure> {
    report::prepare(&report.report)?;
    let Execution { plan, left, journals, start, archive, connected } = execution;
    let observer = report::observer(&context.printer);
    let run = Arc::new(RunContext::new(start, plan, settings, archive, observer, interrupt));
    keep(context, &run, "plan.json", &run.plan);
    let fleet = KubernetesFleet::new(run.clone(), settings, connected).taking_up(&journals);
    let loop_over = FleetRun {
        plan: &run.plan,
        fleet: &fleet,
        observer: run.observer.as_ref(),
        interrupt: &run.interrupt,
    };
    let clusters = loop_over.run(left).await;
    finish(context, &run, clusters, report)
}

/// Prints the result; a failure carries its exit code, whatever becomes of the files.
fn finish(
    context: &Context,
    run: &RunContext,
    clusters: Vec<ClusterOutcome>,
    report: &ReportArgs,
) -> Result<Exit, Failure> {
    let outcome = Outcome::of(&run.run, run.plan.planned_chart().cloned(), clusters);
    keep(context, run, "outcome.json", &outcome);
    context.printer.data(&report::render(&outcome, report.output)?);
    if let Err(failure) = report::write(&report.report, &outcome) {
        context.printer.warn(&failure.chain().join(": "));
    }
    let evidence = outcome.clusters.iter().any(|cluster| !cluster.evidence.is_empty());
    match outcome.failure() {
        None => Ok(Exit::Success),
        Some(failure) if evidence => {
            Err(failure.hint(format!("the evidence is in {}", run.directory.path().display())))
        }
        Some(failure) => Err(failure),
    }
}

/// What the disk cannot keep is told, and changes nothing else.
fn keep(context: &Context, run: &RunContext, name: &str, value: &impl serde::Serialize) {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    run.directory.keep(".", name, &text).note.iter().for_each(|note| context.printer.warn(note));
}
