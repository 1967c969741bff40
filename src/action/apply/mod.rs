//! The objects of a release, written to a cluster by server-side apply.
//!
//! [`prepare`] reads, checks whose the objects are and sends every one as a dry run; it changes nothing. Only
//! when the server would take all of them can they be written. Every write may be repeated, so a run that was
//! killed at any point is finished by the next one.

mod ask;
mod crd;
mod execute;
mod needs;
mod problem;
mod written;

use std::collections::BTreeMap;

use futures::StreamExt;

use crate::cluster::discovery::Kinds;
use crate::cluster::objects::{self, in_parallel};
use crate::cluster::{ApiError, Cluster};
use crate::config::ReleaseId;
use crate::helm::manifest::{Key, Object};

pub use crd::stays as crd_stays;
pub use problem::{Problem, Refused, Why};
pub use written::{Applied, Failed};

use ask::Ask;

/// How the objects of a release are applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Take fields away from other field managers.
    pub force_conflicts: bool,
    /// Take objects over that belong to nobody or to another release.
    pub take_ownership: bool,
    /// A first revision; only the words of a refusal differ.
    pub installing: bool,
    /// Which live CRDs stay as they are.
    pub crds: Crds,
}

/// Which live CRDs stay as they are, because the manifest's would be a step back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Crds {
    /// None: the chart goes forward, and what it leaves out is meant.
    #[default]
    AsRendered,
    /// Those that would lose a version or a field: an older revision that holds the newer chart.
    LoseNothing,
    /// Those, and all that differ from what the replaced manifest has: the chart goes back.
    NeverBack,
}

/// What applying an object does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It does not exist yet.
    Create,
    /// It may change; `migrate`: Helm owns fields of it by updates (a release of Helm 3), which is turned
    /// into applies first.
    Update {
        /// Whether it has to be migrated first.
        migrate: bool,
    },
    /// The server would change nothing, so nothing is sent.
    Unchanged,
    /// It can be asked for only when something else of the release is there: its CRD, its namespace, what it
    /// refers to.
    Unasked,
    /// A CRD that is newer than the manifest's, and stays.
    KeptCrd,
}

/// One object of the new manifest and what applying it does.
#[derive(Debug, Clone)]
pub struct Step {
    /// The object as the manifest has it.
    pub object: Object,
    /// Its identity, with its real namespace.
    pub key: Key,
    /// What applying it does.
    pub effect: Effect,
}

/// A live object that the old manifest has and the new one has not.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// The object as the old manifest has it.
    pub object: Object,
    /// Its identity, with its real namespace.
    pub key: Key,
    uid: Option<String>,
}

/// Everything that is needed to write a release's objects: checked against the cluster, and not written yet.
#[derive(Debug, Clone)]
pub struct Prepared {
    cluster: Cluster,
    kinds: Kinds,
    release: ReleaseId,
    options: ApplyOptions,
    /// The new manifest's objects, in its order.
    pub steps: Vec<Step>,
    /// What is deleted afterwards, in the old manifest's order.
    pub deletions: Vec<Deletion>,
}

impl Prepared {
    /// The CRDs that stay as they are, because the manifest's would be a step back.
    pub fn kept_crds(&self) -> impl Iterator<Item = &Key> {
        self.steps.iter().filter(|step| step.effect == Effect::KeptCrd).map(|step| &step.key)
    }
}

/// Checks the objects of `new` against the cluster and asks the server for each whether it would take it;
/// writes nothing.
///
/// `old` are the objects of the revision that is replaced (empty for an install): they need no check of
/// ownership, and those that `new` lacks are deleted, but for CRDs and for live objects with
/// `helm.sh/resource-policy: keep`.
pub async fn prepare(
    cluster: &Cluster,
    kinds: &Kinds,
    release: &ReleaseId,
    old: &[Object],
    new: &[Object],
    options: &ApplyOptions,
) -> Result<Prepared, Refused> {
    let all = kinds.with_crds(new);
    let old_by_key: BTreeMap<Key, &Object> =
        old.iter().map(|object| (all.key(object, &release.namespace), object)).collect();
    let ask = Ask { cluster, served: kinds, kinds: &all, release, old: &old_by_key, new, options: *options };
    let objects = last_of_each(&all, release, new);
    let answers: Vec<_> = in_parallel(&objects, |(key, object)| ask.about(key, object)).collect().await;
    let steps = settle(&objects, answers, options.installing)?;
    let deletions = deletions(cluster, &all, release, old, &steps)
        .await
        .map_err(|error| Refused::api(error, options.installing))?;
    Ok(Prepared {
        cluster: cluster.clone(),
        kinds: all,
        release: release.clone(),
        options: *options,
        steps,
        deletions,
    })
}

/// An object that the manifest has twice is applied as its last text says, as when Helm applies them one
/// after the other.
fn last_of_each<'o>(kinds: &Kinds, release: &ReleaseId, new: &'o [Object]) -> Vec<(Key, &'o Object)> {
    let keyed: Vec<(Key, &Object)> =
        new.iter().map(|object| (kinds.key(object, &release.namespace), object)).collect();
    let last: BTreeMap<Key, usize> =
        keyed.iter().enumerate().map(|(index, (key, _))| (key.clone(), index)).collect();
    let is_last = |index: usize, key: &Key| key.name.is_empty() || last[key] == index;
    keyed
        .iter()
        .enumerate()
        .filter(|(index, (key, _))| is_last(*index, key))
        .map(|(_, (key, object))| (key.clone(), *object))
        .collect()
}

/// All answers together: a refusal by the old schema of a CRD that this release changes is none.
fn settle(
    objects: &[(Key, &Object)],
    answers: Vec<Result<Effect, Why>>,
    installing: bool,
) -> Result<Vec<Step>, Refused> {
    let changed = |(index, answer): (usize, &Result<Effect, Why>)| {
        let changes = !matches!(answer, Ok(Effect::Unchanged | Effect::KeptCrd));
        (changes && objects[index].1.is_crd()).then(|| objects[index].1)
    };
    let crds: Vec<&Object> = answers.iter().enumerate().filter_map(changed).collect();
    let (mut steps, mut problems) = (Vec::new(), Vec::new());
    for ((key, object), answer) in objects.iter().zip(answers) {
        match answer {
            Ok(effect) => steps.push(Step { object: (*object).clone(), key: key.clone(), effect }),
            Err(why) if why.is_invalid() && crds.iter().any(|crd| crd::brings(crd, object)) => {
                steps.push(Step { object: (*object).clone(), key: key.clone(), effect: Effect::Unasked });
            }
            Err(why) => problems.push(Problem { key: key.clone(), why }),
        }
    }
    if problems.is_empty() { Ok(steps) } else { Err(Refused::new(problems, installing)) }
}

async fn deletions(
    cluster: &Cluster,
    kinds: &Kinds,
    release: &ReleaseId,
    old: &[Object],
    steps: &[Step],
) -> Result<Vec<Deletion>, ApiError> {
    let stays = |key: &Key| steps.iter().any(|step| step.key == *key);
    let keyed = old.iter().filter(|object| !object.is_crd() && !object.name().is_empty());
    let gone =
        keyed.map(|object| (kinds.key(object, &release.namespace), object)).filter(|(key, _)| !stays(key));
    let found: Vec<Result<Option<Deletion>, ApiError>> =
        in_parallel(gone, |(key, object)| deletion(cluster, kinds, release, key, object)).collect().await;
    found.into_iter().filter_map(Result::transpose).collect()
}

/// `None` when it is gone, is to be kept, or is of a kind that is no longer served.
async fn deletion(
    cluster: &Cluster,
    kinds: &Kinds,
    release: &ReleaseId,
    key: Key,
    object: &Object,
) -> Result<Option<Deletion>, ApiError> {
    let Some(api) = kinds.api(cluster, object, &release.namespace) else { return Ok(None) };
    let live = objects::metadata(&api, object.name()).await;
    let live = live.map_err(|error| ApiError::new(cluster, format!("read {key}"), &error))?;
    let kept = |live: &kube::api::ObjectMeta| {
        live.annotations
            .as_ref()
            .and_then(|annotations| annotations.get(objects::RESOURCE_POLICY))
            .is_some_and(|policy| policy == objects::KEEP)
    };
    Ok(live.filter(|live| !kept(live)).map(|live| Deletion { object: object.clone(), key, uid: live.uid }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::error::Cause;

    fn key(kind: &str, name: &str) -> Key {
        Key { group: String::new(), kind: kind.into(), namespace: None, name: name.into() }
    }

    fn object(kind: &str, name: &str) -> Object {
        Object::new(json!({"apiVersion": "g/v1", "kind": kind, "metadata": {"name": name}}))
    }

    fn crd() -> Object {
        Object::new(
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "as.g"},
            "spec": {"group": "g", "names": {"kind": "A"}, "versions": [{"name": "v1"}]}}),
        )
    }

    fn invalid() -> Why {
        Why::Api(Cause::Refused { code: 422, message: "unknown field".into() })
    }

    #[test]
    fn what_the_old_schema_refuses_waits_for_the_new_one() {
        let (crd, custom) = (crd(), object("A", "a"));
        let objects = [(key("CustomResourceDefinition", "as.g"), &crd), (key("A", "a"), &custom)];
        let effects = |crd: Effect| settle(&objects, vec![Ok(crd), Err(invalid())], false);
        let steps = effects(Effect::Update { migrate: false }).unwrap();
        assert_eq!(steps[1].effect, Effect::Unasked);
        assert_eq!(effects(Effect::Unchanged).unwrap_err().problems.len(), 1);
        assert_eq!(effects(Effect::KeptCrd).unwrap_err().problems.len(), 1);
    }

    #[test]
    fn an_object_given_twice_is_applied_once() {
        let new = [object("A", "a"), object("B", "b"), object("A", "a")];
        let release = ReleaseId { name: "r".into(), namespace: "ns".into() };
        let kept: Vec<String> = last_of_each(&Kinds::default(), &release, &new)
            .into_iter()
            .map(|(key, _)| key.to_string())
            .collect();
        assert_eq!(kept, ["B b", "A a"]);
    }
}
