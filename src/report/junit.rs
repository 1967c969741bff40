//! JUnit XML: a test suite for each cluster, a test case for each gate, so that a CI system shows a rollout
//! like a test run.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::gate::{GateOutcome, GateReport, Verdict};
use crate::plan::{ClusterPlan, Plan};
use crate::rollout::{ClusterOutcome, ClusterState, Outcome};

use super::{Judged, plan_text, text};

/// A run.
pub fn outcome(outcome: &Outcome) -> Report {
    report(&format!("release {}", outcome.run), outcome.clusters.iter().map(suite))
}

/// A dry run: it got this far, so nothing refuses.
pub fn plan(plan: &Plan) -> Report {
    report("release --dry-run", plan.clusters.iter().map(planned_suite))
}

/// `release gate`.
pub fn gates(judged: &[Judged]) -> Report {
    report(
        "release gate",
        judged.iter().map(|one| with_gates(TestSuite::new(&one.cluster), &one.cluster, "gate", &one.outcome)),
    )
}

fn report(name: &str, suites: impl Iterator<Item = TestSuite>) -> Report {
    let mut report = Report::new(name);
    report.add_test_suites(suites);
    report
}

fn suite(cluster: &ClusterOutcome) -> TestSuite {
    let mut suite = TestSuite::new(&cluster.cluster);
    suite.set_time(Duration::from_secs_f64(cluster.seconds));
    suite.add_test_case(rollout_case(cluster));
    for (prefix, gates) in [("gate", &cluster.gates), ("gate after the rollback", &cluster.regates)] {
        if let Some(outcome) = gates {
            suite = with_gates(suite, &cluster.cluster, prefix, outcome);
        }
    }
    suite
}

fn with_gates(mut suite: TestSuite, cluster: &str, prefix: &str, outcome: &GateOutcome) -> TestSuite {
    suite.add_test_cases(outcome.reports.iter().map(|report| gate_case(cluster, prefix, report)));
    suite
}

fn planned_suite(plan: &ClusterPlan) -> TestSuite {
    let name =
        format!("{} {} to {}", text::action(plan.action), plan.from.as_deref().unwrap_or("nothing"), plan.to);
    let mut case = TestCase::new(name, TestCaseStatus::success());
    case.set_classname(&plan.cluster);
    case.set_system_out(plan_text::cluster_plan(plan));
    let mut suite = TestSuite::new(&plan.cluster);
    suite.add_test_case(case);
    suite
}

/// The cluster as a whole: where it ended, the first cause, and what was done about it.
fn rollout_case(cluster: &ClusterOutcome) -> TestCase {
    let told: Vec<String> =
        [Some(text::result(cluster)), cluster.first_cause.clone()].into_iter().flatten().collect();
    let lines: Vec<String> =
        [Some(told.join(": ")), cluster.reaction.clone()].into_iter().flatten().collect();
    let status = match cluster.state {
        ClusterState::Promoted => TestCaseStatus::success(),
        ClusterState::Pending | ClusterState::Locked | ClusterState::Ready
            if cluster.first_cause.is_none() =>
        {
            TestCaseStatus::skipped()
        }
        _ => failure(&lines.join("\n")),
    };
    let mut case =
        TestCase::new(format!("{} to {}", cluster.from.as_deref().unwrap_or("nothing"), cluster.to), status);
    case.set_classname(&cluster.cluster);
    if !cluster.evidence.is_empty() {
        case.set_system_out(format!("evidence:\n{}", cluster.evidence.join("\n")));
    }
    case
}

fn gate_case(cluster: &str, prefix: &str, report: &GateReport) -> TestCase {
    let wrong = report.findings.iter().filter(|finding| finding.verdict != Verdict::Passed);
    let lines: Vec<String> = wrong.map(ToString::to_string).collect();
    let status = match report.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Waiting => {
            let mut status = TestCaseStatus::skipped();
            if !lines.is_empty() {
                status.set_message(format!("waiting: {}", lines.join("\n")));
            }
            status
        }
        Verdict::Inconclusive | Verdict::Failed => {
            failure(&format!("{}: {}", report.verdict.word(), lines.join("\n")))
        }
    };
    let mut case = TestCase::new(format!("{prefix} {}", report.gate), status);
    case.set_classname(cluster);
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
    use crate::report::{Report, fixtures};

    fn xml(report: &impl Report) -> String {
        report.junit().to_string().unwrap()
    }

    #[test]
    fn a_cluster_is_a_suite_and_a_gate_is_a_case() {
        insta::assert_snapshot!(xml(&fixtures::rolled_back()), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="release 20261124-094539-6b66" tests="7" skipped="3" failures="2" errors="0">
            <testsuite name="eks-development-1" tests="6" skipped="2" errors="0" failures="2" time="12.340">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-development-1">
                    <failure message="rolled back and healthy: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;">rolled back and healthy: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;
        rolled back to revision 1 as revision 3</failure>
                    <system-out>evidence:
        eks-development-1/log-x.txt</system-out>
                </testcase>
                <testcase name="gate workload" classname="eks-development-1" time="1.500">
                    <failure message="failed: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;">failed: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;</failure>
                </testcase>
                <testcase name="gate lease" classname="eks-development-1" time="1.500">
                    <skipped message="waiting: Lease kube-system/cert-manager-controller: held by cert-manager-old, which is no pod of the current revision"/>
                </testcase>
                <testcase name="gate canary" classname="eks-development-1" time="1.500">
                    <skipped/>
                    <system-out>not reached: it does not act before gate workload has passed</system-out>
                </testcase>
                <testcase name="gate after the rollback workload" classname="eks-development-1" time="1.500">
                    <system-out>Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available</system-out>
                </testcase>
                <testcase name="gate after the rollback order" classname="eks-development-1" time="1.500"/>
            </testsuite>
            <testsuite name="eks-staging-1" tests="1" skipped="1" errors="0" failures="0" time="0.000">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-staging-1">
                    <skipped/>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn what_a_run_left_behind_is_a_failure() {
        insta::assert_snapshot!(xml(&fixtures::halted()), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="release 20261124-094539-6b66" tests="7" skipped="1" failures="2" errors="0">
            <testsuite name="eks-development-1" tests="3" skipped="0" errors="0" failures="0" time="12.340">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-development-1"/>
                <testcase name="gate workload" classname="eks-development-1" time="1.500">
                    <system-out>Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available</system-out>
                </testcase>
                <testcase name="gate order" classname="eks-development-1" time="1.500"/>
            </testsuite>
            <testsuite name="eks-staging-1" tests="3" skipped="0" errors="0" failures="2" time="131.000">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-staging-1">
                    <failure message="halted: Order demo/canary-1: errored: 429 urn:ietf:params:acme:error:rateLimited">halted: Order demo/canary-1: errored: 429 urn:ietf:params:acme:error:rateLimited
        the cluster is left as it is: the cause lies outside the release: a rollback would not help</failure>
                    <system-out>evidence:
        eks-staging-1/events.txt
        eks-staging-1/chain.yaml</system-out>
                </testcase>
                <testcase name="gate workload" classname="eks-staging-1" time="1.500">
                    <system-out>Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available</system-out>
                </testcase>
                <testcase name="gate canary" classname="eks-staging-1" time="1.500">
                    <failure message="failed: Order demo/canary-1: errored: 429 urn:ietf:params:acme:error:rateLimited">failed: Order demo/canary-1: errored: 429 urn:ietf:params:acme:error:rateLimited</failure>
                    <system-out>Certificate release-canary/c1 -&gt; CertificateRequest c1-1 -&gt; Order c1-1-9 (errored) -&gt; no Challenge</system-out>
                </testcase>
            </testsuite>
            <testsuite name="eks-production-1" tests="1" skipped="1" errors="0" failures="0" time="0.000">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-production-1">
                    <skipped/>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
        insta::assert_snapshot!(xml(&fixtures::stuck()), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="release 20261124-094539-6b66" tests="5" skipped="3" failures="2" errors="0">
            <testsuite name="eks-development-1" tests="4" skipped="2" errors="0" failures="2" time="12.340">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-development-1">
                    <failure message="stuck: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;">stuck: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;
        the rollback to revision 1 failed: the API server does not answer</failure>
                </testcase>
                <testcase name="gate workload" classname="eks-development-1" time="1.500">
                    <failure message="failed: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;">failed: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;</failure>
                </testcase>
                <testcase name="gate lease" classname="eks-development-1" time="1.500">
                    <skipped message="waiting: Lease kube-system/cert-manager-controller: held by cert-manager-old, which is no pod of the current revision"/>
                </testcase>
                <testcase name="gate canary" classname="eks-development-1" time="1.500">
                    <skipped/>
                    <system-out>not reached: it does not act before gate workload has passed</system-out>
                </testcase>
            </testsuite>
            <testsuite name="eks-staging-1" tests="1" skipped="1" errors="0" failures="0" time="0.000">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-staging-1">
                    <skipped/>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
        insta::assert_snapshot!(xml(&fixtures::interrupted()), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="release 20261124-094539-6b66" tests="2" skipped="1" failures="1" errors="0">
            <testsuite name="eks-development-1" tests="1" skipped="0" errors="0" failures="1" time="12.340">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-development-1">
                    <failure message="interrupted by signal 2, being judged">interrupted by signal 2, being judged</failure>
                </testcase>
            </testsuite>
            <testsuite name="eks-staging-1" tests="1" skipped="1" errors="0" failures="0" time="0.000">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-staging-1">
                    <skipped/>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn a_clean_run_is_green() {
        insta::assert_snapshot!(xml(&fixtures::promoted()), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="release 20261124-094539-6b66" tests="3" skipped="0" failures="0" errors="0">
            <testsuite name="eks-development-1" tests="3" skipped="0" errors="0" failures="0" time="12.340">
                <testcase name="v1.10.2 to v1.11.5" classname="eks-development-1"/>
                <testcase name="gate workload" classname="eks-development-1" time="1.500">
                    <system-out>Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available</system-out>
                </testcase>
                <testcase name="gate order" classname="eks-development-1" time="1.500"/>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn a_dry_run_and_a_judgement_are_reports_too() {
        insta::assert_snapshot!(xml(&fixtures::plan()), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="release --dry-run" tests="2" skipped="0" failures="0" errors="0">
            <testsuite name="eks-development-1" tests="1" skipped="0" errors="0" failures="0">
                <testcase name="upgrade v1.10.2 to v1.11.5" classname="eks-development-1">
                    <system-out>eks-development-1 (https://localhost:6443)
          upgrade cert-manager/cert-manager: v1.10.2 → v1.11.5, from revision 1
          changes: 0 to create, 0 to update, 0 to delete
          gates: workload
          rollback: feasible
        </system-out>
                </testcase>
            </testsuite>
            <testsuite name="eks-staging-1" tests="1" skipped="0" errors="0" failures="0">
                <testcase name="on the target already: v1.11.5 to v1.11.5" classname="eks-staging-1">
                    <system-out>eks-staging-1 (https://localhost:6443)
          on the target already: cert-manager/cert-manager: v1.11.5 → v1.11.5, from revision 1
          gates: workload
        </system-out>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
        insta::assert_snapshot!(xml(&fixtures::judged()), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="release gate" tests="3" skipped="0" failures="1" errors="0">
            <testsuite name="eks-development-1" tests="2" skipped="0" errors="0" failures="0">
                <testcase name="gate workload" classname="eks-development-1" time="1.500">
                    <system-out>Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available</system-out>
                </testcase>
                <testcase name="gate order" classname="eks-development-1" time="1.500"/>
            </testsuite>
            <testsuite name="eks-staging-1" tests="1" skipped="0" errors="0" failures="1">
                <testcase name="gate workload" classname="eks-staging-1" time="1.500">
                    <failure message="failed: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;">failed: Pod cert-manager/x: container controller: CrashLoopBackOff &lt;&amp;&gt;</failure>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }
}
