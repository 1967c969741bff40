//! From a chart and values to a revision that is not stored yet; nothing is written.

use tokio::task::spawn_blocking;

use super::observe::Observed;
use super::stage::{now, unwritable};
use super::{ActionContext, Deployment, DryRun, observe, refusal, reuse};
use crate::action::ActionError;
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

/// What a revision would be.
#[derive(Debug, Clone)]
pub struct RevisionPreview {
    /// Its record, with the status that a dry run has.
    pub record: Release,
    /// The objects of its manifest.
    pub objects: Vec<Object>,
    /// What the Secret would hold, in bytes of its base64.
    pub record_bytes: usize,
    /// What Helm warns about.
    pub warnings: Vec<String>,
}

/// Which revision is made, and as what.
#[derive(Debug, Clone, Copy)]
pub(super) struct RevisionDraft<'a> {
    pub(super) revision: Revision,
    /// What templates see; Helm says 1 for every install.
    pub(super) shown_revision: Revision,
    pub(super) upgrade: bool,
    pub(super) status: Status,
    pub(super) description: &'a str,
    pub(super) first_deployed: Option<&'a str>,
}

/// Renders with everything that the cluster answers (`lookup`, capabilities), as an upgrade if there is a
/// release, else as an install.
///
/// A revision that a killed run left pending does not matter here.
pub async fn render(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    observed: &Observed,
) -> Result<RevisionPreview, ActionError> {
    let Observed { history, kinds, version } = observed;
    let current = observe::replaced(history);
    let (chart, values) = match current {
        Some(current) => {
            reuse::reused(deployment.reuse, deployment.chart.clone(), deployment.values.clone(), current)
                .map_err(values)?
        }
        None => (deployment.chart.clone(), deployment.values.clone()),
    };
    let revision = history.last().map_or(1, |last| last.revision() + 1);
    let making = RevisionDraft {
        revision,
        shown_revision: if current.is_some() { revision } else { 1 },
        upgrade: current.is_some(),
        status: if current.is_some() { Status::PendingUpgrade } else { Status::PendingInstall },
        description: "Dry run complete",
        first_deployed: current.and_then(Release::first_deployed_text),
    };
    let rendering = rendered(
        verb,
        deployment,
        prepared(chart, values)?,
        (kinds, version.clone()),
        &making,
        DryRun::Server,
    )
    .await?;
    dry_run(&rendering, &record(verb.release, deployment, &rendering, &making)?)
}

/// Renders an install without any cluster (`--dry-run=client`).
pub async fn render_offline(
    release: &ReleaseId,
    deployment: &Deployment,
) -> Result<RevisionPreview, ActionError> {
    let making = RevisionDraft {
        revision: 1,
        shown_revision: 1,
        upgrade: false,
        status: Status::PendingInstall,
        description: "Dry run complete",
        first_deployed: None,
    };
    let prepared = prepared(deployment.chart.clone(), deployment.values.clone())?;
    let request = request(release, deployment, Capabilities::without_cluster(), &making);
    let rendering = run(prepared, request, NoCluster).await?;
    dry_run(&rendering, &record(release, deployment, &rendering, &making)?)
}

/// What is told of a revision that is not stored. The objects are those of the whole manifest.
pub(super) fn dry_run(rendering: &Rendering, record: &Release) -> Result<RevisionPreview, ActionError> {
    let objects = objects(rendering, record.name())?;
    let record_bytes = bytes(record)?;
    Ok(RevisionPreview {
        record: record.clone(),
        objects,
        record_bytes,
        warnings: rendering.warnings.clone(),
    })
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
    making: &RevisionDraft<'_>,
    how: DryRun,
) -> Result<Rendering, ActionError> {
    let capabilities = capabilities::of(version, kinds);
    let request = request(verb.release, deployment, capabilities, making);
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
    making: &RevisionDraft<'_>,
) -> RenderingRequest {
    let release = ReleaseContext {
        name: release.name.clone(),
        namespace: release.namespace.clone(),
        revision: i64::from(making.shown_revision),
        is_install: !making.upgrade,
        is_upgrade: making.upgrade,
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
    making: &RevisionDraft<'_>,
) -> Result<Release, ActionError> {
    refusal::check_labels(deployment.labels.keys())?;
    let last_deployed = now();
    let manifest =
        if deployment.hide_secrets { without_secrets(rendering) } else { rendering.manifest.clone() };
    let new = NewRecord {
        name: &release.name,
        namespace: &release.namespace,
        revision: making.revision,
        status: making.status,
        description: making.description,
        first_deployed: making.first_deployed.unwrap_or(&last_deployed),
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
        manifest.replace_range(part.text.clone(), "# HIDDEN: The Secret output has been suppressed")
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
