//! A release as helm shows it to people: after an install or upgrade, and for `status` and `get all`.

use serde_json::Value;

use super::go_time;
use crate::cluster::release_objects::ByKind;
use crate::helm::release::{Hook, Release};
use crate::helm::values::{self, Values};
use crate::helm::{json, yaml};

/// The narrowest column of a table of live objects, and the blanks between two.
const NARROWEST: usize = 6;
const PADDING: usize = 3;

/// What is shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    /// The chart's name and versions.
    pub(super) chart: bool,
    /// Tables of the live objects.
    pub(super) resources: ByKind,
    /// The values that the user gave, and those that count with the chart's.
    pub(super) computed_values: Option<Values>,
    /// Hooks and manifest, which are always shown of a dry run.
    pub(super) manifest: bool,
    /// Leave the notes out.
    pub(super) hide_notes: bool,
}

/// The whole text, with a final line break.
pub(super) fn text(release: &Release, parts: &Parts) -> String {
    let mut sections = head(release, parts.chart);
    if !parts.resources.is_empty() {
        sections.push(format_resources(&parts.resources));
    }
    sections.push(tests(release.hooks()));
    if let Some(computed) = &parts.computed_values {
        sections.push(format!("USER-SUPPLIED VALUES:\n{}\n", values_text(release.config())));
        sections.push(format!("COMPUTED VALUES:\n{}\n", values_text(&Value::Object(computed.clone()))));
    }
    if parts.manifest || release.description().eq_ignore_ascii_case("Dry run complete") {
        sections.push(format!("HOOKS:\n{}MANIFEST:\n{}\n", hooks(release.hooks()), release.manifest()));
    }
    if !parts.hide_notes && !release.notes().is_empty() {
        sections.push(format!("NOTES:\n{}\n", release.notes().trim()));
    }
    sections.concat()
}

/// Every hook as a document of its own.
pub(super) fn hooks(hooks: &[Hook]) -> String {
    hooks
        .iter()
        .map(|hook| format!("---\n# Source: {}\n{}\n", hook.path, hook.manifest))
        .collect::<Vec<_>>()
        .concat()
}

/// Values as YAML; numbers as Go writes them.
pub(super) fn values_text(values: &Value) -> String {
    yaml::write(&go_values(values))
}

/// Values with numbers and keys as Go writes them.
pub(super) fn go_values(values: &Value) -> Value {
    let mut values = values.clone();
    values::make_floats(&mut values);
    json::sorted(&values)
}

fn head(release: &Release, with_chart: bool) -> Vec<String> {
    let mut lines = vec![format!("NAME: {}\n", release.name())];
    lines.extend(
        release.last_deployed_text().map(|time| format!("LAST DEPLOYED: {}\n", go_time::short(time))),
    );
    lines.push(format!(
        "NAMESPACE: {}\nSTATUS: {}\nREVISION: {}\n",
        release.namespace(),
        release.status(),
        release.revision()
    ));
    if with_chart {
        let (name, version, app_version) =
            (release.chart_name(), release.chart_version(), release.app_version());
        lines.push(format!("CHART: {name}\nVERSION: {version}\nAPP_VERSION: {app_version}\n"));
    }
    lines.push(format!("DESCRIPTION: {}\n", release.description()));
    lines
}

fn tests(hooks: &[Hook]) -> String {
    let tests: Vec<&Hook> =
        hooks.iter().filter(|hook| hook.events.iter().any(|event| event == "test")).collect();
    if tests.is_empty() {
        return "TEST SUITE: None\n".to_owned();
    }
    let ran = tests.iter().filter_map(|hook| Some((hook, hook.last_run.started_at.as_deref()?)));
    let told = ran.map(|(hook, started)| {
        let completed = hook.last_run.completed_at.as_deref().map_or_else(|| go_time::NEVER.to_owned(), go_time::short);
        let (name, started, phase) = (&hook.name, go_time::short(started), &hook.last_run.phase);
        format!("TEST SUITE:     {name}\nLast Started:   {started}\nLast Completed: {completed}\nPhase:          {phase}\n")
    });
    told.collect::<Vec<_>>().concat()
}

fn format_resources(by_kind: &ByKind) -> String {
    let kinds = by_kind
        .iter()
        .map(|(kind, tables)| format!("==> {kind}\n{}\n", tables_text(tables)))
        .collect::<Vec<_>>()
        .concat();
    format!("RESOURCES:\n{kinds}\n")
}

/// Each object's table on its own, as kubectl prints one after the other; the header only once.
fn tables_text(tables: &[Value]) -> String {
    let with_header = tables.iter().position(|table| !rows(table).is_empty());
    tables
        .iter()
        .enumerate()
        .map(|(index, table)| table_text(table, Some(index) == with_header))
        .collect::<Vec<_>>()
        .concat()
}

fn table_text(table: &Value, with_header: bool) -> String {
    let shown: Vec<(usize, &Value)> = table["columnDefinitions"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, column)| column["priority"] == 0)
        .collect();
    let header =
        shown.iter().map(|(_, column)| column["name"].as_str().unwrap_or_default().to_uppercase()).collect();
    let cells = |row: &Value| shown.iter().map(|(index, _)| cell(&row["cells"][*index])).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> =
        with_header.then_some(header).into_iter().chain(rows(table).iter().map(cells)).collect();
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count() + PADDING)
            .max()
            .unwrap_or_default()
            .max(NARROWEST)
    };
    let widths: Vec<usize> = (0..shown.len()).map(width).collect();
    let line = |line: &Vec<String>| {
        let last = line.len().saturating_sub(1);
        let padded = line.iter().enumerate().map(|(index, cell)| {
            if index == last { cell.clone() } else { format!("{cell:0$}", widths[index]) }
        });
        format!("{}\n", padded.collect::<String>())
    };
    lines.iter().map(line).collect::<Vec<_>>().concat()
}

fn rows(table: &Value) -> &[Value] {
    table["rows"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn release() -> Release {
        let record = r#"{"name":"r","info":{"last_deployed":"2026-11-24T12:30:25.6Z","description":"Upgrade complete","status":"deployed","notes":"\nThanks\n\n"},"chart":{"metadata":{"name":"c","version":"1","appVersion":"2"}},"config":{"n":5},"manifest":"---\nm\n","hooks":[{"name":"t","path":"c/t.yaml","manifest":"h\n","events":["test"],"last_run":{"started_at":"2026-11-24T12:30:25Z","completed_at":"2026-11-24T12:30:26Z","phase":"Succeeded"}}],"version":2,"namespace":"n"}"#;
        Release::from_json(record).unwrap()
    }

    #[test]
    fn a_release_is_told_as_helm_tells_it() {
        let table = |name: &str, data: u32| {
            let columns = json!([{"name": "Name", "priority": 0}, {"name": "Data", "priority": 0}, {"name": "Wide", "priority": 1}, {"name": "Age", "priority": 0}]);
            json!({"columnDefinitions": columns, "rows": [{"cells": [name, data, "x", "5m"]}]})
        };
        let parts = Parts {
            resources: vec![("v1/ConfigMap".to_owned(), vec![table("r-true", 1), table("r-x", 1)])],
            ..Parts::default()
        };
        insta::assert_snapshot!(text(&release(), &parts), @r"
        NAME: r
        LAST DEPLOYED: Tue Nov 24 12:30:25 2026
        NAMESPACE: n
        STATUS: deployed
        REVISION: 2
        DESCRIPTION: Upgrade complete
        RESOURCES:
        ==> v1/ConfigMap
        NAME     DATA   AGE
        r-true   1      5m
        r-x   1     5m


        TEST SUITE:     t
        Last Started:   Tue Nov 24 12:30:25 2026
        Last Completed: Tue Nov 24 12:30:26 2026
        Phase:          Succeeded
        NOTES:
        Thanks
        ");
    }

    #[test]
    fn everything_of_a_release() {
        let computed = json!({"n": 5, "d": 1.0}).as_object().unwrap().clone();
        let parts = Parts {
            chart: true,
            computed_values: Some(computed),
            manifest: true,
            hide_notes: true,
            ..Parts::default()
        };
        insta::assert_snapshot!(text(&release(), &parts), @r#"
        NAME: r
        LAST DEPLOYED: Tue Nov 24 12:30:25 2026
        NAMESPACE: n
        STATUS: deployed
        REVISION: 2
        CHART: c
        VERSION: 1
        APP_VERSION: 2
        DESCRIPTION: Upgrade complete
        TEST SUITE:     t
        Last Started:   Tue Nov 24 12:30:25 2026
        Last Completed: Tue Nov 24 12:30:26 2026
        Phase:          Succeeded
        USER-SUPPLIED VALUES:
        "n": 5

        COMPUTED VALUES:
        d: 1
        "n": 5

        HOOKS:
        ---
        # Source: c/t.yaml
        h

        MANIFEST:
        ---
        m

        "#);
    }
}
