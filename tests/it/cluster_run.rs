//! One cluster through the loop over steps: every call fails in turn, every run that was stopped is taken up, and
//! what is known is what the journal says.

use release::config::OnFailure;
use release::evidence::event::{Event, Record};
use release::failure::Kind;
use release::gate::{Cause, Verdict};
use release::plan::Action;
use release::rollout::cluster_run::ClusterRun;
use release::rollout::fold::replay;
use release::rollout::interrupt::Interrupt;
use release::rollout::port::Recovered;
use release::rollout::{ClusterOutcome, ClusterState, Outcome};

use crate::support::plans::{CLUSTER, cluster, terms};
use crate::support::scripted::{Scripted, Silent, judged};

async fn run_from(
    port: &Scripted,
    action: Action,
    on_failure: OnFailure,
    records: &[Record],
) -> ClusterOutcome {
    let (plan, interrupt, terms) = (cluster(CLUSTER, None, action), Interrupt::never(), terms(on_failure));
    let left = replay(&plan, records).unwrap().taken_up();
    ClusterRun::new(port, &plan, &terms, &Silent, &interrupt, left).run().await
}

async fn run(port: &Scripted, on_failure: OnFailure) -> ClusterOutcome {
    run_from(port, Action::Upgrade, on_failure, &[]).await
}

fn exit(outcome: &ClusterOutcome) -> Option<Kind> {
    Outcome::of("r", None, vec![outcome.clone()]).failure_kind()
}

fn failing() -> Scripted {
    Scripted { changed: judged(Verdict::Failed, Cause::Release), ..Scripted::default() }
}

#[tokio::test]
async fn a_healthy_upgrade_goes_through_every_step_in_order() {
    let port = Scripted::default();
    let outcome = run(&port, OnFailure::Halt).await;
    assert_eq!((outcome.state, outcome.revision, exit(&outcome)), (ClusterState::Promoted, Some(2), None));
    let expected = [
        "lock",
        "record locked",
        "baseline",
        "record baseline-taken",
        "prepare",
        "record change-started",
        "change",
        "record changed",
        "gate",
        "record gated",
    ];
    assert_eq!(port.called(), expected);
}

#[tokio::test]
async fn whichever_call_fails_the_run_stops_and_its_journal_says_everything_that_it_knows() {
    let whole = failing();
    let outcome = run(&whole, OnFailure::Rollback).await;
    assert_eq!((outcome.state, exit(&outcome)), (ClusterState::RolledBack, Some(Kind::RolledBack)));
    let calls = whole.called();
    for broken in 1..=calls.len() {
        let port = Scripted { fail_at: Some(broken), ..failing() };
        let outcome = run(&port, OnFailure::Rollback).await;
        let name = &calls[broken - 1];
        if name == "capture" {
            assert_eq!(exit(&outcome), Some(Kind::RolledBack), "evidence that is not had stops nothing");
            continue;
        }
        let told = format!("{:?} {:?}", outcome.first_cause, outcome.reaction);
        assert!(told.contains("broke"), "{name}: {told}");
        assert!(exit(&outcome).is_some() && port.is_unlocked(), "{name}: {:?}", outcome.state);
        let again = port.called()[broken..].iter().any(|call| call == "change");
        assert!(!again, "{name}: nothing is changed after a failure");
        let journal = replay(&cluster(CLUSTER, None, Action::Upgrade), &port.recorded()).unwrap();
        assert_eq!(
            (journal.state, journal.revision, &journal.gates, &journal.evidence, journal.returning_to),
            (outcome.state, outcome.revision, &outcome.gates, &outcome.evidence, outcome.returning_to),
            "{name}"
        );
    }
}

#[tokio::test]
async fn whichever_call_fails_a_resumed_run_ends_as_the_undisturbed_one() {
    let whole = failing();
    run(&whole, OnFailure::Rollback).await;
    for broken in 3..=whole.called().len() {
        let port = Scripted { fail_at: Some(broken), ..failing() };
        let left = run(&port, OnFailure::Rollback).await;
        if left.state.is_final() {
            continue;
        }
        let next = failing();
        let outcome = run_from(&next, Action::Upgrade, OnFailure::Rollback, &port.recorded()).await;
        let name = &whole.called()[broken - 1];
        assert_eq!(outcome.state, ClusterState::RolledBack, "{name}: {:?} {:?}", left.state, next.called());
        assert_eq!(outcome.first_cause.as_deref(), Some("Pod cert-manager/x: CrashLoopBackOff"), "{name}");
    }
}

#[tokio::test]
async fn the_verdict_of_the_dead_run_decides_what_the_next_one_does() {
    let table = [
        (Verdict::Failed, Cause::Release, ClusterState::RolledBack, true),
        (Verdict::Failed, Cause::Environment, ClusterState::Halted, true),
        (Verdict::Inconclusive, Cause::Unknown, ClusterState::Halted, false),
    ];
    for (verdict, cause, state, marked) in table {
        let port = Scripted { changed: judged(verdict, cause), ..Scripted::default() };
        let stopped = Scripted { fail_at: Some(11), changed: judged(verdict, cause), ..Scripted::default() };
        run(&stopped, OnFailure::Rollback).await;
        let gated = |record: &Record| matches!(record.event, Event::Gated { .. });
        let last = stopped.recorded().iter().position(gated).unwrap();
        let outcome =
            run_from(&port, Action::Upgrade, OnFailure::Rollback, &stopped.recorded()[..=last]).await;
        assert_eq!((outcome.state, port.has("mark_failed")), (state, marked), "{verdict:?} {cause:?}");
    }
}

#[tokio::test]
async fn a_lost_lock_ends_with_its_own_exit_and_nothing_more_is_recorded() {
    let whole = failing();
    run(&whole, OnFailure::Rollback).await;
    for broken in 2..=whole.called().len() {
        let port = Scripted { fail_at: Some(broken), fails_as: Kind::Locked, ..failing() };
        let outcome = run(&port, OnFailure::Rollback).await;
        let name = &whole.called()[broken - 1];
        if name == "capture" {
            continue;
        }
        assert_eq!(exit(&outcome), Some(Kind::Locked), "{name}");
        assert_eq!(port.called().len(), broken, "{name}: {:?}", port.called());
    }
}

#[tokio::test]
async fn a_signal_in_the_change_or_the_rollback_leaves_the_rest_to_resume() {
    let whole = failing();
    run(&whole, OnFailure::Rollback).await;
    for name in ["change", "rollback"] {
        let broken = whole.called().iter().position(|call| call == name).unwrap() + 1;
        let port = Scripted { fail_at: Some(broken), fails_as: Kind::Interrupted(15), ..failing() };
        let outcome = run(&port, OnFailure::Rollback).await;
        assert_eq!(exit(&outcome), Some(Kind::Interrupted(15)), "{name}");
        let next = failing();
        let outcome = run_from(&next, Action::Upgrade, OnFailure::Rollback, &port.recorded()).await;
        assert_eq!(outcome.state, ClusterState::RolledBack, "{name}");
    }
}

#[tokio::test]
async fn a_broken_change_rolls_back_only_for_a_cause_in_the_release() {
    let table = [
        (Cause::Release, ClusterState::RolledBack),
        (Cause::Environment, ClusterState::Halted),
        (Cause::Unknown, ClusterState::Halted),
    ];
    for (blame, state) in table {
        let port = Scripted { fail_at: Some(7), blame, ..Scripted::default() };
        let outcome = run(&port, OnFailure::Rollback).await;
        assert_eq!((outcome.state, port.has("close_pending")), (state, true), "{blame:?}");
    }
}

#[tokio::test]
async fn before_the_change_a_failure_is_a_refusal_and_after_it_a_halt() {
    let table =
        [(1, Kind::Refused), (3, Kind::Refused), (5, Kind::Refused), (8, Kind::Halted), (9, Kind::Halted)];
    for (broken, kind) in table {
        let port = Scripted { fail_at: Some(broken), ..Scripted::default() };
        assert_eq!(exit(&run(&port, OnFailure::Halt).await), Some(kind), "call {broken}");
    }
}

#[tokio::test]
async fn a_rollback_that_does_not_heal_needs_a_person_and_leaves_its_evidence() {
    let port = Scripted { rolled_back: judged(Verdict::Failed, Cause::Release), ..failing() };
    let outcome = run(&port, OnFailure::Rollback).await;
    assert_eq!((outcome.state, exit(&outcome)), (ClusterState::Stuck, Some(Kind::Stuck)));
    assert_eq!(port.called().iter().filter(|call| *call == "capture").count(), 2);
}

#[tokio::test]
async fn a_rollback_by_hand_that_fails_needs_a_person_too() {
    let outcome = run_from(&failing(), Action::Rollback, OnFailure::Halt, &[]).await;
    assert_eq!((outcome.state, exit(&outcome)), (ClusterState::Halted, Some(Kind::Stuck)));
    let broken = Scripted { fail_at: Some(7), ..Scripted::default() };
    let outcome = run_from(&broken, Action::Rollback, OnFailure::Halt, &[]).await;
    assert_eq!(exit(&outcome), Some(Kind::Stuck));
}

#[tokio::test]
async fn a_cluster_on_the_target_is_gated_and_not_changed() {
    let port = Scripted::default();
    let outcome = run_from(&port, Action::Nothing, OnFailure::Halt, &[]).await;
    assert_eq!((outcome.state, outcome.revision), (ClusterState::Promoted, Some(1)));
    assert!(port.has("gate") && !port.has("change"));
}

#[tokio::test]
async fn a_killed_change_is_found_again_or_made_again() {
    for (recovered, made_again) in [(Recovered::Written(2), false), (Recovered::Again, true)] {
        let killed = Scripted { fail_at: Some(8), ..Scripted::default() };
        assert_eq!(run(&killed, OnFailure::Halt).await.state, ClusterState::Changing);
        let port = Scripted { recovered, ..Scripted::default() };
        let outcome = run_from(&port, Action::Upgrade, OnFailure::Halt, &killed.recorded()).await;
        assert_eq!((outcome.state, outcome.revision), (ClusterState::Promoted, Some(2)));
        assert_eq!(port.has("change"), made_again);
    }
}
