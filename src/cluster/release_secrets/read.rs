//! The revisions of releases, as they are stored. Writes nothing.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{ListParams, ObjectMeta};

use super::{api, record};
use crate::cluster::error::Cause;
use crate::cluster::{ApiError, Cluster};
use crate::config::ReleaseId;
use crate::helm::release::{Release, Revision};

/// The revisions of a release.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Every one that can be read, oldest first; empty = the release does not exist.
    pub records: Vec<Release>,
    /// A line for each older one that cannot be read. Helm passes over those, too.
    pub unreadable: Vec<String>,
}

/// Every revision that Helm still keeps and that can be read, oldest first; empty = the release does not
/// exist.
pub async fn history(cluster: &Cluster, release: &ReleaseId) -> Result<Vec<Release>, ApiError> {
    Ok(read(cluster, release).await?.records)
}

/// Every revision that Helm still keeps. That the newest one cannot be read is an error: every decision would
/// be about another one.
pub async fn read(cluster: &Cluster, release: &ReleaseId) -> Result<History, ApiError> {
    let found = api(cluster, release).list(&of_release(release)).await;
    let doing = || format!("read the history of release {release}");
    let found = found.map_err(|error| ApiError::new(cluster, doing(), &error))?;
    sorted(&found.items, &release.namespace)
        .map_err(|cause| ApiError::with_cause(&cluster.name, doing(), cause))
}

/// Pure: what the Secrets of a release say.
fn sorted(secrets: &[Secret], namespace: &str) -> Result<History, Cause> {
    let newest = secrets.iter().filter_map(revision_of).max();
    let mut history = History::default();
    for secret in secrets {
        let error = match record(secret) {
            Ok(record) => {
                history.records.push(record);
                continue;
            }
            Err(error) => error,
        };
        let name = secret.metadata.name.as_deref().unwrap_or_default();
        if revision_of(secret) == newest {
            return Err(Cause::Other(format!(
                "the newest record, Secret {namespace}/{name}, cannot be read: {error}; look at it, then delete it (`kubectl delete secret {name} --namespace {namespace}`), and the revision before it counts again"
            )));
        }
        history.unreadable.push(format!("Secret {namespace}/{name} is passed over: {error}"));
    }
    history.records.sort_by_key(Release::revision);
    Ok(history)
}

/// The revision that a Secret is about, by its label or else by its name.
fn revision_of(secret: &Secret) -> Option<Revision> {
    let label = secret.metadata.labels.as_ref().and_then(|labels| labels.get("version")?.parse().ok());
    label.or_else(|| secret.metadata.name.as_deref()?.rsplit_once(".v")?.1.parse().ok())
}

/// Every revision that is stored, oldest first, whether it can be read or not.
pub async fn stored_revisions(cluster: &Cluster, release: &ReleaseId) -> Result<Vec<Revision>, ApiError> {
    let found = api(cluster, release).list_metadata(&of_release(release)).await;
    let doing = || format!("list the records of release {release}");
    let found = found.map_err(|error| ApiError::new(cluster, doing(), &error))?;
    let secret = |metadata: ObjectMeta| Secret { metadata, ..Secret::default() };
    let revisions = found.items.into_iter().map(|item| secret(item.metadata));
    let mut revisions: Vec<Revision> = revisions.filter_map(|secret| revision_of(&secret)).collect();
    revisions.sort_unstable();
    Ok(revisions)
}

/// The `ConfigMap` with the newest record of a release that Helm keeps there (`HELM_DRIVER=configmap`), if
/// there is one. Who may not list them hears of none.
pub async fn kept_elsewhere(cluster: &Cluster, release: &ReleaseId) -> Result<Option<String>, ApiError> {
    let api: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &release.namespace);
    let found = match api.list_metadata(&of_release(release)).await {
        Err(kube::Error::Api(status)) if status.code == 403 => return Ok(None),
        found => found,
    };
    let doing = || format!("look whether release {release} is kept in ConfigMaps");
    let found = found.map_err(|error| ApiError::new(cluster, doing(), &error))?;
    let mut names: Vec<String> = found.items.into_iter().filter_map(|map| map.metadata.name).collect();
    names.sort_by_key(|name| name.rsplit_once(".v").and_then(|(_, revision)| revision.parse::<u32>().ok()));
    Ok(names.pop())
}

/// How Helm finds the records of a release.
fn of_release(release: &ReleaseId) -> ListParams {
    ListParams::default().labels(&format!("owner=helm,name={}", release.name))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn release(version: u32, status: &str) -> Release {
        Release::from_json(&format!(r#"{{"name":"a","info":{{"status":"{status}"}},"version":{version}}}"#))
            .unwrap()
    }

    #[test]
    fn an_old_record_that_cannot_be_read_is_passed_over_and_the_newest_is_named() {
        let secret = |version: u32, readable: bool| {
            let mut secret = Secret::default();
            secret.metadata.name = Some(format!("sh.helm.release.v1.a.v{version}"));
            super::super::fill(&mut secret, &release(version, "deployed"), "createdAt").unwrap();
            if !readable {
                secret.data = None;
            }
            secret
        };
        let read = sorted(&[secret(10, true), secret(9, false), secret(2, true)], "ns").unwrap();
        assert_eq!(read.records.iter().map(Release::revision).collect::<Vec<_>>(), [2, 10]);
        assert_eq!(read.unreadable.len(), 1);
        assert!(read.unreadable[0].starts_with("Secret ns/sh.helm.release.v1.a.v9 is passed over: "));
        let told = sorted(&[secret(9, true), secret(10, false)], "ns").unwrap_err().to_string();
        assert!(told.starts_with("the newest record, Secret ns/sh.helm.release.v1.a.v10, cannot be read: "));
        assert!(told.contains("kubectl delete secret sh.helm.release.v1.a.v10 --namespace ns"), "{told}");
    }
}
