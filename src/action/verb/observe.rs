//! What a verb looks at before it decides: the history, and what the cluster serves.

use super::{Refusal, Verb};
use crate::action::ActionError;
use crate::cluster::discovery::Kinds;
use crate::cluster::release_secrets;
use crate::helm::manifest::{self, Object};
use crate::helm::release::{Release, is_name};

/// All revisions, oldest first; empty = there is no such release.
pub(super) async fn history(verb: Verb<'_>) -> Result<Vec<Release>, ActionError> {
    if !is_name(&verb.release.name) {
        return Err(Refusal::NoName(verb.release.name.clone()).into());
    }
    Ok(release_secrets::history(verb.cluster, verb.release).await?)
}

/// The history, and the kinds that the cluster serves.
pub(super) async fn history_and_kinds(verb: Verb<'_>) -> Result<(Vec<Release>, Kinds), ActionError> {
    let kinds = async { Ok(Kinds::load(verb.cluster).await?) };
    tokio::try_join!(history(verb), kinds)
}

/// The objects of a stored manifest.
pub(super) fn objects(record: &Release) -> Result<Vec<Object>, ActionError> {
    manifest::split(record.manifest()).map_err(|source| ActionError::Manifest { release: record.name().to_owned(), source })
}
