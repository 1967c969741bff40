//! The plan over all selected clusters; one cluster that may not be changed stops all of them.

use std::sync::Arc;

use futures::future::join_all;

use super::examine::{changes, examine};
use super::permissions::Wanted;
use super::preflight::{self, RolloutRequest, plan_cluster};
use super::{history, journal_keeper};
use crate::action;
use crate::action::apply::Prepared;
use crate::action::verb::{self, ActionOptions};
use crate::certmanager::advice::known::Knowledge;
use crate::cluster::discovery::Kinds;
use crate::cluster::{Cluster, release_secrets};
use crate::config::{ReleaseId, Settings};
use crate::failure::Failure;
use crate::helm::release::{Release, Status};
use crate::plan::decide::{self, Next};
use crate::plan::preflight::{Allowed, Judgement, Observed, judge};
use crate::plan::together::over_limit;
use crate::plan::{self, Action, ClusterPlan, Plan, PlannedChange, Terms};

use super::chart::ChartToDeploy;
use super::connect::{Connected, all};

/// Looks at every cluster and plans the rollout of the chart; `knowledge` is for a chart of cert-manager.
pub async fn plan_rollout(
    settings: &Settings,
    knowledge: Option<&Knowledge>,
    clusters: &mut [Connected],
    chart: &ChartToDeploy,
    terms: Terms,
) -> Result<Plan, Failure> {
    let request = RolloutRequest {
        chart: &settings.chart,
        archive: &chart.archive,
        planned: &chart.planned,
        terms: &terms,
        matrix: settings.preflight.kubernetes_matrix,
        knowledge,
    };
    let looks = join_all(clusters.iter().map(|one| plan_cluster(one, &request))).await;
    let mut planned = Vec::with_capacity(clusters.len());
    for (one, (plan, judgement, looked)) in clusters.iter_mut().zip(all(looks)?) {
        one.looked = looked.map(Arc::new);
        planned.push((plan, judgement));
    }
    let mut fleet = over_limit(planned.iter().map(|(_, judgement)| judgement), &terms.allowed);
    refuse(&planned, fleet.refusals)?;
    if let Some((first, _)) = planned.first_mut() {
        first.warnings.append(&mut fleet.warnings);
    }
    let clusters = planned.into_iter().map(|(plan, _)| plan).collect();
    let (chart, publish) = (settings.chart.name.clone(), Some(chart.publish.clone()));
    Ok(Plan { format: plan::FORMAT, chart, terms, publish, clusters })
}

/// Every reason of every cluster and of all together, so that one look is enough.
fn refuse(looked: &[(ClusterPlan, Judgement)], together: Vec<String>) -> Result<(), Failure> {
    let of_clusters = looked.iter().flat_map(|(plan, judgement)| {
        judgement.refusals.iter().map(move |reason| format!("{}: {reason}", plan.cluster))
    });
    let mut reasons = of_clusters.chain(together);
    match reasons.next() {
        None => Ok(()),
        Some(first) => {
            Err(reasons
                .fold(Failure::refused(first), |failure, reason| failure.hint(format!("also: {reason}"))))
        }
    }
}

/// A return to an earlier revision of one cluster: where from and where to.
struct Return<'a> {
    one: &'a Connected,
    newest: Release,
    older: Release,
}

/// Plans the return of every cluster to an earlier revision, with the same preflight as a rollout's.
pub async fn plan_rollback(
    settings: &Settings,
    clusters: &[Connected],
    to_revision: Option<u32>,
    terms: Terms,
) -> Result<Plan, Failure> {
    let returns = all(join_all(clusters.iter().map(|one| find_return(settings, one, to_revision))).await)?;
    if let Some(revision) = to_revision {
        let chart = |record: &Release| format!("{} {}", record.chart_name(), record.chart_version());
        let targets: Vec<(String, String)> =
            returns.iter().map(|back| (back.one.cluster.name.clone(), chart(&back.older))).collect();
        decide::differing_targets(revision, &targets).map_or(Ok(()), |told| Err(Failure::refused(told)))?;
    }
    let looked = all(join_all(returns.iter().map(|back| plan_return(settings, back, &terms.allowed))).await)?;
    refuse(&looked, Vec::new())?;
    let clusters = looked.into_iter().map(|(plan, _)| plan).collect();
    Ok(Plan { format: plan::FORMAT, chart: settings.chart.name.clone(), terms, publish: None, clusters })
}

async fn find_return<'a>(
    settings: &Settings,
    one: &'a Connected,
    to_revision: Option<u32>,
) -> Result<Return<'a>, Failure> {
    let release = &settings.chart.release;
    let name = &one.cluster.name;
    let history = release_secrets::history(&one.cluster, release).await?;
    let newest = history
        .last()
        .ok_or_else(|| Failure::refused(format!("{name}: release {release} does not exist")))?;
    if newest.status().is_pending() {
        refuse_pending(&one.cluster, release, newest).await?;
    }
    let target = to_revision.or_else(|| history::rollback_target(&history));
    let target = target.ok_or_else(|| {
        Failure::refused(format!("{name}: release {release} has no earlier good revision to return to"))
    })?;
    let older = history.iter().find(|record| record.revision() == target).ok_or_else(|| {
        let kept: Vec<String> = history.iter().map(|record| record.revision().to_string()).collect();
        Failure::refused(format!(
            "{name}: release {release} has no revision {target}; it has {}",
            kept.join(", ")
        ))
    })?;
    if target == newest.revision() {
        return Err(Failure::refused(format!("{name}: revision {target} is the one that runs")));
    }
    Ok(Return { one, newest: newest.clone(), older: older.clone() })
}

/// A revision that a run of ours left pending is closed before anything is written; anybody else's is not ours.
async fn refuse_pending(cluster: &Cluster, release: &ReleaseId, newest: &Release) -> Result<(), Failure> {
    let journal = journal_keeper::read(cluster, release).await?;
    if journal.is_some_and(|journal| preflight::wrote(&journal, Some(newest))) {
        return Ok(());
    }
    let (name, revision, status) = (&cluster.name, newest.revision(), newest.status());
    let told = format!(
        "{name}: another Helm operation is in progress or was killed: revision {revision} is {status}"
    );
    Err(Failure::refused(told).hint("wait for it, or `helm rollback` when nobody runs it any more"))
}

/// What the return would do on one cluster, and the judgement on it.
async fn plan_return(
    settings: &Settings,
    back: &Return<'_>,
    allowed: &Allowed,
) -> Result<(ClusterPlan, Judgement), Failure> {
    let Return { one, newest, older } = back;
    let cluster = &one.cluster;
    let chart = &settings.chart;
    let subject = history::subject(older, &chart.release, chart.profile, true)?;
    let wanted = Wanted {
        subject: &subject,
        old: &verb::objects(newest)?,
        hooks: older.hooks(),
        events: ["pre-rollback", "post-rollback"],
        first: &[],
        makes_namespace: false,
        gates: &chart.gates,
    };
    let conduct = ActionOptions { force_conflicts: allowed.conflicts, ..ActionOptions::default() };
    let options = verb::options_of_rollback(conduct, older, newest);
    let (kinds, mut seen) = (Kinds::load(cluster).await?, Observed::default());
    let prepared = examine(cluster, &kinds, &wanted, Some(newest), options, &mut seen).await?;
    if let Some(prepared) = &prepared {
        let lost = action::lost_versions(cluster, &kinds, older, prepared).await?;
        seen.refused.extend(lost.iter().map(|lost| format!("the rollback is not safe: {lost}")));
    }
    let mut judgement = judge(&seen, Next::Do(Action::Rollback), allowed);
    judgement.warnings.extend(bad_target(older));
    let gates = preflight::gates(&subject, chart);
    let plan = return_plan(settings, back, prepared.as_ref(), gates, judgement.warnings.clone());
    Ok((plan, judgement))
}

/// A revision that is returned to only because it was named.
fn bad_target(older: &Release) -> Option<String> {
    let (revision, status) = (older.revision(), older.status());
    let good = matches!(status, Status::Deployed | Status::Superseded);
    (!good).then(|| format!("revision {revision} is {status}: it was not good when it ran"))
}

fn return_plan(
    settings: &Settings,
    back: &Return<'_>,
    prepared: Option<&Prepared>,
    gates: Vec<String>,
    warnings: Vec<String>,
) -> ClusterPlan {
    let Return { one, newest, older } = back;
    ClusterPlan {
        cluster: one.cluster.name.clone(),
        server: one.cluster.server.clone(),
        wave: one.settings.wave.clone(),
        release: settings.chart.release.to_string(),
        action: Action::Rollback,
        base_revision: newest.revision(),
        from: Some(newest.chart_version().to_owned()),
        to: older.chart_version().to_owned(),
        change: PlannedChange::Return { to_revision: older.revision() },
        changes: prepared.map(changes).unwrap_or_default(),
        gates,
        warnings,
        rollback_obstacles: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_that_was_not_good_is_told() {
        let told = |status: &str| {
            let record = format!(r#"{{"name":"r","info":{{"status":"{status}"}},"version":3}}"#);
            bad_target(&Release::from_json(&record).unwrap())
        };
        assert_eq!((told("superseded"), told("deployed")), (None, None));
        assert_eq!(told("failed").unwrap(), "revision 3 is failed: it was not good when it ran");
    }
}
