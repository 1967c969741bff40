//! What is asked of a verb.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use tokio::sync::Notify;

use crate::action::permit::Permit;
use crate::action::records::Records;
use crate::action::removal::Cascade;
use crate::cluster::Cluster;
use crate::config::ReleaseId;
use crate::helm::chart::Chart;
use crate::helm::release::Revision;

/// Helm's own default for `--timeout`.
const TIMEOUT: Duration = Duration::from_mins(5);

/// On which release of which cluster a verb works, by whose leave, and who hears about it.
#[derive(Clone, Copy)]
pub struct ActionContext<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The release.
    pub release: &'a ReleaseId,
    /// The id of the run that writes; every revision names it.
    pub run: &'a str,
    /// The lock, or the way to it; nothing is written once it is lost.
    pub permit: &'a dyn Permit,
    /// Notified when the verb shall stop: the revision is stored as failed then.
    pub interrupted: &'a Notify,
    /// Takes what a person wants to know on the way: warnings, and the logs of hooks.
    pub talk: &'a (dyn Fn(&str) + Send + Sync),
}

impl<'a> ActionContext<'a> {
    /// Where the verb's records are written.
    pub(super) fn records(self) -> Records<'a> {
        Records { cluster: self.cluster, release: self.release, permit: self.permit }
    }
}

/// What a verb waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wait {
    /// Hooks only.
    #[default]
    Hooks,
    /// Every object ready, by Helm 4's rules.
    Ready,
    /// Workloads ready, by Helm 3's rules.
    Legacy,
}

/// How a verb treats the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of helm of its own")]
pub struct ActionOptions {
    /// Run the hooks.
    pub hooks: bool,
    /// What to wait for.
    pub wait: Wait,
    /// Wait for Jobs too, where objects are waited for.
    pub wait_for_jobs: bool,
    /// For each wait, and for each hook.
    pub timeout: Duration,
    /// What does not get on (an image that cannot be pulled, a crash loop) ends a wait before its time is over.
    pub fail_fast: bool,
    /// Take fields away from other field managers.
    pub force_conflicts: bool,
    /// Take over objects of others.
    pub take_ownership: bool,
    /// How many revisions are kept, this one included; 0 = all.
    pub history_max: u32,
    /// Delete what a failed upgrade or rollback created.
    pub cleanup_on_fail: bool,
}

impl Default for ActionOptions {
    /// Helm 4's own defaults.
    fn default() -> Self {
        Self {
            hooks: true,
            wait: Wait::Hooks,
            wait_for_jobs: false,
            timeout: TIMEOUT,
            fail_fast: true,
            force_conflicts: false,
            take_ownership: false,
            history_max: 10,
            cleanup_on_fail: false,
        }
    }
}

/// What is asked of a rollback.
#[derive(Debug, Clone, Default)]
pub struct RollbackRequest {
    /// The revision to return to; `None` = the one before the newest.
    pub to: Option<Revision>,
    /// Replaces "Rollback to N".
    pub description: Option<String>,
    /// How the cluster is treated.
    pub conduct: ActionOptions,
}

/// What is asked of an uninstall.
#[derive(Debug, Clone, Default)]
pub struct UninstallRequest {
    /// Keep the records, the newest one as uninstalled.
    pub keep_history: bool,
    /// What happens to what the objects own.
    pub cascade: Cascade,
    /// Replaces "Uninstallation complete".
    pub description: Option<String>,
    /// How the cluster is treated.
    pub conduct: ActionOptions,
}

/// How far a dry run goes; nothing is written either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    /// Templates find nothing with `lookup`, and the objects are not sent.
    Client,
    /// Templates look up what is there, and the server judges every object.
    Server,
}

/// Which values of the revision before count for an upgrade.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reuse {
    /// All of the user's, when no new ones are given.
    #[default]
    WithoutNewOnes,
    /// None (`--reset-values`).
    Reset,
    /// The user's, below new ones, on the old chart's defaults (`--reuse-values`).
    All,
    /// The user's, below new ones, on the new chart's defaults (`--reset-then-reuse-values`).
    Given,
}

/// A chart with its values, for an install or an upgrade.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of helm of its own")]
pub struct Deployment {
    /// The chart as loaded.
    pub chart: Chart,
    /// The user's values, merged.
    pub values: Map<String, Value>,
    /// Which values of the revision before count.
    pub reuse: Reuse,
    /// Replaces "Install complete" and "Upgrade complete".
    pub description: Option<String>,
    /// Labels of the record; in an upgrade they are merged with the old ones, and `null` removes one.
    pub labels: BTreeMap<String, String>,
    /// Create the namespace of the release.
    pub create_namespace: bool,
    /// Leave the chart's `crds/` alone.
    pub skip_crds: bool,
    /// Use the name of a release that was uninstalled, or whose install failed.
    pub replace: bool,
    /// Undo it when it fails: uninstall, or roll back.
    pub rollback_on_failure: bool,
    /// Do not check the values against the chart's schema.
    pub skip_schema_validation: bool,
    /// Render the notes of subcharts too.
    pub render_subchart_notes: bool,
    /// Let templates look up host names.
    pub enable_dns: bool,
    /// Leave Secrets out of the manifest; only for a dry run.
    pub hide_secrets: bool,
    /// How the cluster is treated.
    pub conduct: ActionOptions,
}

impl Deployment {
    /// A chart with values, everything else as helm does it when nothing is said.
    pub fn new(chart: Chart, values: Map<String, Value>) -> Self {
        Self {
            chart,
            values,
            reuse: Reuse::default(),
            description: None,
            labels: BTreeMap::new(),
            create_namespace: false,
            skip_crds: false,
            replace: false,
            rollback_on_failure: false,
            skip_schema_validation: false,
            render_subchart_notes: false,
            enable_dns: false,
            hide_secrets: false,
            conduct: ActionOptions::default(),
        }
    }
}
