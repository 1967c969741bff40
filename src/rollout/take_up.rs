//! Which run is taken up, and where it stands: from the journals that it left in the clusters. Pure.

use std::fmt;

use crate::evidence::journal::Journal;
use crate::plan::Plan;

use super::fold::replay;
use super::outcome::ClusterOutcome;
use super::state::{ClusterState, IllegalTransition};

/// A run that is taken up.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenUp {
    /// Its id.
    pub run: String,
    /// What it does.
    pub plan: Plan,
    /// Where each of its clusters stands, in the plan's order.
    pub left: Vec<ClusterOutcome>,
}

/// Why nothing can be taken up.
#[derive(Debug, Clone, PartialEq)]
pub enum NoRun {
    /// No run has planned any of these clusters.
    None,
    /// A later run was there.
    Overtaken {
        /// The run that was to be taken up.
        run: String,
        /// The cluster where the later one was.
        cluster: String,
        /// The later run.
        by: String,
    },
    /// A journal that was edited, or a defect.
    Illegal {
        /// Its cluster.
        cluster: String,
        /// What is wrong.
        error: IllegalTransition,
    },
}

impl fmt::Display for NoRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "no run has left a journal there"),
            Self::Overtaken { run, cluster, by } => {
                write!(f, "run {run} cannot go on: run {by} was on {cluster} after it")
            }
            Self::Illegal { cluster, error } => {
                write!(f, "the journal of {cluster} cannot be followed: {error}")
            }
        }
    }
}

impl TakenUp {
    /// Whether every cluster is where the run wanted it.
    pub fn is_done(&self) -> bool {
        self.left.iter().all(|cluster| cluster.state == ClusterState::Promoted)
    }
}

/// The newest run that has planned one of `selected`, from the journals of all clusters that could be read.
pub fn take_up(journals: &[Journal], selected: &[&str]) -> Result<TakenUp, NoRun> {
    let plans = |journal: &&Journal| selected.iter().any(|name| journal.plan.cluster(name).is_some());
    let newest = journals.iter().filter(plans).max_by_key(|journal| (journal.started, &journal.run));
    let newest = newest.ok_or(NoRun::None)?;
    let is_own = |journal: &Journal| journal.run == newest.run && journal.plan_digest == newest.plan_digest;
    let own = || journals.iter().filter(|journal| is_own(journal));
    // Where it did not fit, a journal has its own cluster only.
    let whole = own().max_by_key(|journal| journal.plan.clusters.len()).unwrap_or(newest);
    let started = own().map(|journal| journal.started).min().unwrap_or(newest.started);
    let left = whole.plan.clusters.iter().map(|plan| {
        let journal = journals.iter().find(|journal| journal.cluster == plan.cluster);
        match journal {
            Some(journal) if is_own(journal) => {
                let cluster = plan.cluster.clone();
                replay(plan, &journal.records).map_err(|error| NoRun::Illegal { cluster, error })
            }
            Some(journal) if journal.started > started => Err(NoRun::Overtaken {
                run: newest.run.clone(),
                cluster: plan.cluster.clone(),
                by: journal.run.clone(),
            }),
            Some(_) | None => Ok(ClusterOutcome::untouched(plan)),
        }
    });
    let left = left.collect::<Result<Vec<_>, NoRun>>()?;
    Ok(TakenUp { run: newest.run.clone(), plan: whole.plan.clone(), left })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::config::OnFailure;
    use crate::evidence::event::{Event, Record};
    use crate::plan::{self, Action, fixtures};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn two() -> Plan {
        let one = |name| fixtures::cluster(name, None, Action::Upgrade);
        fixtures::plan(vec![one("a"), one("b")], OnFailure::Halt)
    }

    fn journal(run: &str, cluster: &str, started: i64, events: Vec<Event>) -> Journal {
        let record = |event| Record { at: at(started), cluster: cluster.to_owned(), event };
        Journal {
            format: plan::FORMAT,
            run: run.to_owned(),
            holder: "ci@runner".to_owned(),
            process: "p".to_owned(),
            run_url: None,
            started: at(started),
            cluster: cluster.to_owned(),
            plan_digest: two().digest(),
            plan: two(),
            baseline: None,
            rollback_baseline: None,
            records: events.into_iter().map(record).collect(),
        }
    }

    fn proven() -> Vec<Event> {
        vec![Event::Locked, Event::ProvenEarlier { revision: 1 }]
    }

    fn states(taken_up: &TakenUp) -> Vec<ClusterState> {
        taken_up.left.iter().map(|left| left.state).collect()
    }

    #[test]
    fn a_cluster_that_the_run_never_reached_is_found_through_the_one_before() {
        let journals = [journal("r1", "a", 10, proven()), journal("r0", "b", 5, proven())];
        let found = take_up(&journals, &["b"]).unwrap();
        assert_eq!((found.run.as_str(), found.is_done()), ("r1", false));
        assert_eq!(states(&found), [ClusterState::Promoted, ClusterState::Pending]);
    }

    #[test]
    fn the_newest_run_is_taken_up_and_one_that_was_overtaken_is_not() {
        let mut later = journal("r2", "b", 20, vec![Event::Locked]);
        later.plan.clusters.remove(0);
        let journals = [journal("r1", "a", 10, vec![Event::Locked]), later];
        assert_eq!(take_up(&journals, &["a"]).unwrap_err(), overtaken("r1", "b", "r2"));
        assert_eq!(take_up(&journals, &["b"]).unwrap().run, "r2");
        let journals = [journal("r1", "a", 10, vec![Event::Locked])];
        assert_eq!(
            states(&take_up(&journals, &["a"]).unwrap()),
            [ClusterState::Locked, ClusterState::Pending]
        );
        assert_eq!(take_up(&journals, &["c"]).unwrap_err(), NoRun::None);
        assert_eq!(take_up(&[], &["a"]).unwrap_err(), NoRun::None);
    }

    fn overtaken(run: &str, cluster: &str, by: &str) -> NoRun {
        NoRun::Overtaken { run: run.to_owned(), cluster: cluster.to_owned(), by: by.to_owned() }
    }

    #[test]
    fn a_journal_that_was_edited_is_named() {
        let journals = [journal("r1", "a", 10, vec![Event::Changed { revision: 2 }])];
        let NoRun::Illegal { cluster, .. } = take_up(&journals, &["a"]).unwrap_err() else { panic!("legal") };
        assert_eq!(cluster, "a");
    }
}
