//! What applying one object would do: one dry run, and a read only where the answer of the dry run does not
//! tell enough.

use std::collections::BTreeMap;

use kube::api::{Api, DynamicObject, ObjectMeta};
use serde_json::Value;

use super::problem::Why;
use super::{ApplyOptions, Crds, Effect, Prepared, Step, crd, needs};
use crate::cluster::discovery::Kinds;
use crate::cluster::error::Cause;
use crate::cluster::helm_marks::{foreign, marked};
use crate::cluster::objects::{self, Apply};
use crate::cluster::{Cluster, apply};
use crate::config::ReleaseId;
use crate::helm::manifest::{Key, Object};

/// What every question needs.
pub(super) struct Ask<'a> {
    pub(super) cluster: &'a Cluster,
    /// The kinds that are served now.
    pub(super) served: &'a Kinds,
    /// Those and what the CRDs of the release bring.
    pub(super) kinds: &'a Kinds,
    pub(super) release: &'a ReleaseId,
    pub(super) old: &'a BTreeMap<Key, &'a Object>,
    pub(super) new: &'a [Object],
    pub(super) options: ApplyOptions,
}

/// One object on its way.
struct Question<'a> {
    api: Api<DynamicObject>,
    name: &'a str,
    value: Value,
    /// The release has it already, so it is the release's own.
    is_ours: bool,
}

impl Ask<'_> {
    pub(super) async fn about(&self, key: &Key, object: &Object) -> Result<Effect, Why> {
        let Some(api) = self.kinds.api(self.cluster, object, &self.release.namespace) else {
            return Err(Why::Unserved { api_version: object.api_version().to_owned() });
        };
        if self.served.find(object).is_none() {
            return Ok(Effect::Unasked);
        }
        let old = self.old.get(key);
        if object.is_crd() && self.stays(object, old.copied()).await? {
            return Ok(Effect::KeptCrd);
        }
        let value = marked(&object.value, self.release);
        let question = Question { api, name: object.name(), value, is_ours: old.is_some() };
        if object.name().is_empty() {
            let created = objects::create(self.cluster, &question.api, &question.value, true).await;
            return self.or_later(&question, object, created.map(|_| Effect::Create)).await;
        }
        let may_be_same = old.is_some_and(|old| old.value == object.value);
        let answer = if may_be_same { self.same(&question).await } else { self.apply(&question).await };
        self.or_later(&question, object, answer).await
    }

    /// The text is that of the last revision: the live object tells whether anything else has changed it.
    async fn same(&self, question: &Question<'_>) -> Result<Effect, kube::Error> {
        let live = objects::metadata(&question.api, question.name);
        let (live, answer) =
            futures::future::join(live, self.dry_run(question, self.options.force_conflicts)).await;
        let answer = answer?;
        Ok(if live?.as_ref() == Some(&answer) && !objects::needs_migration(&answer) {
            Effect::Unchanged
        } else {
            effect(&answer)
        })
    }

    async fn apply(&self, question: &Question<'_>) -> Result<Effect, kube::Error> {
        Ok(effect(&self.dry_run(question, self.options.force_conflicts).await?))
    }

    async fn dry_run(&self, question: &Question<'_>, force: bool) -> Result<ObjectMeta, kube::Error> {
        objects::apply(&question.api, question.name, &question.value, Apply { dry_run: true, force }).await
    }

    /// What an answer means: whose the object is comes first, then what it waits for, then what is wrong with
    /// it.
    async fn or_later(
        &self,
        question: &Question<'_>,
        object: &Object,
        answer: Result<Effect, kube::Error>,
    ) -> Result<Effect, Why> {
        let may_exist = !question.name.is_empty() && !matches!(answer, Ok(Effect::Create));
        if may_exist && !question.is_ours && !self.options.take_ownership {
            self.check_owner(question).await?;
        }
        let error = match answer {
            Ok(effect) => return Ok(effect),
            Err(error) => error,
        };
        if needs::come_along(&error, object, self.new, &self.release.namespace) {
            return Ok(Effect::Unasked);
        }
        let why = Why::of(&error);
        if !why.is_own_conflict() {
            return Err(why.without_own());
        }
        // Whether the server takes it at all can be asked; the migration decides what happens to the fields.
        self.dry_run(question, true)
            .await
            .map(|_| Effect::Update { migrate: true })
            .map_err(|error| Why::of(&error))
    }

    async fn check_owner(&self, question: &Question<'_>) -> Result<(), Why> {
        let live = objects::metadata(&question.api, question.name)
            .await
            .map_err(|error| Why::Api(Cause::of(&error)))?;
        live.and_then(|live| foreign(&live, self.release)).map_or(Ok(()), |text| Err(Why::Foreign(text)))
    }

    async fn stays(&self, new: &Object, old: Option<&Object>) -> Result<bool, Why> {
        if self.options.crds == Crds::AsRendered {
            return Ok(false);
        }
        let live = apply::live(self.cluster, self.served, new, &self.release.namespace).await;
        let live = live.map_err(|error| Why::Api(Cause::Other(error.cause().to_string())))?;
        Ok(live
            .is_some_and(|live| crd::stays(self.options.crds, &live, &new.value, old.map(|old| &old.value))))
    }
}

/// Asks once more for an object that could not be asked for, now that its namespace may be there. `None` when
/// it still cannot be.
pub(super) async fn again(prepared: &Prepared, step: &Step) -> Option<Why> {
    let api = prepared.kinds.api(&prepared.cluster, &step.object, &prepared.release.namespace)?;
    let value = marked(&step.object.value, &prepared.release);
    let how = Apply { dry_run: true, force: prepared.options.force_conflicts };
    let error = objects::apply(&api, step.object.name(), &value, how).await.err()?;
    let new: Vec<Object> = prepared.steps.iter().map(|step| step.object.clone()).collect();
    // A kind that is not served yet has no name that is missing.
    let is_away = matches!(&error, kube::Error::Api(status) if status.code == 404);
    let why = Why::of(&error);
    let by_new_crd = why.is_invalid() && new.iter().any(|crd| crd.is_crd() && crd::brings(crd, &step.object));
    let later = is_away
        || by_new_crd
        || why.is_own_conflict()
        || needs::come_along(&error, &step.object, &new, &prepared.release.namespace);
    (!later).then_some(why)
}

/// The dry run of an object that does not exist has no version.
fn effect(answer: &ObjectMeta) -> Effect {
    if answer.resource_version.is_none() {
        Effect::Create
    } else {
        Effect::Update { migrate: objects::needs_migration(answer) }
    }
}
