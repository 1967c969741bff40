//! One look after the other: each gate is judged, in order, and the round says whether the run has ended. No
//! I/O; the time is given.

mod alone;
mod pause;
mod relapse;

use std::time::Duration;

use alone::Alone;
use pause::Pause;
use relapse::Relapses;

use super::attribution::attribute;
use super::blueprint::Gate;
use super::clock::{Clock, Weighed};
use super::context::Context;
use super::corroboration::Corroboration;
use super::names::{API_SERVER, CANARY, SETTLE};
use super::opinion::{Holds, Judgement, Limit, Opinion, Target};
use super::round::{Judged, Round};
use super::seen::{Pulse, Seen};
use super::settle::Settle;
use super::verdict::Verdict;

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
    pause: Pause,
    relapses: Relapses,
    alone: Alone,
}

/// What one look is made of.
#[derive(Clone, Copy)]
struct Looked<'l> {
    seen: &'l Seen,
    context: &'l Context<'l>,
    corroboration: &'l Corroboration,
    now: Duration,
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
        let (clock, pause) = (Clock::new(by_objects), Pause::default());
        let (relapses, alone) = (Relapses::default(), Alone::default());
        Self { gates, begun, asked, clock, settle, settle_time, deadline, pause, relapses, alone }
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
    /// While the API server is silent nothing ages: what is seen then is old.
    pub(super) fn look(&mut self, seen: &Seen, context: &Context, real: Duration) -> Round {
        let silent = matches!(seen.pulse, Pulse::Silent(_));
        let now = self.pause.observe(silent, real);
        let mut round = Round { judged: Vec::new(), next: None, first: None };
        let mut in_flight = Vec::new();
        let (mut reached, mut current) = (true, true);
        let corroboration = Corroboration::of(seen, context);
        let looked = Looked { seen, context, corroboration: &corroboration, now };
        for gate in self.gates.clone() {
            let judged_now = reached || gate.always && current;
            if !judged_now {
                round.judged.push(Judged::new(gate.name, Judgement::default(), false));
                continue;
            }
            let mut weighed = self.weigh(gate, &looked);
            let again = self.alone.hold(gate.name, &mut weighed.judgement, now, round.is_open(CANARY));
            round.next = earliest(earliest(round.next, weighed.next), again);
            in_flight.extend(weighed.in_flight);
            let judged = Judged::new(gate.name, weighed.judgement, reached);
            let judged = Judged { incomparable: is_incomparable(gate, context), ..judged };
            reached &= !judged.keeps_back();
            current &= gate.name != API_SERVER || reached;
            round.judged.push(judged);
        }
        self.begin(&round);
        self.settle(&mut round, now, &in_flight);
        self.relapses.observe(&round, now);
        let gone = self.pause.length(real) >= self.deadline;
        if (now >= self.deadline || gone) && !self.settle.is_running() {
            let relapses = &self.relapses;
            let late =
                |judged: &&mut Judged| judged.reached && (gone || !relapses.is_recent(judged.gate, now));
            round.judged.iter_mut().filter(late).for_each(|judged| cut(judged, real));
            round.judged.iter_mut().for_each(|judged| judged.attribute(&corroboration));
        } else if now < self.deadline {
            round.next = earliest(round.next, Some(self.deadline));
        }
        round.next = round.next.map(|next| next + self.pause.lost());
        round
    }

    fn weigh(&mut self, gate: Gate, looked: &Looked) -> Weighed {
        let Looked { seen, context, corroboration, now } = *looked;
        if is_incomparable(gate, context) {
            return Weighed { judgement: incomparable(context), ..Weighed::default() };
        }
        let mut judgement = (gate.judge)(seen, context);
        attribute(gate.name, &mut judgement.opinions, corroboration);
        let mut weighed = self.clock.weigh(gate.name, judgement, now, seen.server_time);
        // What is overdue is another finding than what waits.
        let overdue = weighed.judgement.opinions.iter_mut().filter(|opinion| opinion.overdue);
        attribute(gate.name, overdue, corroboration);
        weighed
    }

    fn begin(&mut self, round: &Round) {
        let reached = round.judged.iter().filter(|judged| judged.reached).map(|judged| judged.gate);
        let new: Vec<&str> = reached.filter(|gate| !self.begun.contains(gate)).collect();
        self.begun.extend(new);
    }

    /// The run ends with `round`: whatever had no turn yet is judged by what is seen now, which takes no time.
    /// It may still be waiting; only of what is not seen at all nothing is said but why.
    pub(super) fn last_look(&mut self, round: &mut Round, seen: &Seen, context: &Context, real: Duration) {
        round.first = round.worst();
        let corroboration = Corroboration::of(seen, context);
        let now = self.pause.observe(matches!(seen.pulse, Pulse::Silent(_)), real);
        let looked = Looked { seen, context, corroboration: &corroboration, now };
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
                    let judgement = self.weigh(gate, &looked).judgement;
                    *judged = Judged::new(gate.name, judgement, false);
                }
                // What was held back is told as what it is.
                Some(gate) if self.alone.is_holding(gate.name) => {
                    let judgement = self.weigh(gate, &looked).judgement;
                    *judged = Judged::new(gate.name, judgement, judged.reached);
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
        judgement.say(Opinion::inconclusive("baseline", target, message));
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
            opinion.verdict = opinion.ends;
            opinion.message = format!("{} (still so after {} s)", opinion.message, now.as_secs());
        }
    }
    if nothing {
        let target = Target::named("Gate", None, judged.gate);
        judged.judgement.say(Opinion::failed(
            "nothing",
            target,
            format!("nothing was observed in {} s", now.as_secs()),
        ));
    }
    judged.verdict = judged.judgement.verdict();
}

#[cfg(test)]
mod tests;
