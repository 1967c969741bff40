//! Small charts, made in the test that needs them.

use std::fmt::Write;

use release::helm::chart::archive::ChartArchive;
use release::helm::chart::package::{Overrides, package};
use release::helm::chart::{Chart, File};

/// A chart `app` with these templates: name and text.
pub(crate) fn chart(version: &str, templates: &[(&str, &str)]) -> ChartArchive {
    let metadata = format!("apiVersion: v2\nname: app\nversion: {version}\n");
    let mut files = vec![File::new("Chart.yaml", metadata)];
    files.extend(templates.iter().map(|(name, text)| File::new(format!("templates/{name}.yaml"), *text)));
    package(&Chart::from_files(files).unwrap(), 0, &Overrides::default()).unwrap()
}

/// A `ConfigMap` with these data.
pub(crate) fn config_map(name: &str, data: &[(&str, &str)]) -> String {
    let mut text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n");
    for (key, value) in data {
        writeln!(text, "  {key}: {value:?}").unwrap();
    }
    text
}

/// A CRD `<plural>.<group>` of one version `v1` whose spec has these text fields.
pub(crate) fn crd(plural: &str, kind: &str, group: &str, fields: &[&str]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| format!("{field}: {{type: string}}")).collect();
    let fields = fields.join(", ");
    format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: {plural}, kind: {kind}}}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {{spec: {{type: object, properties: {{{fields}}}}}}}
"
    )
}

/// A Job that runs a script once, as a template.
pub(crate) fn job(name: &str, script: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}}}\nspec:\n  backoffLimit: 0\n  template:\n    spec: {{restartPolicy: Never, containers: [{{name: c, image: 'sandbox/sh:1', args: [-c, {script:?}]}}]}}\n"
    )
}
