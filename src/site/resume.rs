//! Finds the run that is to be taken up, in the journals that it left in the clusters. Reads only.

use futures::future::join_all;

use crate::config::Settings;
use crate::evidence::journal::Journal;
use crate::failure::{Failure, Kind};
use crate::plan::standing::{Standing, standing};
use crate::rollout::take_up::{NoRun, TakenUp, take_up};
use crate::rollout::{ClusterOutcome, ClusterState};

use super::connect::{self, Connected};
use super::{history, journal_keeper};

/// A run that is to be taken up, with what it was found in.
pub struct Found {
    /// The run.
    pub taken_up: TakenUp,
    /// The journals of all clusters that could be read.
    pub journals: Vec<Journal>,
    /// The clusters that were reached.
    pub connected: Vec<Connected>,
}

/// The newest run that has planned one of the selected clusters. All clusters of `release.yaml` are looked at: a run
/// that was stopped between two clusters has left its journal on the first one only.
pub async fn find(settings: &Settings, tell: &dyn Fn(&str)) -> Result<Found, Failure> {
    let selected: Vec<&str> = settings.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let mut connected = connect::connect(settings).await?;
    let others = settings.fleet.iter().filter(|cluster| !selected.contains(&cluster.name.as_str()));
    let others: Vec<_> = others.cloned().collect();
    connected.extend(connect::reachable(&others, tell).await);
    let journals = journals(settings, &connected, &selected, tell).await?;
    let taken_up = take_up(&journals, &selected).map_err(|no_run| refusal(&no_run, &selected))?;
    for one in &connected {
        still_proven(settings, one, &taken_up).await?;
    }
    Ok(Found { taken_up, journals, connected })
}

/// All journals; on a cluster that was not selected, one that cannot be read is told and left out.
async fn journals(
    settings: &Settings,
    connected: &[Connected],
    selected: &[&str],
    tell: &dyn Fn(&str),
) -> Result<Vec<Journal>, Failure> {
    let release = &settings.chart.release;
    let reads = join_all(connected.iter().map(|one| journal_keeper::read(&one.cluster, release))).await;
    let mut journals = Vec::new();
    for (one, read) in connected.iter().zip(reads) {
        match read {
            Ok(journal) => journals.extend(journal),
            Err(failure) if selected.contains(&one.settings.name.as_str()) => return Err(failure),
            Err(failure) => tell(&format!("left out: {}", failure.chain().join(": "))),
        }
    }
    Ok(journals)
}

/// A cluster that was proven and has been changed since is not on the target any more.
async fn still_proven(settings: &Settings, one: &Connected, taken_up: &TakenUp) -> Result<(), Failure> {
    let TakenUp { run, plan, left } = taken_up;
    let proven =
        |left: &&ClusterOutcome| left.cluster == one.settings.name && left.state == ClusterState::Promoted;
    let (Some(revision), Some(plan)) =
        (left.iter().find(proven).and_then(|left| left.revision), plan.cluster(&one.settings.name))
    else {
        return Ok(());
    };
    let history = history::seen(&history::read(&one.cluster, &settings.chart.release).await?);
    match standing(&history, revision, false, run) {
        Standing::AsPlanned => Ok(()),
        Standing::Foreign(foreign) => {
            let failure = history::refusal(plan, revision, &foreign);
            let told = format!("{}: {}", plan.cluster, failure.chain().join(": "));
            let hints = failure.hints().iter().cloned();
            Err(hints.fold(Failure::new(failure.kind(), told), Failure::hint))
        }
        Standing::Written(seen) => Err(Failure::new(
            Kind::Halted,
            format!(
                "{}: proven was revision {revision}, the run wrote {} after it",
                plan.cluster, seen.revision
            ),
        )),
    }
}

fn refusal(no_run: &NoRun, selected: &[&str]) -> Failure {
    let clusters = selected.join(", ");
    let failure = Failure::refused(format!("{clusters}: {no_run}"));
    match (no_run, selected.first()) {
        (NoRun::None, Some(first)) => failure.hint(format!("`release --cluster {first}` begins a run")),
        (NoRun::Overtaken { cluster, .. }, _) => {
            failure.hint(format!("`release --cluster {cluster}` makes a new plan from what is there"))
        }
        _ => failure,
    }
}
