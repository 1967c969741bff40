//! The clusters of a plan, strictly one after the other; the first that does not end well stops the rest.

use std::time::Duration;

use async_trait::async_trait;

use crate::config::OnFailure;
use crate::plan::{ClusterPlan, Plan};

use super::execute::{ClusterPort, ClusterRun};
use super::interrupt::Interrupt;
use super::{ClusterOutcome, ClusterState, Observer};

/// What a run over several clusters needs to know beside its plan.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// The cluster's site.
    async fn site(&self, plan: &ClusterPlan) -> Box<dyn ClusterPort>;
    /// How long to wait after the last cluster of a wave.
    fn soak(&self, wave: &str) -> Duration;
}

/// Runs the plan; answers one outcome for each cluster, those that were never reached as pending.
pub async fn run(
    plan: &Plan,
    fleet: &dyn Fleet,
    on_failure: OnFailure,
    observer: &dyn Observer,
    interrupt: &Interrupt,
) -> Vec<ClusterOutcome> {
    let mut outcomes: Vec<ClusterOutcome> = Vec::with_capacity(plan.clusters.len());
    for (index, cluster) in plan.clusters.iter().enumerate() {
        let soak = index
            .checked_sub(1)
            .map_or(Duration::ZERO, |before| soak_between(&plan.clusters[before], cluster, fleet));
        if !wait(soak, cluster, observer, interrupt).await {
            outcomes.push(ClusterOutcome {
                interrupted: interrupt.received(),
                ..ClusterOutcome::untouched(cluster)
            });
            break;
        }
        let site = fleet.site(cluster).await;
        let outcome = ClusterRun::new(site.as_ref(), cluster, on_failure, observer, interrupt).run().await;
        let promoted = outcome.state == ClusterState::Promoted && outcome.interrupted.is_none();
        outcomes.push(outcome);
        if !promoted {
            break;
        }
    }
    let reached = outcomes.len();
    outcomes.extend(plan.clusters[reached..].iter().map(ClusterOutcome::untouched));
    outcomes
}

/// The soak of a wave counts when the next cluster is in another wave.
fn soak_between(before: &ClusterPlan, next: &ClusterPlan, fleet: &dyn Fleet) -> Duration {
    match &before.wave {
        Some(wave) if before.wave != next.wave => fleet.soak(wave),
        Some(_) | None => Duration::ZERO,
    }
}

/// Waits; false when a signal ended it.
async fn wait(soak: Duration, next: &ClusterPlan, observer: &dyn Observer, interrupt: &Interrupt) -> bool {
    if interrupt.received().is_some() {
        return false;
    }
    if soak.is_zero() {
        return true;
    }
    observer.note(&next.cluster, &format!("soaking for {} s before this cluster", soak.as_secs()));
    tokio::select! {
        () = tokio::time::sleep(soak) => true,
        _ = interrupt.wait() => false,
    }
}
