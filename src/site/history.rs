//! What a release's history says to a run: who wrote which revision, what a rollback would return to, what the gates
//! judge. Pure, but for the one read.

use crate::cluster::authorship::author;
use crate::cluster::{Cluster, release_secrets};
use crate::config::{Profile, ReleaseId};
use crate::failure::{Failure, Kind};
use crate::gate::Subject;
use crate::helm::manifest;
use crate::helm::release::{Release, Revision, Status};
use crate::plan::standing::{Foreign, SeenRevision};
use crate::plan::{ClusterPlan, decide};

/// All revisions, oldest first.
pub async fn read(cluster: &Cluster, release: &ReleaseId) -> Result<Vec<Release>, Failure> {
    Ok(release_secrets::history(cluster, release).await?)
}

/// The revisions as far as the question whose they are needs them.
pub fn seen(history: &[Release]) -> Vec<SeenRevision> {
    history.iter().map(seen_revision).collect()
}

fn seen_revision(record: &Release) -> SeenRevision {
    SeenRevision {
        revision: record.revision(),
        status: record.status(),
        author: author(record).map(str::to_owned),
        description: record.description().to_owned(),
        written: record.last_deployed().map_or_else(|| "an unknown time".to_owned(), |time| time.to_string()),
    }
}

/// Somebody else was there after this revision: told, and never adopted or undone.
pub fn refusal(plan: &ClusterPlan, after: Revision, foreign: &Foreign) -> Failure {
    let ClusterPlan { cluster, release, .. } = plan;
    let told = format!("release {release} was changed after revision {after}: {foreign}");
    let look = format!("`release gate --cluster {cluster}` judges what runs now");
    let again = format!("`release --cluster {cluster}` makes a new plan from it");
    Failure::new(Kind::Halted, told).hint(look).hint(again)
}

/// What the gates judge: a revision as it is stored, with everything that it promises.
pub fn subject(
    record: &Release,
    release: &ReleaseId,
    profile: Profile,
    fresh: bool,
) -> Result<Subject, Failure> {
    Ok(Subject {
        release: release.clone(),
        revision: record.revision(),
        objects: manifest::split(record.manifest())?,
        chart_version: record.chart_version().to_owned(),
        profile,
        fresh,
    })
}

/// The newest good revision before the newest one that deploys something else.
pub fn rollback_target(history: &[Release]) -> Option<Revision> {
    let rows: Vec<(Revision, Status, String)> =
        history.iter().map(|record| (record.revision(), record.status(), deployed(record))).collect();
    decide::rollback_target(&rows, history.last()?.revision())
}

/// What a revision deploys, to compare: without the CRDs, which a rollback leaves as they are.
fn deployed(record: &Release) -> String {
    let objects = manifest::split(record.manifest()).unwrap_or_default();
    let objects = objects.iter().filter(|object| !object.is_crd()).map(|object| object.value.to_string());
    format!("{}\n{}", record.chart_version(), objects.collect::<Vec<_>>().join("\n"))
}
