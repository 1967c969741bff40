//! The objects of a release, written to a cluster by server-side apply.
//!
//! [`prepare`] is the one answer to "what would this manifest do?", for dry runs, diffs, preflight, runs and
//! rollbacks: it reads, checks whose the objects are and sends every one as a dry run; it changes nothing.
//! Only when the server would take all of them can they be written. Every write may be repeated, so a run that
//! was killed at any point is finished by the next one.

mod again;
mod answer;
mod ask;
mod crd;
mod deletion;
mod execute;
mod needs;
mod problem;
mod remedy;
mod settle;
mod written;

use std::collections::BTreeMap;

use futures::StreamExt;
use serde_json::Value;

use crate::cluster::discovery::Kinds;
use crate::cluster::objects::in_parallel;
use crate::cluster::{ApiError, Cluster};
use crate::config::ReleaseId;
use crate::helm::manifest::{Key, Object};
use crate::helm::release::Hook;

pub use deletion::Deletion;
pub use problem::{Problem, Refused, Why};
pub use remedy::{FORCE, dead};
pub use written::{Applied, Failed};

use answer::Answer;
use ask::Ask;
use settle::{last_of_each, settle};

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
    /// What is wanted to be known.
    pub detail: Detail,
    /// The event whose hooks run before the first object is written, see [`awaited`].
    ///
    /// What the server refuses now, it may take after them: a hook may bring a kind, a namespace, an account
    /// or a webhook, or delete what cannot be changed. Whose an object is and who owns a field is never left to
    /// a hook: both were written by somebody who is to be asked, and a hook that deletes an object of another
    /// release is no reason to go on.
    pub hook: Option<&'static str>,
}

/// How much is wanted to be known about every object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// What applying it does.
    #[default]
    Effects,
    /// That, and both sides of the object; one more read for each.
    Sides,
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
    /// The server would not take it now, and may take it when the hooks before have run.
    AfterHook,
    /// A CRD that is newer than the manifest's, and stays.
    KeptCrd,
    /// It cannot be applied.
    Refused,
}

/// Both sides of a change of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Sides {
    /// The live object; `None` when it does not exist.
    pub before: Option<Value>,
    /// What the server would store: the manifest's own object where it cannot be asked yet, and `None` where
    /// it cannot be known.
    pub after: Option<Value>,
}

/// One object of the new manifest and what applying it does.
#[derive(Debug)]
pub struct Step {
    /// The object as the manifest has it.
    pub object: Object,
    /// Its identity, with its real namespace.
    pub key: Key,
    /// What applying it does.
    pub effect: Effect,
    /// Why it cannot be applied, or not yet ([`Effect::AfterHook`]).
    pub problem: Option<Problem>,
    /// With [`Detail::Sides`].
    pub sides: Option<Sides>,
}

/// Everything that is needed to write a release's objects: checked against the cluster, and not written yet.
#[derive(Debug)]
pub struct Prepared {
    cluster: Cluster,
    kinds: Kinds,
    release: ReleaseId,
    options: ApplyOptions,
    /// The objects of the replaced manifest.
    old: Vec<Object>,
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

    /// Every object that cannot be applied or deleted.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let steps = self.steps.iter().filter(|step| step.effect == Effect::Refused);
        let deletions = self.deletions.iter().filter_map(|deletion| deletion.problem.as_ref());
        steps.filter_map(|step| step.problem.as_ref()).chain(deletions)
    }

    /// Every object of which more is known only after the hooks of an event; with the event.
    pub fn known_later(&self) -> impl Iterator<Item = (&'static str, &Problem)> {
        let waiting = self.steps.iter().filter(|step| step.effect == Effect::AfterHook);
        waiting.filter_map(|step| Some((self.options.hook?, step.problem.as_ref()?)))
    }

    /// Every object with both sides of its change, as `Kind namespace/name`, live and afterwards; what is
    /// deleted comes last. Without those of which it is not known what they would be.
    pub fn changes(&self) -> impl Iterator<Item = (String, Option<&Value>, Option<&Value>)> {
        let steps = self.steps.iter().filter_map(|step| {
            let sides = step.sides.as_ref()?;
            Some((step.key.to_string(), sides.before.as_ref(), Some(sides.after.as_ref()?)))
        });
        let deletions = self.deletions.iter().map(|gone| (gone.key.to_string(), gone.live.as_ref(), None));
        steps.chain(deletions)
    }

    /// The live objects of the new manifest, with [`Detail::Sides`].
    pub fn live(&self) -> impl Iterator<Item = &Value> {
        self.steps.iter().filter_map(|step| step.sides.as_ref()?.before.as_ref())
    }

    /// To be written; refused when any object cannot be.
    pub fn accept(self) -> Result<Self, Refused> {
        if self.problems().next().is_none() {
            return Ok(self);
        }
        let steps = self.steps.into_iter().filter(|step| step.effect == Effect::Refused);
        let deletions = self.deletions.into_iter().filter_map(|deletion| deletion.problem);
        let problems = steps.filter_map(|step| step.problem).chain(deletions).collect();
        Err(Refused::new(problems, self.options.installing))
    }
}

/// The event, when any of the hooks runs at it.
pub fn awaited(event: &'static str, hooks: &[Hook]) -> Option<&'static str> {
    hooks.iter().any(|hook| hook.events.iter().any(|own| own == event)).then_some(event)
}

/// Checks the objects of `new` against the cluster and asks the server for each whether it would take it;
/// writes nothing.
///
/// `old` are the objects of the revision that is replaced (empty for an install): they need no check of
/// ownership, and those that `new` lacks are deleted, but for CRDs and for live objects with
/// `helm.sh/resource-policy: keep`. Fails only when the cluster does not answer at all.
pub async fn prepare(
    cluster: &Cluster,
    kinds: &Kinds,
    release: &ReleaseId,
    old: &[Object],
    new: &[Object],
    options: &ApplyOptions,
) -> Result<Prepared, ApiError> {
    let kinds = kinds.with_crds(new);
    let old_by_key: BTreeMap<Key, &Object> =
        old.iter().map(|object| (kinds.key(object, &release.namespace), object)).collect();
    let ask = Ask { cluster, kinds: &kinds, release, old: &old_by_key, new, options: *options };
    let objects = last_of_each(&kinds, release, new);
    let answers: Vec<Answer> = in_parallel(&objects, |(key, object)| ask.about(key, object)).collect().await;
    let steps = settle(&objects, answers);
    let deletions = deletion::all(&ask, old, &steps).await;
    let prepared = Prepared {
        cluster: cluster.clone(),
        release: release.clone(),
        options: *options,
        old: old.to_vec(),
        steps,
        deletions,
        kinds,
    };
    unanswered(&prepared).map_or(Ok(prepared), Err)
}

/// A cluster that does not answer is one failure, not one of each object.
fn unanswered(prepared: &Prepared) -> Option<ApiError> {
    prepared.problems().find_map(|problem| match &problem.why {
        Why::Api(cause) if cause.is_of_the_cluster() => {
            let doing = format!("ask what would become of {}", problem.key);
            Some(ApiError::with_cause(&prepared.cluster.name, doing, cause.clone()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hooks_of_the_event_are_waited_for() {
        let hook = |event: &str| Hook { events: vec![event.to_owned()], ..Hook::default() };
        let hooks = [hook("pre-install"), hook("post-upgrade")];
        assert_eq!(awaited("pre-install", &hooks), Some("pre-install"));
        assert_eq!(awaited("pre-upgrade", &hooks), None);
    }
}
