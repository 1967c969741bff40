//! Removes the objects of a release from a cluster: in the order of uninstalling, only what is still the
//! release's own, and never a CRD.

use std::time::Duration;

use futures::StreamExt;
use kube::api::PropagationPolicy;
use thiserror::Error;

use super::apply::{Problem, Why};
use super::permit::{NoLeave, Permit, Unwritten, permitted};
use super::wait::{self, NotGone};
use crate::cluster::Cluster;
use crate::cluster::discovery::Kinds;
use crate::cluster::error::Cause;
use crate::cluster::helm_marks::foreign;
use crate::cluster::objects::{self, RESOURCE_POLICY, in_parallel};
use crate::config::ReleaseId;
use crate::helm::kind_order;
use crate::helm::manifest::{Key, Object};

/// What happens to the objects that a deleted one owns (`--cascade`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cascade {
    /// They are deleted afterwards.
    #[default]
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// What became of the objects of a release.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Removed {
    /// Objects that were deleted.
    pub deleted: Vec<Object>,
    /// Objects that stay by `helm.sh/resource-policy: keep`.
    pub kept: Vec<Key>,
    /// CRDs: deleting one would delete every object of its kind.
    pub crds: Vec<Key>,
    /// Objects that are no longer the release's own.
    pub foreign: Vec<Key>,
    /// Objects whose owner could not be found out, with the reason.
    pub unknown: Vec<(Key, String)>,
}

/// Objects that could not be deleted.
#[derive(Debug, Error)]
#[error("{}", self.text())]
pub struct NotRemoved {
    /// The objects.
    pub problems: Vec<Problem>,
    /// Nothing more may be written: the lock is lost.
    pub stopped: Option<NoLeave>,
}

impl NotRemoved {
    fn text(&self) -> String {
        let lines = self.problems.iter().map(|problem| format!("delete {problem}"));
        lines.chain(self.stopped.iter().map(ToString::to_string)).collect::<Vec<_>>().join("\n")
    }
}

/// What is to be done with one object.
enum Fate {
    Delete { uid: Option<String> },
    Gone,
    Foreign,
    Unknown(String),
}

/// Deletes the objects of a release: `objects` in the order of the stored manifest, the last kinds first.
///
/// An object that no longer carries the release's ownership stays, as does one whose manifest has
/// `helm.sh/resource-policy` (any value but `keep` stays untold, as in Helm). Everything is tried, even when
/// an object cannot be deleted, as long as `permit` allows it.
pub async fn uninstall_objects(
    cluster: &Cluster,
    kinds: &Kinds,
    release: &ReleaseId,
    objects: &[Object],
    cascade: Cascade,
    permit: &dyn Permit,
) -> Result<Removed, NotRemoved> {
    let (mut removed, doomed) = by_policy(kinds, release, objects);
    let fates: Vec<Fate> =
        in_parallel(&doomed, |(_, object)| fate(cluster, kinds, release, object)).collect().await;
    let mut deletions: Vec<Doomed> = Vec::new();
    for ((key, object), fate) in doomed.into_iter().zip(fates) {
        match fate {
            Fate::Delete { uid } => deletions.push(Doomed { key, object, uid }),
            Fate::Gone => {}
            Fate::Foreign => removed.foreign.push(key),
            Fate::Unknown(why) => removed.unknown.push((key, why)),
        }
    }
    let mut failed = NotRemoved { problems: Vec::new(), stopped: None };
    for group in deletions.chunk_by(|a, b| a.key.kind == b.key.kind && a.key.group == b.key.group) {
        let answers: Vec<Result<bool, Unwritten<kube::Error>>> =
            in_parallel(group, |doomed| doomed.delete(cluster, kinds, release, cascade, permit))
                .collect()
                .await;
        for (doomed, answer) in group.iter().zip(answers) {
            match answer {
                Ok(_) => removed.deleted.push(doomed.object.clone()),
                Err(Unwritten::NotSent(why) | Unwritten::CutOff(why)) => failed.stopped = Some(why),
                Err(Unwritten::Failed(error)) => failed
                    .problems
                    .push(Problem { key: doomed.key.clone(), why: Why::Api(Cause::of(&error)) }),
            }
        }
        if failed.stopped.is_some() {
            break;
        }
    }
    if failed.problems.is_empty() && failed.stopped.is_none() { Ok(removed) } else { Err(failed) }
}

/// What the manifest itself says will stay. Asks no cluster.
pub fn kept(kinds: &Kinds, release: &ReleaseId, objects: &[Object]) -> Removed {
    by_policy(kinds, release, objects).0
}

impl Removed {
    /// What stayed, in Helm's words; empty when nothing did.
    pub fn told(&self) -> String {
        let line = |key: &Key, why: &str| format!("[{}] {}{why}\n", key.kind, key.name);
        let lines = |keys: &[Key]| keys.iter().map(|key| line(key, "")).collect::<Vec<_>>().concat();
        let unknown =
            self.unknown.iter().map(|(key, why)| line(key, &format!(": {why}"))).collect::<Vec<_>>().concat();
        let not_deleted =
            |count: usize, why: &str| format!("{count} resource(s) were not deleted because {why}:\n");
        let parts = [
            ("These resources were kept due to the resource policy:\n".to_owned(), lines(&self.kept)),
            (
                not_deleted(
                    self.crds.len(),
                    "they define kinds, and every object of these kinds would go with them",
                ),
                lines(&self.crds),
            ),
            (not_deleted(self.foreign.len(), "they are not owned by this release"), lines(&self.foreign)),
            (not_deleted(self.unknown.len(), "their ownership could not be verified"), unknown),
        ];
        let parts = parts.into_iter().filter(|(_, lines)| !lines.is_empty());
        parts.map(|(headline, lines)| headline + &lines).collect::<Vec<_>>().join("\n")
    }

    /// Waits until everything that was deleted has gone.
    pub async fn gone(
        &self,
        cluster: &Cluster,
        kinds: &Kinds,
        release: &ReleaseId,
        limit: Duration,
    ) -> Result<(), NotGone> {
        wait::gone(cluster, kinds, &self.deleted, &release.namespace, limit).await
    }
}

/// What the manifest itself says: what stays, and what is to go, the last kinds first.
fn by_policy<'o>(
    kinds: &Kinds,
    release: &ReleaseId,
    objects: &'o [Object],
) -> (Removed, Vec<(Key, &'o Object)>) {
    let (mut removed, mut doomed) = (Removed::default(), Vec::new());
    let mut ordered: Vec<&Object> = objects.iter().filter(|object| !object.name().is_empty()).collect();
    ordered.sort_by(|a, b| kind_order::uninstall(a.kind(), b.kind()));
    for object in ordered {
        let key = kinds.key(object, &release.namespace);
        match object.annotation(RESOURCE_POLICY).map(|policy| policy.trim().to_lowercase()) {
            Some(policy) if policy == objects::KEEP => removed.kept.push(key),
            Some(_) => {}
            None if object.is_crd() => removed.crds.push(key),
            None => doomed.push((key, object)),
        }
    }
    (removed, doomed)
}

async fn fate(cluster: &Cluster, kinds: &Kinds, release: &ReleaseId, object: &Object) -> Fate {
    let Some(api) = kinds.api(cluster, object, &release.namespace) else { return Fate::Gone };
    match objects::metadata(&api, object.name()).await {
        Ok(None) => Fate::Gone,
        Ok(Some(live)) if foreign(&live, release).is_some() => Fate::Foreign,
        Ok(Some(live)) => Fate::Delete { uid: live.uid },
        Err(error) => Fate::Unknown(Cause::of(&error).to_string()),
    }
}

/// An object that is the release's own, and goes.
struct Doomed<'o> {
    key: Key,
    object: &'o Object,
    uid: Option<String>,
}

impl Doomed<'_> {
    async fn delete(
        &self,
        cluster: &Cluster,
        kinds: &Kinds,
        release: &ReleaseId,
        cascade: Cascade,
        permit: &dyn Permit,
    ) -> Result<bool, Unwritten<kube::Error>> {
        let Some(api) = kinds.api(cluster, self.object, &release.namespace) else { return Ok(false) };
        let propagation = match cascade {
            Cascade::Background => PropagationPolicy::Background,
            Cascade::Foreground => PropagationPolicy::Foreground,
            Cascade::Orphan => PropagationPolicy::Orphan,
        };
        permitted(permit, objects::delete(&api, self.object.name(), self.uid.clone(), propagation)).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, name: &str, policy: Option<&str>) -> Object {
        let api_version = if kind == "CustomResourceDefinition" { "apiextensions.k8s.io/v1" } else { "v1" };
        let annotations = policy.map(|policy| json!({RESOURCE_POLICY: policy})).unwrap_or_default();
        Object::new(
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "annotations": annotations}}),
        )
    }

    #[test]
    fn the_stored_manifest_says_what_stays_and_the_last_kinds_go_first() {
        let objects = [
            object("ConfigMap", "a", None),
            object("ConfigMap", "kept", Some(" Keep ")),
            object("ConfigMap", "retained", Some("retain")),
            object("CustomResourceDefinition", "crd", None),
            object("Deployment", "d", None),
            object("ConfigMap", "b", None),
        ];
        let release = ReleaseId { name: "r".into(), namespace: "ns".into() };
        let (removed, doomed) = by_policy(&Kinds::default(), &release, &objects);
        let names: Vec<String> = doomed.iter().map(|(key, _)| key.to_string()).collect();
        assert_eq!(names, ["Deployment d", "ConfigMap a", "ConfigMap b"]);
        insta::assert_snapshot!(removed.told(), @r"
        These resources were kept due to the resource policy:
        [ConfigMap] kept

        1 resource(s) were not deleted because they define kinds, and every object of these kinds would go with them:
        [CustomResourceDefinition] crd
        ");
    }
}
