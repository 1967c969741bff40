//! `release --cluster X`: package, publish, then cluster by cluster upgrade and prove it healthy.

use clap::Args;

use super::Context;
use super::fleet::{DryRunArgs, PermissionArgs, ReportArgs, RunArgs, SelectionArgs, VersionArgs};
use crate::config::Settings;
use crate::failure::Failure;
use crate::report::exit_code::Exit;

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

/// Resolves every name and says what is selected.
pub async fn run(args: &RolloutArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = args.settings(context)?;
    for cluster in &settings.clusters {
        context.printer.data(&format!("{} {}", settings.chart.name, cluster.name));
    }
    Ok(Exit::Success)
}
