//! Real Helm, both majors, as the judge of what this program writes.

use std::process::Command;

use release::config::ReleaseId;
use serde_json::Value;

/// Helm 4 (`HELM`) or Helm 3 (`HELM_3`) of the sandbox, on the first cluster.
pub(crate) fn helm(variable: &str, release: &ReleaseId, args: &[&str]) -> String {
    let program = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is set by the sandbox"));
    let output = Command::new(program)
        .args(args)
        .args(["--kube-context", super::FIRST, "--namespace", &release.namespace])
        .output()
        .unwrap();
    assert!(output.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What Helm 4 says when it refuses to install or upgrade to a chart of one template, without its `Error: `.
pub(crate) fn refused_by_helm(release: &ReleaseId, template: &str, verb: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.tgz");
    std::fs::write(&path, super::chart::chart("1.0.0", &[("t", template)]).bytes()).unwrap();
    let program = std::env::var_os("HELM").expect("HELM is set by the sandbox");
    let mut command = Command::new(program);
    command.arg(verb).args([release.name.as_str(), path.to_str().unwrap()]).args([
        "--kube-context",
        super::FIRST,
        "--namespace",
        &release.namespace,
    ]);
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    told.lines()
        .find_map(|line| line.strip_prefix("Error: "))
        .unwrap_or_else(|| panic!("no error in {told}"))
        .to_owned()
}

/// `revision status chart description` of every revision, as `helm history` tells it.
pub(crate) fn history(variable: &str, release: &ReleaseId) -> Vec<String> {
    let json: Value =
        serde_json::from_str(&helm(variable, release, &["history", &release.name, "-o", "json"])).unwrap();
    let text =
        |row: &Value, field: &str| row[field].as_str().map_or_else(|| row[field].to_string(), str::to_owned);
    let rows = json.as_array().unwrap().iter();
    rows.map(|row| ["revision", "status", "chart", "description"].map(|field| text(row, field)).join(" "))
        .collect()
}
