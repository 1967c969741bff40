//! The arguments that the fleet verbs share, so that `--cluster` or `--timeout` is the same thing everywhere.

use std::time::Duration;

use clap::Args;

use super::check_name::CheckName;
use crate::config::{OnFailure, Selection, duration};
use crate::plan::preflight::Allowed;
use crate::report::format::{Format, ReportFile};

/// Which chart, on which clusters.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What")]
pub struct SelectionArgs {
    /// The chart, by its name in release.yaml; needed when several are configured
    #[arg(long, value_name = "NAME")]
    pub chart: Option<String>,
    /// A cluster, by its name in release.yaml (repeatable)
    #[arg(long = "cluster", value_name = "NAME")]
    pub clusters: Vec<String>,
    /// All clusters of a wave (repeatable)
    #[arg(long = "wave", value_name = "NAME")]
    pub waves: Vec<String>,
    /// All clusters, wave by wave
    #[arg(long, conflicts_with_all = ["clusters", "waves"])]
    pub all: bool,
}

/// Which version of the chart.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What")]
pub struct VersionArgs {
    /// Package this branch, tag or commit instead of the configured one
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// Deploy this published version instead of packaging: how what was proved in development is promoted
    #[arg(long, value_name = "VERSION", conflicts_with = "reference")]
    pub version: Option<String>,
}

/// Look first.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How")]
pub struct DryRunArgs {
    /// Show everything that would happen and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: exit with 2 when there are changes
    #[arg(long, requires = "dry_run")]
    pub detailed_exitcode: bool,
}

/// How a run waits.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How")]
pub struct WaitArgs {
    /// How long all gates of one cluster may take, such as 10m [default: as configured, else 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// How long to wait for somebody else's lock, such as 5m; 0s exits with 6 at once
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "0s")]
    pub lock_timeout: Duration,
}

/// How a run waits and what it does when something fails.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How")]
pub struct RunArgs {
    /// What happens to a cluster whose upgrade or gates fail [default: as configured, else halt]
    #[arg(long, value_name = "WHAT")]
    pub on_failure: Option<OnFailure>,
    /// How it waits.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// What a run may do although it is refused by default.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How")]
pub struct PermissionArgs {
    /// Go on although this preflight check refuses; its message gives the name (repeatable)
    #[arg(long, value_name = "CHECK", value_parser = CheckName, hide_possible_values = true)]
    pub allow: Vec<String>,
    /// Go to a chart version that is older than the one in the cluster
    #[arg(long)]
    pub allow_downgrade: bool,
    /// Take over fields that another field manager has set
    #[arg(long)]
    pub force_conflicts: bool,
}

/// Where results go.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct ReportArgs {
    /// How the result is written to stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
    /// Also write the result to a file: junit=FILE or json=FILE (repeatable)
    #[arg(long, value_name = "KIND=FILE")]
    pub report: Vec<ReportFile>,
}

impl SelectionArgs {
    /// These names, and nothing else.
    pub fn selection(&self) -> Selection {
        Selection {
            chart: self.chart.clone(),
            clusters: self.clusters.clone(),
            waves: self.waves.clone(),
            all: self.all,
            ..Selection::default()
        }
    }
}

impl PermissionArgs {
    /// As the plan has it.
    pub fn allowed(&self) -> Allowed {
        Allowed {
            names: self.allow.clone(),
            downgrade: self.allow_downgrade,
            conflicts: self.force_conflicts,
        }
    }
}

impl VersionArgs {
    /// The selection with this version.
    #[must_use]
    pub fn on(&self, selection: Selection) -> Selection {
        Selection { reference: self.reference.clone(), version: self.version.clone(), ..selection }
    }
}

impl WaitArgs {
    /// The selection with these overrides.
    #[must_use]
    pub fn on(&self, selection: Selection) -> Selection {
        Selection { timeout: self.timeout, ..selection }
    }
}

impl RunArgs {
    /// The selection with these overrides.
    #[must_use]
    pub fn on(&self, selection: Selection) -> Selection {
        Selection { on_failure: self.on_failure, ..self.wait.on(selection) }
    }
}
