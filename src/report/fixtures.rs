//! Results of runs that the tests of every report share.

use crate::config::OnFailure;
use crate::gate::{Cause, Finding, GateOutcome, GateReport, Verdict};
use crate::plan::fixtures;
use crate::plan::{Action, ClusterPlan, Plan, PlannedChange, PlannedChart, PlannedPublish};
use crate::rollout::{ClusterOutcome, ClusterState, Outcome};

use super::Judged;

fn report(gate: &str, verdict: Verdict, findings: Vec<Finding>, facts: &[&str]) -> GateReport {
    GateReport {
        gate: gate.to_owned(),
        verdict,
        findings,
        facts: facts.iter().map(ToString::to_string).collect(),
        seconds: 1.5,
    }
}

fn passed() -> GateOutcome {
    let reports = vec![
        report(
            "workload",
            Verdict::Passed,
            Vec::new(),
            &["Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available"],
        ),
        report("order", Verdict::Passed, vec![Finding::in_baseline("Order demo/old", "errored")], &[]),
    ];
    GateOutcome {
        verdict: Verdict::Passed,
        reports,
        first_cause: None,
        acme_proven: true,
        reissued: None,
        availability: Vec::new(),
    }
}

fn crashed() -> GateOutcome {
    let cause =
        Finding::failed("Pod cert-manager/x", "container controller: CrashLoopBackOff <&>", Cause::Release);
    let lease = Finding::waiting(
        "Lease kube-system/cert-manager-controller",
        "held by cert-manager-old, which is no pod of the current revision",
        Cause::Release,
    );
    let reports = vec![
        report("workload", Verdict::Failed, vec![cause.clone()], &[]),
        report("lease", Verdict::Waiting, vec![lease], &[]),
        report(
            "canary",
            Verdict::Waiting,
            Vec::new(),
            &["not reached: it does not act before gate workload has passed"],
        ),
    ];
    GateOutcome {
        verdict: Verdict::Failed,
        reports,
        first_cause: Some(cause),
        acme_proven: false,
        reissued: None,
        availability: Vec::new(),
    }
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
        blame: None,
        returning_to: None,
        reaction: None,
        evidence: Vec::new(),
        seconds: 12.34,
        interrupted: None,
        locked: false,
    }
}

/// The chart of every run.
pub(super) fn chart() -> PlannedChart {
    PlannedChart {
        name: "cert-manager".to_owned(),
        version: "v1.11.5".to_owned(),
        digest: "sha256:aa".to_owned(),
        content: "sha256:bb".to_owned(),
        origin: "git main at 337ed24".to_owned(),
        commit: None,
    }
}

fn run(clusters: Vec<ClusterOutcome>) -> Outcome {
    Outcome::of("20261124-094539-6b66", Some(chart()), clusters)
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
    run(vec![first, untouched("eks-staging-1")])
}

/// The second cluster's CA is out of order: it stays as it is, the third is never touched.
pub(super) fn halted() -> Outcome {
    let cause = Finding::failed(
        "Order demo/canary-1",
        "errored: 429 urn:ietf:params:acme:error:rateLimited",
        Cause::Environment,
    );
    let remark = Finding::remark("Pod cert-manager/cainjector-1", "restarted once before the upgrade");
    let facts = [
        "Certificate release-canary/c1 -> CertificateRequest c1-1 -> Order c1-1-9 (errored) -> no Challenge",
    ];
    let reports = vec![
        report(
            "workload",
            Verdict::Passed,
            vec![remark],
            &["Deployment cert-manager/cert-manager: 1 of 1 pods of revision 2 available"],
        ),
        report("canary", Verdict::Failed, vec![cause.clone()], &facts),
    ];
    let gates = GateOutcome {
        verdict: Verdict::Failed,
        reports,
        first_cause: Some(cause),
        acme_proven: false,
        reissued: None,
        availability: Vec::new(),
    };
    let second = ClusterOutcome {
        gates: Some(gates),
        first_cause: Some(
            "Order demo/canary-1: errored: 429 urn:ietf:params:acme:error:rateLimited".to_owned(),
        ),
        reaction: Some(
            "the cluster is left as it is: the cause lies outside the release: a rollback would not help"
                .to_owned(),
        ),
        evidence: vec!["eks-staging-1/events.txt".to_owned(), "eks-staging-1/chain.yaml".to_owned()],
        seconds: 131.0,
        ..cluster("eks-staging-1", ClusterState::Halted)
    };
    run(vec![cluster("eks-development-1", ClusterState::Promoted), second, untouched("eks-production-1")])
}

/// The rollback failed too.
pub(super) fn stuck() -> Outcome {
    let first = ClusterOutcome {
        gates: Some(crashed()),
        first_cause: Some("Pod cert-manager/x: container controller: CrashLoopBackOff <&>".to_owned()),
        reaction: Some("the rollback to revision 1 failed: the API server does not answer".to_owned()),
        ..cluster("eks-development-1", ClusterState::Stuck)
    };
    run(vec![first, untouched("eks-staging-1")])
}

/// Somebody pressed Ctrl-C while the gates judged.
pub(super) fn interrupted() -> Outcome {
    let first = ClusterOutcome {
        gates: None,
        interrupted: Some(2),
        ..cluster("eks-development-1", ClusterState::Gating)
    };
    run(vec![first, untouched("eks-staging-1")])
}

fn untouched(name: &str) -> ClusterOutcome {
    ClusterOutcome { gates: None, revision: None, seconds: 0.0, ..cluster(name, ClusterState::Pending) }
}

/// What `release gate` says of two clusters.
pub(super) fn judged() -> Vec<Judged> {
    let mut failed = crashed();
    failed.reports.truncate(1);
    let healthy = GateOutcome { acme_proven: false, ..passed() };
    vec![
        Judged { cluster: "eks-development-1".to_owned(), outcome: healthy },
        Judged { cluster: "eks-staging-1".to_owned(), outcome: failed },
    ]
}

/// One cluster changes, one is on the target.
pub(super) fn plan() -> Plan {
    let one = |cluster: &str, action, from: &str| ClusterPlan {
        server: "https://localhost:6443".to_owned(),
        from: Some(from.to_owned()),
        gates: vec!["workload".to_owned()],
        ..with_chart(fixtures::cluster(cluster, None, action))
    };
    let clusters = vec![
        one("eks-development-1", Action::Upgrade, "v1.10.2"),
        one("eks-staging-1", Action::Nothing, "v1.11.5"),
    ];
    uploading(fixtures::plan(clusters, OnFailure::Halt))
}

/// The chart of these fixtures, with no values.
pub(super) fn with_chart(plan: ClusterPlan) -> ClusterPlan {
    ClusterPlan { change: PlannedChange::Deploy { chart: chart(), values: Vec::new() }, ..plan }
}

/// The same plan with an archive that has to be uploaded.
pub(super) fn uploading(plan: Plan) -> Plan {
    let repository = "https://charts.example.com/".to_owned();
    Plan { publish: Some(PlannedPublish { repository, uploads: true }), ..plan }
}
