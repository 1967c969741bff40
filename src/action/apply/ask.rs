//! What applying one object would do: one dry run, and a read only where the answer of the dry run does not
//! tell enough.

use std::collections::BTreeMap;

use futures::future::join;
use kube::api::{Api, DynamicObject, ObjectMeta};
use serde_json::Value;

use super::answer::{Answer, Asked, effect};
use super::problem::Why;
use super::{ApplyOptions, Crds, Detail, Effect, crd, needs};
use crate::cluster::Cluster;
use crate::cluster::discovery::Kinds;
use crate::cluster::helm_marks::{foreign, marked};
use crate::cluster::objects::{self, Apply};
use crate::config::ReleaseId;
use crate::helm::manifest::{Key, Object};

/// What every question needs.
pub(super) struct Ask<'a> {
    pub(super) cluster: &'a Cluster,
    /// The kinds that are served, and those that the CRDs of the release bring.
    pub(super) kinds: &'a Kinds,
    pub(super) release: &'a ReleaseId,
    pub(super) old: &'a BTreeMap<Key, &'a Object>,
    pub(super) new: &'a [Object],
    pub(super) options: ApplyOptions,
}

/// One object on its way.
struct Question<'a> {
    api: Api<DynamicObject>,
    object: &'a Object,
    /// With Helm's marks.
    value: &'a Value,
    /// As the revision before has it; it is the release's own then.
    old: Option<&'a Object>,
}

impl Question<'_> {
    fn has_same_text(&self) -> bool {
        self.old.is_some_and(|old| old.value == self.object.value)
    }
}

/// The live object.
enum Live {
    Unread,
    Read(Option<Box<DynamicObject>>),
}

impl Live {
    fn object(&self) -> Option<&DynamicObject> {
        match self {
            Live::Unread => None,
            Live::Read(object) => object.as_deref(),
        }
    }
}

impl Ask<'_> {
    pub(super) async fn about(&self, key: &Key, object: &Object) -> Answer {
        let value = marked(&object.value, self.release);
        let asked = self.asked(&value, None);
        let Some(api) = self.kinds.api(self.cluster, object, &self.release.namespace) else {
            return asked.refused(Why::unserved(self.kinds, object), None);
        };
        if !self.kinds.is_served(object) {
            return asked.unasked();
        }
        let question = Question { api, object, value: &value, old: self.old.get(key).copied() };
        if object.name().is_empty() { self.nameless(&question).await } else { self.named(&question).await }
    }

    fn asked<'a>(&self, value: &'a Value, before: Option<&'a DynamicObject>) -> Asked<'a> {
        Asked { options: self.options, value, before }
    }

    /// Its name is made by the server; it never exists already.
    async fn nameless(&self, question: &Question<'_>) -> Answer {
        let asked = self.asked(question.value, None);
        match objects::create(self.cluster, &question.api, question.value, true).await {
            Ok(metadata) => asked.taken(Effect::Create, &dynamic(metadata, question.value)),
            Err(error) if self.comes_along(question, &error) => asked.unasked(),
            Err(error) => asked.refused(Why::of(&error), None),
        }
    }

    /// Whose the object is comes first, then what it waits for, then what is wrong with it.
    async fn named(&self, question: &Question<'_>) -> Answer {
        let dry_run = self.dry_run(question, self.options.force_conflicts);
        let (live, answer) = join(self.live(question), dry_run).await;
        let live = match live {
            Ok(live) => live,
            Err(error) => return self.asked(question.value, None).refused(Why::of(&error), None),
        };
        let asked = self.asked(question.value, live.object());
        if live.object().is_some_and(|live| self.stays(question, live)) {
            return asked.kept();
        }
        if let Err(why) = self.check_owner(question, &live, answer.as_ref().ok()).await {
            return asked.refused(why, answer.as_ref().ok());
        }
        match answer {
            Ok(after) => asked.taken(effect(live.object(), &after, question.has_same_text()), &after),
            Err(error) if self.comes_along(question, &error) => asked.unasked(),
            Err(error) => self.not_taken(question, asked, Why::of(&error)).await,
        }
    }

    /// Whether the server takes an object at all is asked for without the conflict. Fields that Helm owns
    /// itself, by updates, are migrated.
    async fn not_taken(&self, question: &Question<'_>, asked: Asked<'_>, why: Why) -> Answer {
        if !matches!(why, Why::Conflict(_)) {
            return asked.refused(why, None);
        }
        match self.dry_run(question, true).await {
            Ok(after) if why.is_own_conflict() => asked.taken(Effect::Update { migrate: true }, &after),
            Ok(after) => asked.refused(why.without_own(), Some(&after)),
            Err(error) => asked.refused(Why::of(&error), None),
        }
    }

    /// Read where both sides are wanted, or where it tells whether anything would change.
    async fn live(&self, question: &Question<'_>) -> Result<Live, kube::Error> {
        let Question { api, object, .. } = question;
        let decides_on_crd = object.is_crd() && self.options.crds != Crds::AsRendered;
        let live = if self.options.detail == Detail::Sides || decides_on_crd {
            objects::whole(api, object.name()).await?
        } else if question.has_same_text() {
            objects::metadata(api, object.name()).await?.map(|metadata| dynamic(metadata, &Value::Null))
        } else {
            return Ok(Live::Unread);
        };
        Ok(Live::Read(live.map(Box::new)))
    }

    async fn dry_run(&self, question: &Question<'_>, force: bool) -> Result<DynamicObject, kube::Error> {
        let Question { api, object, value, .. } = question;
        if self.options.detail == Detail::Sides {
            return objects::preview(api, object.name(), value, force).await;
        }
        let metadata = objects::apply(api, object.name(), value, Apply { dry_run: true, force }).await?;
        Ok(dynamic(metadata, &Value::Null))
    }

    fn comes_along(&self, question: &Question<'_>, error: &kube::Error) -> bool {
        needs::come_along(error, question.object, self.new, &self.release.namespace)
    }

    fn stays(&self, question: &Question<'_>, live: &DynamicObject) -> bool {
        let old = question.old.map(|old| &old.value);
        question.object.is_crd()
            && self.options.crds != Crds::AsRendered
            && serde_json::to_value(live)
                .is_ok_and(|live| crd::stays(self.options.crds, &live, &question.object.value, old))
    }

    async fn check_owner(
        &self,
        question: &Question<'_>,
        live: &Live,
        answer: Option<&DynamicObject>,
    ) -> Result<(), Why> {
        if question.old.is_some() || self.options.take_ownership {
            return Ok(());
        }
        let is_new = answer.is_some_and(|answer| answer.metadata.resource_version.is_none());
        let found = match live {
            Live::Read(live) => live.as_ref().map(|live| live.metadata.clone()),
            Live::Unread if is_new => None,
            Live::Unread => objects::metadata(&question.api, question.object.name())
                .await
                .map_err(|error| Why::of(&error))?,
        };
        found.and_then(|live| foreign(&live, self.release)).map_or(Ok(()), |text| Err(Why::Foreign(text)))
    }
}

/// An object of which only metadata is known, beside what is known otherwise.
fn dynamic(metadata: ObjectMeta, value: &Value) -> DynamicObject {
    let mut data = value.clone();
    if let Some(fields) = data.as_object_mut() {
        fields.retain(|field, _| !["apiVersion", "kind", "metadata"].contains(&field.as_str()));
    }
    let types = serde_json::from_value(value.clone()).ok();
    DynamicObject { types, metadata, data }
}
