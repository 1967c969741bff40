//! The plan over all selected clusters; one cluster that may not be changed stops all of them.

use futures::future::join_all;

use super::history;
use super::preflight::{self, RolloutRequest, plan_cluster};
use crate::action::{self, verb};
use crate::cluster::discovery::Kinds;
use crate::cluster::{apply, release_secrets};
use crate::config::Settings;
use crate::failure::{Failure, Kind};
use crate::helm::manifest;
use crate::helm::release::Release;
use crate::plan::preflight::Judgement;
use crate::plan::{self, Action, ClusterPlan, Plan, PlannedChange, Terms};

use super::chart::ChartToDeploy;
use super::connect::{Connected, all};

/// Looks at every cluster and plans the rollout of the chart.
pub async fn plan_rollout(
    settings: &Settings,
    clusters: &[Connected],
    chart: &ChartToDeploy,
    terms: Terms,
) -> Result<Plan, Failure> {
    let request = RolloutRequest {
        chart: &settings.chart,
        archive: &chart.archive,
        planned: &chart.planned,
        terms: &terms,
        matrix: settings.preflight.kubernetes_matrix,
    };
    let looks = clusters.iter().map(|one| plan_cluster(one, &request));
    let looked = all(join_all(looks).await)?;
    refuse(&looked)?;
    let clusters = looked.into_iter().map(|(plan, _)| plan).collect();
    let (chart, publish) = (settings.chart.name.clone(), Some(chart.publish.clone()));
    Ok(Plan { format: plan::FORMAT, chart, terms, publish, clusters })
}

/// Every reason of every cluster, so that one look is enough.
fn refuse(looked: &[(ClusterPlan, Judgement)]) -> Result<(), Failure> {
    let mut reasons = looked.iter().flat_map(|(plan, judgement)| {
        judgement.refusals.iter().map(move |reason| format!("{}: {reason}", plan.cluster))
    });
    match reasons.next() {
        None => Ok(()),
        Some(first) => {
            Err(reasons
                .fold(Failure::refused(first), |failure, reason| failure.hint(format!("also: {reason}"))))
        }
    }
}

/// Plans the return of every cluster to an earlier revision.
pub async fn plan_rollback(
    settings: &Settings,
    clusters: &[Connected],
    to_revision: Option<u32>,
    terms: Terms,
) -> Result<Plan, Failure> {
    let plans = clusters.iter().map(|one| plan_one_rollback(settings, one, to_revision));
    let clusters = all(join_all(plans).await)?;
    Ok(Plan { format: plan::FORMAT, chart: settings.chart.name.clone(), terms, publish: None, clusters })
}

async fn plan_one_rollback(
    settings: &Settings,
    one: &Connected,
    to_revision: Option<u32>,
) -> Result<ClusterPlan, Failure> {
    let release = &settings.chart.release;
    let name = &one.cluster.name;
    let history = release_secrets::history(&one.cluster, release).await?;
    let newest = history
        .last()
        .ok_or_else(|| Failure::refused(format!("{name}: release {release} does not exist")))?;
    if newest.status().is_pending() {
        let told =
            format!("{name}: revision {} of {release} is {}", newest.revision(), newest.status().as_str());
        return Err(Failure::refused(told)
            .hint(format!("`release resume --cluster {name}` when a run of ours was killed there")));
    }
    let target = to_revision.or_else(|| history::rollback_target(&history));
    let target = target.ok_or_else(|| {
        Failure::refused(format!("{name}: release {release} has no earlier good revision to return to"))
    })?;
    let older = find(&history, target).ok_or_else(|| {
        let kept: Vec<String> = history.iter().map(|record| record.revision().to_string()).collect();
        Failure::refused(format!(
            "{name}: release {release} has no revision {target}; it has {}",
            kept.join(", ")
        ))
    })?;
    if target == newest.revision() {
        return Err(Failure::refused(format!("{name}: revision {target} is the one that runs")));
    }
    let obstacles = action::obstacles(&one.cluster, older).await?;
    if let Some(obstacle) = obstacles.first() {
        return Err(Failure::new(Kind::Refused, format!("{name}: the rollback is not safe: {obstacle}")));
    }
    rollback_plan(settings, one, newest, older).await
}

async fn rollback_plan(
    settings: &Settings,
    one: &Connected,
    newest: &Release,
    older: &Release,
) -> Result<ClusterPlan, Failure> {
    let release = &settings.chart.release;
    let (wanted, old) = (manifest::split(older.manifest())?, manifest::split(newest.manifest())?);
    let kinds = Kinds::load(&one.cluster).await?;
    let mut sides = apply::dry_run(&one.cluster, &kinds, &wanted, release, false).await?;
    preflight::keep_crds(verb::crds_of_rollback(older, newest), &wanted, &old, &mut sides);
    sides.extend(apply::deletions(&one.cluster, &kinds, &old, &wanted, release).await?);
    let subject = history::subject(older, release, settings.chart.profile, true)?;
    Ok(ClusterPlan {
        cluster: one.cluster.name.clone(),
        server: one.cluster.server.clone(),
        wave: one.settings.wave.clone(),
        release: release.to_string(),
        action: Action::Rollback,
        base_revision: newest.revision(),
        from: Some(newest.chart_version().to_owned()),
        to: older.chart_version().to_owned(),
        change: PlannedChange::Return { to_revision: older.revision() },
        changes: preflight::changes(&sides),
        gates: preflight::gates(&subject, &settings.chart),
        warnings: Vec::new(),
        rollback_obstacles: Vec::new(),
    })
}

fn find(history: &[Release], revision: u32) -> Option<&Release> {
    history.iter().find(|record| record.revision() == revision)
}
