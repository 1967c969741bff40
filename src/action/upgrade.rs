//! Install or upgrade: rendered against the cluster first, then written with server-side apply.

use std::ffi::OsString;

use crate::cluster::{Cluster, apply, release_secrets};
use crate::helm::manifest::{self, Object};
use crate::helm::release::{Release, Revision, Status};

use super::program::{Files, HISTORY_MAX, Program, ProgramError};
use super::{ActionError, Rendered, Target};

/// The chart's file name where helm runs.
const ARCHIVE: &str = "./chart.tgz";

/// Renders the target with everything that the cluster answers (`lookup`, capabilities); writes nothing.
pub async fn render(cluster: &Cluster, target: &Target<'_>) -> Result<Rendered, ActionError> {
    let release = target.release.to_string();
    let text = run(cluster, target, &format!("render {release}"), &["--dry-run=server", "--output=json"]).await?;
    let read = |error| ActionError::Record { release: release.clone(), source: error };
    // What a dry run prints is the record that an upgrade would store.
    let record = Release::from_json(&text).map_err(read)?;
    let objects = manifest::split(record.manifest()).map_err(|source| ActionError::Manifest { release: release.clone(), source })?;
    let record_bytes = record.encode().map_err(read)?.len();
    let (manifest, hooks, config) = (record.manifest().to_owned(), record.hooks().to_vec(), record.config().clone());
    Ok(Rendered { manifest, objects, hooks, config, record_bytes })
}

/// Installs or upgrades; answers the new revision. Waits for hooks only: the gates judge the rest.
pub async fn upgrade(cluster: &Cluster, target: &Target<'_>) -> Result<Revision, ActionError> {
    let release = target.release.to_string();
    keep_crds(cluster, target).await?;
    run(cluster, target, &format!("upgrade {release}"), &["--hide-notes"]).await?;
    let history = release_secrets::history(cluster, target.release).await?;
    history.last().map(Release::revision).ok_or(ActionError::NoRevision { release, verb: "upgrade" })
}

/// A CRD that the chart no longer has would be deleted, and with it every object of its kind: it is marked to be kept before.
async fn keep_crds(cluster: &Cluster, target: &Target<'_>) -> Result<(), ActionError> {
    let history = release_secrets::history(cluster, target.release).await?;
    let mut old = Vec::new();
    for record in history.last().into_iter().chain(history.iter().rfind(|record| record.status() == Status::Deployed)) {
        let objects = manifest::split(record.manifest());
        let objects = objects.map_err(|source| ActionError::Manifest { release: target.release.to_string(), source })?;
        old.extend(objects.into_iter().filter(Object::is_crd));
    }
    if old.is_empty() {
        return Ok(());
    }
    let new = render(cluster, target).await?.objects;
    for crd in old.iter().filter(|crd| !new.iter().any(|object| object.key() == crd.key())) {
        apply::keep_crd(cluster, crd.name()).await?;
    }
    Ok(())
}

async fn run(cluster: &Cluster, target: &Target<'_>, doing: &str, extra: &[&str]) -> Result<String, ProgramError> {
    let files = write_files(target)?;
    let mut args = arguments(target);
    args.extend(extra.iter().map(OsString::from));
    Program::find().await?.run_with(cluster, doing, args, files).await
}

fn write_files(target: &Target<'_>) -> Result<Files, ProgramError> {
    let files = Files::new()?;
    files.write(ARCHIVE, target.archive.bytes())?;
    for (index, values) in target.values.iter().enumerate() {
        files.write(&values_name(index), &values.bytes)?;
    }
    Ok(files)
}

fn values_name(index: usize) -> String {
    format!("values-{index}.yaml")
}

fn arguments(target: &Target<'_>) -> Vec<OsString> {
    let (name, namespace) = (&target.release.name, &target.release.namespace);
    let mut args = vec!["upgrade", name, ARCHIVE, "--install", "--create-namespace", "--namespace", namespace, "--server-side=true"];
    // Without --reset-values and without values files, Helm would take the old release's values over.
    args.extend(["--reset-values", "--history-max", HISTORY_MAX, "--description", target.description]);
    if target.force_conflicts {
        args.push("--force-conflicts");
    }
    let mut args: Vec<OsString> = args.into_iter().map(OsString::from).collect();
    for index in 0..target.values.len() {
        args.extend(["--values".into(), values_name(index).into()]);
    }
    args
}
