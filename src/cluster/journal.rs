//! The journal of the last rollout and what was repaired since, kept in the cluster: one `ConfigMap` beside the
//! release. What the texts mean is not known here.
//!
//! Every write names the version that it follows, so that a run whose lock was taken cannot write over its
//! successor's journal: the API server refuses it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use thiserror::Error;

use super::error::Cause;
use super::{ApiError, Cluster};
use crate::config::ReleaseId;

/// One text of the `ConfigMap`; writing one leaves the others as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalPart {
    /// The last rollout.
    Rollout,
    /// What was repaired.
    Repairs,
}

impl JournalPart {
    fn key(self) -> &'static str {
        match self {
            Self::Rollout => "journal.json",
            Self::Repairs => "repairs.json",
        }
    }
}

/// A `ConfigMap` holds 1 MiB of data.
const LIMIT: usize = 1_048_576 - 1024;
/// How often a write is sent that got no answer and did not arrive.
const ATTEMPTS: usize = 3;

/// The version of the `ConfigMap` that was read, with its other texts; there may have been none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalVersion {
    version: Option<String>,
    others: BTreeMap<String, String>,
}

/// The journal as it is stored.
#[derive(Debug, Clone, Default)]
pub struct StoredJournal {
    /// Its text; `None` when no run has written one.
    pub text: Option<String>,
    /// What the next write has to follow.
    pub version: JournalVersion,
}

/// A journal that was not written.
#[derive(Debug, Error)]
pub enum JournalWriteError {
    /// Somebody else has written it meanwhile.
    #[error("the journal, {0}, was written by another run")]
    Moved(String),
    /// The request failed.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// The name of the release's `ConfigMap` and of its Lease.
pub fn object_name(release: &ReleaseId) -> String {
    format!("release.{}", release.name)
}

/// `ConfigMap namespace/name`, for people.
pub fn place(release: &ReleaseId) -> String {
    format!("ConfigMap {}/{}", release.namespace, object_name(release))
}

/// Reads the journal of the last rollout.
pub async fn read(cluster: &Cluster, release: &ReleaseId) -> Result<StoredJournal, ApiError> {
    read_part(cluster, release, JournalPart::Rollout).await
}

/// Reads one text.
pub async fn read_part(
    cluster: &Cluster,
    release: &ReleaseId,
    part: JournalPart,
) -> Result<StoredJournal, ApiError> {
    let found = api(cluster, release).get_opt(&object_name(release)).await;
    let found = found
        .map_err(|error| ApiError::new(cluster, format!("read the journal, {}", place(release)), &error))?;
    Ok(found.map(|map| stored(map, part)).unwrap_or_default())
}

/// [`write_part`] of the last rollout's journal.
pub async fn write(
    cluster: &Cluster,
    release: &ReleaseId,
    text: &str,
    after: &JournalVersion,
) -> Result<JournalVersion, JournalWriteError> {
    write_part(cluster, release, JournalPart::Rollout, text, after).await
}

/// Replaces one text, if it still has the version `after`; answers the new version. A text that would not
/// fit is refused. A write whose answer is lost is looked up.
pub async fn write_part(
    cluster: &Cluster,
    release: &ReleaseId,
    part: JournalPart,
    text: &str,
    after: &JournalVersion,
) -> Result<JournalVersion, JournalWriteError> {
    let doing = || format!("write the journal, {}", place(release));
    let size = text.len() + after.others.values().map(String::len).sum::<usize>();
    if size > LIMIT {
        let cause = Cause::Other(format!("{size} bytes are more than a ConfigMap holds"));
        return Err(ApiError::with_cause(&cluster.name, doing(), cause).into());
    }
    let mut attempt = 1;
    loop {
        let error = match send(cluster, release, part, text, after).await {
            Ok(written) => return Ok(stored(written, part).version),
            Err(error) => error,
        };
        let now = read_part(cluster, release, part).await?;
        if now.text.as_deref() == Some(text) {
            return Ok(now.version);
        }
        if now.version != *after {
            return Err(JournalWriteError::Moved(place(release)));
        }
        if attempt == ATTEMPTS || is_final(&error) {
            return Err(ApiError::new(cluster, doing(), &error).into());
        }
        attempt += 1;
    }
}

/// Asking again would not change the answer.
fn is_final(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code < 500 && status.code != 409)
}

async fn send(
    cluster: &Cluster,
    release: &ReleaseId,
    part: JournalPart,
    text: &str,
    after: &JournalVersion,
) -> Result<ConfigMap, kube::Error> {
    let (api, name) = (api(cluster, release), object_name(release));
    let labels = BTreeMap::from([("app.kubernetes.io/managed-by".to_owned(), "release".to_owned())]);
    let metadata = ObjectMeta {
        name: Some(name.clone()),
        labels: Some(labels),
        resource_version: after.version.clone(),
        ..ObjectMeta::default()
    };
    let mut data = after.others.clone();
    data.insert(part.key().to_owned(), text.to_owned());
    let map = ConfigMap { metadata, data: Some(data), ..ConfigMap::default() };
    let parameters = PostParams { field_manager: Some("release".to_owned()), ..PostParams::default() };
    match after.version {
        Some(_) => api.replace(&name, &parameters, &map).await,
        None => api.create(&parameters, &map).await,
    }
}

fn stored(map: ConfigMap, part: JournalPart) -> StoredJournal {
    let mut others = map.data.unwrap_or_default();
    let text = others.remove(part.key());
    StoredJournal { text, version: JournalVersion { version: map.metadata.resource_version, others } }
}

fn api(cluster: &Cluster, release: &ReleaseId) -> Api<ConfigMap> {
    Api::namespaced(cluster.client.clone(), &release.namespace)
}
