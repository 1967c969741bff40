//! Waits for what comes of moves.

use std::time::Duration;

use kube::Api;
use tokio::time::{Instant, sleep};

use crate::certmanager::repair::moves::Before;
use crate::certmanager::repair::progress::{Progressed, progressed};
use crate::certmanager::resources::Certificate;
use crate::cluster::Cluster;
use crate::plan::repair::{ClusterRepair, RepairOutcome, RepairResult};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// All that a Certificate is to come of.
pub(super) async fn all(cluster: &Cluster, done: &mut ClusterRepair, timeout: Duration) {
    results(cluster, &mut done.repairs, &|_| true, timeout).await;
}

/// Those of `among`, by their place, that have no result yet.
pub(super) async fn results(
    cluster: &Cluster,
    repairs: &mut [RepairOutcome],
    among: &(dyn Fn(usize) -> bool + Sync),
    timeout: Duration,
) {
    let begun = Instant::now();
    loop {
        let mut open = 0;
        for (_, one) in repairs.iter_mut().enumerate().filter(|(place, one)| among(*place) && awaited(one)) {
            one.result = result(cluster, one).await;
            if one.result.is_none() && begun.elapsed() >= timeout {
                one.result = Some(RepairResult::UnderWay { seconds: timeout.as_secs() });
            }
            open += usize::from(one.result.is_none());
        }
        if open == 0 {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}

fn awaited(one: &RepairOutcome) -> bool {
    one.repair.planned.is_awaited() && one.result.is_none()
}

/// An API server that does not answer now is asked again.
async fn result(cluster: &Cluster, one: &RepairOutcome) -> Option<RepairResult> {
    let Before { namespace, name, .. } = one.repair.before.as_ref()?;
    let read = Api::<Certificate>::namespaced(cluster.client.clone(), namespace).get_opt(name).await;
    match progressed(one.repair.before.as_ref()?, read.ok()?.as_ref()) {
        Progressed::Running => None,
        Progressed::Issued(revision) => Some(RepairResult::Issued { revision }),
        Progressed::FailedAgain(message) => Some(RepairResult::FailedAgain { message }),
        Progressed::Gone => {
            Some(RepairResult::Changed { message: "the Certificate was deleted meanwhile".to_owned() })
        }
    }
}
