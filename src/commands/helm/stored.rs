//! A stored release, or helm's words for why there is none.

use thiserror::Error;

use crate::cluster::{Cluster, release_secrets};
use crate::config::ReleaseId;
use crate::failure::Failure;
use crate::helm::release::{Release, Revision, is_name};

/// There is no such release.
#[derive(Debug, Error)]
pub(super) enum Missing {
    /// A text that is no name.
    #[error("release name is invalid: {0}")]
    Name(String),
    /// No such release, or no such revision of it.
    #[error("release: not found")]
    NotFound,
}

/// All revisions, oldest first; at least one.
pub(super) async fn history(cluster: &Cluster, release: &ReleaseId) -> Result<Vec<Release>, Failure> {
    if !is_name(&release.name) {
        return Err(Missing::Name(release.name.clone()).into());
    }
    let history = release_secrets::history(cluster, release).await?;
    if history.is_empty() { Err(Missing::NotFound.into()) } else { Ok(history) }
}

/// One revision; without a number, or with 0, the newest.
pub(super) async fn revision(
    cluster: &Cluster,
    release: &ReleaseId,
    revision: Revision,
) -> Result<Release, Failure> {
    let history = history(cluster, release).await?;
    if revision == 0 {
        return history.into_iter().next_back().ok_or_else(|| Missing::NotFound.into());
    }
    let found = history.into_iter().find(|record| record.revision() == revision).ok_or(Missing::NotFound)?;
    // Asked for by its number, helm shows the user's labels only.
    let labels = found.user_labels();
    Ok(found.with_labels(labels))
}
