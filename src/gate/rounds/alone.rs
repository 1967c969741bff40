//! One failed issuance whose cause nobody knows is not the last word: others may fail a moment later, and the canary tells
//! whether the issuer works. It waits for both. No clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::gate::attribution::is_of_users;
use crate::gate::opinion::{Judgement, Opinion};
use crate::gate::verdict::{Cause, Verdict};
use crate::gate::whose::Whose;

/// What has one cause fails within this time.
const TOGETHER: Duration = Duration::from_secs(10);

/// Since when each failure of an unknown cause is known, and which gates hold one back.
#[derive(Debug, Default)]
pub(super) struct Alone {
    since: BTreeMap<(&'static str, String), Duration>,
    holding: BTreeSet<&'static str>,
}

impl Alone {
    /// Lets what has failed wait, until its time is over and the canary has said its word. When to look again.
    pub(super) fn hold(
        &mut self,
        gate: &'static str,
        judgement: &mut Judgement,
        now: Duration,
        canary_is_open: bool,
    ) -> Option<Duration> {
        let mut next = None;
        self.holding.remove(gate);
        for opinion in judgement.opinions.iter_mut().filter(|opinion| is_unexplained(gate, opinion)) {
            let since = *self.since.entry((gate, opinion.target.to_string())).or_insert(now);
            if canary_is_open || now < since + TOGETHER {
                opinion.verdict = Verdict::Waiting;
                self.holding.insert(gate);
                next = super::earliest(next, Some(since + TOGETHER).filter(|at| *at > now));
            }
        }
        next
    }

    /// The gate would have failed.
    pub(super) fn is_holding(&self, gate: &str) -> bool {
        self.holding.contains(gate)
    }
}

/// It was well before, it failed, and nothing says why. What was overdue has waited already.
fn is_unexplained(gate: &str, opinion: &Opinion) -> bool {
    let failed = opinion.verdict == Verdict::Failed && !opinion.overdue;
    is_of_users(gate) && failed && opinion.cause == Cause::Unknown && opinion.whose == Whose::Known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::opinion::Target;

    fn failed(cause: Cause, whose: Whose) -> Judgement {
        let opinion = Opinion::failed("worse", Target::named("Certificate", Some("web"), "c"), "boom");
        Judgement { opinions: vec![Opinion { cause, ..opinion.of(whose) }], facts: Vec::new() }
    }

    #[test]
    fn it_waits_for_others_and_for_the_canary() {
        let seconds = Duration::from_secs;
        let mut alone = Alone::default();
        let mut verdict = |now, canary_is_open| {
            let mut judgement = failed(Cause::Unknown, Whose::Known);
            let next = alone.hold("certificate", &mut judgement, seconds(now), canary_is_open);
            (judgement.verdict(), next, alone.is_holding("certificate"))
        };
        assert_eq!(verdict(5, false), (Verdict::Waiting, Some(seconds(15)), true));
        assert_eq!(verdict(14, true), (Verdict::Waiting, Some(seconds(15)), true));
        assert_eq!(verdict(15, true), (Verdict::Waiting, None, true));
        assert_eq!(verdict(16, false), (Verdict::Failed, None, false));
    }

    #[test]
    fn what_is_explained_and_what_is_not_a_users_does_not_wait() {
        let table = [
            ("certificate", Cause::Release, Whose::Known),
            ("order", Cause::Environment, Whose::Known),
            ("certificate-request", Cause::Unknown, Whose::Now),
            ("workload", Cause::Unknown, Whose::Known),
        ];
        for (gate, cause, whose) in table {
            let mut judgement = failed(cause, whose);
            let next = Alone::default().hold(gate, &mut judgement, Duration::ZERO, true);
            assert_eq!((judgement.verdict(), next), (Verdict::Failed, None), "{gate} {cause:?} {whose:?}");
        }
    }
}
