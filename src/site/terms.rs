//! The terms of a run, from what is configured and what was typed. Pure.

use crate::config::{ClusterSettings, Settings, WaveSettings};
use crate::plan::Terms;
use crate::plan::preflight::Allowed;
use crate::plan::terms::PlannedSoak;

/// The terms that `release.yaml` and the command line set.
pub fn of(settings: &Settings, allowed: Allowed) -> Terms {
    let chart = &settings.chart;
    Terms {
        profile: chart.profile,
        gates: chart.gates.clone(),
        on_failure: settings.on_failure,
        allowed,
        history_max: chart.history_max,
        hook_timeout: chart.hook_timeout,
        soaks: soaks(&settings.waves, &settings.fleet),
    }
}

/// Every wave with a soak and clusters: also those that are not selected, which another process may have upgraded.
fn soaks(waves: &[WaveSettings], fleet: &[ClusterSettings]) -> Vec<PlannedSoak> {
    let clusters = |wave: &str| -> Vec<String> {
        let members = fleet.iter().filter(|cluster| cluster.wave.as_deref() == Some(wave));
        members.map(|cluster| cluster.name.clone()).collect()
    };
    let planned = waves.iter().enumerate().map(|(index, wave)| PlannedSoak {
        wave: wave.name.clone(),
        soak: wave.soak,
        clusters: clusters(&wave.name),
        before: waves[index + 1..].iter().map(|later| later.name.clone()).collect(),
    });
    planned
        .filter(|soak| !soak.soak.is_zero() && !soak.clusters.is_empty() && !soak.before.is_empty())
        .collect()
}
