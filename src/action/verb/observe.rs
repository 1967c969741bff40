//! What a verb looks at before it decides: the history, and what the cluster serves.

use super::{ActionContext, Refusal};
use crate::action::ActionError;
use crate::cluster::discovery::Kinds;
use crate::cluster::{capabilities, release_secrets};
use crate::helm::capabilities::KubeVersion;
use crate::helm::manifest::{self, Object};
use crate::helm::release::{Release, Status, is_name};

/// All revisions, oldest first; empty = there is no such release.
pub(super) async fn history(verb: ActionContext<'_>) -> Result<Vec<Release>, ActionError> {
    if !is_name(&verb.release.name) {
        return Err(Refusal::NoName(verb.release.name.clone()).into());
    }
    Ok(release_secrets::history(verb.cluster, verb.release).await?)
}

/// What there is to know before a revision is made.
pub struct Observed {
    /// All revisions, oldest first.
    pub history: Vec<Release>,
    /// The kinds that the cluster serves.
    pub kinds: Kinds,
    /// Its version.
    pub version: KubeVersion,
}

/// The history, and what the cluster is; all asked for at once.
pub async fn observe(verb: ActionContext<'_>) -> Result<Observed, ActionError> {
    let version = async { Ok(capabilities::version(verb.cluster).await?) };
    let ((history, kinds), version) = tokio::try_join!(history_and_kinds(verb), version)?;
    Ok(Observed { history, kinds, version })
}

/// The history, and the kinds that the cluster serves.
pub(super) async fn history_and_kinds(verb: ActionContext<'_>) -> Result<(Vec<Release>, Kinds), ActionError> {
    let kinds = async { Ok(Kinds::load(verb.cluster).await?) };
    tokio::try_join!(history(verb), kinds)
}

/// The revision that an upgrade replaces: the newest deployed one, else the newest one; `None` = it is an
/// install. One that a killed run left pending counts as failed, which it is before anything is written.
pub fn replaced(history: &[Release]) -> Option<&Release> {
    let last = history.last().filter(|last| last.status() != Status::Uninstalled)?;
    Some(history.iter().rfind(|record| record.status() == Status::Deployed).unwrap_or(last))
}

/// The objects of a stored manifest.
pub fn objects(record: &Release) -> Result<Vec<Object>, ActionError> {
    manifest::split(record.manifest())
        .map_err(|source| ActionError::Manifest { release: record.name().to_owned(), source })
}
