//! Where a chart goes: ChartMuseum first. Knows no cluster and no fleet.
//!
//! [`ChartRepository`] is what a repository can do; [`publish`](mod@publish) is the rule by which a chart
//! gets there. A published version never changes: nothing here overwrites or deletes one. [`serve`] is a
//! small repository of our own.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::config::RepositorySettings;
use crate::helm::chart::archive::ChartArchive;
use crate::redact::RedactedUrl;

mod chartmuseum;
mod error;
mod http;
pub mod index;
pub mod publish;
pub mod serve;

pub use crate::web::Backoff;
pub use chartmuseum::ChartMuseum;
pub use error::RepositoryError;

/// A chart repository: each call is one question or one act, with the repetitions that passing troubles need.
#[async_trait]
pub trait ChartRepository: Send + Sync {
    /// Its address.
    fn url(&self) -> &RedactedUrl;

    /// The bytes of a published archive, or `None` when there is none of this name and version.
    async fn download(&self, name: &str, version: &str) -> Result<Option<Vec<u8>>, RepositoryError>;

    /// Stores an archive under the name and version that it carries. Never overwrites.
    async fn upload(&self, archive: &ChartArchive) -> Result<Uploaded, RepositoryError>;

    /// What the index says about a version; `None` when it does not list it (yet).
    async fn listed(&self, name: &str, version: &str) -> Result<Option<Listed>, RepositoryError>;

    /// The versions of every chart by its name, newest first as far as the index says so; nothing for a
    /// repository that cannot list them.
    async fn charts(&self) -> Result<BTreeMap<String, Vec<String>>, RepositoryError> {
        Ok(BTreeMap::new())
    }
}

/// How an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploaded {
    /// The archive was stored.
    Stored,
    /// The repository has an archive of this name and version already: ours, when the answer to an earlier
    /// attempt was lost.
    AlreadyThere,
}

/// A version as the index lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `sha256:<hex>` of the archive, when the index says it.
    pub digest: Option<String>,
    /// Where the archive is.
    pub url: RedactedUrl,
}

/// The repository at the configured address.
pub fn for_settings(settings: &RepositorySettings) -> Result<Box<dyn ChartRepository>, RepositoryError> {
    for_settings_with(settings, Backoff::REQUEST)
}

/// The same, with other pauses between the attempts of a request.
pub fn for_settings_with(
    settings: &RepositorySettings,
    backoff: Backoff,
) -> Result<Box<dyn ChartRepository>, RepositoryError> {
    match settings.url.reveal().scheme() {
        "http" | "https" => Ok(Box::new(ChartMuseum::new(settings, backoff)?)),
        _ => Err(RepositoryError::Scheme { url: settings.url.to_string() }),
    }
}
