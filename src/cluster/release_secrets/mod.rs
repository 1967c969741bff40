//! Helm's records of a release, in the Secrets where Helm keeps them: one Secret a revision, never more than
//! 1 MiB.

mod read;
mod rewrite;
mod superfluous;

use std::collections::BTreeMap;

use http::Request;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, PostParams};

use super::error::Cause;
use super::retry::SameAgain;
use super::{ApiError, Cluster};
use crate::config::ReleaseId;
use crate::helm::release::{CodecError, Release, Revision};

pub use read::{History, history, kept_elsewhere, list, read, stored_revisions};
pub use rewrite::{mark_failed, rewrite};
pub use superfluous::superfluous;

const DATA: &str = "release";
const TYPE: &str = "helm.sh/release.v1";
/// What the API server allows in one Secret, in bytes of the record's base64.
pub const MAX_RECORD: usize = 1024 * 1024;

/// Stores the first record of a new revision. That it exists already means that somebody else works on the
/// release: `false`.
pub async fn create(cluster: &Cluster, release: &ReleaseId, record: &Release) -> Result<bool, ApiError> {
    let name = secret_name(release, record.revision());
    let mut secret = Secret { type_: Some(TYPE.to_owned()), ..Secret::default() };
    secret.metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
    fill(&mut secret, record, "createdAt").map_err(|error| unreadable(cluster, release, &name, &error))?;
    let error = match api(cluster, release).create(&as_helm(), &secret).await {
        Ok(_) => return Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => return Ok(false),
        Err(error) => error,
    };
    let failed =
        || ApiError::new(cluster, format!("store the record, Secret {}/{name}", release.namespace), &error);
    if matches!(error, kube::Error::Api(_)) {
        return Err(failed());
    }
    // It may have arrived although its answer did not.
    match api(cluster, release).get_opt(&name).await {
        Ok(Some(found)) if found.data == secret.data => Ok(true),
        Ok(Some(_)) => Ok(false),
        Ok(None) | Err(_) => Err(failed()),
    }
}

/// Stores a record over what is there of the same revision; the last writer wins, as with Helm. Only the
/// holder of the lock may.
pub async fn put(cluster: &Cluster, release: &ReleaseId, record: &Release) -> Result<(), ApiError> {
    let name = secret_name(release, record.revision());
    let mut secret = Secret { type_: Some(TYPE.to_owned()), ..Secret::default() };
    secret.metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
    fill(&mut secret, record, "modifiedAt").map_err(|error| unreadable(cluster, release, &name, &error))?;
    let written = replace(cluster, release, &name, &secret).await;
    written.map_err(|error| {
        ApiError::new(cluster, format!("store the record, Secret {}/{name}", release.namespace), &error)
    })
}

/// Sent again when it gets no answer: it names no version, so the outcome is the same.
async fn replace(
    cluster: &Cluster,
    release: &ReleaseId,
    name: &str,
    secret: &Secret,
) -> Result<(), kube::Error> {
    let uri = format!(
        "{}/{name}?fieldManager={}",
        api(cluster, release).resource_url(),
        super::objects::FIELD_MANAGER
    );
    let body = serde_json::to_vec(secret).map_err(kube::Error::SerdeError)?;
    let request = Request::put(uri).header("content-type", "application/json").body(body);
    let mut request = request.map_err(kube::Error::HttpError)?;
    request.extensions_mut().insert(SameAgain);
    cluster.client.request::<Secret>(request).await.map(drop)
}

/// Deletes the record of a revision; one that is gone is left at that.
pub async fn delete(cluster: &Cluster, release: &ReleaseId, revision: Revision) -> Result<(), ApiError> {
    let name = secret_name(release, revision);
    match api(cluster, release).delete(&name, &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(ApiError::new(
            cluster,
            format!("delete the record, Secret {}/{name}", release.namespace),
            &error,
        )),
    }
}

/// The name under which Helm keeps a revision.
pub fn secret_name(release: &ReleaseId, revision: Revision) -> String {
    format!("sh.helm.release.v1.{}.v{revision}", release.name)
}

fn as_helm() -> PostParams {
    PostParams { field_manager: Some(super::objects::FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

/// The record, and every label that Helm looks it up by.
fn fill(secret: &mut Secret, record: &Release, written: &str) -> Result<(), CodecError> {
    let data = secret.data.get_or_insert_with(BTreeMap::new);
    data.insert(DATA.to_owned(), ByteString(record.encode()?));
    let labels = secret.metadata.labels.get_or_insert_with(BTreeMap::new);
    labels.extend(record.user_labels());
    let own = [
        ("name", record.name().to_owned()),
        ("owner", "helm".to_owned()),
        ("status", record.status().to_string()),
    ];
    labels.extend(own.map(|(name, value)| (name.to_owned(), value)));
    labels.insert("version".to_owned(), record.revision().to_string());
    labels.insert(written.to_owned(), Timestamp::now().as_second().to_string());
    Ok(())
}

fn record(secret: &Secret) -> Result<Release, CodecError> {
    let data = secret
        .data
        .as_ref()
        .and_then(|data| data.get(DATA))
        .map(|data| data.0.as_slice())
        .unwrap_or_default();
    Ok(Release::decode(data)?.with_labels(secret.metadata.labels.clone().unwrap_or_default()))
}

fn decode(cluster: &Cluster, release: &ReleaseId, secret: &Secret) -> Result<Release, ApiError> {
    record(secret).map_err(|error| {
        unreadable(cluster, release, secret.metadata.name.as_deref().unwrap_or_default(), &error)
    })
}

fn unreadable(cluster: &Cluster, release: &ReleaseId, name: &str, error: &CodecError) -> ApiError {
    let doing = format!("read the release record in the Secret {}/{name}", release.namespace);
    ApiError::with_cause(&cluster.name, doing, Cause::Other(error.to_string()))
}

fn api(cluster: &Cluster, release: &ReleaseId) -> Api<Secret> {
    Api::namespaced(cluster.client.clone(), &release.namespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::release::Status;

    fn release(version: u32, status: &str) -> Release {
        Release::from_json(&format!(r#"{{"name":"a","info":{{"status":"{status}"}},"version":{version}}}"#))
            .unwrap()
    }

    #[test]
    fn record_and_labels_are_written_together() {
        let failed = release(3, "deployed").with_status(Status::Failed, "why").unwrap();
        let failed = failed.with_labels(
            [("team".to_owned(), "sre".to_owned()), ("status".to_owned(), "mine".to_owned())].into(),
        );
        let mut secret = Secret::default();
        fill(&mut secret, &failed, "modifiedAt").unwrap();
        let labels = secret.metadata.labels.clone().unwrap();
        let named = |name: &str| labels[name].as_str();
        assert_eq!(
            (named("status"), named("version"), named("name"), named("owner")),
            ("failed", "3", "a", "helm")
        );
        let read = record(&secret).unwrap();
        assert_eq!(
            (read.status(), read.user_labels(), read.labels().len()),
            (Status::Failed, [("team".to_owned(), "sre".to_owned())].into(), 6)
        );
    }
}
