//! Looks at one cluster before anything is published or touched: what would be done there, and may it be
//! done? Reads only.

use tokio::try_join;

use super::advice::{self, Advisor, chart_goes_back};
use super::connect::Connected;
use super::draft::{deployment, draft, in_context};
use super::examine::{changes, known_later};
use super::looked::Looked;
use super::own::Own;
use super::{journal_keeper, values};
use crate::action::ActionError;
use crate::action::apply::{self, ApplyOptions, Detail, Prepared, Step};
use crate::action::verb;
use crate::certmanager::advice::rule::Severity;
use crate::cluster::authorship::author;
use crate::cluster::discovery::Kinds;
use crate::cluster::{Cluster, lease};
use crate::config::{ChartSettings, Profile};
use crate::evidence::journal::Journal;
use crate::failure::Failure;
use crate::gate;
use crate::helm::manifest::Object;
use crate::helm::release::{Release, Status};
use crate::helm::semver::{Constraint, Version};
use crate::plan::decide::{self, Next, Seen};
use crate::plan::difference::{self, ClusterDifference};
use crate::plan::preflight::{Judgement, Observed, UNHEALTHY, judge};
use crate::plan::{Action, ClusterPlan, PlannedChange};

pub use super::draft::RolloutRequest;

/// Looks at a cluster; answers what would be done there and the judgement on it. The history and the kinds are
/// read once, the chart is rendered once, and every object is sent as a dry run once.
pub async fn plan_cluster(
    one: &Connected,
    request: &RolloutRequest<'_>,
) -> Result<(ClusterPlan, Judgement, Option<Looked>), Failure> {
    let (cluster, release, allowed) = (&one.cluster, &request.chart.release, &request.terms.allowed);
    let observing = async { Ok::<_, Failure>(observe(cluster, request).await?) };
    let holding = async { Ok(lease::holder(cluster, release).await?) };
    let (observed, journal, holder) = try_join!(observing, journal_keeper::read(cluster, release), holding)?;
    let newest = observed.history.last();
    let (from, mut seen) = first_look(request, &observed);
    let deployment = deployment(one, request)?;
    let advisor = Advisor::new(request, &observed, &deployment.values);
    // Whether a holder that is still named is alive is found out when the lock is taken, before anything is
    // repaired.
    let gone = |journal: &Journal| holder.as_ref().is_none_or(|holder| holder.run_id == journal.run);
    let abandoned = journal.as_ref().is_some_and(|journal| gone(journal) && wrote(journal, newest));
    let state = |on_target| {
        newest.map(|record| Seen { status: record.status(), ours_and_abandoned: abandoned, on_target })
    };
    // Helm refuses to render over a pending revision, and a chart that does not fit need not be rendered.
    if matches!(decide::decide(state(false)), Next::Refuse(_)) || seen.unfit_kube_version.is_some() {
        seen.advice = advisor.map(|advisor| advisor.at_once()).unwrap_or_default();
        let plan = plan(one, request, newest, from, Action::Upgrade);
        return Ok((plan, judge(&seen, decide::decide(state(false)), allowed), None));
    }
    let drafted = draft(one, request, &observed, deployment).await;
    let draft = drafted.map_err(|failure| explained(failure, advisor.as_ref()))?;
    seen.release_bytes = draft.revision.record_bytes;
    let prepared = draft.examine(cluster, request, &observed, &mut seen).await?;
    let changes = prepared.as_ref().map(changes).unwrap_or_default();
    let next = decide::decide(state(newest.is_some_and(|record| {
        changes.is_empty() && seen.known_later.is_empty() && draft.is_deployed(record, request.archive)
    })));
    if !matches!(next, Next::Do(Action::Nothing | Action::Install)) {
        look_at_health(cluster, &observed.kinds, request, &draft.subject, prepared.as_ref(), &mut seen).await;
    }
    if let (Some(advisor), Some(prepared), false) = (advisor, &prepared, next == Next::Do(Action::Nothing)) {
        advisor.look(cluster, &draft, prepared, &mut seen).await;
    }
    let action = match next {
        Next::Do(action) => action,
        Next::RepairThenUpgrade | Next::Refuse(_) => Action::Upgrade,
    };
    let mut plan = plan(one, request, newest, from, action);
    plan.changes = changes;
    plan.gates = gates(&draft.subject, request.chart);
    if let (Action::Upgrade, Some(prepared)) = (action, &prepared) {
        plan.rollback_obstacles = draft.rollback_obstacles(cluster, &observed, prepared).await?;
    }
    let judgement = judge(&seen, next, allowed);
    plan.warnings.clone_from(&judgement.warnings);
    let looked = Looked::now(observed, draft.revision);
    Ok((plan, judgement, Some(looked)))
}

/// What the versions alone tell; with the version that is deployed.
fn first_look(request: &RolloutRequest<'_>, observed: &verb::Observed) -> (Option<String>, Observed) {
    let (newest, kubernetes) = (observed.history.last(), observed.version.version.clone());
    let current = verb::replaced(&observed.history);
    let from = current.map(|record| record.chart_version().to_owned());
    let seen = Observed {
        unfit_kube_version: unfit(&request.archive.metadata().kube_version, &kubernetes),
        newest: newest.map(describe),
        downgrade: chart_goes_back(advice::current(&observed.history), request.archive.metadata()),
        newest_failed: newest.is_some_and(|record| record.status() == Status::Failed),
        kubernetes,
        ..Observed::default()
    };
    (from, seen)
}

/// What of the release is unhealthy already, and whether its canary could be issued.
async fn look_at_health(
    cluster: &Cluster,
    kinds: &Kinds,
    request: &RolloutRequest<'_>,
    subject: &gate::Subject,
    prepared: Option<&Prepared>,
    seen: &mut Observed,
) {
    let chart = request.chart;
    let objects: Vec<Object> = prepared.iter().flat_map(|prepared| present(prepared)).collect();
    let own = Own { cluster, kinds, release: &chart.release, objects: &objects, profile: chart.profile };
    let overridden = seen.newest_failed || request.terms.allowed.allows(UNHEALTHY);
    let red = if overridden { own.red().await } else { own.red_for_long().await };
    seen.red = red.unwrap_or_else(|failure| vec![failure.chain().join(": ")]);
    if chart.profile == Profile::CertManager {
        let forecast = gate::canary::preflight(cluster, subject, &chart.gates.canary).await;
        seen.canary = forecast.refusals;
        seen.hints.extend(forecast.warnings);
        seen.acme = forecast.acme;
    }
}

/// The objects of the new manifest that are there already.
fn present(prepared: &Prepared) -> impl Iterator<Item = Object> {
    let there = |step: &&Step| step.sides.as_ref().is_some_and(|sides| sides.before.is_some());
    prepared.steps.iter().filter(there).map(|step| step.object.clone())
}

fn plan(
    one: &Connected,
    request: &RolloutRequest<'_>,
    newest: Option<&Release>,
    from: Option<String>,
    action: Action,
) -> ClusterPlan {
    ClusterPlan {
        cluster: one.cluster.name.clone(),
        server: one.cluster.server.clone(),
        wave: one.settings.wave.clone(),
        release: request.chart.release.to_string(),
        action,
        base_revision: newest.map_or(0, Release::revision),
        from,
        to: request.archive.version().to_owned(),
        change: PlannedChange::Deploy {
            chart: request.planned.clone(),
            values: values::planned(&one.values),
        },
        changes: Vec::new(),
        gates: Vec::new(),
        warnings: Vec::new(),
        rollback_obstacles: Vec::new(),
    }
}

/// What the cluster is, and the history of the release.
async fn observe(cluster: &Cluster, request: &RolloutRequest<'_>) -> Result<verb::Observed, ActionError> {
    in_context(cluster, request, async |verb| verb::observe(verb).await).await
}

/// What the chart would change on a cluster, without any judgement on whether it may.
pub async fn difference(one: &Connected, request: &RolloutRequest<'_>) -> Result<ClusterDifference, Failure> {
    let cluster = &one.cluster;
    let observed = observe(cluster, request).await?;
    let draft = draft(one, request, &observed, deployment(one, request)?).await?;
    let (kinds, options) =
        (observed.kinds.with_crds(&draft.first), ApplyOptions { detail: Detail::Sides, ..draft.options });
    let (release, objects) = (&request.chart.release, &draft.subject.objects);
    let prepared = apply::prepare(cluster, &kinds, release, &draft.old, objects, &options).await?;
    let differences =
        prepared.changes().filter_map(|(object, before, after)| difference::between(&object, before, after));
    let refused = prepared.problems().map(|problem| format!("refused: {problem}"));
    Ok(ClusterDifference {
        cluster: cluster.name.clone(),
        release: release.to_string(),
        from: verb::replaced(&observed.history).map(|record| record.chart_version().to_owned()),
        to: request.archive.version().to_owned(),
        objects: differences.collect(),
        notes: refused.chain(known_later(&prepared)).collect(),
    })
}

/// The names of the gates that a revision has to pass after it was written.
pub fn gates(subject: &gate::Subject, chart: &ChartSettings) -> Vec<String> {
    gate::gates_for(subject, &chart.gates, true).into_iter().map(ToOwned::to_owned).collect()
}

/// A chart that cannot be rendered may be so for a reason that is known of its version.
fn explained(failure: Failure, advisor: Option<&Advisor<'_>>) -> Failure {
    let known = advisor.map(Advisor::at_once).unwrap_or_default();
    let strong = known.into_iter().filter(|advice| advice.severity == Severity::Refuse);
    strong.fold(failure, |failure, advice| failure.hint(advice.line()))
}

/// The chart's `kubeVersion`, when the cluster does not satisfy it; one that cannot be read is left to Helm's
/// own refusal.
fn unfit(constraint: &str, kubernetes: &str) -> Option<String> {
    let wanted: Constraint = Some(constraint).filter(|text| !text.is_empty())?.parse().ok()?;
    let version: Version = kubernetes.parse().ok()?;
    (!wanted.matches(&version)).then(|| constraint.to_owned())
}

/// Whether the journal's run wrote the newest revision, whatever became of that run.
pub(super) fn wrote(journal: &Journal, newest: Option<&Release>) -> bool {
    newest.is_some_and(|record| author(record) == Some(journal.run.as_str()))
}

fn describe(record: &Release) -> String {
    let since = record.last_deployed().map(|at| format!(" since {at}")).unwrap_or_default();
    format!("revision {} is {}{since}", record.revision(), record.status().as_str())
}
