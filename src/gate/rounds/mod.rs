//! One look after the other: each gate is judged, in order, and the round says whether the run has ended. No
//! I/O; the time is given.

use std::time::Duration;

use super::clock::{Clock, Weighed};
use super::context::Context;
use super::gates::Gate;
use super::names::SETTLE;
use super::opinion::{Holds, Judgement, Limit, Opinion, Target};
use super::round::{Judged, Round};
use super::seen::Seen;
use super::settle::Settle;
use super::verdict::{Cause, Verdict};

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
mod tests;
