//! Reports for people.

use std::fmt::Write;

use serde_json::Value;

use crate::evidence::event::Event;
use crate::gate::{GateOutcome, GateReport, Verdict};
use crate::plan::change::{Change, FieldChange, Verb};
use crate::plan::{Action, ClusterPlan, Plan};
use crate::rollout::{ClusterOutcome, ClusterState, Outcome};

/// Long values are cut: the dry run shows that and where a field changes, not a whole CRD.
const VALUE_WIDTH: usize = 80;

/// The dry run.
pub fn plan(plan: &Plan) -> String {
    let chart = &plan.chart;
    let mut text = format!("chart    {} {}\n", chart.name, chart.version);
    let _ = writeln!(text, "from     {}", chart.origin);
    if !chart.digest.is_empty() {
        let _ = writeln!(text, "archive  {}\ncontent  {}", chart.digest, chart.content);
        let publish = if plan.publish.uploads { "upload to" } else { "this content is already in" };
        let _ = writeln!(text, "publish  {publish} {}", plan.publish.repository);
    }
    for cluster in &plan.clusters {
        let _ = write!(text, "\n{}", cluster_plan(cluster));
    }
    text.trim_end().to_owned()
}

fn cluster_plan(plan: &ClusterPlan) -> String {
    let from = plan.from.as_deref().unwrap_or("nothing");
    let mut text = format!("{} ({})\n  {} {}: {from} → {}", plan.cluster, plan.server, action(plan.action), plan.release, plan.to);
    let _ = writeln!(text, ", from revision {}", plan.base_revision);
    for warning in &plan.warnings {
        let _ = writeln!(text, "  warning: {warning}");
    }
    for change in &plan.changes {
        text.push_str(&one_change(change));
    }
    if plan.action != Action::Nothing {
        let _ = writeln!(text, "  changes: {}", count(&plan.changes));
    }
    let _ = writeln!(text, "  gates: {}", plan.gates.join(", "));
    if plan.action == Action::Upgrade {
        let proof = if plan.rollback_obstacles.is_empty() { "feasible".to_owned() } else { plan.rollback_obstacles.join("; ") };
        let _ = writeln!(text, "  rollback: {proof}");
    }
    text
}

fn count(changes: &[Change]) -> String {
    let number = |verb| changes.iter().filter(|change| change.verb == verb).count();
    format!("{} to create, {} to update, {} to delete", number(Verb::Create), number(Verb::Update), number(Verb::Delete))
}

fn one_change(change: &Change) -> String {
    let sign = match change.verb {
        Verb::Create => '+',
        Verb::Update => '~',
        Verb::Delete => '-',
    };
    let mut text = format!("  {sign} {}\n", change.object);
    for field in &change.fields {
        text.push_str(&field_change(field));
    }
    text
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

fn action(action: Action) -> &'static str {
    match action {
        Action::Install => "install",
        Action::Upgrade => "upgrade",
        Action::Rollback => "roll back",
        Action::Nothing => "on the target already:",
    }
}

/// The result of a run: a table with a row for each cluster, then what the gates proved.
pub fn outcome(outcome: &Outcome) -> String {
    let mut rows = vec![["CLUSTER", "RESULT", "FROM", "TO", "REVISION", "TIME"].map(ToOwned::to_owned)];
    rows.extend(outcome.clusters.iter().map(row));
    let mut text = table(&rows);
    if let Some(chart) = &outcome.chart {
        let _ = write!(text, "\narchive {}\ncontent {}\n", chart.digest, chart.content);
    }
    for cluster in outcome.clusters.iter().filter(|cluster| cluster.gates.is_some()) {
        let _ = write!(text, "\n{}\n{}", cluster.cluster, cluster.gates.as_ref().map(gate_lines).unwrap_or_default());
        if let Some(regates) = &cluster.regates {
            let _ = write!(text, "  after the rollback:\n{}", gate_lines(regates));
        }
    }
    let _ = write!(text, "\nrun {}", outcome.run);
    text
}

fn row(cluster: &ClusterOutcome) -> [String; 6] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        cluster.cluster.clone(),
        cluster.state.word().to_owned(),
        or_dash(cluster.from.clone()),
        cluster.to.clone(),
        or_dash(cluster.revision.map(|revision| revision.to_string())),
        format!("{:.1} s", cluster.seconds),
    ]
}

fn table(rows: &[[String; 6]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The result of `release gate`.
pub fn gates(outcomes: &[(String, GateOutcome)]) -> String {
    let sections = outcomes.iter().map(|(cluster, outcome)| format!("{cluster}: {}\n{}", outcome.verdict.word(), gate_lines(outcome)));
    sections.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn gate_lines(outcome: &GateOutcome) -> String {
    let mut text: String = outcome.reports.iter().map(gate_report).collect();
    if !outcome.acme_proven {
        text.push_str("  ACME not proven\n");
    }
    text
}

fn gate_report(report: &GateReport) -> String {
    let mut text = format!("  {:<24} {:<12} {:.1} s\n", report.gate, report.verdict.word(), report.seconds);
    for finding in &report.findings {
        let note = if finding.baseline { " (was so before)" } else { "" };
        let word = if finding.verdict == Verdict::Passed { "note" } else { finding.verdict.word() };
        let _ = writeln!(text, "    {word}: {}: {}{note}", finding.object, finding.message);
    }
    for fact in &report.facts {
        let _ = writeln!(text, "    {fact}");
    }
    text
}

/// One event in one line.
pub fn event(event: &Event, state: ClusterState) -> String {
    match event {
        Event::Locked => "locked".to_owned(),
        Event::BaselineTaken { unhealthy } if unhealthy.is_empty() => "baseline taken, nothing is unhealthy".to_owned(),
        Event::BaselineTaken { unhealthy } => format!("baseline taken, unhealthy already: {}", unhealthy.join("; ")),
        Event::ChangeStarted { action: what, base_revision } => format!("{} starts from revision {base_revision}", action(*what)),
        Event::Changed { revision } => format!("revision {revision} is written, the gates judge it"),
        Event::ProvenEarlier { revision } => format!("revision {revision} is on the target and was proven healthy earlier"),
        Event::OnTarget { revision } => format!("revision {revision} is on the target already, the gates judge it"),
        Event::Gated { outcome } => format!("gates {}: {}", outcome.verdict.word(), state.word()),
        Event::ChangeFailed { cause } => format!("the change failed: {cause}"),
        Event::EvidenceCaptured { files } => format!("evidence captured ({} files)", files.len()),
        Event::HaltDecided { reason } => format!("halted: {reason}"),
        Event::RollbackStarted { to_revision } => format!("rollback to revision {to_revision} starts"),
        Event::RolledBack { revision } => format!("rolled back as revision {revision}, the gates judge it"),
        Event::RollbackFailed { cause } => format!("the rollback failed: {cause}"),
        Event::Interrupted { signal } => format!("interrupted by signal {signal}"),
        Event::Resumed => "resumed".to_owned(),
    }
}
