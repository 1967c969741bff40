//! The loop over clusters: it goes on to the next one only when it has proven the one before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use release::certmanager::domains::Domains;
use release::certmanager::reissue::counted::ReissuedCount;
use release::failure::{Failure, Kind};
use release::gate::{Cause, GateOutcome, Verdict};
use release::plan::{Action, ClusterPlan, Plan};
use release::rollout::fleet::{Fleet, FleetRun};
use release::rollout::interrupt::Interrupt;
use release::rollout::port::ClusterPort;
use release::rollout::{ClusterOutcome, ClusterState, Outcome};
use tokio::sync::watch;

use crate::support::plans::{cluster, plan};
use crate::support::scripted::{Scripted, Silent, judged};

/// Clusters that follow scripts; what is asked of the fleet is written down.
#[derive(Default)]
struct ScriptedFleet {
    /// Clusters whose gates fail.
    broken: Vec<&'static str>,
    /// So many Certificates are issued again on every cluster, of a hundred.
    reissued: usize,
    /// What is left of the soak before a cluster.
    soaks: BTreeMap<&'static str, Duration>,
    /// What broke in a soak, by the cluster that waits for it.
    broke: BTreeMap<&'static str, &'static str>,
    asked: Mutex<Vec<String>>,
}

impl ScriptedFleet {
    fn ask(&self, what: &str, cluster: &ClusterPlan) {
        self.asked.lock().unwrap().push(format!("{what} {}", cluster.cluster));
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Fleet for ScriptedFleet {
    async fn port(
        &self,
        plan: &ClusterPlan,
        _left: &ClusterOutcome,
    ) -> Result<Box<dyn ClusterPort>, Failure> {
        self.ask("run", plan);
        let broken = self.broken.contains(&plan.cluster.as_str());
        let verdict = if broken { Verdict::Failed } else { Verdict::Passed };
        let domains = Domains::of(std::iter::repeat_n("a.example.com", self.reissued));
        let reissued = ReissuedCount { certificates: self.reissued, of: 100, domains };
        let changed = GateOutcome { reissued: Some(reissued), ..judged(verdict, Cause::Release) };
        Ok(Box::new(Scripted { changed, ..Scripted::default() }))
    }

    async fn soak_left(&self, next: &ClusterPlan) -> Result<Duration, Failure> {
        self.ask("soak", next);
        Ok(self.soaks.get(next.cluster.as_str()).copied().unwrap_or_default())
    }

    async fn judge_soaked(&self, next: &ClusterPlan) -> Result<(), Failure> {
        self.ask("judge before", next);
        let broke = self.broke.get(next.cluster.as_str());
        broke.map_or(Ok(()), |why| Err(Failure::new(Kind::Halted, *why)))
    }
}

/// Two clusters of staging, then one of production.
fn three() -> Plan {
    let one = |name, wave| cluster(name, Some(wave), Action::Upgrade);
    plan(vec![one("a", "staging"), one("b", "staging"), one("c", "production")])
}

fn untouched(plan: &Plan) -> Vec<ClusterOutcome> {
    plan.clusters.iter().map(ClusterOutcome::untouched).collect()
}

async fn run(fleet: &ScriptedFleet, interrupt: &Interrupt, left: Vec<ClusterOutcome>) -> Outcome {
    let plan = three();
    let run = FleetRun { plan: &plan, fleet, observer: &Silent, interrupt };
    Outcome::of("r", None, run.run(left).await)
}

fn states(outcome: &Outcome) -> Vec<ClusterState> {
    outcome.clusters.iter().map(|cluster| cluster.state).collect()
}

#[tokio::test]
async fn clusters_come_in_order_and_the_soak_is_asked_for_where_a_wave_begins() {
    let fleet = ScriptedFleet::default();
    let outcome = run(&fleet, &Interrupt::never(), untouched(&three())).await;
    assert_eq!(states(&outcome), [ClusterState::Promoted; 3]);
    assert_eq!(fleet.asked(), ["soak a", "run a", "run b", "soak c", "run c"]);
}

#[tokio::test]
async fn the_first_cluster_that_is_not_proven_stops_the_rest() {
    let table = [("a", 1, vec![ClusterState::Pending; 2]), ("b", 2, vec![ClusterState::Pending])];
    for (broken, reached, rest) in table {
        let fleet = ScriptedFleet { broken: vec![broken], ..ScriptedFleet::default() };
        let outcome = run(&fleet, &Interrupt::never(), untouched(&three())).await;
        assert_eq!(states(&outcome)[reached - 1], ClusterState::Halted);
        assert_eq!(states(&outcome)[reached..], rest, "{broken}");
        assert_eq!(outcome.failure_kind(), Some(Kind::Halted));
        assert_eq!(fleet.asked().iter().filter(|asked| asked.starts_with("run")).count(), reached);
    }
}

#[tokio::test]
async fn clusters_that_issue_too_much_again_together_stop_the_rest() {
    // Without `max-reissue` one is allowed, of a hundred.
    for (reissued, reached, sum) in
        [(0, 3, None), (1, 2, Some("2 of 200 Certificates; names: 2 of example.com"))]
    {
        let fleet = ScriptedFleet { reissued, ..ScriptedFleet::default() };
        let outcome = run(&fleet, &Interrupt::never(), untouched(&three())).await;
        assert_eq!(states(&outcome)[..reached], vec![ClusterState::Promoted; reached][..]);
        assert_eq!(outcome.reissued.as_ref().map(ToString::to_string).as_deref(), sum);
        if let Some(sum) = sum {
            let stopped = &outcome.clusters[reached];
            assert_eq!((stopped.state, outcome.failure_kind()), (ClusterState::Pending, Some(Kind::Halted)));
            let cause = stopped.first_cause.as_ref().unwrap();
            assert!(cause.contains(sum) && cause.contains("without `gates.max-reissue`"), "{cause}");
            let again = run(&ScriptedFleet::default(), &Interrupt::never(), outcome.clusters.clone()).await;
            assert_eq!(states(&again)[reached], ClusterState::Pending, "also when it is taken up");
        }
    }
}

#[tokio::test]
async fn a_wave_soaks_and_is_judged_again_before_the_next_one() {
    let soak = Duration::from_millis(200);
    let fleet = ScriptedFleet { soaks: [("c", soak)].into(), ..ScriptedFleet::default() };
    let begun = tokio::time::Instant::now();
    let outcome = run(&fleet, &Interrupt::never(), untouched(&three())).await;
    assert_eq!(states(&outcome), [ClusterState::Promoted; 3]);
    assert!(begun.elapsed() >= soak);
    assert_eq!(fleet.asked(), ["soak a", "run a", "run b", "soak c", "judge before c", "run c"]);
}

#[tokio::test]
async fn what_breaks_in_the_soak_stops_the_run() {
    let soaks = [("c", Duration::from_millis(10))].into();
    let broke = [("c", "a broke in its soak")].into();
    let fleet = ScriptedFleet { soaks, broke, ..ScriptedFleet::default() };
    let outcome = run(&fleet, &Interrupt::never(), untouched(&three())).await;
    assert_eq!(states(&outcome)[2], ClusterState::Pending);
    assert_eq!(outcome.failure_kind(), Some(Kind::Halted));
    assert_eq!(outcome.clusters[2].first_cause.as_deref(), Some("a broke in its soak"));
    assert!(!fleet.asked().contains(&"run c".to_owned()));
}

#[tokio::test]
async fn a_signal_in_the_soak_ends_it_and_the_rest_is_left_for_resume() {
    let (sender, receiver) = watch::channel(None);
    let sender = Arc::new(sender);
    let later = sender.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        later.send_replace(Some(15));
    });
    let fleet = ScriptedFleet { soaks: [("c", Duration::from_hours(1))].into(), ..ScriptedFleet::default() };
    let outcome = run(&fleet, &Interrupt::from(receiver), untouched(&three())).await;
    assert_eq!(states(&outcome)[2], ClusterState::Pending);
    assert_eq!(outcome.failure_kind(), Some(Kind::Interrupted(15)));
    // What is left is taken up where it stands.
    let fleet = ScriptedFleet::default();
    let left = outcome.clusters.into_iter().map(ClusterOutcome::taken_up).collect();
    let outcome = run(&fleet, &Interrupt::never(), left).await;
    assert_eq!(states(&outcome), [ClusterState::Promoted; 3]);
    assert_eq!(fleet.asked(), ["soak c", "run c"]);
}

#[tokio::test]
async fn a_run_that_ended_badly_ends_so_again_and_touches_nothing() {
    let mut left = untouched(&three());
    left[0].state = ClusterState::Halted;
    let fleet = ScriptedFleet::default();
    let outcome = run(&fleet, &Interrupt::never(), left).await;
    assert_eq!((outcome.failure_kind(), fleet.asked()), (Some(Kind::Halted), vec![]));
}
