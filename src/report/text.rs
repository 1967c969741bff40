//! Reports for people: the result of a run, of `release gate`, and one line for each event.

use std::fmt::Write;
use std::time::Duration;

use crate::config::duration;
use crate::evidence::event::Event;
use crate::gate::{Finding, GateOutcome, GateReport, Verdict, names};
use crate::plan::Action;
use crate::rollout::{ClusterOutcome, ClusterState, Outcome};

use super::Judged;

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
        let _ = write!(
            text,
            "\n{}\n{}",
            cluster.cluster,
            cluster.gates.as_ref().map(gate_lines).unwrap_or_default()
        );
        if let Some(regates) = &cluster.regates {
            let _ = write!(text, "  after the rollback:\n{}", gate_lines(regates));
        }
    }
    if let Some(reissued) = &outcome.reissued {
        let _ = write!(text, "\nissued again without a reason of their own: {reissued}\n");
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
        result(cluster),
        or_dash(cluster.from.clone()),
        cluster.to.clone(),
        or_dash(cluster.revision.map(|revision| revision.to_string())),
        took(cluster.seconds),
    ]
}

/// How it ended, in words.
pub(super) fn result(cluster: &ClusterOutcome) -> String {
    let word = cluster.state.word();
    match cluster.interrupted {
        Some(signal) => format!("interrupted by signal {signal}, {word}"),
        None => word.to_owned(),
    }
}

/// `12.3 s`, and from a minute on `1m12s`.
fn took(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    duration::format(Duration::from_secs(Duration::from_secs_f64(seconds).as_secs()))
}

fn table(rows: &[[String; 6]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The result of `release gate`.
pub fn gates(judged: &[Judged]) -> String {
    let sections = judged
        .iter()
        .map(|one| format!("{}: {}\n{}", one.cluster, one.outcome.verdict.word(), gate_lines(&one.outcome)));
    sections.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn gate_lines(outcome: &GateOutcome) -> String {
    let mut text: String = outcome.reports.iter().map(gate_report).collect();
    // Only a canary can prove it.
    if !outcome.acme_proven && outcome.reports.iter().any(|report| report.gate == names::CANARY) {
        text.push_str("  ACME not proven\n");
    }
    text
}

/// The row that decided: who is to blame, or why nobody is stopped.
fn because(finding: &Finding) -> String {
    match (finding.baseline, finding.because.as_str()) {
        (true, _) => " (was so before)".to_owned(),
        (false, "") => String::new(),
        (false, because) if finding.verdict == Verdict::Passed => format!(" (not blocking: {because})"),
        (false, because) => format!(" ({}: {because})", finding.cause.word()),
    }
}

fn gate_report(report: &GateReport) -> String {
    if let Some(why) = report.not_reached() {
        return format!("  {:<24} not reached: {why}\n", report.gate);
    }
    let mut text = format!("  {:<24} {:<12} {}\n", report.gate, report.verdict.word(), took(report.seconds));
    for finding in &report.findings {
        let word = if finding.verdict == Verdict::Passed { "note" } else { finding.verdict.word() };
        let _ = writeln!(text, "    {word}: {finding}{}", because(finding));
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
        Event::BaselineTaken { unhealthy } if unhealthy.is_empty() => {
            "baseline taken, nothing is unhealthy".to_owned()
        }
        Event::BaselineTaken { unhealthy } => {
            format!("baseline taken, unhealthy already: {}", unhealthy.join("; "))
        }
        Event::ChangeStarted { action: what, base_revision } => {
            format!("{} starts from revision {base_revision}", action(*what))
        }
        Event::Changed { revision } => format!("revision {revision} is written, the gates judge it"),
        Event::ProvenEarlier { revision } => {
            format!("revision {revision} is on the target and was proven healthy earlier")
        }
        Event::OnTarget { revision } => {
            format!("revision {revision} is on the target already, the gates judge it")
        }
        Event::Gated { outcome } => format!("gates {}: {}", outcome.verdict.word(), state.word()),
        Event::ChangeFailed { cause, .. } => format!("the change failed: {cause}"),
        Event::EvidenceCaptured { files } => format!("evidence captured ({} files)", files.len()),
        Event::HaltDecided { reason } => format!("halted: {reason}"),
        Event::RollbackStarted { to_revision } => format!("rollback to revision {to_revision} starts"),
        Event::RolledBack { revision } => format!("rolled back as revision {revision}, the gates judge it"),
        Event::RollbackFailed { cause } => format!("the rollback failed: {cause}"),
        Event::Interrupted { signal } => format!("interrupted by signal {signal}"),
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
    use crate::certmanager::domains::Domains;
    use crate::certmanager::reissue::counted::ReissuedCount;
    use crate::report::fixtures;

    #[test]
    fn what_all_clusters_issued_again_is_summed() {
        let mut run = fixtures::promoted();
        let domains = Domains::of(["a.example.com", "b.example.com"]);
        run.reissued = Some(ReissuedCount { certificates: 2, of: 300, domains });
        let text = outcome(&run);
        let line =
            "\nissued again without a reason of their own: 2 of 300 Certificates; names: 2 of example.com\n";
        assert!(text.contains(line), "{text}");
        let json = serde_json::to_value(&run).unwrap();
        assert_eq!(json["reissued"]["domains"]["example.com"], 2);
    }

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
          lease                    waiting      1.5 s
            waiting: Lease kube-system/cert-manager-controller: held by cert-manager-old, which is no pod of the current revision
          canary                   not reached: it does not act before gate workload has passed
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

    #[test]
    fn what_a_run_left_behind_is_told_with_its_cause() {
        insta::assert_snapshot!(outcome(&fixtures::halted()), @"
        eks-staging-1: Order demo/canary-1: errored: 429 urn:ietf:params:acme:error:rateLimited
          the cluster is left as it is: the cause lies outside the release: a rollback would not help

        CLUSTER            RESULT                 FROM     TO       REVISION  TIME
        eks-development-1  healthy on the target  v1.10.2  v1.11.5  2         12.3 s
        eks-staging-1      halted                 v1.10.2  v1.11.5  2         2m11s
        eks-production-1   not touched            v1.10.2  v1.11.5  -         0.0 s

        archive sha256:aa
        content sha256:bb

        eks-development-1
          workload                 passed       1.5 s
            Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available
          order                    passed       1.5 s
            note: Order demo/old: errored (was so before)

        eks-staging-1
          workload                 passed       1.5 s
            note: Pod cert-manager/cainjector-1: restarted once before the upgrade
            Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available
          canary                   failed       1.5 s
            failed: Order demo/canary-1: errored: 429 urn:ietf:params:acme:error:rateLimited
            Certificate release-canary/c1 -> CertificateRequest c1-1 -> Order c1-1-9 (errored) -> no Challenge
          ACME not proven

        run 20261124-094539-6b66
        ");
        insta::assert_snapshot!(outcome(&fixtures::stuck()), @"
        eks-development-1: Pod cert-manager/x: container controller: CrashLoopBackOff <&>
          the rollback to revision 1 failed: the API server does not answer

        CLUSTER            RESULT       FROM     TO       REVISION  TIME
        eks-development-1  stuck        v1.10.2  v1.11.5  2         12.3 s
        eks-staging-1      not touched  v1.10.2  v1.11.5  -         0.0 s

        archive sha256:aa
        content sha256:bb

        eks-development-1
          workload                 failed       1.5 s
            failed: Pod cert-manager/x: container controller: CrashLoopBackOff <&>
          lease                    waiting      1.5 s
            waiting: Lease kube-system/cert-manager-controller: held by cert-manager-old, which is no pod of the current revision
          canary                   not reached: it does not act before gate workload has passed
          ACME not proven

        run 20261124-094539-6b66
        ");
        insta::assert_snapshot!(outcome(&fixtures::interrupted()), @"
        CLUSTER            RESULT                                 FROM     TO       REVISION  TIME
        eks-development-1  interrupted by signal 2, being judged  v1.10.2  v1.11.5  2         12.3 s
        eks-staging-1      not touched                            v1.10.2  v1.11.5  -         0.0 s

        archive sha256:aa
        content sha256:bb

        run 20261124-094539-6b66
        ");
    }

    #[test]
    fn a_judgement_of_today_says_nothing_of_acme() {
        insta::assert_snapshot!(gates(&fixtures::judged()), @"
        eks-development-1: passed
          workload                 passed       1.5 s
            Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available
          order                    passed       1.5 s
            note: Order demo/old: errored (was so before)

        eks-staging-1: failed
          workload                 failed       1.5 s
            failed: Pod cert-manager/x: container controller: CrashLoopBackOff <&>
        ");
    }

    #[test]
    fn a_time_is_short() {
        assert_eq!([0.04, 12.34, 60.2, 3725.9].map(took), ["0.0 s", "12.3 s", "1m", "1h2m5s"]);
    }
}
