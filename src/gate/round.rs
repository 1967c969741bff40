//! One look at everything: each gate is judged, in order, and the round says whether the run has ended. No
//! I/O; the time is given.

use std::time::Duration;

use super::clock::{Clock, Weighed};
use super::opinion::{Holds, Judgement, Limit, Opinion, Target};
use super::seen::Seen;
use super::settle::Settle;
use super::verdict::{Cause, Verdict};
use super::{Context, Gate, SETTLE};

/// What one gate says in one round.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) gate: &'static str,
    pub(super) verdict: Verdict,
    pub(super) judgement: Judgement,
    /// Every gate before it is passed.
    pub(super) reached: bool,
}

impl Judged {
    /// The worst opinion, or the first fact.
    pub(super) fn headline(&self) -> String {
        let mut holding = self
            .judgement
            .opinions
            .iter()
            .filter(|opinion| opinion.holds == Holds::Gate && opinion.verdict == self.verdict);
        match holding.next() {
            Some(opinion) if self.verdict > Verdict::Passed => {
                format!("{}: {}", opinion.target, opinion.message)
            }
            _ => match self.judgement.facts.as_slice() {
                [] => String::new(),
                [fact] => fact.clone(),
                [fact, more @ ..] => format!("{fact}, and {} more", more.len()),
            },
        }
    }
}

/// One look.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) judged: Vec<Judged>,
    /// When to look again if nothing changes, from the start of the run.
    pub(super) next: Option<Duration>,
}

impl Round {
    /// The worst verdict.
    pub(super) fn verdict(&self) -> Verdict {
        Verdict::worst(self.judged.iter().map(|judged| judged.verdict))
    }
}

/// What is kept from one round to the next.
#[derive(Debug)]
pub(super) struct Rounds {
    gates: Vec<Gate>,
    clock: Clock,
    settle: Settle,
    /// Absent when nothing has to settle.
    settle_time: Option<Duration>,
    deadline: Duration,
}

impl Rounds {
    /// `by_objects`: ages count from what the objects say.
    pub(super) fn new(
        gates: Vec<Gate>,
        settle_time: Option<Duration>,
        deadline: Duration,
        by_objects: bool,
    ) -> Self {
        Self { gates, clock: Clock::new(by_objects), settle: Settle::default(), settle_time, deadline }
    }

    /// Judges what is `seen` at `now`, from the start of the run.
    pub(super) fn look(&mut self, seen: &Seen, context: &Context, now: Duration) -> Round {
        let mut round = Round { judged: Vec::new(), next: None };
        let mut in_flight = Vec::new();
        let mut reached = true;
        for gate in self.gates.clone() {
            if !reached && !gate.always {
                round.judged.push(Judged {
                    gate: gate.name,
                    verdict: Verdict::Waiting,
                    judgement: Judgement::default(),
                    reached: false,
                });
                continue;
            }
            let weighed = self.clock.weigh(gate.name, (gate.judge)(seen, context), now, seen.server_time);
            let judged = take(gate.name, weighed, reached, &mut round.next, &mut in_flight);
            reached &= judged.verdict == Verdict::Passed;
            round.judged.push(judged);
        }
        self.settle(&mut round, now, &in_flight);
        if now >= self.deadline && !self.settle.is_running() {
            round.judged.iter_mut().filter(|judged| judged.reached).for_each(|judged| cut(judged, now));
        } else if now < self.deadline {
            round.next = Some(round.next.map_or(self.deadline, |next| next.min(self.deadline)));
        }
        round
    }

    fn settle(&mut self, round: &mut Round, now: Duration, in_flight: &[(String, Duration)]) {
        let Some(time) = self.settle_time else { return };
        self.settle.observe(round.verdict() == Verdict::Passed, now);
        let judgement = self.settle.judge(time, now, in_flight);
        if let Some(due) = self.settle.due(time).filter(|due| *due > now) {
            round.next = Some(round.next.map_or(due, |next| next.min(due)));
        }
        round.judged.push(Judged {
            gate: SETTLE,
            verdict: judgement.verdict(),
            judgement,
            reached: self.settle.is_running(),
        });
    }
}

fn take(
    gate: &'static str,
    weighed: Weighed,
    reached: bool,
    next: &mut Option<Duration>,
    in_flight: &mut Vec<(String, Duration)>,
) -> Judged {
    if let Some(due) = weighed.next {
        *next = Some(next.map_or(due, |next| next.min(due)));
    }
    in_flight.extend(weighed.in_flight);
    Judged { gate, verdict: weighed.judgement.verdict(), judgement: weighed.judgement, reached }
}

/// The deadline of the run: what waits has failed, except a chain at a CA, which has a limit of its own.
fn cut(judged: &mut Judged, now: Duration) {
    if judged.verdict != Verdict::Waiting {
        return;
    }
    let waits = |opinion: &&mut Opinion| opinion.verdict == Verdict::Waiting && opinion.holds == Holds::Gate;
    let mut nothing = true;
    for opinion in judged.judgement.opinions.iter_mut().filter(waits) {
        nothing = false;
        if !matches!(opinion.limit, Limit::Chain(_)) {
            opinion.verdict = Verdict::Failed;
            opinion.message = format!("{} (still so after {} s)", opinion.message, now.as_secs());
        }
    }
    if nothing {
        let target = Target::named("Gate", None, judged.gate);
        judged.judgement.say(Opinion::failed(
            "nothing",
            target,
            format!("nothing was observed in {} s", now.as_secs()),
            Cause::Unknown,
        ));
    }
    judged.verdict = judged.judgement.verdict();
}

#[cfg(test)]
mod tests {
    use super::super::{always, step};
    use super::*;
    use crate::gate::seen::Pulse;
    use crate::gate::tests::World;

    fn target() -> Target {
        Target::named("X", None, "x")
    }

    /// Passes once the API server has answered.
    fn pulse(seen: &Seen, _: &Context) -> Judgement {
        let mut judgement = Judgement::default();
        match &seen.pulse {
            Pulse::Answers => judgement.fact("answers"),
            _ => judgement.say(Opinion::waiting("pulse", target(), "silent", Cause::Environment)),
        }
        judgement
    }

    fn chain(seen: &Seen, _: &Context) -> Judgement {
        let mut judgement = Judgement::default();
        if seen.challenged.is_empty() {
            judgement
                .say(Opinion::waiting("chain", target(), "pending", Cause::Environment).chain(seconds(100)));
        } else {
            judgement.fact("issued");
        }
        judgement
    }

    fn regression(seen: &Seen, _: &Context) -> Judgement {
        let mut judgement = Judgement::default();
        match seen.broken.len() {
            0 => judgement.fact("none"),
            _ => judgement.say(Opinion::failed("regression", target(), "worse", Cause::Release)),
        }
        judgement
    }

    fn nothing(_: &Seen, _: &Context) -> Judgement {
        Judgement::default()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn verdicts(round: &Round) -> Vec<Verdict> {
        round.judged.iter().map(|judged| judged.verdict).collect()
    }

    use Verdict::{Failed, Passed, Waiting};

    #[test]
    fn steps_come_one_after_the_other_and_regressions_at_any_time() {
        let world = World::new(vec![]);
        let mut rounds = Rounds::new(
            vec![step("a", pulse), step("b", pulse), always("r", regression)],
            None,
            seconds(60),
            false,
        );
        let mut seen = Seen::default();
        let round = rounds.look(&seen, &world.context(), seconds(1));
        assert_eq!(verdicts(&round), [Waiting, Waiting, Passed]);
        assert_eq!((round.judged[0].reached, round.judged[1].reached), (true, false));
        seen.broken.insert("x".to_owned(), "y".to_owned());
        assert_eq!(rounds.look(&seen, &world.context(), seconds(2)).verdict(), Failed);
    }

    #[test]
    fn waiting_at_the_deadline_is_failed_and_says_since_when() {
        let world = World::new(vec![]);
        let mut rounds = Rounds::new(vec![step("a", pulse), step("b", pulse)], None, seconds(60), false);
        assert_eq!(rounds.look(&Seen::default(), &world.context(), seconds(59)).next, Some(seconds(60)));
        let late = rounds.look(&Seen::default(), &world.context(), seconds(60));
        assert_eq!(verdicts(&late), [Failed, Waiting]);
        assert_eq!(late.judged[0].headline(), "X x: silent (still so after 60 s)");
    }

    #[test]
    fn nothing_observed_is_failed_at_the_deadline() {
        let mut rounds = Rounds::new(vec![step("a", nothing)], None, seconds(60), false);
        assert_eq!(
            rounds.look(&Seen::default(), &World::new(vec![]).context(), seconds(60)).verdict(),
            Failed
        );
    }

    #[test]
    fn a_chain_at_a_ca_outlives_the_deadline_but_not_its_own_limit() {
        let world = World::new(vec![]);
        let mut rounds = Rounds::new(vec![step("c", chain)], Some(seconds(10)), seconds(60), false);
        let mut seen = Seen::default();
        for (now, expected) in [(0, Waiting), (60, Waiting), (99, Waiting)] {
            assert_eq!(rounds.look(&seen, &world.context(), seconds(now)).verdict(), expected, "{now}");
        }
        assert_eq!(rounds.look(&seen, &world.context(), seconds(100)).verdict(), Failed);
        // Issued after the deadline: the settle time is not cut, but it must not break.
        let mut rounds =
            Rounds::new(vec![step("c", chain), step("a", pulse)], Some(seconds(10)), seconds(60), false);
        seen.challenged.insert("o".to_owned());
        seen.pulse = Pulse::Answers;
        assert_eq!(rounds.look(&seen, &world.context(), seconds(90)).next, Some(seconds(100)));
        assert_eq!(rounds.look(&seen, &world.context(), seconds(99)).verdict(), Waiting);
        assert_eq!(rounds.look(&seen, &world.context(), seconds(100)).verdict(), Passed);
        seen.pulse = Pulse::Unknown;
        assert_eq!(rounds.look(&seen, &world.context(), seconds(101)).verdict(), Failed);
    }
}
