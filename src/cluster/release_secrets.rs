//! Helm's records of a release, in the Secrets where Helm keeps them: one Secret a revision, never more than
//! 1 MiB.

use std::collections::BTreeMap;

use http::Request;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};

use super::error::Cause;
use super::retry::SameAgain;
use super::{ApiError, Cluster};
use crate::config::ReleaseId;
use crate::helm::release::{CodecError, Release, Revision, Status};

const DATA: &str = "release";
const TYPE: &str = "helm.sh/release.v1";
/// What the API server allows in one Secret, in bytes of the record's base64.
pub const MAX_RECORD: usize = 1024 * 1024;
/// Attempts when somebody else writes the same record at the same time.
const ATTEMPTS: usize = 5;

/// Every revision that Helm still keeps, oldest first; empty = the release does not exist.
/// A Secret that cannot be read is an error: half a history would mislead.
pub async fn history(cluster: &Cluster, release: &ReleaseId) -> Result<Vec<Release>, ApiError> {
    let selector = format!("owner=helm,name={}", release.name);
    let found = api(cluster, release).list(&ListParams::default().labels(&selector)).await;
    let doing = || format!("read the history of release {release}");
    let found = found.map_err(|error| ApiError::new(cluster, doing(), &error))?;
    let mut history =
        found.items.iter().map(|secret| decode(cluster, release, secret)).collect::<Result<Vec<_>, _>>()?;
    history.sort_by_key(Release::revision);
    Ok(history)
}

/// Every revision of every release that Helm keeps in a namespace, or in all of them. What cannot be read is
/// passed over, as Helm does.
pub async fn list(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Release>, ApiError> {
    let client = cluster.client.clone();
    let api: Api<Secret> =
        namespace.map_or_else(|| Api::all(client.clone()), |name| Api::namespaced(client.clone(), name));
    let found = api.list(&ListParams::default().labels("owner=helm")).await;
    let found = found.map_err(|error| ApiError::new(cluster, "list the releases", &error))?;
    Ok(found.items.iter().filter_map(|secret| record(secret).ok()).collect())
}

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

/// Deletes the oldest records until there is room for one more within `max` (0 = no limit), never the last
/// deployed one.
pub async fn prune(
    cluster: &Cluster,
    release: &ReleaseId,
    history: &[Release],
    max: u32,
) -> Result<(), ApiError> {
    for revision in superfluous(history, max) {
        delete(cluster, release, revision).await?;
    }
    Ok(())
}

/// Pure: which revisions go before one more is stored; the history is sorted, oldest first.
fn superfluous(history: &[Release], max: u32) -> Vec<Revision> {
    let Some(keep) = usize::try_from(max).ok().and_then(|max| max.checked_sub(1)) else { return Vec::new() };
    let deployed = history.iter().rfind(|record| record.status() == Status::Deployed).map(Release::revision);
    let revisions = history.iter().map(Release::revision).filter(|revision| Some(*revision) != deployed);
    revisions.take(history.len().saturating_sub(keep)).collect()
}

/// Rewrites a revision to `failed`, in the record and in the label that Helm looks releases up by, so that no
/// rollback picks it.
pub async fn mark_failed(
    cluster: &Cluster,
    release: &ReleaseId,
    revision: Revision,
    description: &str,
) -> Result<(), ApiError> {
    rewrite(cluster, release, revision, |record| record.with_status(Status::Failed, description))
        .await
        .map(|_| ())
}

/// Changes the record of a revision and answers what it was before. Whoever writes it at the same time is not
/// overwritten.
pub async fn rewrite(
    cluster: &Cluster,
    release: &ReleaseId,
    revision: Revision,
    change: impl Fn(&Release) -> Result<Release, CodecError>,
) -> Result<Release, ApiError> {
    let (api, name) = (api(cluster, release), secret_name(release, revision));
    let doing = || format!("rewrite the record of revision {revision}, Secret {}/{name}", release.namespace);
    for _ in 0..ATTEMPTS {
        let mut secret = api.get(&name).await.map_err(|error| ApiError::new(cluster, doing(), &error))?;
        let before = decode(cluster, release, &secret)?;
        let after = change(&before).map_err(|error| unreadable(cluster, release, &name, &error))?;
        fill(&mut secret, &after, "modifiedAt")
            .map_err(|error| unreadable(cluster, release, &name, &error))?;
        match api.replace(&name, &PostParams::default(), &secret).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            written => {
                return written.map(|_| before).map_err(|error| ApiError::new(cluster, doing(), &error));
            }
        }
    }
    let cause = Cause::Conflict("somebody else keeps writing it".to_owned());
    Err(ApiError::with_cause(&cluster.name, doing(), cause))
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

    #[test]
    fn the_oldest_go_but_the_last_deployed_stays() {
        let history = [(1, "superseded"), (2, "deployed"), (3, "failed"), (4, "failed")]
            .map(|(version, status)| release(version, status));
        let table: [(u32, &[u32]); 5] = [(0, &[]), (5, &[]), (4, &[1]), (2, &[1, 3, 4]), (1, &[1, 3, 4])];
        for (max, expected) in table {
            assert_eq!(superfluous(&history, max), expected, "at most {max}");
        }
        assert_eq!(superfluous(&[], 10), Vec::<Revision>::new());
    }
}
