//! One look at everything: each gate is judged, in order, and the round says whether the run has ended. No
//! I/O; the time is given.

use std::time::Duration;

use super::clock::{Clock, Weighed};
use super::context::Context;
use super::gates::Gate;
use super::names::SETTLE;
use super::opinion::{Holds, Judgement, Limit, Opinion, Target};
use super::seen::Seen;
use super::settle::Settle;
use super::verdict::{Cause, Finding, Verdict};

/// What one gate says in one round.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) gate: &'static str,
    pub(super) verdict: Verdict,
    pub(super) judgement: Judgement,
    /// Every gate before it is passed.
    pub(super) reached: bool,
    /// There is nothing to compare with. That was so from the start, so it neither ends the run nor keeps
    /// what can be proven without a comparison from being proven.
    incomparable: bool,
    /// At the end: why nothing is known of it.
    pub(super) unseen: Option<String>,
}

impl Judged {
    fn new(gate: &'static str, judgement: Judgement, reached: bool) -> Self {
        let verdict = judgement.verdict();
        Self { gate, verdict, judgement, reached, incomparable: false, unseen: None }
    }

    /// Nothing was said about it.
    fn is_blank(&self) -> bool {
        self.judgement.opinions.is_empty() && self.judgement.facts.is_empty()
    }

    /// Nothing can be known of it.
    fn hide(&mut self, why: String) {
        (self.judgement, self.verdict) = (Judgement::default(), Verdict::Waiting);
        self.unseen = Some(why);
    }

    fn keeps_back(&self) -> bool {
        self.verdict != Verdict::Passed && !self.incomparable
    }

    /// Worth telling: a gate whose turn has not come is told only when it is not well.
    pub(super) fn is_told(&self) -> bool {
        self.reached || self.verdict > Verdict::Waiting
    }

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
    /// The gate and the opinion that ended the run.
    first: Option<(usize, usize)>,
}

impl Round {
    /// The worst verdict.
    pub(super) fn verdict(&self) -> Verdict {
        Verdict::worst(self.judged.iter().map(|judged| judged.verdict))
    }

    /// The worst verdict of what can be proven; the run goes on while it is `Waiting`.
    pub(super) fn proven(&self) -> Verdict {
        let proven = self.judged.iter().filter(|judged| !judged.incomparable);
        Verdict::worst(proven.map(|judged| judged.verdict))
    }

    /// The places of everything that is not well, gate and opinion; what ended the run comes first.
    pub(super) fn failures(&self) -> Vec<(usize, usize)> {
        let of = |(gate, judged): (usize, &Judged)| -> Vec<(usize, usize)> {
            let opinions = judged.judgement.opinions.iter().enumerate();
            let bad = opinions.filter(|(_, opinion)| opinion.verdict > Verdict::Waiting);
            bad.map(|(opinion, _)| (gate, opinion)).collect()
        };
        let mut places: Vec<(usize, usize)> = self.judged.iter().enumerate().flat_map(of).collect();
        places.sort_by_key(|place| Some(*place) != self.first);
        places
    }

    /// What ended the run.
    pub(super) fn first_cause(&self) -> Option<Finding> {
        let (gate, opinion) = self.first?;
        Some(self.judged.get(gate)?.judgement.opinions.get(opinion)?.finding())
    }

    /// The first of the worst opinions.
    fn worst(&self) -> Option<(usize, usize)> {
        let verdict = self.verdict();
        let is_worst = |(gate, opinion): &(usize, usize)| {
            self.judged[*gate].judgement.opinions[*opinion].verdict == verdict
        };
        self.failures().into_iter().find(is_worst)
    }
}

/// What is kept from one round to the next.
#[derive(Debug)]
pub(super) struct Rounds {
    gates: Vec<Gate>,
    /// The gates whose turn has come, now or earlier; the last ones were not asked for yet.
    begun: Vec<&'static str>,
    asked: usize,
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
        let (begun, asked, settle) = (Vec::new(), 0, Settle::default());
        Self { gates, begun, asked, clock: Clock::new(by_objects), settle, settle_time, deadline }
    }

    /// There is such a gate.
    pub(super) fn has(&self, name: &str) -> bool {
        self.gates.iter().any(|gate| gate.name == name)
    }

    /// The gates whose turn has come since this was last asked.
    pub(super) fn newly_begun(&mut self) -> Vec<Gate> {
        let new = &self.begun[self.asked..];
        let gates = self.gates.iter().filter(|gate| new.contains(&gate.name)).copied().collect();
        self.asked = self.begun.len();
        gates
    }

    /// Judges what is `seen` at `now`, from the start of the run.
    pub(super) fn look(&mut self, seen: &Seen, context: &Context, now: Duration) -> Round {
        let mut round = Round { judged: Vec::new(), next: None, first: None };
        let mut in_flight = Vec::new();
        let mut reached = true;
        for gate in self.gates.clone() {
            if !reached && !gate.always {
                round.judged.push(Judged::new(gate.name, Judgement::default(), false));
                continue;
            }
            let weighed = self.weigh(gate, seen, context, now);
            round.next = earliest(round.next, weighed.next);
            in_flight.extend(weighed.in_flight);
            let judged = Judged::new(gate.name, weighed.judgement, reached);
            let judged = Judged { incomparable: is_incomparable(gate, context), ..judged };
            reached &= !judged.keeps_back();
            round.judged.push(judged);
        }
        self.begin(&round);
        self.settle(&mut round, now, &in_flight);
        if now >= self.deadline && !self.settle.is_running() {
            round.judged.iter_mut().filter(|judged| judged.reached).for_each(|judged| cut(judged, now));
        } else if now < self.deadline {
            round.next = earliest(round.next, Some(self.deadline));
        }
        round
    }

    fn weigh(&mut self, gate: Gate, seen: &Seen, context: &Context, now: Duration) -> Weighed {
        if is_incomparable(gate, context) {
            return Weighed { judgement: incomparable(context), ..Weighed::default() };
        }
        self.clock.weigh(gate.name, (gate.judge)(seen, context), now, seen.server_time)
    }

    fn begin(&mut self, round: &Round) {
        let reached = round.judged.iter().filter(|judged| judged.reached).map(|judged| judged.gate);
        let new: Vec<&str> = reached.filter(|gate| !self.begun.contains(gate)).collect();
        self.begun.extend(new);
    }

    /// The run ends with `round`: whatever had no turn yet is judged by what is seen now, which takes no time.
    /// It may still be waiting; only of what is not seen at all nothing is said but why.
    pub(super) fn last_look(&mut self, round: &mut Round, seen: &Seen, context: &Context, now: Duration) {
        round.first = round.worst();
        let Some(before) = round.judged.iter().find(|judged| judged.keeps_back()).map(|judged| judged.gate)
        else {
            return;
        };
        for judged in &mut round.judged {
            let gate = self.gates.iter().find(|gate| gate.name == judged.gate).copied();
            match gate {
                None if !judged.reached => judged.hide(format!("gate {before} has not passed")),
                Some(gate) if gate.acts && !self.begun.contains(&gate.name) => {
                    judged.hide(format!("it does not act before gate {before} has passed"));
                }
                Some(gate) if !judged.reached && !gate.always => {
                    let judgement = self.weigh(gate, seen, context, now).judgement;
                    *judged = Judged::new(gate.name, judgement, false);
                }
                Some(_) | None => {}
            }
            if judged.is_blank() && judged.unseen.is_none() {
                judged.hide("nothing of it was seen yet".to_owned());
            }
        }
    }

    fn settle(&mut self, round: &mut Round, now: Duration, in_flight: &[(String, Duration)]) {
        let Some(time) = self.settle_time else { return };
        self.settle.observe(round.proven() == Verdict::Passed, now);
        let judgement = self.settle.judge(time, now, in_flight);
        round.next = earliest(round.next, self.settle.due(time).filter(|due| *due > now));
        round.judged.push(Judged::new(SETTLE, judgement, self.settle.is_running()));
    }
}

fn earliest(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

fn is_incomparable(gate: Gate, context: &Context) -> bool {
    gate.compares && context.incomparable().is_some()
}

/// Judging against nothing would call every old failure new, and a mass of new ones none.
fn incomparable(context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    if let Some(why) = context.incomparable() {
        let target = Target::named("Baseline", None, &context.subject.release.to_string());
        let message = format!("{why}; without it nobody knows what got worse");
        judgement.say(Opinion::inconclusive("baseline", target, message, Cause::Unknown));
    }
    judgement
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
    use super::*;
    use crate::gate::baseline::Baseline;
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

    use Verdict::{Failed, Inconclusive, Passed, Waiting};

    #[test]
    fn steps_come_one_after_the_other_and_regressions_at_any_time() {
        let world = World::new(vec![]);
        let mut rounds = Rounds::new(
            vec![Gate::step("a", pulse), Gate::step("b", pulse), Gate::regression("r", regression)],
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
        let mut rounds =
            Rounds::new(vec![Gate::step("a", pulse), Gate::step("b", pulse)], None, seconds(60), false);
        assert_eq!(rounds.look(&Seen::default(), &world.context(), seconds(59)).next, Some(seconds(60)));
        let late = rounds.look(&Seen::default(), &world.context(), seconds(60));
        assert_eq!(verdicts(&late), [Failed, Waiting]);
        assert_eq!(late.judged[0].headline(), "X x: silent (still so after 60 s)");
    }

    #[test]
    fn nothing_observed_is_failed_at_the_deadline() {
        let mut rounds = Rounds::new(vec![Gate::step("a", nothing)], None, seconds(60), false);
        assert_eq!(
            rounds.look(&Seen::default(), &World::new(vec![]).context(), seconds(60)).verdict(),
            Failed
        );
    }

    #[test]
    fn a_chain_at_a_ca_outlives_the_deadline_but_not_its_own_limit() {
        let world = World::new(vec![]);
        let mut rounds = Rounds::new(vec![Gate::step("c", chain)], Some(seconds(10)), seconds(60), false);
        let mut seen = Seen::default();
        for (now, expected) in [(0, Waiting), (60, Waiting), (99, Waiting)] {
            assert_eq!(rounds.look(&seen, &world.context(), seconds(now)).verdict(), expected, "{now}");
        }
        assert_eq!(rounds.look(&seen, &world.context(), seconds(100)).verdict(), Failed);
        // Issued after the deadline: the settle time is not cut, but it must not break.
        let mut rounds = Rounds::new(
            vec![Gate::step("c", chain), Gate::step("a", pulse)],
            Some(seconds(10)),
            seconds(60),
            false,
        );
        seen.challenged.insert("o".to_owned());
        seen.pulse = Pulse::Answers;
        assert_eq!(rounds.look(&seen, &world.context(), seconds(90)).next, Some(seconds(100)));
        assert_eq!(rounds.look(&seen, &world.context(), seconds(99)).verdict(), Waiting);
        assert_eq!(rounds.look(&seen, &world.context(), seconds(100)).verdict(), Passed);
        seen.pulse = Pulse::Unknown;
        assert_eq!(rounds.look(&seen, &world.context(), seconds(101)).verdict(), Failed);
    }

    fn verdicts_of(gates: Vec<Gate>, seen: &Seen, world: &World) -> Round {
        let mut rounds = Rounds::new(gates, Some(seconds(10)), seconds(60), false);
        let mut round = rounds.look(seen, &world.context(), seconds(1));
        rounds.last_look(&mut round, seen, &world.context(), seconds(1));
        round
    }

    fn unseen(round: &Round) -> Vec<Option<&str>> {
        round.judged.iter().map(|judged| judged.unseen.as_deref()).collect()
    }

    fn act(_: &mut crate::gate::start::Start) {}

    #[test]
    fn after_a_failure_the_others_are_judged_by_what_is_seen() {
        let gates = || {
            vec![
                Gate::step("a", pulse),
                Gate::step("b", pulse),
                Gate::step("c", nothing),
                Gate::step("d", pulse).acts(act),
                Gate::step("e", regression),
                Gate::regression("r", regression),
            ]
        };
        let mut seen = Seen::default();
        seen.broken.insert("x".to_owned(), "y".to_owned());
        let round = verdicts_of(gates(), &seen, &World::new(vec![]));
        assert_eq!(verdicts(&round), [Waiting, Waiting, Waiting, Waiting, Failed, Failed, Waiting]);
        assert_eq!(
            unseen(&round),
            [
                None,
                None,
                Some("nothing of it was seen yet"),
                Some("it does not act before gate a has passed"),
                None,
                None,
                Some("gate a has not passed"),
            ]
        );
        assert_eq!(round.judged[1].headline(), "X x: silent", "it waits, and says for what");
        // Gate e comes first in the table, but r ended the run.
        assert_eq!((round.first, round.failures()[0]), (Some((5, 0)), (5, 0)));
    }

    #[test]
    fn a_gate_that_acted_earlier_is_judged_by_what_it_saw() {
        let world = World::new(vec![]);
        let gates =
            vec![Gate::step("a", pulse), Gate::step("d", chain).acts(act), Gate::step("e", regression)];
        let mut rounds = Rounds::new(gates, None, seconds(60), false);
        let mut seen = Seen { pulse: Pulse::Answers, ..Seen::default() };
        rounds.look(&seen, &world.context(), seconds(1));
        assert_eq!(rounds.newly_begun().iter().map(|gate| gate.name).collect::<Vec<_>>(), ["a", "d"]);
        assert!(rounds.newly_begun().is_empty());
        seen.pulse = Pulse::Silent("down".to_owned());
        let mut round = rounds.look(&seen, &world.context(), seconds(60));
        rounds.last_look(&mut round, &seen, &world.context(), seconds(60));
        assert_eq!((verdicts(&round), unseen(&round)[1]), (vec![Failed, Waiting, Passed], None));
        assert_eq!(round.judged[1].judgement.opinions[0].message, "pending");
    }

    #[test]
    fn without_a_baseline_what_compares_is_inconclusive_and_the_rest_is_proven() {
        let mut world = World::new(vec![]);
        world.baseline = Baseline::missing("the baseline did not fit");
        let gates = vec![
            Gate::step("i", pulse).compares(),
            Gate::step("c", chain),
            Gate::regression("r", regression),
        ];
        let mut rounds = Rounds::new(gates.clone(), Some(seconds(10)), seconds(60), false);
        let mut seen = Seen::default();
        let first = rounds.look(&seen, &world.context(), seconds(1));
        assert_eq!(verdicts(&first)[..3], [Inconclusive, Waiting, Inconclusive]);
        assert_eq!(first.proven(), Waiting, "the run goes on");
        seen.challenged.insert("o".to_owned());
        assert_eq!(rounds.look(&seen, &world.context(), seconds(5)).proven(), Waiting);
        let mut last = rounds.look(&seen, &world.context(), seconds(15));
        rounds.last_look(&mut last, &seen, &world.context(), seconds(15));
        assert_eq!((last.proven(), last.verdict()), (Passed, Inconclusive));
        let cause = last.first_cause().unwrap();
        assert_eq!(
            cause.to_string(),
            "Baseline cert-manager/cert-manager: the baseline did not fit; without it nobody knows what got worse"
        );
        // Without an upgrade nothing is compared.
        world.subject.fresh = false;
        let mut rounds = Rounds::new(gates, None, seconds(60), true);
        assert_eq!(rounds.look(&seen, &world.context(), seconds(1)).judged[2].verdict, Passed);
    }
}
