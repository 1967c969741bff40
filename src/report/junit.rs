//! JUnit XML: a test suite for each cluster, a test case for each gate, so that a CI system shows a rollout like a test run.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::gate::{GateReport, Verdict};
use crate::rollout::{ClusterOutcome, ClusterState, Outcome};

/// The whole run.
pub fn render(outcome: &Outcome) -> Result<String, SerializeError> {
    let mut report = Report::new(format!("release {}", outcome.run));
    report.add_test_suites(outcome.clusters.iter().map(suite));
    report.to_string()
}

fn suite(cluster: &ClusterOutcome) -> TestSuite {
    let mut suite = TestSuite::new(&cluster.cluster);
    suite.set_time(Duration::from_secs_f64(cluster.seconds));
    suite.add_test_case(rollout_case(cluster));
    for (prefix, gates) in [("gate", &cluster.gates), ("gate after the rollback", &cluster.regates)] {
        suite.add_test_cases(gates.iter().flat_map(|outcome| &outcome.reports).map(|report| gate_case(prefix, report)));
    }
    suite
}

/// The cluster as a whole: where it ended, and the first cause.
fn rollout_case(cluster: &ClusterOutcome) -> TestCase {
    let status = match cluster.state {
        ClusterState::Promoted => TestCaseStatus::success(),
        ClusterState::Pending | ClusterState::Locked | ClusterState::Ready if cluster.first_cause.is_none() => TestCaseStatus::skipped(),
        _ => failure(&format!("{}: {}", cluster.state.word(), cluster.first_cause.as_deref().unwrap_or("no cause is known"))),
    };
    let mut case = TestCase::new(format!("{} to {}", cluster.from.as_deref().unwrap_or("nothing"), cluster.to), status);
    case.set_classname(&cluster.cluster);
    if !cluster.evidence.is_empty() {
        case.set_system_out(format!("evidence:\n{}", cluster.evidence.join("\n")));
    }
    case
}

fn gate_case(prefix: &str, report: &GateReport) -> TestCase {
    let wrong = report.findings.iter().filter(|finding| finding.verdict != Verdict::Passed);
    let lines: Vec<String> = wrong.map(|finding| format!("{}: {}", finding.object, finding.message)).collect();
    let status = match report.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Waiting => TestCaseStatus::skipped(),
        Verdict::Inconclusive | Verdict::Failed => failure(&format!("{}: {}", report.verdict.word(), lines.join("\n"))),
    };
    let mut case = TestCase::new(format!("{prefix} {}", report.gate), status);
    case.set_time(Duration::from_secs_f64(report.seconds));
    if !report.facts.is_empty() {
        case.set_system_out(report.facts.join("\n"));
    }
    case
}

fn failure(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message.lines().next().unwrap_or_default());
    status.set_description(message);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    #[test]
    fn a_cluster_is_a_suite_and_a_gate_is_a_case() {
        insta::assert_snapshot!(render(&fixtures::rolled_back()).unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="release 20261124-094539-6b66" tests="6" skipped="2" failures="2" errors="0">
            <testsuite name="eks-development-1" tests="5" skipped="1" errors="0" failures="2" time="12.340">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-development-1">
                    <failure message="rolled back and healthy: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;">rolled back and healthy: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;</failure>
                    <system-out>evidence:
        eks-development-1/log-x.txt</system-out>
                </testcase>
                <testcase name="gate workload" time="1.500">
                    <failure message="failed: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;">failed: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;</failure>
                </testcase>
                <testcase name="gate canary" time="1.500">
                    <skipped/>
                </testcase>
                <testcase name="gate after the rollback workload" time="1.500">
                    <system-out>Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available</system-out>
                </testcase>
                <testcase name="gate after the rollback order" time="1.500"/>
            </testsuite>
            <testsuite name="eks-staging-1" tests="1" skipped="1" errors="0" failures="0" time="0.000">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-staging-1">
                    <skipped/>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }
}
