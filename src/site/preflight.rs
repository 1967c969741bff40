//! Looks at one cluster before anything is published or touched: what would be done there, and may it be
//! done? Reads only.

use serde_json::Value;
use tokio::sync::Notify;

use crate::action::apply::{Crds, crd_stays};
use crate::action::verb::{self, ActionContext, ActionOptions, ReadOnly, RevisionDraft};
use crate::action::{self, Target};
use crate::certmanager::versions::{self, Severity};
use crate::cluster::apply::{self, Sides};
use crate::cluster::authorship::author;
use crate::cluster::discovery::{self, Kinds};
use crate::cluster::{Cluster, access, gitops, lease, release_secrets};
use crate::config::{ChartSettings, KubernetesMatrix, Profile};
use crate::evidence::journal::Journal;
use crate::failure::Failure;
use crate::gate;
use crate::gate::baseline::Baseline;
use crate::helm::chart::archive::ChartArchive;
use crate::helm::manifest::{self, Object};
use crate::helm::release::{Release, Status};
use crate::helm::semver::{self, Constraint, Version};
use crate::plan::change::{self, Change};
use crate::plan::decide::{self, Next, Seen};
use crate::plan::difference::{self, ClusterDifference};
use crate::plan::preflight::{Judgement, Observed, judge};
use crate::plan::{Action, ClusterPlan, PlannedChange, PlannedChart, Terms, crd};

use super::connect::Connected;
use super::{journal_keeper, values};

/// What is wished, the same for every cluster.
pub struct RolloutRequest<'a> {
    /// The chart and its release.
    pub chart: &'a ChartSettings,
    /// The archive to deploy.
    pub archive: &'a ChartArchive,
    /// Its identity.
    pub planned: &'a PlannedChart,
    /// What every cluster is held to.
    pub terms: &'a Terms,
    /// Whether an untested Kubernetes version refuses.
    pub matrix: KubernetesMatrix,
}

/// Looks at a cluster; answers what would be done there and the judgement on it.
pub async fn plan_cluster(
    one: &Connected,
    request: &RolloutRequest<'_>,
) -> Result<(ClusterPlan, Judgement), Failure> {
    let cluster = &one.cluster;
    let release = &request.chart.release;
    let history = release_secrets::history(cluster, release).await?;
    let journal = journal_keeper::read(cluster, release).await?;
    let holder = lease::holder(cluster, release).await?;
    let kubernetes = discovery::version(cluster).await?;
    let newest = history.last();
    let mut seen = Observed {
        unfit_kube_version: unfit(&request.archive.metadata().kube_version, &kubernetes),
        newest: newest.map(describe),
        ..Observed::default()
    };
    let from = deployed_version(newest);
    seen.downgrade = from.as_deref().is_some_and(|from| semver::is_newer(from, request.archive.version()));
    seen.advice = advice(request, from.as_deref(), &kubernetes);
    seen.kubernetes = kubernetes;
    // Whether a holder that is still named is alive is found out when the lock is taken, before anything is
    // repaired.
    let gone = |journal: &Journal| holder.as_ref().is_none_or(|holder| holder.run_id == journal.run);
    let abandoned = journal.as_ref().is_some_and(|journal| gone(journal) && wrote(journal, newest));
    let state = |on_target| {
        newest.map(|record| Seen { status: record.status(), ours_and_abandoned: abandoned, on_target })
    };
    // Helm refuses to render over a pending revision, and a chart that does not fit need not be rendered.
    if matches!(decide::decide(state(false)), Next::Refuse(_)) || seen.unfit_kube_version.is_some() {
        let plan = plan(one, request, newest, from, Action::Upgrade);
        return Ok((plan, judge(&seen, decide::decide(state(false)), &request.terms.allowed)));
    }
    let rendered = render(one, request).await?;
    seen.release_bytes = rendered.record_bytes;
    let subject = subject(request, newest.map_or(0, Release::revision) + 1, rendered.objects);
    let sides = sides(cluster, request, newest, &subject, &mut seen).await?;
    let changes = changes(&sides);
    let next = decide::decide(state(newest.is_some_and(|record| {
        changes.is_empty() && on_target(record, request.archive, &subject.objects, rendered.record.config())
    })));
    if !matches!(next, Next::Do(Action::Nothing | Action::Install)) {
        seen.red = Baseline::observe(cluster, release, request.chart.profile).await?.red_workloads();
        if request.chart.profile == Profile::CertManager {
            seen.red.extend(gate::webhook::check(cluster).await.err());
            seen.canary = gate::canary::preflight(cluster, release, &request.chart.gates.canary).await;
        }
    }
    let action = match next {
        Next::Do(action) => action,
        Next::RepairThenUpgrade | Next::Refuse(_) => Action::Upgrade,
    };
    let mut plan = plan(one, request, newest, from, action);
    plan.changes = changes;
    plan.rollback_obstacles = rollback_obstacles(cluster, &history, action).await?;
    plan.gates = gates(&subject, request.chart);
    if action == Action::Nothing {
        seen.advice.clear();
    }
    let judgement = judge(&seen, next, &request.terms.allowed);
    plan.warnings.clone_from(&judgement.warnings);
    Ok((plan, judgement))
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

async fn render(one: &Connected, request: &RolloutRequest<'_>) -> Result<RevisionDraft, Failure> {
    let RolloutRequest { chart, archive, terms, .. } = *request;
    let options = ActionOptions { force_conflicts: terms.allowed.conflicts, ..ActionOptions::default() };
    let target = Target { archive, values: &one.values, description: "dry run", options };
    let nobody = |_: &str| {};
    let verb = ActionContext {
        cluster: &one.cluster,
        release: &chart.release,
        run: "",
        permit: &ReadOnly,
        interrupted: &Notify::new(),
        talk: &nobody,
    };
    Ok(verb::draft(verb, &target.deployment()?, &verb::observe(verb).await?).await?)
}

/// Both sides of every object, and what they tell about permissions, owners, conflicts and CRDs.
async fn sides(
    cluster: &Cluster,
    request: &RolloutRequest<'_>,
    newest: Option<&Release>,
    subject: &gate::Subject,
    seen: &mut Observed,
) -> Result<Vec<Sides>, Failure> {
    let (release, objects) = (&request.chart.release, &subject.objects);
    let kinds = Kinds::load(cluster).await?;
    seen.unserved_kinds = kinds.unserved(objects);
    let mut wanted = access::for_release(&kinds, release, objects);
    wanted.extend(gate::needs(subject, &request.chart.gates));
    wanted.sort();
    wanted.dedup();
    let missing = access::missing(cluster, &wanted).await?;
    seen.missing_permissions = missing.iter().map(ToString::to_string).collect();
    if !missing.is_empty() {
        return Ok(Vec::new());
    }
    let sides = both_sides(cluster, &kinds, request, newest, objects).await?;
    for (object, side) in objects.iter().zip(&sides).filter(|(object, _)| object.is_crd()) {
        look_at_crd(object, side, seen);
    }
    seen.conflicts = sides.iter().filter_map(|side| side.conflict.clone()).collect();
    seen.other_owner =
        gitops::find(sides.iter().filter_map(|side| side.before.as_ref())).map(|owner| owner.to_string());
    Ok(sides)
}

/// The chart's objects in their order, then those that would be deleted.
async fn both_sides(
    cluster: &Cluster,
    kinds: &Kinds,
    request: &RolloutRequest<'_>,
    newest: Option<&Release>,
    objects: &[Object],
) -> Result<Vec<Sides>, Failure> {
    let release = &request.chart.release;
    let old = newest.map_or(Ok(Vec::new()), |record| manifest::split(record.manifest()))?;
    let mut sides = apply::dry_run(cluster, kinds, objects, release, request.terms.allowed.conflicts).await?;
    if let Some(newest) = newest {
        keep_crds(verb::crds_of_upgrade(newest, request.archive.version()), objects, &old, &mut sides);
    }
    sides.extend(apply::deletions(cluster, kinds, &old, objects, release).await?);
    Ok(sides)
}

/// CRDs that the verb leaves as they are do not change. `sides` are those of `objects`, in the same order.
pub fn keep_crds(policy: Crds, objects: &[Object], old: &[Object], sides: &mut [Sides]) {
    for (object, side) in objects.iter().zip(sides).filter(|(object, _)| object.is_crd()) {
        let replaced = old.iter().find(|old| old.key() == object.key()).map(|old| &old.value);
        if side.before.as_ref().is_some_and(|live| crd_stays(policy, live, &object.value, replaced)) {
            side.after.clone_from(&side.before);
        }
    }
}

/// What the chart would change on a cluster, without any judgement on whether it may.
pub async fn difference(one: &Connected, request: &RolloutRequest<'_>) -> Result<ClusterDifference, Failure> {
    let cluster = &one.cluster;
    let history = release_secrets::history(cluster, &request.chart.release).await?;
    let newest = history.last();
    let objects = render(one, request).await?.objects;
    let sides = both_sides(cluster, &Kinds::load(cluster).await?, request, newest, &objects).await?;
    let differences = sides
        .iter()
        .filter_map(|side| difference::between(&side.object, side.before.as_ref(), side.after.as_ref()));
    Ok(ClusterDifference {
        cluster: cluster.name.clone(),
        release: request.chart.release.to_string(),
        from: deployed_version(newest),
        to: request.archive.version().to_owned(),
        objects: differences.collect(),
    })
}

fn deployed_version(newest: Option<&Release>) -> Option<String> {
    newest
        .filter(|record| record.status() != Status::Uninstalled)
        .map(|record| record.chart_version().to_owned())
}

fn look_at_crd(object: &Object, side: &Sides, seen: &mut Observed) {
    let Some(live) = &side.before else { return };
    let dropped = crd::dropped_stored_versions(live, &object.value);
    seen.stored_versions.extend(dropped.iter().map(|version| format!("{} {version}", object.name())));
    if seen.downgrade && !crd::lost(live, &object.value).is_empty() {
        seen.downgraded_crds.push(object.name().to_owned());
    }
}

/// Every object that differs on its two sides.
pub fn changes(sides: &[Sides]) -> Vec<Change> {
    sides
        .iter()
        .filter_map(|side| change::between(&side.object, side.before.as_ref(), side.after.as_ref()))
        .collect()
}

/// The names of the gates that a revision has to pass after it was written.
pub fn gates(subject: &gate::Subject, chart: &ChartSettings) -> Vec<String> {
    gate::gates_for(subject, &chart.gates, true).into_iter().map(ToOwned::to_owned).collect()
}

/// The same chart, values and objects are deployed. Whether an object has drifted away from them is told by
/// its changes.
fn on_target(newest: &Release, archive: &ChartArchive, objects: &[Object], config: &Value) -> bool {
    let same_chart = newest.chart_name() == archive.name() && newest.chart_version() == archive.version();
    let same_objects = manifest::split(newest.manifest()).is_ok_and(|deployed| deployed == objects);
    same_chart && same_objects && newest.config() == config
}

async fn rollback_obstacles(
    cluster: &Cluster,
    history: &[Release],
    action: Action,
) -> Result<Vec<String>, Failure> {
    // The newest revision is what the upgrade starts from, and where it would return to.
    let good = |record: &&Release| matches!(record.status(), Status::Deployed | Status::Superseded);
    match (action, history.iter().rev().find(good)) {
        (Action::Upgrade, Some(base)) => Ok(action::obstacles(cluster, base).await?),
        (Action::Upgrade, None) => Ok(vec!["there is no earlier good revision".to_owned()]),
        (Action::Install | Action::Rollback | Action::Nothing, _) => Ok(Vec::new()),
    }
}

fn subject(request: &RolloutRequest<'_>, revision: u32, objects: Vec<Object>) -> gate::Subject {
    gate::Subject {
        release: request.chart.release.clone(),
        revision,
        objects,
        chart_version: request.archive.version().to_owned(),
        profile: request.chart.profile,
        fresh: true,
    }
}

fn advice(request: &RolloutRequest<'_>, from: Option<&str>, kubernetes: &str) -> Vec<versions::Advice> {
    if request.chart.profile != Profile::CertManager {
        return Vec::new();
    }
    let mut advice = versions::judge_upgrade(from, request.archive.version(), kubernetes);
    for item in advice
        .iter_mut()
        .filter(|item| item.name == versions::KUBERNETES_MATRIX && request.matrix == KubernetesMatrix::Refuse)
    {
        item.severity = Severity::Refuse;
    }
    advice
}

/// The chart's `kubeVersion`, when the cluster does not satisfy it; one that cannot be read is left to Helm's
/// own refusal.
fn unfit(constraint: &str, kubernetes: &str) -> Option<String> {
    let wanted: Constraint = Some(constraint).filter(|text| !text.is_empty())?.parse().ok()?;
    let version: Version = kubernetes.parse().ok()?;
    (!wanted.matches(&version)).then(|| constraint.to_owned())
}

/// Whether the journal's run wrote the newest revision, whatever became of that run.
fn wrote(journal: &Journal, newest: Option<&Release>) -> bool {
    newest.is_some_and(|record| author(record) == Some(journal.run.as_str()))
}

fn describe(record: &Release) -> String {
    let since = record.last_deployed().map(|at| format!(" since {at}")).unwrap_or_default();
    format!("revision {} is {}{since}", record.revision(), record.status().as_str())
}
