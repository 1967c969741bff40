//! Real Helm, both majors, as the judge of what this program writes.

use std::process::Command;

use release::config::ReleaseName;
use serde_json::Value;

/// Helm 4 (`HELM`) or Helm 3 (`HELM_3`) of the sandbox, on the first cluster.
pub(crate) fn helm(variable: &str, release: &ReleaseName, args: &[&str]) -> String {
    let program = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is set by the sandbox"));
    let output =
        Command::new(program).args(args).args(["--kube-context", super::FIRST, "--namespace", &release.namespace]).output().unwrap();
    assert!(output.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// `revision status chart description` of every revision, as `helm history` tells it.
pub(crate) fn history(variable: &str, release: &ReleaseName) -> Vec<String> {
    let json: Value = serde_json::from_str(&helm(variable, release, &["history", &release.name, "-o", "json"])).unwrap();
    let text = |row: &Value, field: &str| row[field].as_str().map_or_else(|| row[field].to_string(), str::to_owned);
    let rows = json.as_array().unwrap().iter();
    rows.map(|row| ["revision", "status", "chart", "description"].map(|field| text(row, field)).join(" ")).collect()
}
