//! The table of `release gate --watch`: one line for each gate, without times, so that it changes only when
//! something else does.

use super::Judged;
use crate::gate::{GateReport, Verdict};

/// A line for each gate of each cluster.
pub fn table(judged: &[Judged]) -> String {
    let lines = judged.iter().flat_map(|one| {
        let head = format!("{}: {}", one.cluster, one.outcome.verdict.word());
        std::iter::once(head).chain(one.outcome.reports.iter().map(line))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn line(report: &GateReport) -> String {
    let worst = report.findings.iter().find(|finding| finding.verdict > Verdict::Passed);
    let says = worst.map_or_else(|| report.facts.first().cloned().unwrap_or_default(), ToString::to_string);
    format!("  {:<24} {:<12} {says}", report.gate, report.verdict.word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Cause, Finding, GateOutcome};

    #[test]
    fn a_gate_is_one_line_with_what_is_wrong_or_proven() {
        let report = |gate: &str, findings: Vec<Finding>| GateReport {
            gate: gate.to_owned(),
            verdict: findings.first().map_or(Verdict::Passed, |finding| finding.verdict),
            findings,
            facts: vec!["all is well".to_owned()],
            seconds: 3.0,
        };
        let failed = Finding::failed("Lease x", "nobody holds it", Cause::Release);
        let outcome = GateOutcome {
            verdict: Verdict::Failed,
            reports: vec![report("workload", vec![]), report("lease", vec![failed])],
            first_cause: None,
            acme_proven: false,
            reissued: None,
            availability: Vec::new(),
        };
        let text = table(&[Judged { cluster: "dev".to_owned(), outcome }]);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines[0], "dev: failed");
        assert!(
            lines[1].ends_with("all is well") && lines[2].ends_with("Lease x: nobody holds it"),
            "{text}"
        );
    }
}
