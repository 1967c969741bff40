//! The revision that a chart would become on one cluster: rendered once, not stored. Reads only.

use serde_json::Value;
use tokio::sync::Notify;

use super::connect::Connected;
use super::examine::examine;
use super::permissions::Wanted;
use crate::action::apply::{ApplyOptions, Effect, Prepared, Step};
use crate::action::verb::{self, ActionContext, ActionOptions, Deployment, ReadOnly, RevisionDraft};
use crate::action::{self, ActionError, Target};
use crate::certmanager::advice::known::Knowledge;
use crate::cluster::Cluster;
use crate::config::{ChartSettings, KubernetesMatrix};
use crate::failure::Failure;
use crate::gate::Subject;
use crate::helm::chart::archive::ChartArchive;
use crate::helm::crds;
use crate::helm::manifest::{self, Object};
use crate::helm::release::{Release, Status};
use crate::plan::crd;
use crate::plan::preflight::Observed;
use crate::plan::{PlannedChart, Terms};

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
    /// What is known of cert-manager's versions; absent for other charts.
    pub knowledge: Option<&'a Knowledge>,
}

/// A revision that is not stored yet, and how it would be written.
pub(super) struct Draft {
    pub(super) deployment: Deployment,
    pub(super) revision: RevisionDraft,
    pub(super) subject: Subject,
    /// The objects of the revision that it replaces.
    pub(super) old: Vec<Object>,
    /// The files below `crds/`, which only an install applies.
    pub(super) first: Vec<Object>,
    pub(super) options: ApplyOptions,
    is_install: bool,
}

/// The chart with the values of a cluster.
pub(super) fn deployment(one: &Connected, request: &RolloutRequest<'_>) -> Result<Deployment, Failure> {
    let RolloutRequest { archive, terms, .. } = *request;
    let options = ActionOptions { force_conflicts: terms.allowed.conflicts, ..ActionOptions::default() };
    let target = Target { archive, values: &one.values, description: "dry run", options };
    Ok(target.deployment()?)
}

/// Renders the chart for a cluster.
pub(super) async fn draft(
    one: &Connected,
    request: &RolloutRequest<'_>,
    observed: &verb::Observed,
    deployment: Deployment,
) -> Result<Draft, Failure> {
    let chart = request.chart;
    let drafting = async |verb: ActionContext<'_>| verb::draft(verb, &deployment, observed).await;
    let drafted = in_context(&one.cluster, request, drafting).await?;
    let current = verb::replaced(&observed.history);
    let revision = observed.history.last().map_or(0, Release::revision) + 1;
    Ok(Draft {
        subject: subject(request, revision, drafted.objects.clone()),
        old: current.map(verb::objects).transpose()?.unwrap_or_default(),
        first: if current.is_none() { crd_files(&deployment, chart)? } else { Vec::new() },
        options: match current {
            Some(current) => verb::options_of_upgrade(deployment.conduct, &drafted.record, current),
            None => verb::options_of_install(deployment.conduct, &drafted.record),
        },
        is_install: current.is_none(),
        deployment,
        revision: drafted,
    })
}

impl Draft {
    /// Looks at what would become of the cluster; see [`examine`].
    pub(super) async fn examine(
        &self,
        cluster: &Cluster,
        request: &RolloutRequest<'_>,
        observed: &verb::Observed,
        seen: &mut Observed,
    ) -> Result<Option<Prepared>, Failure> {
        let upgrade = ["pre-upgrade", "post-upgrade"];
        let wanted = Wanted {
            subject: &self.subject,
            old: &self.old,
            hooks: self.revision.record.hooks(),
            events: if self.is_install { ["pre-install", "post-install"] } else { upgrade },
            first: &self.first,
            makes_namespace: self.is_install,
            gates: &request.chart.gates,
        };
        let (kinds, newest) = (observed.kinds.with_crds(&self.first), observed.history.last());
        let prepared = examine(cluster, &kinds, &wanted, newest, self.options, seen).await?;
        // A CRD that stays as it is loses nothing.
        let changes = |step: &&Step| step.object.is_crd() && step.effect != Effect::KeptCrd;
        for step in prepared.iter().flat_map(|prepared| &prepared.steps).filter(changes) {
            if let Some(live) = step.sides.as_ref().and_then(|sides| sides.before.as_ref()) {
                look_at_crd(&step.object, live, seen);
            }
        }
        Ok(prepared)
    }

    /// The same chart, values and objects are deployed. Whether an object has drifted away from them is told
    /// by its changes.
    pub(super) fn is_deployed(&self, newest: &Release, archive: &ChartArchive) -> bool {
        let same_chart = newest.chart_name() == archive.name() && newest.chart_version() == archive.version();
        let objects = &self.subject.objects;
        let same_objects = manifest::split(newest.manifest()).is_ok_and(|deployed| deployed == *objects);
        same_chart && same_objects && newest.config() == self.revision.record.config()
    }

    /// Why the newest good revision, where this upgrade would return to, could not be returned to.
    pub(super) async fn rollback_obstacles(
        &self,
        cluster: &Cluster,
        observed: &verb::Observed,
        prepared: &Prepared,
    ) -> Result<Vec<String>, Failure> {
        let good = |record: &&Release| matches!(record.status(), Status::Deployed | Status::Superseded);
        let Some(base) = observed.history.iter().rev().find(good) else {
            return Ok(vec!["there is no earlier good revision".to_owned()]);
        };
        let (release, conduct) = (&self.subject.release, self.deployment.conduct);
        Ok(action::obstacles(cluster, &observed.kinds, release, base, prepared, conduct).await?)
    }
}

/// The files below `crds/`.
fn crd_files(deployment: &Deployment, chart: &ChartSettings) -> Result<Vec<Object>, ActionError> {
    let files = crds::of(&deployment.chart);
    let objects = files.iter().map(|file| manifest::split(&String::from_utf8_lossy(file.data)));
    let objects: Result<Vec<_>, _> = objects.collect();
    let release = chart.release.name.clone();
    Ok(objects.map_err(|source| ActionError::Manifest { release, source })?.concat())
}

/// A verb that may only look.
pub(super) async fn in_context<T>(
    cluster: &Cluster,
    request: &RolloutRequest<'_>,
    act: impl AsyncFnOnce(ActionContext<'_>) -> T,
) -> T {
    let (release, interrupted) = (&request.chart.release, Notify::new());
    let (permit, talk) = (&ReadOnly, &|_: &str| {});
    act(ActionContext { cluster, release, run: "", permit, interrupted: &interrupted, talk }).await
}

/// The API server would not take a CRD without the versions that it has stored objects in.
fn look_at_crd(object: &Object, live: &Value, seen: &mut Observed) {
    let dropped = crd::dropped_stored_versions(live, &object.value);
    seen.stored_versions.extend(dropped.iter().map(|version| format!("{} {version}", object.name())));
}

fn subject(request: &RolloutRequest<'_>, revision: u32, objects: Vec<Object>) -> Subject {
    Subject {
        release: request.chart.release.clone(),
        revision,
        objects,
        chart_version: request.archive.version().to_owned(),
        profile: request.chart.profile,
        fresh: true,
    }
}
