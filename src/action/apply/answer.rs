//! The answer about one object. Pure.

use kube::api::DynamicObject;
use serde_json::Value;

use super::problem::Why;
use super::{ApplyOptions, Detail, Effect, Sides};
use crate::cluster::managed_fields::remove_abandoned;
use crate::cluster::objects::{self, FIELD_MANAGER};

/// What applying one object does, and why it cannot be applied.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) effect: Effect,
    pub(super) why: Option<Why>,
    pub(super) sides: Option<Sides>,
}

/// One object on its way to the answer.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) options: ApplyOptions,
    /// The object with Helm's marks, as it is sent.
    pub(super) value: &'a Value,
    /// The live object, as far as it was read.
    pub(super) before: Option<&'a DynamicObject>,
}

impl Asked<'_> {
    /// The server takes it, and would make this of it.
    pub(super) fn taken(self, effect: Effect, after: &DynamicObject) -> Answer {
        let after = (self.options.detail == Detail::Sides).then(|| self.after(after));
        self.answer(effect, None, after)
    }

    /// Only something else of the release can tell more.
    pub(super) fn unasked(self) -> Answer {
        self.answer(Effect::Unasked, None, self.as_written())
    }

    /// It stays as it is.
    pub(super) fn kept(self) -> Answer {
        self.answer(Effect::KeptCrd, None, self.before.map(json))
    }

    /// It cannot be applied; what a hook may change is left to it.
    pub(super) fn refused(self, why: Why, after: Option<&DynamicObject>) -> Answer {
        let waits = self.options.hook.is_some() && why.may_pass();
        let effect = if waits { Effect::AfterHook } else { Effect::Refused };
        let after = after.map(|after| self.after(after)).or_else(|| self.as_written());
        self.answer(effect, Some(why), after)
    }

    fn answer(self, effect: Effect, why: Option<Why>, after: Option<Value>) -> Answer {
        let sides = || Sides { before: self.before.map(json), after };
        Answer { effect, why, sides: (self.options.detail == Detail::Sides).then(sides) }
    }

    /// An object that does not exist would be as it is written; what becomes of one that exists is not known.
    fn as_written(self) -> Option<Value> {
        self.before.is_none().then(|| self.value.clone())
    }

    /// The server's answer, without what Helm gives up.
    fn after(self, after: &DynamicObject) -> Value {
        let mut after = json(after);
        if let Some(before) = self.before {
            remove_abandoned(&mut after, &json(before), self.value, FIELD_MANAGER);
        }
        after
    }
}

/// What the server takes. The dry run of an object that does not exist has no version.
pub(super) fn effect(before: Option<&DynamicObject>, after: &DynamicObject, same_text: bool) -> Effect {
    let migrate = objects::needs_migration(&after.metadata);
    let same = same_text && before.is_some_and(|before| before.metadata == after.metadata);
    match after.metadata.resource_version {
        None => Effect::Create,
        Some(_) if same && !migrate => Effect::Unchanged,
        Some(_) => Effect::Update { migrate },
    }
}

fn json(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::conflict::OwnedField;
    use crate::cluster::error::Cause;

    fn live(value: &str) -> DynamicObject {
        serde_json::from_value(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "resourceVersion": "1"}, "data": {"k": value}}))
        .unwrap()
    }

    #[test]
    fn what_a_hook_may_change_is_left_to_it_and_what_others_wrote_is_not() {
        let api = |cause| Why::Api(cause);
        let table = [
            (api(Cause::Refused { code: 422, message: String::new() }), true),
            (api(Cause::Refused { code: 400, message: String::new() }), true),
            (api(Cause::Forbidden(String::new())), true),
            (api(Cause::NotFound(String::new())), true),
            (api(Cause::Conflict(String::new())), true),
            (Why::Immutable(Vec::new()), true),
            (Why::Unserved { api_version: "g/v1".into() }, true),
            (api(Cause::Refused { code: 500, message: String::new() }), false),
            (api(Cause::Unreachable(String::new())), false),
            (Why::Foreign(String::new()), false),
            (Why::Conflict(vec![OwnedField { field: ".a".into(), manager: "hand".into() }]), false),
        ];
        let value = json!({});
        for (why, passes) in table {
            for (hook, expected) in [(None, false), (Some("pre-upgrade"), passes)] {
                let options = ApplyOptions { hook, ..ApplyOptions::default() };
                let answer = Asked { options, value: &value, before: None }.refused(why.clone(), None);
                assert_eq!(answer.effect == Effect::AfterHook, expected, "{why:?} {hook:?}");
                assert!(answer.why.is_some() && answer.sides.is_none(), "{why:?} {hook:?}");
            }
        }
    }

    #[test]
    fn both_sides_are_kept_when_they_are_wanted() {
        let options = ApplyOptions { detail: Detail::Sides, ..ApplyOptions::default() };
        let (before, after, value) = (live("1"), live("2"), json!({"data": {"k": "2"}}));
        let asked = Asked { options, value: &value, before: Some(&before) };
        let data = |side: Option<Value>| side.map(|side| side["data"]["k"].clone());
        let sides = |answer: Answer| answer.sides.map(|sides| (data(sides.before), data(sides.after)));
        let taken = sides(asked.taken(Effect::Update { migrate: false }, &after)).unwrap();
        assert_eq!(taken, (Some(json!("1")), Some(json!("2"))));
        assert_eq!(sides(asked.unasked()).unwrap(), (Some(json!("1")), None));
        assert_eq!(sides(asked.kept()).unwrap(), (Some(json!("1")), Some(json!("1"))));
        let new = Asked { before: None, ..asked };
        assert_eq!(sides(new.unasked()).unwrap(), (None, Some(json!("2"))));
        let blind = Asked { options: ApplyOptions::default(), ..asked };
        assert_eq!(sides(blind.taken(Effect::Create, &after)), None);
    }

    #[test]
    fn only_the_same_text_can_be_unchanged() {
        let (before, mut after) = (live("1"), live("1"));
        assert_eq!(effect(Some(&before), &after, true), Effect::Unchanged);
        assert_eq!(effect(Some(&before), &after, false), Effect::Update { migrate: false });
        assert_eq!(effect(None, &after, true), Effect::Update { migrate: false });
        after.metadata.resource_version = None;
        assert_eq!(effect(None, &after, false), Effect::Create);
    }
}
