//! Results of runs that the tests of every report share.

use crate::gate::{Cause, Finding, GateOutcome, GateReport, Verdict};
use crate::plan::{Action, PlannedChart};
use crate::rollout::{ClusterOutcome, ClusterState, Outcome};

fn report(gate: &str, verdict: Verdict, findings: Vec<Finding>, facts: &[&str]) -> GateReport {
    GateReport { gate: gate.to_owned(), verdict, findings, facts: facts.iter().map(ToString::to_string).collect(), seconds: 1.5 }
}

fn passed() -> GateOutcome {
    let reports = vec![
        report("workload", Verdict::Passed, Vec::new(), &["Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available"]),
        report("order", Verdict::Passed, vec![Finding::in_baseline("Order demo/old", "errored")], &[]),
    ];
    GateOutcome { verdict: Verdict::Passed, reports, first_cause: None, acme_proven: true }
}

fn crashed() -> GateOutcome {
    let cause = Finding::failed("Pod cert-manager/x", "container controller: CrashLoopBackOff <&>", Cause::Release);
    let reports = vec![report("workload", Verdict::Failed, vec![cause.clone()], &[]), report("canary", Verdict::Waiting, Vec::new(), &[])];
    GateOutcome { verdict: Verdict::Failed, reports, first_cause: Some(cause), acme_proven: false }
}

fn cluster(name: &str, state: ClusterState) -> ClusterOutcome {
    ClusterOutcome {
        cluster: name.to_owned(),
        action: Action::Upgrade,
        state,
        from: Some("v1.10.2".to_owned()),
        to: "v1.11.5".to_owned(),
        revision: Some(2),
        gates: Some(passed()),
        regates: None,
        first_cause: None,
        reaction: None,
        evidence: Vec::new(),
        seconds: 12.34,
        interrupted: None,
        locked: false,
    }
}

fn run(clusters: Vec<ClusterOutcome>) -> Outcome {
    let chart = PlannedChart {
        name: "cert-manager".to_owned(),
        version: "v1.11.5".to_owned(),
        digest: "sha256:aa".to_owned(),
        content: "sha256:bb".to_owned(),
        origin: "git main at 337ed24".to_owned(),
    };
    Outcome { run: "20261124-094539-6b66".to_owned(), chart: Some(chart), clusters }
}

/// Everything went well.
pub(super) fn promoted() -> Outcome {
    run(vec![cluster("eks-development-1", ClusterState::Promoted)])
}

/// The first cluster was rolled back, the second never touched.
pub(super) fn rolled_back() -> Outcome {
    let first = ClusterOutcome {
        gates: Some(crashed()),
        regates: Some(passed()),
        first_cause: Some("Pod cert-manager/x: container controller: CrashLoopBackOff <&>".to_owned()),
        reaction: Some("rolled back to revision 1 as revision 3".to_owned()),
        evidence: vec!["eks-development-1/log-x.txt".to_owned()],
        revision: Some(3),
        ..cluster("eks-development-1", ClusterState::RolledBack)
    };
    let second = ClusterOutcome { gates: None, revision: None, seconds: 0.0, ..cluster("eks-staging-1", ClusterState::Pending) };
    run(vec![first, second])
}
