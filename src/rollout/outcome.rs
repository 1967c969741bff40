//! How a run ended: per cluster, and as a whole.

use serde::{Deserialize, Serialize};

use crate::certmanager::reissue::counted::ReissuedCount;
use crate::failure::{Failure, Kind};
use crate::gate::{Cause, GateOutcome};
use crate::plan::{Action, ClusterPlan, PlannedChart};

use super::state::ClusterState;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The run's id, unique.
    pub run: String,
    /// The chart that was rolled out; absent for a rollback.
    pub chart: Option<PlannedChart>,
    /// Every selected cluster in order; those after a failure are `pending`.
    pub clusters: Vec<ClusterOutcome>,
    /// What was issued again without a reason of its own, on all clusters together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reissued: Option<ReissuedCount>,
}

/// What the gates of these clusters counted, together.
pub(super) fn reissued(clusters: &[ClusterOutcome]) -> Option<ReissuedCount> {
    let gates = clusters.iter().filter_map(|cluster| cluster.gates.as_ref());
    ReissuedCount::sum(gates.filter_map(|gates| gates.reissued.as_ref()))
}

/// How a run ended on one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterOutcome {
    /// The cluster's name.
    pub cluster: String,
    /// What was to be done.
    pub action: Action,
    /// The state in which the run left it.
    pub state: ClusterState,
    /// The chart version before.
    pub from: Option<String>,
    /// The chart version that was wanted.
    pub to: String,
    /// The newest revision that this run wrote or confirmed.
    pub revision: Option<u32>,
    /// What the gates said last about the wanted version.
    pub gates: Option<GateOutcome>,
    /// What the gates said after a rollback.
    pub regates: Option<GateOutcome>,
    /// The first cause of a failure, in one line.
    pub first_cause: Option<String>,
    /// Where the cause of a change that could not be made lies.
    #[serde(default)]
    pub blame: Option<Cause>,
    /// The revision that a rollback returns to.
    #[serde(default)]
    pub returning_to: Option<u32>,
    /// Why the cluster was left as it is, or how the rollback went.
    pub reaction: Option<String>,
    /// Files with the evidence, relative to the run's directory.
    pub evidence: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The signal that stopped the run here.
    pub interrupted: Option<i32>,
    /// The lock is not ours: somebody else holds it, or took it away.
    pub locked: bool,
}

impl Outcome {
    /// The outcome of a run over these clusters.
    pub fn of(run: &str, chart: Option<PlannedChart>, clusters: Vec<ClusterOutcome>) -> Self {
        let reissued = reissued(&clusters);
        Self { run: run.to_owned(), chart, clusters, reissued }
    }

    /// What ends the program, if anything went wrong.
    pub fn failure_kind(&self) -> Option<Kind> {
        let touched_before = |index: usize| {
            self.clusters[..index]
                .iter()
                .any(|cluster| cluster.action != Action::Nothing && cluster.state.is_touched())
        };
        self.clusters
            .iter()
            .enumerate()
            .find_map(|(index, cluster)| cluster.failure_kind(touched_before(index)))
    }

    /// The failure that ends the program: the first cause is its first line.
    pub fn failure(&self) -> Option<Failure> {
        let kind = self.failure_kind()?;
        let cluster = self.clusters.iter().find(|cluster| cluster.failure_kind(true).is_some())?;
        let stopped = || format!("the run stopped: {}", cluster.state.word());
        let cause = match cluster.interrupted {
            Some(signal) => format!("interrupted by signal {signal}"),
            None => cluster.first_cause.clone().unwrap_or_else(stopped),
        };
        let failure = Failure::new(kind, format!("{}: {cause}", cluster.cluster));
        Some(cluster.hints().into_iter().fold(failure, Failure::hint))
    }
}

impl ClusterOutcome {
    /// A cluster that the run has not touched yet.
    pub fn untouched(plan: &ClusterPlan) -> Self {
        Self {
            cluster: plan.cluster.clone(),
            action: plan.action,
            state: ClusterState::Pending,
            from: plan.from.clone(),
            to: plan.to.clone(),
            revision: None,
            gates: None,
            regates: None,
            first_cause: None,
            blame: None,
            returning_to: None,
            reaction: None,
            evidence: Vec::new(),
            seconds: 0.0,
            interrupted: None,
            locked: false,
        }
    }

    /// `changed_before`: an earlier cluster of the same run was changed.
    fn failure_kind(&self, changed_before: bool) -> Option<Kind> {
        if let Some(signal) = self.interrupted {
            return Some(Kind::Interrupted(signal));
        }
        if self.locked {
            return Some(Kind::Locked);
        }
        let is_rollback = self.action == Action::Rollback;
        match self.state {
            ClusterState::Promoted => None,
            // A rollback that failed is what a person has to look at, whoever began it.
            ClusterState::Halted | ClusterState::Failed | ClusterState::Changing if is_rollback => {
                Some(Kind::Stuck)
            }
            ClusterState::RolledBack => Some(Kind::RolledBack),
            ClusterState::Stuck | ClusterState::RollingBack | ClusterState::Regating => Some(Kind::Stuck),
            ClusterState::Halted | ClusterState::Failed | ClusterState::Changing | ClusterState::Gating => {
                Some(Kind::Halted)
            }
            ClusterState::Pending | ClusterState::Locked | ClusterState::Ready
                if self.first_cause.is_none() =>
            {
                None
            }
            ClusterState::Pending | ClusterState::Locked | ClusterState::Ready if changed_before => {
                Some(Kind::Halted)
            }
            ClusterState::Pending | ClusterState::Locked | ClusterState::Ready => Some(Kind::Refused),
        }
    }

    fn hints(&self) -> Vec<String> {
        let name = &self.cluster;
        let resume = || format!("what was done is recorded: `release resume --cluster {name}` continues");
        let person = || format!("a person must look at {name} before anything else is changed there");
        let again = || {
            format!(
                "`release gate --cluster {name}` judges again, `release rollback --cluster {name}` returns to the \
                 last good revision"
            )
        };
        let own = match (self.interrupted, self.state) {
            (Some(_), _) => Some(resume()),
            (None, _) if self.locked => None,
            (None, ClusterState::Halted) if self.action == Action::Rollback => Some(person()),
            (None, ClusterState::Halted) if self.action != Action::Nothing => Some(again()),
            (None, ClusterState::Stuck) => Some(person()),
            (None, state) if state.is_touched() && !state.is_final() && self.reaction.is_none() => {
                Some(resume())
            }
            (None, _) => None,
        };
        self.reaction.iter().cloned().chain(own).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(state: ClusterState) -> ClusterOutcome {
        ClusterOutcome {
            cluster: "eks-development-1".to_owned(),
            action: Action::Upgrade,
            state,
            from: None,
            to: "1.0.0".to_owned(),
            revision: None,
            gates: None,
            regates: None,
            first_cause: None,
            blame: None,
            returning_to: None,
            reaction: None,
            evidence: Vec::new(),
            seconds: 0.0,
            interrupted: None,
            locked: false,
        }
    }

    fn kind(clusters: Vec<ClusterOutcome>) -> Option<Kind> {
        Outcome::of("r", None, clusters).failure_kind()
    }

    #[test]
    fn the_first_cluster_that_failed_decides() {
        let refused =
            || ClusterOutcome { first_cause: Some("no".to_owned()), ..cluster(ClusterState::Locked) };
        let promoted = || cluster(ClusterState::Promoted);
        let table = [
            (vec![promoted(), promoted()], None),
            (vec![cluster(ClusterState::RolledBack), cluster(ClusterState::Pending)], Some(Kind::RolledBack)),
            (vec![promoted(), cluster(ClusterState::Halted)], Some(Kind::Halted)),
            (vec![cluster(ClusterState::Stuck)], Some(Kind::Stuck)),
            (vec![ClusterOutcome { locked: true, ..refused() }], Some(Kind::Locked)),
            (
                vec![ClusterOutcome { interrupted: Some(15), ..cluster(ClusterState::Gating) }],
                Some(Kind::Interrupted(15)),
            ),
            (vec![refused()], Some(Kind::Refused)),
            (vec![promoted(), refused()], Some(Kind::Halted)),
            (vec![ClusterOutcome { action: Action::Nothing, ..promoted() }, refused()], Some(Kind::Refused)),
        ];
        for (row, (clusters, expected)) in table.into_iter().enumerate() {
            assert_eq!(kind(clusters), expected, "row {row}");
        }
    }
}
