//! The dry run and `release diff` for people: what would be published, and every object that would change.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use crate::config::OnFailure;
use crate::plan::change::{Change, ChangeKind, FieldChange};
use crate::plan::difference::ClusterDifference;
use crate::plan::{Action, ClusterPlan, Plan};

use super::text::action;

/// A change that this many objects share is told once.
const SHARED: usize = 4;

/// Long values are cut: the dry run shows that and where a field changes, not a whole CRD.
const VALUE_WIDTH: usize = 80;

/// The dry run.
pub fn plan(plan: &Plan) -> String {
    let mut text = header(plan);
    for cluster in &plan.clusters {
        let _ = write!(text, "\n{}", cluster_plan(cluster));
    }
    text.trim_end().to_owned()
}

fn header(plan: &Plan) -> String {
    let mut text = match plan.planned_chart() {
        Some(chart) => format!(
            "chart    {} {}\nfrom     {}\narchive  {}\ncontent  {}\n",
            chart.name, chart.version, chart.origin, chart.digest, chart.content
        ),
        None => format!("chart    {}\nfrom     the release's own history\n", plan.chart),
    };
    if let Some(publish) = &plan.publish {
        let what = if publish.uploads { "upload to" } else { "this content is already in" };
        let _ = writeln!(text, "publish  {what} {}", publish.repository);
    }
    let conflicts =
        if plan.terms.allowed.conflicts { "; fields of other managers are taken over" } else { "" };
    let _ = writeln!(text, "terms    on failure {}{conflicts}", on_failure(plan.terms.on_failure));
    text
}

fn on_failure(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::Halt => "halt",
        OnFailure::Rollback => "roll back, if the cause lies in the release",
    }
}

/// The diff of every object, under its cluster.
pub fn differences(clusters: &[ClusterDifference]) -> String {
    let sections = clusters.iter().map(|one| {
        let from = one.from.as_deref().unwrap_or("nothing");
        let changes: Vec<&Change> = one.objects.iter().map(|object| &object.change).collect();
        let diffs: String = one.objects.iter().map(|object| object.diff.as_str()).collect();
        let notes: String = one.notes.iter().flat_map(|note| ["# ", note.as_str(), "\n"]).collect();
        format!(
            "# {}: {}: {from} → {}: {}\n{notes}{diffs}",
            one.cluster,
            one.release,
            one.to,
            count(&changes)
        )
    });
    sections.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// What happens on one cluster.
pub(super) fn cluster_plan(plan: &ClusterPlan) -> String {
    let from = plan.from.as_deref().unwrap_or("nothing");
    let mut text = format!(
        "{} ({})\n  {} {}: {from} → {}",
        plan.cluster,
        plan.server,
        action(plan.action),
        plan.release,
        plan.to
    );
    let _ = writeln!(text, ", from revision {}", plan.base_revision);
    for warning in &plan.warnings {
        let _ = writeln!(text, "  warning: {warning}");
    }
    let shared = shared(&plan.changes);
    for (line, objects) in &shared {
        let _ = writeln!(text, "  in {objects} objects\n{}", line.trim_end());
    }
    for change in &plan.changes {
        text.push_str(&one_change(change, &shared));
    }
    if plan.action != Action::Nothing {
        let _ = writeln!(text, "  changes: {}", count(&plan.changes.iter().collect::<Vec<_>>()));
    }
    let _ = writeln!(text, "  gates: {}", plan.gates.join(", "));
    if plan.action == Action::Upgrade {
        let proof = if plan.rollback_obstacles.is_empty() {
            "feasible".to_owned()
        } else {
            plan.rollback_obstacles.join("; ")
        };
        let _ = writeln!(text, "  rollback: {proof}");
    }
    text
}

fn count(changes: &[&Change]) -> String {
    let number = |verb| changes.iter().filter(|change| change.verb == verb).count();
    format!(
        "{} to create, {} to update, {} to delete",
        number(ChangeKind::Create),
        number(ChangeKind::Update),
        number(ChangeKind::Delete)
    )
}

/// The lines that many objects have in common, with the number of objects.
fn shared(changes: &[Change]) -> BTreeMap<String, usize> {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for field in changes.iter().flat_map(|change| &change.fields) {
        *lines.entry(field_change(field)).or_default() += 1;
    }
    lines.retain(|_, objects| *objects >= SHARED);
    lines
}

/// The object and what changes in it alone. Texts that only describe a CRD's fields are counted.
fn one_change(change: &Change, shared: &BTreeMap<String, usize>) -> String {
    let sign = match change.verb {
        ChangeKind::Create => '+',
        ChangeKind::Update => '~',
        ChangeKind::Delete => '-',
    };
    let (described, told): (Vec<_>, Vec<_>) = change.fields.iter().partition(|field| describes(field));
    let lines: String =
        told.into_iter().map(field_change).filter(|line| !shared.contains_key(line)).collect();
    let mut text = format!("  {sign} {}\n{lines}", change.object);
    if !described.is_empty() {
        let _ = writeln!(text, "      {} descriptions in the schema", described.len());
    }
    text
}

fn describes(field: &FieldChange) -> bool {
    field.path.contains("openAPIV3Schema") && field.path.ends_with(".description")
}

fn field_change(field: &FieldChange) -> String {
    format!("      {}: {} → {}\n", field.path, value(field.before.as_ref()), value(field.after.as_ref()))
}

fn value(value: Option<&Value>) -> String {
    let Some(value) = value else { return "(none)".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(VALUE_WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::fixtures::{cluster, plan as planned};
    use crate::report::fixtures;

    fn field(path: &str, before: &str, after: &str) -> FieldChange {
        FieldChange { path: path.to_owned(), before: Some(json!(before)), after: Some(json!(after)) }
    }

    fn change(object: &str, verb: ChangeKind, fields: Vec<FieldChange>) -> Change {
        Change { object: object.to_owned(), verb, fields }
    }

    fn upgrade() -> Plan {
        let label = || field("metadata.labels.version", "v1", "v2");
        let mut changes: Vec<Change> = (1..=4)
            .map(|number| change(&format!("Role ns/r{number}"), ChangeKind::Update, vec![label()]))
            .collect();
        changes[0].fields.push(field("rules[0].verbs[0]", "get", "list"));
        changes.push(change(
            "CustomResourceDefinition x",
            ChangeKind::Update,
            vec![field("spec.versions[0].schema.openAPIV3Schema.description", "a", "b")],
        ));
        changes.push(change("Service ns/new", ChangeKind::Create, Vec::new()));
        changes.push(change("Service ns/old", ChangeKind::Delete, Vec::new()));
        let cluster = ClusterPlan {
            server: "https://localhost:6443".to_owned(),
            changes,
            gates: vec!["workload".to_owned(), "canary".to_owned()],
            warnings: vec!["not tested together".to_owned()],
            ..fixtures::with_chart(cluster("eks-development-1", None, Action::Upgrade))
        };
        fixtures::uploading(planned(vec![cluster], OnFailure::Halt))
    }

    #[test]
    fn what_many_objects_share_is_told_once() {
        insta::assert_snapshot!(plan(&upgrade()), @r#"
        chart    cert-manager v1.11.5
        from     git main at 337ed24
        archive  sha256:aa
        content  sha256:bb
        publish  upload to https://charts.example.com/
        terms    on failure halt

        eks-development-1 (https://localhost:6443)
          upgrade cert-manager/cert-manager: v1.10.2 → v1.11.5, from revision 1
          warning: not tested together
          in 4 objects
              metadata.labels.version: "v1" → "v2"
          ~ Role ns/r1
              rules[0].verbs[0]: "get" → "list"
          ~ Role ns/r2
          ~ Role ns/r3
          ~ Role ns/r4
          ~ CustomResourceDefinition x
              1 descriptions in the schema
          + Service ns/new
          - Service ns/old
          changes: 1 to create, 5 to update, 1 to delete
          gates: workload, canary
          rollback: feasible
        "#);
    }
}
