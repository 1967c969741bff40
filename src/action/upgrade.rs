//! Install or upgrade: rendered against the cluster first, then written with server-side apply.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::{Cluster, release_secrets};
use crate::helm::manifest;
use crate::helm::release::{Release, Revision};

use super::program::{Program, ProgramError};
use super::{ActionError, Rendered, Target};

/// What a dry run prints: a release record that is never stored.
#[derive(Deserialize)]
struct DryRun {
    #[serde(default)]
    manifest: String,
    #[serde(default)]
    config: Value,
}

/// Renders the target with everything that the cluster answers (`lookup`, capabilities); writes nothing.
pub async fn render(cluster: &Cluster, target: &Target<'_>) -> Result<Rendered, ActionError> {
    let release = target.release.to_string();
    let text = run(cluster, target, &format!("render {release}"), &["--dry-run=server", "--output=json"]).await?;
    let answer: DryRun = serde_json::from_str(&text).map_err(ProgramError::Answer)?;
    let objects = manifest::split(&answer.manifest).map_err(|source| ActionError::Manifest { release: release.clone(), source })?;
    let record_bytes =
        Release::from_json(&text).and_then(|record| record.encode()).map_err(|source| ActionError::Record { release, source })?.len();
    Ok(Rendered { manifest: answer.manifest, objects, config: answer.config, record_bytes })
}

/// Installs or upgrades; answers the new revision. Waits for hooks only: the gates judge the rest.
pub async fn upgrade(cluster: &Cluster, target: &Target<'_>) -> Result<Revision, ActionError> {
    let release = target.release.to_string();
    run(cluster, target, &format!("upgrade {release}"), &["--hide-notes"]).await?;
    let history = release_secrets::history(cluster, target.release).await?;
    history.iter().map(Release::revision).max().ok_or(ActionError::NoRevision { release, verb: "upgrade" })
}

async fn run(cluster: &Cluster, target: &Target<'_>, doing: &str, extra: &[&str]) -> Result<String, ProgramError> {
    let program = Program::find().await?;
    let input = write_input(target).map_err(ProgramError::Input)?;
    let mut args = arguments(target, input.path());
    args.extend(extra.iter().map(OsString::from));
    program.run(cluster, doing, &args).await
}

/// A directory that only this user can read: values may hold secrets.
fn write_input(target: &Target<'_>) -> io::Result<TempDir> {
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join(target.archive.file_name()), target.archive.bytes())?;
    for (index, values) in target.values.iter().enumerate() {
        std::fs::write(directory.path().join(values_name(index)), &values.bytes)?;
    }
    Ok(directory)
}

fn values_name(index: usize) -> String {
    format!("values-{index}.yaml")
}

fn arguments(target: &Target<'_>, input: &Path) -> Vec<OsString> {
    let mut args: Vec<OsString> =
        vec!["upgrade".into(), target.release.name.as_str().into(), input.join(target.archive.file_name()).into()];
    // Without --reset-values and without values files, Helm would take the old release's values over.
    let fixed = ["--install", "--create-namespace", "--server-side=true", "--reset-values", "--namespace", &target.release.namespace];
    args.extend(fixed.map(OsString::from));
    args.extend(["--description".into(), target.description.into()]);
    for index in 0..target.values.len() {
        args.extend(["--values".into(), input.join(values_name(index)).into()]);
    }
    if target.force_conflicts {
        args.push("--force-conflicts".into());
    }
    args
}
