//! Back to an older revision, without ever deleting a CRD or applying an older one.
//!
//! Helm's rollback applies the stored manifest as it is, and deletes what the newest revision has beyond it. So where CRDs would go back, the
//! older record carries the newer ones while Helm works, and gets its own manifest again afterwards. A run that is killed in between leaves
//! the older record with the newer CRDs, which is what the next rollback would put there anyway.

use std::collections::BTreeSet;
use std::ffi::OsString;

use crate::cluster::discovery::Kinds;
use crate::cluster::error::Cause;
use crate::cluster::{ApiError, Cluster, apply, release_secrets};
use crate::config::ReleaseName;
use crate::helm::manifest::{self, Document, Object};
use crate::helm::release::{Release, Revision};
use crate::helm::semver;
use crate::plan::crd;

use super::ActionError;
use super::crds::{self, Live};
use super::program::{HISTORY_MAX, Program};

/// Why a return to this revision would need a CRD to be deleted or downgraded; empty = it is feasible.
///
/// Newer CRDs are kept, which works as long as they still serve every version that the older revision needs.
pub async fn obstacles(cluster: &Cluster, older: &Release) -> Result<Vec<String>, ActionError> {
    let kinds = Kinds::load(cluster).await?;
    let mut found = Vec::new();
    for object in documents(older)?.into_iter().flat_map(|document| document.objects).filter(Object::is_crd) {
        if let Some(live) = apply::live(cluster, &kinds, &object, older.namespace()).await? {
            let missing = crd::unserved_versions(&live, &object.value);
            if !missing.is_empty() {
                let (revision, missing) = (older.revision(), missing.join(", "));
                found.push(format!("revision {revision} needs {missing} of CRD {}, which is served no longer", object.name()));
            }
        }
    }
    Ok(found)
}

/// The objects that a return to the older revision leaves: its own, with the CRDs that stay as they are.
pub async fn rolled_back_objects(cluster: &Cluster, older: &Release, newest: &Release) -> Result<Vec<Object>, ActionError> {
    let manifest = manifest_with_newest_crds(cluster, older, newest).await?;
    let manifest = manifest.as_deref().unwrap_or(older.manifest());
    manifest::split(manifest).map_err(|source| ActionError::Manifest { release: older.name().to_owned(), source })
}

/// Returns to a revision; answers the new one.
pub async fn rollback(cluster: &Cluster, release: &ReleaseName, to: Revision, description: &str) -> Result<Revision, ActionError> {
    let history = release_secrets::history(cluster, release).await?;
    let older = history.iter().find(|record| record.revision() == to);
    let older = older.ok_or_else(|| ActionError::MissingRevision { release: release.to_string(), revision: to })?;
    let manifest = match history.last() {
        Some(newest) => manifest_with_newest_crds(cluster, older, newest).await?,
        None => None,
    };
    if let Some(manifest) = &manifest {
        release_secrets::rewrite(cluster, release, to, |record| record.with_manifest(manifest)).await?;
    }
    let done = helm_rollback(cluster, release, to, description).await;
    let restored = if manifest.is_some() { restore(cluster, release, older).await } else { Ok(()) };
    // The first cause first.
    done?;
    restored?;
    let history = release_secrets::history(cluster, release).await?;
    history.last().map(Release::revision).ok_or(ActionError::NoRevision { release: release.to_string(), verb: "rollback" })
}

async fn helm_rollback(cluster: &Cluster, release: &ReleaseName, to: Revision, description: &str) -> Result<(), ActionError> {
    let to = to.to_string();
    let namespace = &release.namespace;
    let args = [
        "rollback",
        &release.name,
        &to,
        "--namespace",
        namespace,
        "--server-side=true",
        "--history-max",
        HISTORY_MAX,
        "--description",
        description,
    ];
    let doing = format!("roll back {release} to revision {to}");
    Program::find().await?.run(cluster, &doing, args.map(OsString::from).to_vec()).await?;
    Ok(())
}

/// The status may have changed meanwhile, so only the manifest is put back. Helm prunes old revisions: one that is gone stays gone.
async fn restore(cluster: &Cluster, release: &ReleaseName, older: &Release) -> Result<(), ApiError> {
    match release_secrets::rewrite(cluster, release, older.revision(), |record| record.with_manifest(older.manifest())).await {
        Err(error) if matches!(error.cause(), Cause::NotFound(_)) => Ok(()),
        done => done.map(|_| ()),
    }
}

async fn manifest_with_newest_crds(cluster: &Cluster, older: &Release, newest: &Release) -> Result<Option<String>, ActionError> {
    let (own, newer) = (documents(older)?, documents(newest)?);
    let kinds = Kinds::load(cluster).await?;
    let names: BTreeSet<String> = crds::names(&own).chain(crds::names(&newer)).map(str::to_owned).collect();
    let mut live = Live::new();
    for name in names {
        let crd = own.iter().chain(&newer).flat_map(|document| &document.objects).find(|object| object.is_crd() && object.name() == name);
        if let Some(crd) = crd {
            live.insert(name, apply::live(cluster, &kinds, crd, older.namespace()).await?);
        }
    }
    Ok(crds::keep(&own, &newer, &live, semver::is_newer(older.chart_version(), newest.chart_version())))
}

fn documents(record: &Release) -> Result<Vec<Document>, ActionError> {
    manifest::documents(record.manifest()).map_err(|source| ActionError::Manifest { release: record.name().to_owned(), source })
}
