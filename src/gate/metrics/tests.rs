use super::*;
use crate::gate::seen::Unread;
use crate::gate::tests::{World, attributed, certificate};
use crate::gate::verdict::Verdict;

/// Loops as name, calls, errors; answers as status and count.
fn counts(loops: &[(&str, u64, u64)], acme: &[(&str, u64)]) -> ControllerCounts {
    let count = |(name, calls, errors): &(&str, u64, u64)| {
        ((*name).to_owned(), LoopCount { calls: *calls, errors: *errors })
    };
    let answers = acme.iter().map(|(status, count)| ((*status).to_owned(), *count));
    ControllerCounts { loops: loops.iter().map(count).collect(), acme: answers.collect() }
}

fn of(uid: &str, counts: ControllerCounts) -> BTreeMap<String, ControllerCounts> {
    [(uid.to_owned(), counts)].into()
}

/// The old pod's counters before the upgrade, and those of the new one as they were read one after the other.
fn judged(before: ControllerCounts, readings: Vec<ControllerCounts>, strict: bool) -> Judgement {
    let mut world = World::new(vec![]);
    world.subject.fresh = !strict;
    world.baseline.metrics = of("old", before);
    let seen = Seen {
        scraped: readings.into_iter().map(|counts| Ok(of("new", counts))).collect(),
        certificates: [certificate("c", Some(1))].into_iter().collect(),
        ..Seen::default()
    };
    attributed(&world, "metrics", &seen, judge)
}

fn first_of(judgement: &Judgement) -> Option<(&'static str, Verdict, Cause)> {
    judgement.opinions.first().map(|opinion| (opinion.rule, opinion.verdict, opinion.cause))
}

const WELL: (&str, u64, u64) = ("certificates-trigger", 40, 1);

#[test]
fn a_controller_that_works_passes_with_its_numbers() {
    let judgement = judged(counts(&[WELL], &[]), vec![counts(&[WELL], &[("201", 2)])], false);
    assert_eq!((judgement.verdict(), first_of(&judgement)), (Verdict::Passed, None));
    let told = "the controller's loops were called 40 times, 1 of them failed; ACME answers: 201 2×";
    assert_eq!(judgement.facts, [told]);
}

#[test]
fn a_rate_limit_since_the_upgrade_fails_at_once_and_is_nobodys_fault_here() {
    let limited = || counts(&[WELL], &[("429", 1)]);
    let none = || counts(&[WELL], &[]);
    let failed = Some(("rate-limit", Verdict::Failed, Cause::Environment));
    assert_eq!(first_of(&judged(none(), vec![limited()], false)), failed);
    // Without an upgrade only what came since the first reading is news.
    assert_eq!(first_of(&judged(none(), vec![limited(), limited()], true)), None);
    assert_eq!(first_of(&judged(none(), vec![none(), limited()], true)), failed);
}

#[test]
fn a_loop_fails_that_did_not_before() {
    let (start, errors) = (counts(&[WELL], &[]), counts(&[("certificates-trigger", 60, 16)], &[]));
    let table = [
        ("15 of 20 calls", counts(&[WELL], &[]), vec![start.clone(), errors.clone()], true),
        (
            "it was so before",
            counts(&[("certificates-trigger", 100, 50)], &[]),
            vec![start.clone(), errors.clone()],
            false,
        ),
        (
            "a burst before the first reading",
            counts(&[WELL], &[]),
            vec![errors.clone(), errors.clone()],
            false,
        ),
        ("a loop of which nothing is known", counts(&[("orders", 1, 0)], &[]), vec![start, errors], true),
    ];
    for (name, before, readings, expected) in table {
        let found = first_of(&judged(before, readings, false));
        assert_eq!(
            found.is_some_and(|(rule, verdict, _)| (rule, verdict) == ("errors", Verdict::Waiting)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_loop_that_has_work_and_was_never_called_is_waited_for() {
    let idle = judged(counts(&[WELL], &[]), vec![counts(&[("orders", 3, 0)], &[])], false);
    assert_eq!(first_of(&idle), Some(("idle", Verdict::Waiting, Cause::Unknown)));
    let no_leader = judged(counts(&[WELL], &[]), vec![counts(&[], &[])], false);
    assert_eq!(first_of(&no_leader), None, "the lease says who leads");
}

#[test]
fn an_acme_server_in_trouble_is_a_remark() {
    let readings = vec![counts(&[WELL], &[]), counts(&[WELL], &[("503", 2), ("999", 1)])];
    let judgement = judged(counts(&[WELL], &[]), readings, false);
    assert_eq!(first_of(&judgement), Some(("acme", Verdict::Passed, Cause::Unknown)));
}

#[test]
fn what_cannot_be_read_is_in_nobodys_way_unless_it_is_required() {
    let mut world = World::new(vec![]);
    let told = |world: &World, seen: &Seen| {
        let judgement = attributed(world, "metrics", seen, judge);
        (judgement.opinions[0].rule, judgement.opinions[0].verdict, judgement.opinions[0].ends)
    };
    let unread = Seen { scraped: vec![Err(Unread("403".to_owned()))], ..Seen::default() };
    let nobody = Seen { scraped: vec![Ok(BTreeMap::new())], ..Seen::default() };
    assert_eq!(told(&world, &Seen::default()).1, Verdict::Waiting, "it was not asked yet");
    for seen in [&unread, &nobody] {
        assert_eq!(told(&world, seen), ("unread", Verdict::Passed, Verdict::Failed));
    }
    world.settings.metrics = MetricsGate::Required;
    assert_eq!(told(&world, &unread), ("unread", Verdict::Waiting, Verdict::Inconclusive));
}
