//! The webhook answers: a valid request is filled in, an invalid one is refused. The chart's own check of
//! this kind does not run on upgrades.

mod probe;

use std::time::Duration;

use probe::IN_A_ROW;
pub use probe::check;

use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::scope::Scope;
use super::seen::{Problem, Seen};
use super::start::Start;
use crate::cluster::access::Access;

/// A webhook that starts may refuse for a moment.
const REFUSING: Duration = Duration::from_secs(30);
/// Endpoints, certificates and caBundles reach every API server within this time.
const REACHING: Duration = Duration::from_mins(2);

/// Asking it.
pub(super) fn needs(_: &Scope) -> Vec<Access> {
    vec![Access::new("create", "cert-manager.io", "certificaterequests", Some(probe::NAMESPACE))]
}

/// The webhook is asked from its turn on.
pub(super) fn start(start: &mut Start) {
    start.task(probe::watch(start.cluster.clone(), start.changes.clone()));
}

pub(super) fn judge(seen: &Seen, _: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    let target = Target::named("CertificateRequest", Some(probe::NAMESPACE), "(dry run)");
    let good = seen.probes.iter().rev().take_while(|probe| probe.is_ok()).count();
    match seen.probes.last() {
        None => judgement.say(Opinion::waiting("webhook", target, "the webhook was not asked yet")),
        Some(Ok(())) if good >= IN_A_ROW => {
            judgement.fact(format!(
                "the webhook fills in a valid request and refuses an invalid one, {IN_A_ROW} times in a row"
            ));
        }
        Some(Ok(())) => {
            judgement.say(Opinion::waiting(
                "webhook",
                target,
                format!("{good} of {IN_A_ROW} good answers in a row"),
            ));
        }
        Some(Err(problem)) => judgement.say(opinion(problem, target)),
    }
    judgement
}

fn opinion(problem: &Problem, target: Target) -> Opinion {
    let message = problem.message();
    match problem {
        Problem::NoAnswer(_) => Opinion::waiting("no-answer", target, message).grace(REACHING),
        Problem::Wrong(_) => Opinion::waiting("wrong", target, message).grace(REFUSING),
        Problem::Policy(_) => Opinion::inconclusive("policy", target, message),
        Problem::Api(_) => Opinion::waiting("api", target, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::opinion::Limit;
    use crate::gate::seen::Probe;
    use crate::gate::tests::World;
    use crate::gate::verdict::Verdict;

    fn judged(probes: &[Probe]) -> Judgement {
        judge(&Seen { probes: probes.to_vec(), ..Seen::default() }, &World::new(vec![]).context())
    }

    #[test]
    fn three_good_answers_in_a_row_pass() {
        let bad = || Err(Problem::NoAnswer("connection refused".to_owned()));
        let table = [
            (vec![], Verdict::Waiting),
            (vec![Ok(()), Ok(())], Verdict::Waiting),
            (vec![Ok(()), Ok(()), Ok(())], Verdict::Passed),
            (vec![Ok(()), Ok(()), bad(), Ok(())], Verdict::Waiting),
            (vec![bad(), Ok(()), Ok(()), Ok(())], Verdict::Passed),
            (vec![Ok(()), Ok(()), Ok(()), bad()], Verdict::Waiting),
        ];
        for (probes, expected) in table {
            assert_eq!(judged(&probes).verdict(), expected, "{probes:?}");
        }
    }

    #[test]
    fn a_wrong_answer_has_less_patience_than_none() {
        let limit = |problem| judged(&[Err(problem)]).opinions[0].limit;
        assert_eq!(limit(Problem::Wrong("refused".to_owned())), Limit::Grace(REFUSING));
        assert_eq!(limit(Problem::NoAnswer("refused".to_owned())), Limit::Grace(REACHING));
        assert_eq!(judged(&[Err(Problem::Policy("no".to_owned()))]).verdict(), Verdict::Inconclusive);
    }
}
