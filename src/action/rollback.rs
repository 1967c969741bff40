//! Back to an older revision, without ever deleting a CRD or applying an older one.
//!
//! Helm's rollback applies the stored manifest as it is. Where that would take a version or a field away from a CRD, or delete one, a copy of
//! the older revision that carries the newer CRDs is stored first, the rollback goes to that copy, and the copy is removed again.

use std::ffi::OsString;

use serde_json::Value;

use crate::cluster::{Cluster, apply, release_secrets};
use crate::config::ReleaseName;
use crate::helm::manifest::{self, Object};
use crate::helm::release::{Release, Revision, Status};
use crate::plan::crd;

use super::ActionError;
use super::program::Program;

/// Why a return to this revision would need a CRD to be deleted or downgraded; empty = it is feasible.
///
/// Newer CRDs are kept, which works as long as they still serve every version that the older revision needs.
pub async fn obstacles(cluster: &Cluster, older: &Release) -> Result<Vec<String>, ActionError> {
    let mut found = Vec::new();
    for object in crds(older)? {
        if let Some(live) = apply::get(cluster, &object).await? {
            let missing = crd::unserved_versions(&live, &object.value);
            if !missing.is_empty() {
                found.push(format!(
                    "revision {} needs {} of CRD {}, which is served no longer",
                    older.revision(),
                    missing.join(", "),
                    object.name()
                ));
            }
        }
    }
    Ok(found)
}

/// Returns to a revision; answers the new one.
pub async fn rollback(cluster: &Cluster, release: &ReleaseName, to: Revision, description: &str) -> Result<Revision, ActionError> {
    let history = release_secrets::history(cluster, release).await?;
    let older = history.iter().find(|record| record.revision() == to);
    let older = older.ok_or_else(|| ActionError::MissingRevision { release: release.to_string(), revision: to })?;
    let copy = match history.iter().max_by_key(|record| record.revision()) {
        Some(newest) => copy_with_newer_crds(cluster, older, newest).await?,
        None => None,
    };
    if let Some(copy) = &copy {
        release_secrets::create(cluster, release, copy).await?;
    }
    let from = copy.as_ref().map_or(to, Release::revision);
    let done = helm_rollback(cluster, release, from, description).await;
    if let Some(copy) = &copy {
        release_secrets::delete(cluster, release, copy.revision()).await?;
    }
    done?;
    let history = release_secrets::history(cluster, release).await?;
    let newest = history.iter().map(Release::revision).max();
    newest.ok_or(ActionError::NoRevision { release: release.to_string(), verb: "rollback" })
}

async fn helm_rollback(cluster: &Cluster, release: &ReleaseName, to: Revision, description: &str) -> Result<(), ActionError> {
    let program = Program::find().await?;
    let args =
        ["rollback", &release.name, &to.to_string(), "--namespace", &release.namespace, "--server-side=true", "--description", description];
    program.run(cluster, &format!("roll back {release}"), &args.map(OsString::from)).await?;
    Ok(())
}

/// The older revision with the CRDs that must stay, or `None` when its own CRDs take nothing away.
async fn copy_with_newer_crds(cluster: &Cluster, older: &Release, newest: &Release) -> Result<Option<Release>, ActionError> {
    let (objects, newer) = (objects(older)?, crds(newest)?);
    let mut kept = Vec::new();
    for object in &newer {
        let live = apply::get(cluster, object).await?.unwrap_or(Value::Null);
        let same = objects.iter().find(|candidate| candidate.key() == object.key());
        if same.is_none_or(|candidate| !crd::lost(&live, &candidate.value).is_empty()) {
            kept.push(object);
        }
    }
    if kept.is_empty() {
        return Ok(None);
    }
    let stays = |object: &&Object| !kept.iter().any(|newer| newer.key() == object.key());
    let manifest: String = objects.iter().filter(stays).chain(kept.iter().copied()).map(document).collect();
    let description = format!("Revision {} with the CRDs of revision {}", older.revision(), newest.revision());
    let copy = older.with_manifest(&manifest, newest.revision() + 1).and_then(|copy| copy.with_status(Status::Superseded, &description));
    copy.map(Some).map_err(|source| ActionError::Record { release: older.name().to_owned(), source })
}

fn objects(record: &Release) -> Result<Vec<Object>, ActionError> {
    manifest::split(record.manifest()).map_err(|source| ActionError::Manifest { release: record.name().to_owned(), source })
}

fn crds(record: &Release) -> Result<Vec<Object>, ActionError> {
    Ok(objects(record)?.into_iter().filter(|object| object.kind() == "CustomResourceDefinition").collect())
}

/// One document of a manifest; JSON is YAML.
fn document(object: &Object) -> String {
    format!("---\n# Source: {}\n{}\n", object.source.as_deref().unwrap_or_default(), object.value)
}
