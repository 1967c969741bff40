//! `release gate --explain`: every rule of every gate with what it saw. A function of the outcome; judges nothing.

use std::fmt::Write as _;

use super::Judged;
use crate::gate::catalogue::{RuleText, catalogue};
use crate::gate::{Finding, GateReport};

/// One section for each cluster.
pub fn explained(judged: &[Judged]) -> String {
    let rules = catalogue();
    let sections = judged.iter().map(|one| {
        let gates: String = one.outcome.reports.iter().map(|report| gate(report, &rules)).collect();
        format!("{}: {}\n{gates}", one.cluster, one.outcome.verdict.word())
    });
    sections.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn gate(report: &GateReport, rules: &[RuleText]) -> String {
    let mut text = format!("  {:<24} {}\n", report.gate, report.verdict.word());
    for fact in &report.facts {
        let _ = writeln!(text, "    saw: {fact}");
    }
    for rule in rules.iter().filter(|rule| rule.gate() == report.gate) {
        text += &one_rule(rule, report);
    }
    text
}

fn one_rule(rule: &RuleText, report: &GateReport) -> String {
    let found: Vec<&Finding> = report.findings.iter().filter(|finding| finding.rule == rule.rule()).collect();
    let state = match (found.len(), report.not_reached()) {
        (0, Some(_)) => "not looked at".to_owned(),
        (0, None) => "nothing".to_owned(),
        (1, _) => "1 object".to_owned(),
        (count, _) => format!("{count} objects"),
    };
    let mut text = format!("    {:<20} {}: {state}\n", rule.rule(), rule.what);
    for finding in found {
        let row = if finding.because.is_empty() { String::new() } else { format!(" [{}]", finding.because) };
        let _ = writeln!(text, "      {}: {finding}{row}", finding.verdict.word());
        let _ = writeln!(text, "      why: {}; to do: {}", rule.why, rule.remedy);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Cause, GateOutcome, Verdict};

    #[test]
    fn every_rule_of_a_gate_is_told_with_what_it_saw() {
        let crash = Finding {
            rule: "crash".to_owned(),
            because: "the chart's own pods".to_owned(),
            ..Finding::failed("Pod cert-manager/x", "CrashLoopBackOff", Cause::Release)
        };
        let report = |gate: &str, findings: Vec<Finding>, facts: Vec<String>| GateReport {
            gate: gate.to_owned(),
            verdict: Verdict::worst(findings.iter().map(|finding| finding.verdict)),
            findings,
            facts,
            seconds: 1.0,
        };
        let outcome = GateOutcome {
            verdict: Verdict::Failed,
            reports: vec![
                report("lease", Vec::new(), vec!["not reached: gate workload has not passed".to_owned()]),
                report("workload", vec![crash], vec!["Deployment x: 1 of 1 pods available".to_owned()]),
            ],
            first_cause: None,
            acme_proven: false,
            reissued: None,
            availability: Vec::new(),
        };
        let text = explained(&[Judged { cluster: "dev".to_owned(), outcome }]);
        insta::assert_snapshot!(text);
    }
}
