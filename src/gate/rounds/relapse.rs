//! A gate that was passed may slip for a moment after the deadline: a node is drained, a watch is cut. No clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::gate::round::Round;
use crate::gate::verdict::Verdict;

/// A pod that moves is up again within this time.
const GRACE: Duration = Duration::from_mins(1);

/// Which gates were passed once, and since when one of those is not.
#[derive(Debug, Default)]
pub(super) struct Relapses {
    passed: BTreeSet<&'static str>,
    since: BTreeMap<&'static str, Duration>,
}

impl Relapses {
    /// Remembers what a round says.
    pub(super) fn observe(&mut self, round: &Round, now: Duration) {
        for judged in round.judged.iter().filter(|judged| judged.reached) {
            if judged.verdict == Verdict::Passed {
                self.passed.insert(judged.gate);
                self.since.remove(judged.gate);
            } else if self.passed.contains(judged.gate) {
                self.since.entry(judged.gate).or_insert(now);
            }
        }
    }

    /// The gate was passed, and has not been so for a moment only.
    pub(super) fn is_recent(&self, gate: &str, now: Duration) -> bool {
        self.since.get(gate).is_some_and(|since| now < *since + GRACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::opinion::Judgement;
    use crate::gate::round::Judged;

    #[test]
    fn only_what_was_passed_relapses_and_only_for_a_while() {
        let round = |passed: bool| {
            let mut judgement = Judgement::default();
            if passed {
                judgement.fact("well");
            }
            Round { judged: vec![Judged::new("workload", judgement, true)], next: None, first: None }
        };
        let seconds = Duration::from_secs;
        let mut relapses = Relapses::default();
        relapses.observe(&round(false), seconds(1));
        assert!(!relapses.is_recent("workload", seconds(2)), "it was never passed");
        relapses.observe(&round(true), seconds(3));
        relapses.observe(&round(false), seconds(100));
        relapses.observe(&round(false), seconds(150));
        assert!(
            relapses.is_recent("workload", seconds(159)) && !relapses.is_recent("workload", seconds(160))
        );
        relapses.observe(&round(true), seconds(155));
        assert!(!relapses.is_recent("workload", seconds(156)));
    }
}
