//! Helm's records of a release, in the Secrets where Helm keeps them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ListParams, PostParams};

use super::error::Cause;
use super::{ApiError, Cluster};
use crate::config::ReleaseName;
use crate::helm::release::{CodecError, Release, Revision, Status};

const DATA: &str = "release";
/// Attempts when somebody else writes the same record at the same time.
const ATTEMPTS: usize = 5;

/// Every revision that Helm still keeps, oldest first; empty = the release does not exist.
/// A Secret that cannot be read is an error: half a history would mislead.
pub async fn history(cluster: &Cluster, release: &ReleaseName) -> Result<Vec<Release>, ApiError> {
    let selector = format!("owner=helm,name={}", release.name);
    let found = api(cluster, release).list(&ListParams::default().labels(&selector)).await;
    let doing = || format!("read the history of release {release}");
    let found = found.map_err(|error| ApiError::new(cluster, doing(), &error))?;
    let mut history = found.items.iter().map(|secret| decode(cluster, release, secret)).collect::<Result<Vec<_>, _>>()?;
    history.sort_by_key(Release::revision);
    Ok(history)
}

/// Rewrites a revision to `failed`, in the record and in the label that Helm looks releases up by, so that no rollback picks it.
pub async fn mark_failed(cluster: &Cluster, release: &ReleaseName, revision: Revision, description: &str) -> Result<(), ApiError> {
    rewrite(cluster, release, revision, |record| record.with_status(Status::Failed, description)).await.map(|_| ())
}

/// Changes the record of a revision and answers what it was before. Whoever writes it at the same time is not overwritten.
pub async fn rewrite(
    cluster: &Cluster,
    release: &ReleaseName,
    revision: Revision,
    change: impl Fn(&Release) -> Result<Release, CodecError>,
) -> Result<Release, ApiError> {
    let (api, name) = (api(cluster, release), secret_name(release, revision));
    let doing = || format!("rewrite the record of revision {revision}, Secret {}/{name}", release.namespace);
    for _ in 0..ATTEMPTS {
        let mut secret = api.get(&name).await.map_err(|error| ApiError::new(cluster, doing(), &error))?;
        let before = decode(cluster, release, &secret)?;
        let after = change(&before).map_err(|error| unreadable(cluster, release, &name, &error))?;
        put(&mut secret, &after).map_err(|error| unreadable(cluster, release, &name, &error))?;
        match api.replace(&name, &PostParams::default(), &secret).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            written => return written.map(|_| before).map_err(|error| ApiError::new(cluster, doing(), &error)),
        }
    }
    let cause = Cause::Conflict("somebody else keeps writing it".to_owned());
    Err(ApiError::with_cause(&cluster.name, doing(), cause))
}

/// The name under which Helm keeps a revision.
pub fn secret_name(release: &ReleaseName, revision: Revision) -> String {
    format!("sh.helm.release.v1.{}.v{revision}", release.name)
}

fn put(secret: &mut Secret, record: &Release) -> Result<(), CodecError> {
    let data = secret.data.get_or_insert_with(BTreeMap::new);
    data.insert(DATA.to_owned(), ByteString(record.encode()?));
    let labels = secret.metadata.labels.get_or_insert_with(BTreeMap::new);
    labels.insert("status".to_owned(), record.status().to_string());
    labels.insert("modifiedAt".to_owned(), Timestamp::now().as_second().to_string());
    Ok(())
}

fn decode(cluster: &Cluster, release: &ReleaseName, secret: &Secret) -> Result<Release, ApiError> {
    let data = secret.data.as_ref().and_then(|data| data.get(DATA)).map(|data| data.0.as_slice()).unwrap_or_default();
    Release::decode(data).map_err(|error| unreadable(cluster, release, secret.metadata.name.as_deref().unwrap_or_default(), &error))
}

fn unreadable(cluster: &Cluster, release: &ReleaseName, name: &str, error: &CodecError) -> ApiError {
    let doing = format!("read the release record in the Secret {}/{name}", release.namespace);
    ApiError::with_cause(&cluster.name, doing, Cause::Other(error.to_string()))
}

fn api(cluster: &Cluster, release: &ReleaseName) -> Api<Secret> {
    Api::namespaced(cluster.client.clone(), &release.namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_and_label_are_written_together() {
        let record = r#"{"name":"a","info":{"status":"deployed"},"version":3}"#;
        let failed = Release::from_json(record).unwrap().with_status(Status::Failed, "why").unwrap();
        let mut secret = Secret::default();
        put(&mut secret, &failed).unwrap();
        assert_eq!(secret.metadata.labels.unwrap()["status"], "failed");
        assert_eq!(Release::decode(&secret.data.unwrap()[DATA].0).unwrap().status(), Status::Failed);
    }
}
