//! Reports for people: the result of a run, of `release gate`, and one line for each event.

use std::fmt::Write;

use crate::evidence::event::Event;
use crate::gate::{GateOutcome, GateReport, Verdict};
use crate::plan::Action;
use crate::rollout::{ClusterOutcome, ClusterState, Outcome};

/// The result of a run: a table with a row for each cluster, then what the gates proved.
pub fn outcome(outcome: &Outcome) -> String {
    let mut text: String = outcome.clusters.iter().filter_map(first_cause).collect();
    let mut rows = vec![["CLUSTER", "RESULT", "FROM", "TO", "REVISION", "TIME"].map(ToOwned::to_owned)];
    rows.extend(outcome.clusters.iter().map(row));
    text.push_str(&table(&rows));
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

/// The first cause of a failure is the first thing that is read.
fn first_cause(cluster: &ClusterOutcome) -> Option<String> {
    let cause = cluster.first_cause.as_ref()?;
    let reaction = cluster.reaction.as_ref().map(|reaction| format!("  {reaction}\n")).unwrap_or_default();
    Some(format!("{}: {cause}\n{reaction}\n", cluster.cluster))
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
    // The loop turns what still waits at a deadline into a failure, so this gate never had its turn.
    if report.verdict == Verdict::Waiting {
        return format!("  {:<24} not reached\n", report.gate);
    }
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

/// What is done, as a verb.
pub(super) fn action(action: Action) -> &'static str {
    match action {
        Action::Install => "install",
        Action::Upgrade => "upgrade",
        Action::Rollback => "roll back",
        Action::Nothing => "on the target already:",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    #[test]
    fn a_rollback_names_the_first_cause_first_and_the_untouched_cluster_last() {
        insta::assert_snapshot!(outcome(&fixtures::rolled_back()), @r#"
        eks-development-1: Pod cert-manager/x: container controller: CrashLoopBackOff <&>
          rolled back to revision 1 as revision 3

        CLUSTER            RESULT                   FROM     TO       REVISION  TIME
        eks-development-1  rolled back and healthy  v1.10.2  v1.11.5  3         12.3 s
        eks-staging-1      not touched              v1.10.2  v1.11.5  -         0.0 s

        archive sha256:aa
        content sha256:bb

        eks-development-1
          workload                 failed       1.5 s
            failed: Pod cert-manager/x: container controller: CrashLoopBackOff <&>
          canary                   not reached
          ACME not proven
          after the rollback:
          workload                 passed       1.5 s
            Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available
          order                    passed       1.5 s
            note: Order demo/old: errored (was so before)

        run 20261124-094539-6b66
        "#);
    }

    #[test]
    fn a_promotion_shows_what_was_proven() {
        insta::assert_snapshot!(outcome(&fixtures::promoted()), @r#"
        CLUSTER            RESULT                 FROM     TO       REVISION  TIME
        eks-development-1  healthy on the target  v1.10.2  v1.11.5  2         12.3 s

        archive sha256:aa
        content sha256:bb

        eks-development-1
          workload                 passed       1.5 s
            Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available
          order                    passed       1.5 s
            note: Order demo/old: errored (was so before)

        run 20261124-094539-6b66
        "#);
    }
}
