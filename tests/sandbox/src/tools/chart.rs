//! The packaged form of a cert-manager chart, out of the sources in its Go module, the way cert-manager's own
//! makefile does it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::go::Go;
use super::{Cache, Tool, build};
use crate::{external, talk};

const MODULE: &str = "github.com/cert-manager/cert-manager";

/// What `go mod download -json` says.
#[derive(Deserialize)]
struct Download {
    #[serde(rename = "Dir")]
    directory: PathBuf,
}

/// The chart's directory in the cache.
pub(super) async fn ensure(cache: &Cache, tool: &Tool) -> Result<PathBuf> {
    let make = async |aside: &Path| {
        let sources = sources(&Go::find(cache).await?, tool).await?;
        write(&sources, tool.version, aside)
            .with_context(|| format!("make the chart of cert-manager {}", tool.version))
    };
    cache.provide(&format!("{}/chart", tool.directory()), make).await
}

async fn sources(go: &Go, tool: &Tool) -> Result<PathBuf> {
    let module = build::module(tool)?;
    let what = format!("download the module of cert-manager {}", tool.version);
    let mut command = go.command(module.path());
    command.args(["mod", "download", "-json", &format!("{MODULE}@{}", tool.version)]);
    let said = talk::when_slow(&what, external::run(&what, &mut command)).await?;
    let download: Download = serde_json::from_str(&said).context(what)?;
    Ok(download.directory.join("deploy"))
}

fn write(sources: &Path, version: &str, chart: &Path) -> Result<()> {
    let from = sources.join("charts/cert-manager");
    let template = read(&from.join("Chart.template.yaml"))?;
    let key = read(&from.join("signkey_annotation.txt"))?;
    put(&chart.join("Chart.yaml"), &metadata(&template, &key, version)?)?;
    put(&chart.join("values.yaml"), &read(&from.join("values.yaml"))?)?;
    put(
        &chart.join("README.md"),
        &read(&from.join("README.template.md"))?.replace("{{RELEASE_VERSION}}", version),
    )?;
    for name in files(&from.join("templates"))? {
        put(&chart.join("templates").join(&name), &read(&from.join("templates").join(&name))?)?;
    }
    put(&chart.join("templates/crds.yaml"), &crds(&sources.join("crds"))?)
}

/// `Chart.yaml` with what the release process fills in.
fn metadata(template: &str, key: &str, version: &str) -> Result<String> {
    ensure!(
        template.contains("\nannotations:\n"),
        "its Chart.template.yaml has no annotations to add the signing key to"
    );
    let filled = template.lines().map(|line| match line.split_once(':') {
        Some((field @ ("version" | "appVersion"), _)) => format!("{field}: {version}"),
        _ => line.replace("{{IS_PRERELEASE}}", "false"),
    });
    let key = key.lines().map(|line| format!("    {line}"));
    let lines: Vec<String> = filled.chain(["  artifacthub.io/signKey: |".to_owned()]).chain(key).collect();
    Ok(lines.join("\n") + "\n")
}

/// All CRDs in one template, behind the value that turns them on.
fn crds(directory: &Path) -> Result<String> {
    let mut documents = Vec::new();
    for name in files(directory)?
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "yaml"))
    {
        documents.push(read(&directory.join(name))?);
    }
    ensure!(!documents.is_empty(), "no CRD in {}", directory.display());
    Ok(format!("{{{{- if .Values.installCRDs }}}}\n{}{{{{- end }}}}\n", documents.join("---\n")))
}

/// The names in a directory, sorted.
fn files(directory: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

/// Writes a new file: the originals in the module cache are read-only, and a copy would be too.
fn put(path: &Path, text: &str) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_annotations_are_filled_in() {
        let template = "name: cert-manager\nversion: v0.1.0\nappVersion: v0.1.0\nkubeVersion: \">= 1.21.0-0\"\nannotations:\n  \
                        artifacthub.io/prerelease: \"{{IS_PRERELEASE}}\"\n";
        let text = metadata(template, "fingerprint: A\nurl: B\n", "v1.11.5").expect("metadata");
        let chart: serde_norway::Value = serde_norway::from_str(&text).expect("YAML");
        assert_eq!(chart["version"], "v1.11.5");
        assert_eq!(chart["appVersion"], "v1.11.5");
        assert_eq!(chart["kubeVersion"], ">= 1.21.0-0");
        assert_eq!(chart["annotations"]["artifacthub.io/prerelease"], "false");
        assert_eq!(chart["annotations"]["artifacthub.io/signKey"], "fingerprint: A\nurl: B\n");
    }

    #[test]
    fn crds_are_one_template_behind_a_value() {
        let directory = tempfile::tempdir().expect("a directory");
        put(&directory.path().join("b.yaml"), "kind: B\n").expect("a file");
        put(&directory.path().join("a.yaml"), "kind: A\n").expect("a file");
        put(&directory.path().join("README.md"), "not YAML").expect("a file");
        let expected = "{{- if .Values.installCRDs }}\nkind: A\n---\nkind: B\n{{- end }}\n";
        assert_eq!(crds(directory.path()).expect("CRDs"), expected);
    }
}
