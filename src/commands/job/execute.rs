//! The plan, executed: the live clusters behind the loop, the report at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::Mutex;

use crate::commands::Context;
use crate::commands::shared_args::ReportArgs;
use crate::config::Settings;
use crate::evidence::run_directory::RunDirectory;
use crate::failure::Failure;
use crate::helm::chart::archive::ChartArchive;
use crate::plan::{ClusterPlan, Plan, PlannedChart};
use crate::report;
use crate::report::exit_code::Exit;
use crate::rollout::execute::ClusterPort;
use crate::rollout::fleet::{self, Fleet};
use crate::rollout::{ClusterOutcome, Observer, Outcome};
use crate::site::identity::Identity;
use crate::site::live::{KubernetesSite, Memory};

use crate::site::connect::Connected;
use crate::site::signals;

/// How a plan is carried out.
pub struct Way {
    archive: Option<(Arc<ChartArchive>, PlannedChart)>,
    lock_wait: Duration,
    force_conflicts: bool,
}

impl Way {
    /// Forward: this chart is deployed.
    pub fn forward(
        archive: ChartArchive,
        chart: PlannedChart,
        lock_wait: Duration,
        force_conflicts: bool,
    ) -> Self {
        Self { archive: Some((Arc::new(archive), chart)), lock_wait, force_conflicts }
    }

    /// Back: the release's own history is deployed.
    pub fn back(lock_wait: Duration) -> Self {
        Self { archive: None, lock_wait, force_conflicts: false }
    }
}

/// One run: what it brings to every cluster.
pub struct Run<'a> {
    settings: &'a Settings,
    way: Way,
    identity: Identity,
    directory: RunDirectory,
    observer: Arc<dyn Observer>,
}

impl<'a> Run<'a> {
    /// Starts a run: its id, its directory, and what is shown of it.
    pub fn start(
        context: &Context,
        settings: &'a Settings,
        way: Way,
        report: &ReportArgs,
    ) -> Result<Self, Failure> {
        report::prepare(&report.report)?;
        let identity = Identity::of_this_process();
        let directory = RunDirectory::create(&settings.base_dir, &identity.run);
        let observer = report::observer(&context.printer);
        Ok(Self { settings, way, identity, directory, observer })
    }

    /// A cluster as this run meets it.
    pub fn site(&self, connected: &Connected, plan: &ClusterPlan, memory: Memory) -> KubernetesSite {
        KubernetesSite {
            cluster: connected.cluster.clone(),
            release: self.settings.chart.release.clone(),
            profile: self.settings.chart.profile,
            gates: self.settings.chart.gates.clone(),
            plan: plan.clone(),
            archive: self.way.archive.clone(),
            values: connected.values.clone(),
            history_max: self.settings.chart.history_max,
            hook_timeout: self.settings.chart.hook_timeout,
            force_conflicts: self.way.force_conflicts,
            identity: self.identity.clone(),
            lock_wait: self.way.lock_wait,
            directory: self.directory.clone(),
            observer: self.observer.clone(),
            memory: Mutex::new(memory),
        }
    }

    /// Who runs this.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Who watches.
    pub fn observer(&self) -> &dyn Observer {
        self.observer.as_ref()
    }

    /// Keeps a value of the whole run. What cannot be kept is told; the run goes on.
    fn keep(&self, context: &Context, name: &str, value: &impl Serialize) {
        let note = match serde_json::to_string_pretty(value) {
            Ok(text) => self.directory.keep(".", name, &text).note,
            Err(error) => Some(format!("{name} is not kept: {error}")),
        };
        note.into_iter().for_each(|note| context.printer.warn(&note));
    }

    /// Keeps and prints the result; a failure carries its exit code.
    pub fn finish(
        &self,
        context: &Context,
        clusters: Vec<ClusterOutcome>,
        report: &ReportArgs,
    ) -> Result<Exit, Failure> {
        let chart = self.way.archive.as_ref().map(|(_, chart)| chart.clone());
        let outcome = Outcome { run: self.identity.run.clone(), chart, clusters };
        self.keep(context, "outcome.json", &outcome);
        context.printer.data(&report::render(&outcome, report.output)?);
        // How the run ended is what the exit code says; a report that is lost does not change it.
        if let Err(failure) = report::write(&report.report, &outcome) {
            context.printer.warn(&failure.chain().join(": "));
        }
        let evidence = outcome.clusters.iter().any(|cluster| !cluster.evidence.is_empty());
        match outcome.failure() {
            None => Ok(Exit::Success),
            Some(failure) if evidence => {
                Err(failure.hint(format!("the evidence is in {}", self.directory.path().display())))
            }
            Some(failure) => Err(failure),
        }
    }
}

struct LiveFleet<'a> {
    run: &'a Run<'a>,
    clusters: BTreeMap<String, Connected>,
}

#[async_trait]
impl Fleet for LiveFleet<'_> {
    async fn site(&self, plan: &ClusterPlan) -> Box<dyn ClusterPort> {
        Box::new(self.run.site(&self.clusters[&plan.cluster], plan, Memory::default()))
    }

    fn soak(&self, wave: &str) -> Duration {
        self.run
            .settings
            .waves
            .iter()
            .find(|known| known.name == wave)
            .map_or(Duration::ZERO, |known| known.soak)
    }
}

/// Executes the plan, cluster after cluster, and reports.
pub async fn execute(
    context: &Context,
    settings: &Settings,
    clusters: Vec<Connected>,
    plan: Plan,
    way: Way,
    report: &ReportArgs,
) -> Result<Exit, Failure> {
    let run = Run::start(context, settings, way, report)?;
    run.keep(context, "plan.json", &plan);
    let interrupt = signals::listen()?;
    let clusters = clusters.into_iter().map(|one| (one.settings.name.clone(), one)).collect();
    let fleet = LiveFleet { run: &run, clusters };
    let outcomes = fleet::run(&plan, &fleet, settings.on_failure, run.observer(), &interrupt).await;
    run.finish(context, outcomes, report)
}
