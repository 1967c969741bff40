//! What to do about a failure: leave the cluster as it is, or roll it back. Pure.

use crate::config::OnFailure;
use crate::gate::{Cause, GateOutcome, Verdict};
use crate::plan::Action;

/// What failed.
#[derive(Debug, Clone, Copy)]
pub enum Failed<'a> {
    /// The change itself was refused or broke off.
    Change,
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
    if let Failed::Gates(outcome) = failed
        && let Some(reason) = outside_the_release(outcome)
    {
        return halt(reason);
    }
    match (obstacles.first(), target) {
        (Some(obstacle), _) => Decision::Halt(format!("a rollback is not safe: {obstacle}")),
        (None, None) => halt("nothing was written, or there is no earlier good revision with other content"),
        (None, Some(revision)) => Decision::Rollback(revision),
    }
}

fn outside_the_release(outcome: &GateOutcome) -> Option<&'static str> {
    match outcome.verdict {
        Verdict::Inconclusive => {
            return Some("the gates were inconclusive: a rollback would not be based on evidence");
        }
        Verdict::Passed | Verdict::Waiting | Verdict::Failed => {}
    }
    match outcome.first_cause.as_ref().map(|finding| finding.cause) {
        Some(Cause::Release) => None,
        Some(Cause::Environment) => Some("the cause lies outside the release: a rollback would not help"),
        Some(Cause::Unknown) | None => Some("it is not proven that the cause lies in the release"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Finding;

    type Row<'a> = (OnFailure, Action, Option<&'a GateOutcome>, &'a [String], Option<u32>, bool);

    fn outcome(verdict: Verdict, cause: Option<Cause>) -> GateOutcome {
        let finding = cause.map(|cause| Finding {
            verdict,
            object: "Order demo/x".to_owned(),
            message: "errored".to_owned(),
            cause,
            baseline: false,
        });
        GateOutcome { verdict, reports: Vec::new(), first_cause: finding, acme_proven: false }
    }

    fn decided(
        on_failure: OnFailure,
        action: Action,
        gates: Option<&GateOutcome>,
        obstacles: &[String],
        target: Option<u32>,
    ) -> bool {
        let failed = gates.map_or(Failed::Change, Failed::Gates);
        matches!(decide(on_failure, action, failed, obstacles, target), Decision::Rollback(_))
    }

    #[test]
    fn only_a_proven_cause_in_the_release_rolls_back() {
        let release = outcome(Verdict::Failed, Some(Cause::Release));
        let environment = outcome(Verdict::Failed, Some(Cause::Environment));
        let unknown = outcome(Verdict::Failed, Some(Cause::Unknown));
        let inconclusive = outcome(Verdict::Inconclusive, Some(Cause::Release));
        let obstacle = ["CRD x would be downgraded".to_owned()];
        let table: [Row<'_>; 11] = [
            (OnFailure::Rollback, Action::Upgrade, Some(&release), &[], Some(1), true),
            (OnFailure::Rollback, Action::Upgrade, None, &[], Some(1), true),
            (OnFailure::Halt, Action::Upgrade, Some(&release), &[], Some(1), false),
            (OnFailure::Rollback, Action::Install, Some(&release), &[], Some(1), false),
            (OnFailure::Rollback, Action::Rollback, Some(&release), &[], Some(1), false),
            (OnFailure::Rollback, Action::Nothing, Some(&release), &[], Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, Some(&environment), &[], Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, Some(&unknown), &[], Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, Some(&inconclusive), &[], Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, Some(&release), &obstacle, Some(1), false),
            (OnFailure::Rollback, Action::Upgrade, Some(&release), &[], None, false),
        ];
        for (row, (on_failure, action, gates, obstacles, target, expected)) in table.into_iter().enumerate() {
            assert_eq!(decided(on_failure, action, gates, obstacles, target), expected, "row {row}");
        }
    }
}
