//! From a chart and values to a revision that is not stored yet; nothing is written.

use tokio::task::spawn_blocking;

use super::stage::now;
use super::{ActionContext, Deployment, DryRun, refusal};
use crate::action::ActionError;
use crate::action::records::unwritable;
use crate::cluster::capabilities::{self, ClusterLookup};
use crate::cluster::discovery::Kinds;
use crate::config::ReleaseId;
use crate::helm::capabilities::{Capabilities, KubeVersion};
use crate::helm::chart::Chart;
use crate::helm::engine::{Lookup, NoCluster, ReleaseContext};
use crate::helm::manifest::{self, Object};
use crate::helm::release::{NewRecord, Release, Revision, Status};
use crate::helm::rendering::{Prepared, Rendering, RenderingRequest};
use crate::helm::values::Values;

/// Which revision is made, and as what.
#[derive(Debug, Clone, Copy)]
pub(super) struct NextRevision<'a> {
    pub(super) revision: Revision,
    /// What templates see; Helm says 1 for every install.
    pub(super) shown_revision: Revision,
    pub(super) upgrade: bool,
    pub(super) status: Status,
    pub(super) description: &'a str,
    pub(super) first_deployed: Option<&'a str>,
}

/// Renders as if there were no cluster.
pub(super) async fn rendered_offline(
    release: &ReleaseId,
    deployment: &Deployment,
    next: &NextRevision<'_>,
) -> Result<Rendering, ActionError> {
    let prepared = prepared(deployment.chart.clone(), deployment.values.clone())?;
    let request = request(release, deployment, Capabilities::without_cluster(), next);
    run(prepared, request, NoCluster).await
}

/// The objects of what was rendered, Secrets included.
pub(super) fn objects(rendering: &Rendering, release: &str) -> Result<Vec<Object>, ActionError> {
    manifest::split(&rendering.manifest)
        .map_err(|source| ActionError::Manifest { release: release.to_owned(), source })
}

/// The chart with its dependencies processed.
pub(super) fn prepared(chart: Chart, values: Values) -> Result<Prepared, ActionError> {
    Ok(Prepared::new(chart, values)?)
}

pub(super) fn values(error: crate::helm::values::coalesce::CoalesceError) -> ActionError {
    crate::helm::rendering::RenderingError::Values(error).into()
}

/// Renders against the cluster, on a thread that may block.
pub(super) async fn rendered(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    prepared: Prepared,
    (kinds, version): (&Kinds, KubeVersion),
    next: &NextRevision<'_>,
    how: DryRun,
) -> Result<Rendering, ActionError> {
    let capabilities = capabilities::of(version, kinds);
    let request = request(verb.release, deployment, capabilities, next);
    match how {
        DryRun::Client => run(prepared, request, NoCluster).await,
        DryRun::Server => run(prepared, request, ClusterLookup::new(verb.cluster, kinds)).await,
    }
}

async fn run(
    prepared: Prepared,
    request: RenderingRequest,
    mut lookup: impl Lookup + 'static,
) -> Result<Rendering, ActionError> {
    let rendering = spawn_blocking(move || prepared.render(&request, &mut lookup)).await;
    Ok(rendering.map_err(|error| ActionError::Crashed(error.to_string()))??)
}

fn request(
    release: &ReleaseId,
    deployment: &Deployment,
    capabilities: Capabilities,
    next: &NextRevision<'_>,
) -> RenderingRequest {
    let release = ReleaseContext {
        name: release.name.clone(),
        namespace: release.namespace.clone(),
        revision: i64::from(next.shown_revision),
        is_install: !next.upgrade,
        is_upgrade: next.upgrade,
    };
    RenderingRequest {
        release,
        capabilities,
        skip_schema: deployment.skip_schema_validation,
        subchart_notes: deployment.render_subchart_notes,
        dns: deployment.enable_dns,
    }
}

/// The record of what was rendered; one that no Secret can hold is refused.
pub(super) fn record(
    release: &ReleaseId,
    deployment: &Deployment,
    rendering: &Rendering,
    next: &NextRevision<'_>,
) -> Result<Release, ActionError> {
    refusal::check_labels(deployment.labels.keys())?;
    let last_deployed = now();
    let manifest =
        if deployment.hide_secrets { without_secrets(rendering) } else { rendering.manifest.clone() };
    let new = NewRecord {
        name: &release.name,
        namespace: &release.namespace,
        revision: next.revision,
        status: next.status,
        description: next.description,
        first_deployed: next.first_deployed.unwrap_or(&last_deployed),
        last_deployed: &last_deployed,
        chart: &rendering.chart,
        config: &rendering.config,
        manifest: &manifest,
        hooks: &rendering.hooks,
        notes: &rendering.notes,
        labels: deployment.labels.clone(),
    };
    Release::new(&new).map_err(|source| ActionError::Record { release: release.name.clone(), source })
}

/// The manifest with Helm's remark in place of every Secret.
fn without_secrets(rendering: &Rendering) -> String {
    let mut manifest = rendering.manifest.clone();
    let secrets =
        rendering.parts.iter().rev().filter(|part| part.kind == "Secret" && part.api_version == "v1");
    secrets.for_each(|part| {
        manifest.replace_range(part.text.clone(), "# HIDDEN: The Secret output has been suppressed");
    });
    manifest
}

/// How many bytes the record takes in its Secret.
pub(super) fn bytes(record: &Release) -> Result<usize, ActionError> {
    Ok(record.encode().map_err(|source| unwritable(record, source))?.len())
}

/// The record must fit into a Secret, also when it is stored as failed with a long reason.
pub(super) fn check_size(record: &Release) -> Result<(), ActionError> {
    Ok(refusal::check_size(bytes(record)?)?)
}
