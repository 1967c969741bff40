//! The journal of the last rollout, kept in the cluster: one `ConfigMap` beside the release. What the text means is
//! not known here.
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

const KEY: &str = "journal.json";
/// A `ConfigMap` holds 1 MiB of data.
const LIMIT: usize = 1_048_576 - 1024;
/// How often a write is sent that got no answer and did not arrive.
const ATTEMPTS: usize = 3;

/// The version of the `ConfigMap` that was read; there may have been none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalVersion(Option<String>);

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

/// Reads the journal.
pub async fn read(cluster: &Cluster, release: &ReleaseId) -> Result<StoredJournal, ApiError> {
    let found = api(cluster, release).get_opt(&object_name(release)).await;
    let found = found
        .map_err(|error| ApiError::new(cluster, format!("read the journal, {}", place(release)), &error))?;
    Ok(found.map(stored).unwrap_or_default())
}

/// Replaces the journal's text, if it still has the version `after`; answers the new version. A text that would not
/// fit is refused. A write whose answer is lost is looked up.
pub async fn write(
    cluster: &Cluster,
    release: &ReleaseId,
    text: &str,
    after: &JournalVersion,
) -> Result<JournalVersion, JournalWriteError> {
    let doing = || format!("write the journal, {}", place(release));
    if text.len() > LIMIT {
        let cause = Cause::Other(format!("{} bytes are more than a ConfigMap holds", text.len()));
        return Err(ApiError::with_cause(&cluster.name, doing(), cause).into());
    }
    let mut attempt = 1;
    loop {
        let error = match send(cluster, release, text, after).await {
            Ok(written) => return Ok(stored(written).version),
            Err(error) => error,
        };
        let now = read(cluster, release).await?;
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
    text: &str,
    after: &JournalVersion,
) -> Result<ConfigMap, kube::Error> {
    let (api, name) = (api(cluster, release), object_name(release));
    let labels = BTreeMap::from([("app.kubernetes.io/managed-by".to_owned(), "release".to_owned())]);
    let metadata = ObjectMeta {
        name: Some(name.clone()),
        labels: Some(labels),
        resource_version: after.0.clone(),
        ..ObjectMeta::default()
    };
    let data = Some(BTreeMap::from([(KEY.to_owned(), text.to_owned())]));
    let map = ConfigMap { metadata, data, ..ConfigMap::default() };
    let parameters = PostParams { field_manager: Some("release".to_owned()), ..PostParams::default() };
    match after.0 {
        Some(_) => api.replace(&name, &parameters, &map).await,
        None => api.create(&parameters, &map).await,
    }
}

fn stored(map: ConfigMap) -> StoredJournal {
    let text = map.data.and_then(|mut data| data.remove(KEY));
    StoredJournal { text, version: JournalVersion(map.metadata.resource_version) }
}

fn api(cluster: &Cluster, release: &ReleaseId) -> Api<ConfigMap> {
    Api::namespaced(cluster.client.clone(), &release.namespace)
}
