//! `release migrate` on one cluster: the CRDs of a release that may have objects in an older version are brought to
//! one version. Everything is rehearsed before the first object is written, and nothing is written without the lock.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt as _;

use super::connect::Connected;
use super::identity::Identity;
use super::lock;
use crate::action::migration::{Migration, NotMigrated};
use crate::action::permit::{NoLeave, Permit};
use crate::action::verb;
use crate::certmanager::deployed::CRDS;
use crate::cluster::access::{self, Access};
use crate::cluster::live_crd::{self, StoredCrd};
use crate::cluster::objects::in_parallel;
use crate::cluster::{ApiError, Cluster, release_secrets};
use crate::config::{ChartSettings, Profile};
use crate::failure::{Failure, Kind};
use crate::helm::manifest::{self, Object};
use crate::helm::release::Release;
use crate::plan::migration::{ClusterMigration, CrdMigration};
use crate::rollout::interrupt::Interrupt;

/// What would be done on a cluster; every object is sent as a dry run, and one that is not taken refuses.
pub async fn rehearse(one: &Connected, chart: &ChartSettings) -> Result<ClusterMigration, Failure> {
    let cluster = &one.cluster;
    let outdated = outdated(cluster, chart).await?;
    permitted(cluster, &outdated).await?;
    let mut crds = Vec::with_capacity(outdated.len());
    for crd in &outdated {
        let objects = Migration::rehearsal(cluster, crd).rewrite().await;
        let objects = objects.map_err(|cause| failure(cause, Kind::Refused))?;
        crds.push(told(crd, objects, false));
    }
    Ok(ClusterMigration { cluster: cluster.name.clone(), crds })
}

/// Does what was rehearsed. What was done before a failure is answered with it.
pub async fn migrate(
    one: &Connected,
    chart: &ChartSettings,
    rehearsed: ClusterMigration,
    wait: Duration,
    interrupt: &Interrupt,
) -> (ClusterMigration, Result<(), Failure>) {
    if rehearsed.crds.is_empty() {
        return (rehearsed, Ok(()));
    }
    let locked = lock::take(&one.cluster, &chart.release, &Identity::of_this_process(), wait).await;
    let lock = match locked {
        Ok(lock) => lock,
        Err(failure) => return (rehearsed, Err(failure)),
    };
    let mut done = rehearsed;
    let held = lock.held();
    let work = under_the_lock(&one.cluster, chart, &held, &mut done);
    let ended = interrupt.or(work).await.unwrap_or_else(|signal| Err(interrupted(signal)));
    let released = lock.release().await.map_err(Failure::from);
    (done, ended.and(released))
}

/// What is written again stays so.
fn interrupted(signal: i32) -> Failure {
    let told = format!("interrupted by signal {signal}; the status of the CRD at hand was left as it is");
    Failure::new(Kind::Interrupted(signal), told).hint("run `release migrate` again")
}

async fn under_the_lock(
    cluster: &Cluster,
    chart: &ChartSettings,
    permit: &dyn Permit,
    done: &mut ClusterMigration,
) -> Result<(), Failure> {
    let outdated = outdated(cluster, chart).await?;
    for crd in &outdated {
        let migration = Migration::new(cluster, crd, permit);
        let objects = migration.rewrite().await.map_err(|cause| {
            failure(cause, Kind::Halted)
                .hint(format!("status.storedVersions of CRD {} was left as it is", crd.name()))
        })?;
        migration.close().await.map_err(|cause| failure(cause, Kind::Halted))?;
        done.crds.retain(|known| known.name != crd.name());
        done.crds.push(told(crd, objects, true));
    }
    Ok(())
}

fn told(crd: &StoredCrd, objects: usize, migrated: bool) -> CrdMigration {
    CrdMigration {
        name: crd.name().to_owned(),
        stored_versions: crd.status.stored_versions.clone(),
        storage_version: crd.storage_version().unwrap_or_default().to_owned(),
        objects,
        migrated,
    }
}

/// The CRDs of the release that may have objects in another version than the one that is stored today.
async fn outdated(cluster: &Cluster, chart: &ChartSettings) -> Result<Vec<StoredCrd>, Failure> {
    let history = release_secrets::history(cluster, &chart.release).await?;
    let names = names(verb::replaced(&history), chart.profile)?;
    let read = in_parallel(names, |name| async move {
        let crd = live_crd::read(cluster, &name).await;
        crd.map_err(|error| ApiError::new(cluster, format!("read CRD {name}"), &error))
    });
    let live: Vec<StoredCrd> = read.try_filter_map(async |crd| Ok(crd)).try_collect().await?;
    Ok(live.into_iter().filter(is_outdated).collect())
}

fn is_outdated(crd: &StoredCrd) -> bool {
    let storage = crd.storage_version().unwrap_or_default();
    crd.status.stored_versions.iter().any(|stored| stored != storage)
}

/// The CRDs that a release brings, and those of cert-manager, which may be kept apart.
fn names(current: Option<&Release>, profile: Profile) -> Result<BTreeSet<String>, Failure> {
    let mut objects = Vec::new();
    if let Some(record) = current {
        objects.extend(verb::objects(record)?);
        objects.extend(crd_files(record)?);
    }
    let brought = objects.iter().filter(|object| object.is_crd()).map(|object| object.name().to_owned());
    let known = CRDS.iter().filter(|_| profile == Profile::CertManager).map(|name| (*name).to_owned());
    Ok(brought.chain(known).collect())
}

/// What is below `crds/` of the stored chart.
fn crd_files(record: &Release) -> Result<Vec<Object>, Failure> {
    let chart = record.chart().unwrap_or_default();
    let files = chart["files"].as_array().into_iter().flatten();
    let crds = files.filter(|file| file["name"].as_str().is_some_and(|name| name.starts_with("crds/")));
    let texts = crds.filter_map(|file| STANDARD.decode(file["data"].as_str()?).ok());
    let objects = texts.map(|text| manifest::split(&String::from_utf8_lossy(&text)));
    Ok(objects.collect::<Result<Vec<_>, _>>()?.concat())
}

/// A missing permission is named before anything is asked of an object.
async fn permitted(cluster: &Cluster, crds: &[StoredCrd]) -> Result<(), Failure> {
    let objects = crds.iter().flat_map(|crd| {
        let (group, plural) = (&crd.spec.group, &crd.spec.names.plural);
        ["list", "get", "patch"].map(|verb| Access::new(verb, group, plural, None))
    });
    let status = Access::new("patch", "apiextensions.k8s.io", "customresourcedefinitions/status", None);
    let wanted: Vec<Access> = objects.chain((!crds.is_empty()).then_some(status)).collect();
    let missing = access::missing(cluster, &wanted).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let told = format!("{}: missing permissions: {}", cluster.name, missing.join(", "));
    Err(Failure::refused(told).hint("grant them, or use other credentials"))
}

fn failure(cause: NotMigrated, kind: Kind) -> Failure {
    match cause {
        NotMigrated::NoLeave(NoLeave::Lost(lost)) => lock::failure(lost),
        NotMigrated::NoLeave(no) => Failure::new(Kind::Locked, no),
        cause => Failure::new(kind, cause),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crd(stored: &[&str]) -> StoredCrd {
        let versions =
            json!([{"name": "v1alpha2", "served": true}, {"name": "v1", "served": true, "storage": true}]);
        serde_json::from_value(json!({"spec": {"versions": versions}, "status": {"storedVersions": stored}}))
            .unwrap()
    }

    #[test]
    fn only_what_has_stored_another_version_is_outdated() {
        assert!(is_outdated(&crd(&["v1alpha2", "v1"])) && is_outdated(&crd(&["v1alpha2"])));
        assert!(!is_outdated(&crd(&["v1"])));
    }

    #[test]
    fn the_crds_of_a_release_are_those_of_its_manifest_and_the_known_ones() {
        let manifest = "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: as.g}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
        let file = STANDARD.encode(manifest.replace("as.g", "bs.g"));
        let chart = json!({"metadata": {"name": "c"}, "files": [{"name": "crds/b.yaml", "data": file}]});
        let record = json!({"name": "r", "version": 1, "info": {"status": "deployed"}, "manifest": manifest, "chart": chart});
        let record = Release::from_json(&record.to_string()).unwrap();
        let named = |current, profile| names(current, profile).unwrap().len();
        assert_eq!((named(Some(&record), Profile::Generic), named(None, Profile::Generic)), (2, 0));
        assert_eq!(named(Some(&record), Profile::CertManager), 2 + CRDS.len());
    }
}
