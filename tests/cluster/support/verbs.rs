//! Helm's verbs as a fleet run calls them.

use std::time::Duration;

use jiff::Timestamp;
use release::action::verb::{
    self, ActionContext, ActionOptions, LockOnWrite, ReadOnly, RevisionPreview, RollbackRequest,
};
use release::action::{ActionError, Target};
use release::cluster::Cluster;
use release::cluster::lease::Holder;
use release::config::{ReleaseId, ValuesFile};
use release::helm::chart::ChartArchive;
use release::helm::release::Release;
use tokio::sync::Notify;

pub(crate) fn target<'a>(archive: &'a ChartArchive, values: &'a [ValuesFile]) -> Target<'a> {
    Target { archive, values, description: "run r1", force_conflicts: false }
}

/// Installs or upgrades under a lock of its own; answers the revision.
pub(crate) async fn deploy(
    cluster: &Cluster,
    release: &ReleaseId,
    archive: &ChartArchive,
) -> Result<u32, ActionError> {
    let deployment = target(archive, &[]).deployment().unwrap();
    locked(cluster, release, async |verb| verb::deploy(verb, &deployment).await).await
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
    locked(cluster, release, async |verb| verb::rollback(verb, &back).await).await
}

pub(crate) async fn render(
    cluster: &Cluster,
    release: &ReleaseId,
    target: &Target<'_>,
) -> Result<RevisionPreview, ActionError> {
    let verb = ActionContext {
        cluster,
        release,
        run: "",
        permit: &ReadOnly,
        interrupted: &Notify::new(),
        talk: &|_| {},
    };
    let observed = verb::observe(verb).await?;
    verb::render(verb, &target.deployment().unwrap(), &observed).await
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
