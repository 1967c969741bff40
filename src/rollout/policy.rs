//! What to do about a failure: leave the cluster as it is, or roll it back. Pure.

use crate::config::OnFailure;
use crate::gate::{Cause, GateOutcome, Verdict};
use crate::plan::Action;

/// What failed.
#[derive(Debug, Clone, Copy)]
pub enum Failed<'a> {
    /// The change itself was refused or broke off, for a cause that lies there.
    Change(Cause),
    /// The gates judged the changed cluster.
    Gates(&'a GateOutcome),
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Leave the cluster as it is, for this reason.
    Halt(String),
    /// Return to this revision.
    Rollback(u32),
}

/// Rolls back only when that is wished, was proven feasible, and the cause lies in the release.
pub fn decide(
    on_failure: OnFailure,
    action: Action,
    failed: Failed<'_>,
    obstacles: &[String],
    target: Option<u32>,
) -> Decision {
    let halt = |reason: &str| Decision::Halt(reason.to_owned());
    match action {
        Action::Install => {
            return halt("a failed first install is left as it is: there is nothing to return to");
        }
        Action::Rollback => return halt("this was a rollback itself"),
        Action::Nothing => return halt("nothing was changed on this cluster, so there is nothing to undo"),
        Action::Upgrade => {}
    }
    if on_failure == OnFailure::Halt {
        return halt("on-failure is `halt`");
    }
    let reason = match failed {
        Failed::Change(cause) => not_the_release(Some(cause)),
        Failed::Gates(outcome) => outside_the_release(outcome),
    };
    if let Some(reason) = reason {
        return halt(reason);
    }
    match (obstacles.first(), target) {
        (Some(obstacle), _) => Decision::Halt(format!("a rollback is not safe: {obstacle}")),
        (None, None) => halt("nothing was written, or there is no earlier good revision with other content"),
        (None, Some(revision)) => Decision::Rollback(revision),
    }
}

/// The strongest reason against a rollback over all that failed counts, not the first that was found.
fn outside_the_release(outcome: &GateOutcome) -> Option<&'static str> {
    match outcome.verdict {
        Verdict::Inconclusive => {
            return Some("the gates were inconclusive: a rollback would not be based on evidence");
        }
        Verdict::Passed | Verdict::Waiting | Verdict::Failed => {}
    }
    let first = outcome.first_cause.iter();
    let all = outcome.reports.iter().flat_map(|report| &report.findings).chain(first);
    let causes: Vec<Cause> =
        all.filter(|finding| finding.verdict == Verdict::Failed).map(|finding| finding.cause).collect();
    let strongest = [Cause::Environment, Cause::Release, Cause::Unknown];
    not_the_release(strongest.into_iter().find(|cause| causes.contains(cause)))
}

fn not_the_release(cause: Option<Cause>) -> Option<&'static str> {
    match cause {
        Some(Cause::Release) => None,
        Some(Cause::Environment) => Some("the cause lies outside the release: a rollback would not help"),
        Some(Cause::Unknown) | None => Some("it is not proven that the cause lies in the release"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Finding;

    type Row<'a> = (OnFailure, Action, Failed<'a>, &'a [String], Option<u32>, bool);

    fn outcome(verdict: Verdict, cause: Option<Cause>) -> GateOutcome {
        let finding = cause.map(|cause| Finding {
            verdict,
            object: "Order demo/x".to_owned(),
            message: "errored".to_owned(),
            cause,
            baseline: false,
            rule: String::new(),
            because: String::new(),
        });
        GateOutcome {
            verdict,
            reports: Vec::new(),
            first_cause: finding,
            acme_proven: false,
            reissued: None,
            availability: Vec::new(),
        }
    }

    fn decided(
        on_failure: OnFailure,
        action: Action,
        failed: Failed<'_>,
        obstacles: &[String],
        target: Option<u32>,
    ) -> bool {
        matches!(decide(on_failure, action, failed, obstacles, target), Decision::Rollback(_))
    }

    #[test]
    fn only_a_proven_cause_in_the_release_rolls_back() {
        let release = outcome(Verdict::Failed, Some(Cause::Release));
        let environment = outcome(Verdict::Failed, Some(Cause::Environment));
        let unknown = outcome(Verdict::Failed, Some(Cause::Unknown));
        let inconclusive = outcome(Verdict::Inconclusive, Some(Cause::Release));
        let obstacle = ["CRD x would be downgraded".to_owned()];
        let gates = Failed::Gates;
        let table: [Row<'_>; 13] = [
            (OnFailure::Rollback, Action::Upgrade, gates(&release), &[], Some(1), true),
            (OnFailure::Rollback, Action::Upgrade, Failed::Change(Cause::Release), &[], Some(1), true),
            (OnFailure::Rollback, Action::Upgrade, Failed::Change(Cause::Environment), &[], Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, Failed::Change(Cause::Unknown), &[], Some(1), false),
            (OnFailure::Halt, Action::Upgrade, gates(&release), &[], Some(1), false),
            (OnFailure::Rollback, Action::Install, gates(&release), &[], Some(1), false),
            (OnFailure::Rollback, Action::Rollback, gates(&release), &[], Some(1), false),
            (OnFailure::Rollback, Action::Nothing, gates(&release), &[], Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, gates(&environment), &[], Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, gates(&unknown), &[], Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, gates(&inconclusive), &[], Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, gates(&release), &obstacle, Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, gates(&release), &[], None, false),
        ];
        for (row, (on_failure, action, failed, obstacles, target, expected)) in table.into_iter().enumerate()
        {
            assert_eq!(decided(on_failure, action, failed, obstacles, target), expected, "row {row}");
        }
    }

    #[test]
    fn the_strongest_reason_against_a_rollback_counts_not_the_first_finding() {
        let finding = |cause, verdict| Finding { verdict, ..Finding::failed("Pod x", "crash", cause) };
        let report = |findings| crate::gate::GateReport {
            gate: "workload".to_owned(),
            verdict: Verdict::Failed,
            findings,
            facts: Vec::new(),
            seconds: 1.0,
        };
        let (release, outside) =
            (finding(Cause::Release, Verdict::Failed), finding(Cause::Environment, Verdict::Failed));
        let waiting = finding(Cause::Environment, Verdict::Waiting);
        let unknown = finding(Cause::Unknown, Verdict::Failed);
        let table = [
            (vec![release.clone(), outside], false),
            (vec![release.clone(), waiting], true),
            (vec![unknown.clone(), release], true),
            (vec![unknown], false),
        ];
        for (row, (findings, expected)) in table.into_iter().enumerate() {
            let outcome = GateOutcome {
                verdict: Verdict::Failed,
                first_cause: findings.first().cloned(),
                reports: vec![report(findings)],
                acme_proven: false,
                reissued: None,
                availability: Vec::new(),
            };
            let failed = Failed::Gates(&outcome);
            assert_eq!(
                decided(OnFailure::Rollback, Action::Upgrade, failed, &[], Some(1)),
                expected,
                "row {row}"
            );
        }
    }
}
