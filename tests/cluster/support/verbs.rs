//! Helm's verbs as a fleet run calls them.

use std::time::Duration;

use jiff::Timestamp;
use release::action::verb::{
    self, ActionContext, ActionOptions, LockOnWrite, ReadOnly, RevisionDraft, RollbackRequest,
};
use release::action::{ActionError, Target};
use release::cluster::Cluster;
use release::cluster::lease::Holder;
use release::config::{ReleaseId, ValuesFile};
use release::helm::chart::ChartArchive;
use release::helm::release::Release;
use tokio::sync::Notify;

pub(crate) fn target<'a>(archive: &'a ChartArchive, values: &'a [ValuesFile]) -> Target<'a> {
    Target { archive, values, description: "run r1", options: ActionOptions::default() }
}

/// Installs or upgrades under a lock of its own; answers the revision.
pub(crate) async fn deploy(
    cluster: &Cluster,
    release: &ReleaseId,
    archive: &ChartArchive,
) -> Result<u32, ActionError> {
    let deployment = target(archive, &[]).deployment().unwrap();
    locked(cluster, release, async |verb| {
        let observed = verb::observe(verb).await?;
        verb::deploy(verb, &deployment, observed, None).await
    })
    .await
}

/// The same with what was rendered before.
pub(crate) async fn deploy_draft(
    cluster: &Cluster,
    release: &ReleaseId,
    archive: &ChartArchive,
    draft: &RevisionDraft,
) -> Result<u32, ActionError> {
    let deployment = target(archive, &[]).deployment().unwrap();
    locked(cluster, release, async |verb| {
        let observed = verb::observe(verb).await?;
        verb::deploy(verb, &deployment, observed, Some(draft)).await
    })
    .await
}

pub(crate) async fn rollback(
    cluster: &Cluster,
    release: &ReleaseId,
    to: u32,
    description: &str,
) -> Result<u32, ActionError> {
    let back = RollbackRequest {
        to: Some(to),
        description: Some(description.to_owned()),
        conduct: ActionOptions::default(),
    };
    let returning = async |verb: ActionContext<'_>| {
        Box::pin(verb::rollback(verb, &back, verb::observe(verb).await?)).await
    };
    locked(cluster, release, returning).await
}

pub(crate) async fn render(
    cluster: &Cluster,
    release: &ReleaseId,
    target: &Target<'_>,
) -> Result<RevisionDraft, ActionError> {
    let verb = ActionContext {
        cluster,
        release,
        run: "",
        permit: &ReadOnly,
        interrupted: &Notify::new(),
        talk: &|_| {},
    };
    verb::draft(verb, &target.deployment().unwrap(), &verb::observe(verb).await?).await
}

async fn locked(
    cluster: &Cluster,
    release: &ReleaseId,
    work: impl AsyncFnOnce(ActionContext<'_>) -> Result<Release, ActionError>,
) -> Result<u32, ActionError> {
    let holder = Holder {
        user: "test".into(),
        host: "here".into(),
        run_url: None,
        run_id: release.namespace.clone(),
        since: Timestamp::now(),
    };
    let permit = LockOnWrite::new(cluster, release, holder, Duration::ZERO, &|_| {});
    let written = work(ActionContext {
        cluster,
        release,
        run: "test",
        permit: &permit,
        interrupted: &Notify::new(),
        talk: &|_| {},
    })
    .await;
    permit.release().await.unwrap();
    written.map(|release| release.revision())
}
