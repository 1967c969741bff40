//! What a run holds every cluster to: how it is judged, and what happens when that fails. Part of the plan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::preflight::Allowed;
use crate::config::{GateSettings, OnFailure, Profile, duration};

/// The terms of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Terms {
    /// What is known about the chart.
    pub profile: Profile,
    /// How the gates judge.
    pub gates: GateSettings,
    /// What happens to a cluster whose change or gates fail.
    pub on_failure: OnFailure,
    /// What is done although it is refused by default.
    pub allowed: Allowed,
    /// How many revisions Helm's history keeps; 0 = all.
    pub history_max: u32,
    /// How long each hook may take.
    #[serde(with = "duration")]
    pub hook_timeout: Duration,
    /// The waves that have to stand for a while before the next one may begin, first to last.
    pub soaks: Vec<PlannedSoak>,
}

/// A wave that has to stand for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlannedSoak {
    /// Its name.
    pub wave: String,
    /// For how long.
    #[serde(with = "duration")]
    pub soak: Duration,
    /// All of its clusters, selected or not.
    pub clusters: Vec<String>,
    /// The waves after it, which wait for it.
    pub before: Vec<String>,
}
