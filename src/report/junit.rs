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
    let lines: Vec<String> = report.findings.iter().map(|finding| format!("{}: {}", finding.object, finding.message)).collect();
    let status = match report.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Waiting | Verdict::Inconclusive | Verdict::Failed => failure(&format!("{}: {}", report.verdict.word(), lines.join("\n"))),
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
