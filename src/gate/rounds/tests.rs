use super::*;
use crate::gate::baseline::Baseline;
use crate::gate::seen::Pulse;
use crate::gate::tests::World;
use crate::gate::whose::Whose;

fn target() -> Target {
    Target::named("X", None, "x")
}

/// Passes once the API server has answered.
fn pulse(seen: &Seen, _: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    match &seen.pulse {
        Pulse::Answers => judgement.fact("answers"),
        _ => judgement.say(Opinion::waiting("pulse", target(), "silent")),
    }
    judgement
}

fn chain(seen: &Seen, _: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    if seen.challenged.is_empty() {
        judgement.say(Opinion::waiting("chain", target(), "pending").chain(seconds(100)));
    } else {
        judgement.fact("issued");
    }
    judgement
}

fn regression(seen: &Seen, _: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    match seen.broken.len() {
        0 => judgement.fact("none"),
        _ => judgement.say(Opinion::failed("regression", target(), "worse")),
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
    assert_eq!(rounds.look(&Seen::default(), &World::new(vec![]).context(), seconds(60)).verdict(), Failed);
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
    assert_eq!(rounds.look(&seen, &world.context(), seconds(101)).verdict(), Waiting, "a relapse");
    assert_eq!(rounds.look(&seen, &world.context(), seconds(161)).verdict(), Failed, "that lasts");
}

#[test]
fn nothing_ages_while_the_api_server_is_silent_but_silence_does() {
    let world = World::new(vec![]);
    let mut rounds = Rounds::new(vec![Gate::step("a", pulse)], None, seconds(60), false);
    let mut seen = Seen { pulse: Pulse::Silent("down".to_owned()), ..Seen::default() };
    seen.broken.insert("x".to_owned(), "y".to_owned());
    let mut verdict = |seen: &Seen, now| rounds.look(seen, &world.context(), seconds(now)).verdict();
    assert_eq!((verdict(&seen, 30), verdict(&seen, 80)), (Waiting, Waiting));
    seen.pulse = Pulse::Unknown;
    assert_eq!((verdict(&seen, 81), verdict(&seen, 105)), (Waiting, Waiting), "51 s do not count");
    assert_eq!(verdict(&seen, 112), Failed);
    seen.pulse = Pulse::Silent("down".to_owned());
    let mut rounds = Rounds::new(vec![Gate::step("a", pulse)], None, seconds(60), false);
    let mut verdict = |now| rounds.look(&seen, &world.context(), seconds(now)).verdict();
    assert_eq!((verdict(0), verdict(59), verdict(60)), (Waiting, Waiting, Failed));
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
            Gate::step("d", pulse).acts(act, |_| Vec::new()),
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
    let gates = vec![
        Gate::step("a", pulse),
        Gate::step("d", chain).acts(act, |_| Vec::new()),
        Gate::step("e", regression),
    ];
    let mut rounds = Rounds::new(gates, None, seconds(60), false);
    let mut seen = Seen { pulse: Pulse::Answers, ..Seen::default() };
    rounds.look(&seen, &world.context(), seconds(1));
    assert_eq!(rounds.newly_begun().iter().map(|gate| gate.name).collect::<Vec<_>>(), ["a", "d"]);
    assert!(rounds.newly_begun().is_empty());
    seen.pulse = Pulse::Unknown;
    rounds.look(&seen, &world.context(), seconds(40));
    let mut round = rounds.look(&seen, &world.context(), seconds(100));
    rounds.last_look(&mut round, &seen, &world.context(), seconds(100));
    assert_eq!((verdicts(&round), unseen(&round)[1]), (vec![Failed, Waiting, Passed], None));
    assert_eq!(round.judged[1].judgement.opinions[0].message, "pending");
}

#[test]
fn without_a_baseline_what_compares_is_inconclusive_and_the_rest_is_proven() {
    let mut world = World::new(vec![]);
    world.baseline = Baseline::missing("the baseline did not fit");
    let gates =
        vec![Gate::step("i", pulse).compares(), Gate::step("c", chain), Gate::regression("r", regression)];
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

fn lone(seen: &Seen, _: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    match seen.broken.len() {
        0 => judgement.fact("none"),
        _ => judgement.say(Opinion::failed("worse", target(), "boom").of(Whose::Known)),
    }
    judgement
}

#[test]
fn a_lone_failure_waits_for_the_canary_and_is_told_as_one_when_something_else_ends_the_run() {
    let world = World::new(vec![]);
    let gates = vec![Gate::step(CANARY, pulse), Gate::regression("certificate", lone)];
    let mut seen = Seen::default();
    seen.broken.insert("x".to_owned(), "y".to_owned());
    let look = |rounds: &mut Rounds, seen: &Seen, now| {
        let mut round = rounds.look(seen, &world.context(), seconds(now));
        let verdicts_then = verdicts(&round);
        rounds.last_look(&mut round, seen, &world.context(), seconds(now));
        (verdicts_then, verdicts(&round))
    };
    let mut rounds = Rounds::new(gates, None, seconds(600), false);
    for now in [1, 30] {
        assert_eq!(look(&mut rounds, &seen, now), (vec![Waiting, Waiting], vec![Waiting, Failed]), "{now}");
    }
    seen.pulse = Pulse::Answers;
    assert_eq!(look(&mut rounds, &seen, 31), (vec![Passed, Failed], vec![Passed, Failed]));
}
