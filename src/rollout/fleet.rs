//! The clusters of a plan, strictly one after the other; the first that does not end well stops the rest.

use std::time::Duration;

use async_trait::async_trait;

use crate::certmanager::reissue::budget::ReissueBudget;
use crate::failure::{Failure, Kind};
use crate::plan::{ClusterPlan, Plan};

use super::cluster_run::ClusterRun;
use super::interrupt::Interrupt;
use super::outcome::reissued;
use super::port::ClusterPort;
use super::{ClusterOutcome, ClusterState, Observer};

/// What a run over several clusters needs to know beside its plan.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// The cluster as a run meets it. Where `left` is not `Pending` it is taken up, and its lock is ours then.
    async fn port(&self, plan: &ClusterPlan, left: &ClusterOutcome) -> Result<Box<dyn ClusterPort>, Failure>;
    /// How long the waves before this cluster still have to stand.
    async fn soak_left(&self, next: &ClusterPlan) -> Result<Duration, Failure>;
    /// Judges the clusters of those waves once more, after their soak; what broke in it is the failure.
    async fn judge_soaked(&self, next: &ClusterPlan) -> Result<(), Failure>;
}

/// A run over a fleet.
pub struct FleetRun<'a> {
    /// What is done.
    pub plan: &'a Plan,
    /// What it is done with.
    pub fleet: &'a dyn Fleet,
    /// Who watches.
    pub observer: &'a dyn Observer,
    /// Whether it shall stop.
    pub interrupt: &'a Interrupt,
}

impl FleetRun<'_> {
    /// Runs the plan from where `left` says that its clusters are, in the plan's order; answers how they are then.
    pub async fn run(&self, left: Vec<ClusterOutcome>) -> Vec<ClusterOutcome> {
        let mut outcomes = left;
        for (index, cluster) in self.plan.clusters.iter().enumerate() {
            let begins_wave = index == 0 || self.plan.clusters[index - 1].wave != cluster.wave;
            if let Some(told) = self.too_many_reissued(&outcomes, index) {
                outcomes[index].stop(&told);
                break;
            }
            self.one(cluster, begins_wave, &mut outcomes[index]).await;
            if !is_proven(&outcomes[index]) {
                break;
            }
        }
        outcomes
    }

    /// Each cluster may be within what is allowed, and a CA counts them all.
    fn too_many_reissued(&self, outcomes: &[ClusterOutcome], next: usize) -> Option<Failure> {
        let budget = ReissueBudget(self.plan.terms.gates.max_reissue);
        let sum = reissued(outcomes).filter(|sum| sum.is_over(budget))?;
        (outcomes[next].state == ClusterState::Pending).then(|| {
            let told = format!(
                "the clusters before have issued again {sum} without a reason of their own, together more than is allowed: {}",
                budget.words()
            );
            Failure::new(Kind::Halted, told)
                .hint("the report says which and why; where the CA may issue more, a new run goes on with the clusters that are left")
        })
    }

    async fn one(&self, cluster: &ClusterPlan, begins_wave: bool, outcome: &mut ClusterOutcome) {
        if outcome.state.is_final() {
            return;
        }
        if let Some(signal) = self.interrupt.received() {
            return outcome.interrupt(signal);
        }
        if begins_wave
            && outcome.state == ClusterState::Pending
            && let Err(stopped) = self.soak(cluster).await
        {
            return stopped.end(outcome);
        }
        match self.unless_interrupted(self.fleet.port(cluster, outcome)).await {
            Ok(port) => {
                let left = outcome.clone().taken_up();
                let Self { plan, observer, interrupt, .. } = *self;
                let run = ClusterRun::new(port.as_ref(), cluster, &plan.terms, observer, interrupt, left);
                *outcome = run.run().await;
            }
            Err(stopped) => stopped.end(outcome),
        }
    }

    /// Waits until the waves before have stood for as long as they have to, then has them judged again.
    async fn soak(&self, next: &ClusterPlan) -> Result<(), Stopped> {
        let left = self.unless_interrupted(self.fleet.soak_left(next)).await?;
        if left.is_zero() {
            return Ok(());
        }
        self.observer.note(&next.cluster, &format!("soaking for {} s before this cluster", left.as_secs()));
        let waited = async {
            tokio::time::sleep(left).await;
            Ok(())
        };
        self.unless_interrupted(waited).await?;
        self.unless_interrupted(self.fleet.judge_soaked(next)).await
    }

    async fn unless_interrupted<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Stopped> {
        self.interrupt.or(work).await.map_err(Stopped::Signal)?.map_err(Stopped::Failure)
    }
}

/// Why the loop does not come to a cluster.
enum Stopped {
    Signal(i32),
    Failure(Failure),
}

impl Stopped {
    fn end(self, outcome: &mut ClusterOutcome) {
        match self {
            Stopped::Signal(signal) => outcome.interrupt(signal),
            Stopped::Failure(failure) => outcome.stop(&failure),
        }
    }
}

/// Only a cluster that is proven lets the run go on.
fn is_proven(outcome: &ClusterOutcome) -> bool {
    outcome.state == ClusterState::Promoted && outcome.interrupted.is_none() && !outcome.locked
}
