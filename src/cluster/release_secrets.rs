//! Helm's release Secrets: the truth about revisions, readable and writable by Helm 3 and 4.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams};

use crate::config::ReleaseName;
use crate::helm::release::{CodecError, Release, Revision, Status};

use super::error::Cause;
use super::{ApiError, Cluster};

/// Every revision that is kept, oldest first. A Secret that cannot be read is an error: half a history would mislead.
pub async fn history(cluster: &Cluster, release: &ReleaseName) -> Result<Vec<Release>, ApiError> {
    let selector = ListParams::default().labels(&format!("owner=helm,name={}", release.name));
    let secrets = api(cluster, release).list(&selector).await;
    let secrets = secrets.map_err(|error| ApiError::new(cluster, format!("read the history of release {release}"), &error))?;
    let mut records = secrets.iter().map(|secret| decode(cluster, secret)).collect::<Result<Vec<_>, _>>()?;
    records.sort_by_key(Release::revision);
    Ok(records)
}

/// Rewrites a revision to `failed`, in the record and in the label: Helm looks revisions up by either.
pub async fn mark_failed(cluster: &Cluster, release: &ReleaseName, revision: Revision, description: &str) -> Result<(), ApiError> {
    let doing = || format!("mark revision {revision} of release {release} as failed");
    let secrets = api(cluster, release);
    let mut secret = secrets.get(&name(release, revision)).await.map_err(|error| ApiError::new(cluster, doing(), &error))?;
    let failed = decode(cluster, &secret)?.with_status(Status::Failed, description);
    let data = failed.and_then(|record| record.encode()).map_err(|error| unreadable(cluster, doing(), &error))?;
    secret.data.get_or_insert_default().insert("release".to_owned(), ByteString(data));
    let labels = secret.labels_mut();
    labels.insert("status".to_owned(), Status::Failed.as_str().to_owned());
    labels.insert("modifiedAt".to_owned(), Timestamp::now().as_second().to_string());
    // The resource version that was read is sent along, so a change in between is a conflict and not lost.
    secrets
        .replace(&name(release, revision), &PostParams::default(), &secret)
        .await
        .map_err(|error| ApiError::new(cluster, doing(), &error))?;
    Ok(())
}

/// Stores a new record under its revision; fails when that revision exists.
pub async fn create(cluster: &Cluster, release: &ReleaseName, record: &Release) -> Result<(), ApiError> {
    let doing = || format!("store revision {} of release {release}", record.revision());
    let data = record.encode().map_err(|error| unreadable(cluster, doing(), &error))?;
    let labels = [
        ("createdAt", Timestamp::now().as_second().to_string()),
        ("name", release.name.clone()),
        ("owner", "helm".to_owned()),
        ("status", record.status().as_str().to_owned()),
        ("version", record.revision().to_string()),
    ];
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name(release, record.revision())),
            labels: Some(labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ..ObjectMeta::default()
        },
        type_: Some("helm.sh/release.v1".to_owned()),
        data: Some(BTreeMap::from([("release".to_owned(), ByteString(data))])),
        ..Secret::default()
    };
    api(cluster, release).create(&PostParams::default(), &secret).await.map_err(|error| ApiError::new(cluster, doing(), &error))?;
    Ok(())
}

/// Removes the record of a revision; one that is gone already is fine.
pub async fn delete(cluster: &Cluster, release: &ReleaseName, revision: Revision) -> Result<(), ApiError> {
    match api(cluster, release).delete(&name(release, revision), &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(ApiError::new(cluster, format!("remove revision {revision} of release {release}"), &error)),
    }
}

fn api(cluster: &Cluster, release: &ReleaseName) -> Api<Secret> {
    Api::namespaced(cluster.client.clone(), &release.namespace)
}

fn name(release: &ReleaseName, revision: Revision) -> String {
    format!("sh.helm.release.v1.{}.v{revision}", release.name)
}

fn decode(cluster: &Cluster, secret: &Secret) -> Result<Release, ApiError> {
    let doing = || format!("read the release record in Secret {}", secret.name_any());
    let data = secret.data.as_ref().and_then(|data| data.get("release"));
    let data = data.ok_or_else(|| ApiError::with_cause(&cluster.name, doing(), Cause::Other("it has no key `release`".to_owned())))?;
    Release::decode(&data.0).map_err(|error| unreadable(cluster, doing(), &error))
}

fn unreadable(cluster: &Cluster, doing: String, error: &CodecError) -> ApiError {
    ApiError::with_cause(&cluster.name, doing, Cause::Other(error.to_string()))
}
