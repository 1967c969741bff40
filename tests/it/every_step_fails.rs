//! Every step of a run fails in turn: the run stops there, says so, gives the lock back, and the journal
//! replays to the state it ended in.

use std::sync::Mutex;

use async_trait::async_trait;
use release::config::OnFailure;
use release::evidence::event::{Event, Record};
use release::failure::{Failure, Kind};
use release::gate::{Cause, Finding, GateOutcome, Verdict};
use release::plan::{Action, ClusterPlan};
use release::rollout::execute::{ClusterPort, ClusterRun, Judged};
use release::rollout::interrupt::Interrupt;
use release::rollout::state::{ClusterState, replay};
use release::rollout::{ClusterOutcome, Observer};

/// A cluster that follows a script: the call with this number fails.
#[derive(Default)]
struct Scripted {
    fail_at: Option<usize>,
    gates: Verdicts,
    recovered: Option<u32>,
    calls: Mutex<Vec<String>>,
    records: Mutex<Vec<Record>>,
    unlocked: Mutex<bool>,
}

struct Verdicts {
    changed: Verdict,
    rolled_back: Verdict,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self { changed: Verdict::Passed, rolled_back: Verdict::Passed }
    }
}

impl Scripted {
    fn call(&self, name: &str) -> Result<(), Failure> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(name.to_owned());
        if self.fail_at == Some(calls.len()) {
            Err(Failure::refused(format!("{name} broke")))
        } else {
            Ok(())
        }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

fn outcome(verdict: Verdict) -> GateOutcome {
    let cause = Finding::failed("Pod cert-manager/x", "CrashLoopBackOff", Cause::Release);
    GateOutcome {
        verdict,
        reports: Vec::new(),
        first_cause: (verdict != Verdict::Passed).then_some(cause),
        acme_proven: false,
    }
}

#[async_trait]
impl ClusterPort for Scripted {
    async fn lock(&self) -> Result<(), Failure> {
        self.call("lock")
    }
    async fn baseline(&self) -> Result<Vec<String>, Failure> {
        self.call("baseline").map(|()| Vec::new())
    }
    async fn change(&self) -> Result<u32, Failure> {
        self.call("change").map(|()| 2)
    }
    async fn recover(&self) -> Result<Option<u32>, Failure> {
        self.call("recover").map(|()| self.recovered)
    }
    async fn proven(&self) -> Result<bool, Failure> {
        self.call("proven").map(|()| false)
    }
    async fn gate(&self, judged: Judged) -> Result<GateOutcome, Failure> {
        self.call("gate")?;
        Ok(outcome(if matches!(judged, Judged::RolledBack(_)) {
            self.gates.rolled_back
        } else {
            self.gates.changed
        }))
    }
    async fn capture(&self) -> Vec<String> {
        Vec::new()
    }
    async fn mark_failed(&self, _revision: u32, _why: &str) -> Result<(), Failure> {
        self.call("mark_failed")
    }
    async fn rollback_target(&self) -> Result<Option<u32>, Failure> {
        Ok(Some(1))
    }
    async fn rollback(&self, _to_revision: u32) -> Result<u32, Failure> {
        self.call("rollback").map(|()| 3)
    }
    async fn record(&self, record: &Record) -> Result<(), Failure> {
        self.call(&format!("record {}", record.event.name()))?;
        self.records.lock().unwrap().push(record.clone());
        Ok(())
    }
    async fn unlock(&self) {
        *self.unlocked.lock().unwrap() = true;
    }
}

struct Silent;

impl Observer for Silent {
    fn event(&self, _cluster: &str, _state: ClusterState, _event: &Event) {}
    fn gate(&self, _cluster: &str, _gate: &str, _verdict: Verdict, _message: &str) {}
    fn note(&self, _cluster: &str, _text: &str) {}
}

fn plan(action: Action) -> ClusterPlan {
    ClusterPlan {
        cluster: "eks-development-1".to_owned(),
        server: "https://localhost".to_owned(),
        wave: None,
        release: "cert-manager/cert-manager".to_owned(),
        action,
        base_revision: 1,
        from: Some("v1.10.2".to_owned()),
        to: "v1.11.5".to_owned(),
        to_revision: None,
        changes: Vec::new(),
        gates: Vec::new(),
        warnings: Vec::new(),
        rollback_obstacles: Vec::new(),
        values: Vec::new(),
    }
}

async fn run(site: &Scripted, wish: OnFailure) -> ClusterOutcome {
    ClusterRun::new(site, &plan(Action::Upgrade), wish, &Silent, &Interrupt::never()).run().await
}

fn exit(outcome: &ClusterOutcome) -> Option<Kind> {
    release::rollout::Outcome { run: "r".to_owned(), chart: None, clusters: vec![outcome.clone()] }
        .failure_kind()
}

#[tokio::test]
async fn a_healthy_upgrade_goes_through_every_step_in_order() {
    let site = Scripted::default();
    let outcome = run(&site, OnFailure::Halt).await;
    assert_eq!((outcome.state, outcome.revision, exit(&outcome)), (ClusterState::Promoted, Some(2), None));
    assert_eq!(
        site.calls(),
        [
            "lock",
            "record locked",
            "baseline",
            "record baseline-taken",
            "record change-started",
            "change",
            "record changed",
            "gate",
            "record gated",
        ]
    );
}

#[tokio::test]
async fn whichever_call_fails_the_run_stops_and_the_journal_replays_to_its_state() {
    let gates = || Verdicts { changed: Verdict::Failed, rolled_back: Verdict::Passed };
    let whole = Scripted { gates: gates(), ..Scripted::default() };
    let outcome = run(&whole, OnFailure::Rollback).await;
    assert_eq!((outcome.state, exit(&outcome)), (ClusterState::RolledBack, Some(Kind::RolledBack)));
    let calls = whole.calls();
    for broken in 1..=calls.len() {
        let site = Scripted { fail_at: Some(broken), gates: gates(), ..Scripted::default() };
        let outcome = run(&site, OnFailure::Rollback).await;
        let name = &calls[broken - 1];
        let told = format!("{:?} {:?}", outcome.first_cause, outcome.reaction);
        assert!(told.contains("broke"), "{name}: {told}");
        assert!(exit(&outcome).is_some(), "{name} must not end well");
        assert!(*site.unlocked.lock().unwrap(), "{name}: the lock must be given back");
        let records = site.records.lock().unwrap();
        assert_eq!(replay(records.iter().map(|record| &record.event)).unwrap(), outcome.state, "{name}");
        assert!(
            !site.calls()[broken.min(site.calls().len())..].contains(&"change".to_owned()),
            "{name}: nothing is changed after a failure"
        );
    }
}

#[tokio::test]
async fn before_the_change_a_failure_is_a_refusal_and_after_it_a_halt() {
    for (broken, kind) in
        [(1, Kind::Refused), (3, Kind::Refused), (5, Kind::Refused), (7, Kind::Halted), (8, Kind::Halted)]
    {
        let site = Scripted { fail_at: Some(broken), ..Scripted::default() };
        assert_eq!(exit(&run(&site, OnFailure::Halt).await), Some(kind), "call {broken}");
    }
}

#[tokio::test]
async fn a_rollback_that_does_not_heal_needs_a_person() {
    let site = Scripted {
        gates: Verdicts { changed: Verdict::Failed, rolled_back: Verdict::Failed },
        ..Scripted::default()
    };
    let outcome = run(&site, OnFailure::Rollback).await;
    assert_eq!((outcome.state, exit(&outcome)), (ClusterState::Stuck, Some(Kind::Stuck)));
}

#[tokio::test]
async fn an_inconclusive_gate_halts_and_does_not_mark_the_revision() {
    let site = Scripted {
        gates: Verdicts { changed: Verdict::Inconclusive, rolled_back: Verdict::Passed },
        ..Scripted::default()
    };
    let outcome = run(&site, OnFailure::Rollback).await;
    assert_eq!((outcome.state, exit(&outcome)), (ClusterState::Halted, Some(Kind::Halted)));
    assert!(!site.calls().contains(&"mark_failed".to_owned()));
}

#[tokio::test]
async fn a_cluster_on_the_target_is_gated_and_not_changed() {
    let site = Scripted::default();
    let plan = plan(Action::Nothing);
    let outcome = ClusterRun::new(&site, &plan, OnFailure::Halt, &Silent, &Interrupt::never()).run().await;
    assert_eq!((outcome.state, outcome.revision), (ClusterState::Promoted, Some(1)));
    assert!(site.calls().contains(&"gate".to_owned()) && !site.calls().contains(&"change".to_owned()));
}

#[tokio::test]
async fn a_killed_change_is_recovered_or_made_again() {
    for (recovered, made_again) in [(Some(2), false), (None, true)] {
        let site = Scripted { recovered, ..Scripted::default() };
        let plan = plan(Action::Upgrade);
        let interrupt = Interrupt::never();
        let drive = ClusterRun::new(&site, &plan, OnFailure::Halt, &Silent, &interrupt)
            .resume(ClusterState::Changing, None);
        let outcome = drive.run().await;
        assert_eq!((outcome.state, outcome.revision), (ClusterState::Promoted, Some(2)));
        assert_eq!(site.calls().contains(&"change".to_owned()), made_again);
    }
}
