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
///
/// Helm refuses to upgrade over a revision that a killed run left pending, even as a dry run. It renders the first install then, which
/// differs for a template that asks for `.Release.IsUpgrade` or `.Release.Revision`; the upgrade itself comes after the repair.
pub async fn render(cluster: &Cluster, target: &Target<'_>) -> Result<Rendered, ActionError> {
    let release = target.release.to_string();
    let history = release_secrets::history(cluster, target.release).await?;
    let pending = history.last().is_some_and(|record| record.status().is_pending());
    let verb = if pending { install_verb(target) } else { upgrade_verb(target) };
    let text = run(cluster, target, &format!("render {release}"), &verb, &["--dry-run=server", "--output=json"]).await?;
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
    let before = release_secrets::history(cluster, target.release).await?;
    keep_crds(cluster, target, &before).await?;
    let done = run(cluster, target, &format!("upgrade {release}"), &upgrade_verb(target), &["--hide-notes"]).await;
    let after = release_secrets::history(cluster, target.release).await?;
    keep_failed(cluster, target, &before, &after).await?;
    done?;
    after.last().map(Release::revision).ok_or(ActionError::NoRevision { release, verb: "upgrade" })
}

/// Where no revision is deployed, Helm upgrades from the last failed one and calls it superseded then, as if it had been good.
async fn keep_failed(cluster: &Cluster, target: &Target<'_>, before: &[Release], after: &[Release]) -> Result<(), ActionError> {
    let superseded = |revision| after.iter().any(|record| record.revision() == revision && record.status() == Status::Superseded);
    for record in before.iter().filter(|record| record.status() == Status::Failed && superseded(record.revision())) {
        release_secrets::mark_failed(cluster, target.release, record.revision(), record.description()).await?;
    }
    Ok(())
}

/// A CRD that the chart no longer has would be deleted, and with it every object of its kind: it is marked to be kept before.
async fn keep_crds(cluster: &Cluster, target: &Target<'_>, history: &[Release]) -> Result<(), ActionError> {
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

async fn run(cluster: &Cluster, target: &Target<'_>, doing: &str, verb: &[&str], extra: &[&str]) -> Result<String, ProgramError> {
    let files = write_files(target)?;
    let args = [verb, &common(target), extra].concat();
    let mut args: Vec<OsString> = args.into_iter().map(OsString::from).collect();
    args.extend((0..target.values.len()).flat_map(|index| ["--values".into(), values_name(index).into()]));
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

/// Without `--reset-values` and without values files, Helm would take the old release's values over.
fn upgrade_verb<'a>(target: &Target<'a>) -> Vec<&'a str> {
    vec!["upgrade", &target.release.name, ARCHIVE, "--install", "--reset-values", "--history-max", HISTORY_MAX]
}

/// A dry run of it does not mind that the name is taken.
fn install_verb<'a>(target: &Target<'a>) -> Vec<&'a str> {
    vec!["install", &target.release.name, ARCHIVE]
}

fn common<'a>(target: &Target<'a>) -> Vec<&'a str> {
    let namespace = &target.release.namespace;
    let mut args = vec!["--create-namespace", "--namespace", namespace, "--server-side=true", "--description", target.description];
    if target.force_conflicts {
        args.push("--force-conflicts");
    }
    args
}
