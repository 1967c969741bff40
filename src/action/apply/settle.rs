//! All objects of a manifest together: which are asked for, and what one answer means for another. Pure.

use std::collections::BTreeMap;

use super::answer::Answer;
use super::problem::{Problem, Why};
use super::{Effect, Step, crd};
use crate::cluster::discovery::Kinds;
use crate::config::ReleaseId;
use crate::helm::manifest::{Key, Object};

/// An object that the manifest has twice is applied as its last text says, as when Helm applies them one
/// after the other.
pub(super) fn last_of_each<'o>(
    kinds: &Kinds,
    release: &ReleaseId,
    new: &'o [Object],
) -> Vec<(Key, &'o Object)> {
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
pub(super) fn settle(objects: &[(Key, &Object)], answers: Vec<Answer>) -> Vec<Step> {
    let changed = |(index, answer): (usize, &Answer)| {
        let stays = matches!(answer.effect, Effect::Unchanged | Effect::KeptCrd | Effect::Refused);
        (!stays && objects[index].1.is_crd()).then(|| objects[index].1)
    };
    let crds: Vec<&Object> = answers.iter().enumerate().filter_map(changed).collect();
    let step = |((key, object), answer): (&(Key, &Object), Answer)| {
        let Answer { mut effect, mut why, sides } = answer;
        if why.as_ref().is_some_and(Why::is_invalid) && crds.iter().any(|crd| crd::brings(crd, object)) {
            (effect, why) = (Effect::Unasked, None);
        }
        let problem = why.map(|why| Problem { key: key.clone(), why });
        Step { object: (*object).clone(), key: key.clone(), effect, problem, sides }
    };
    objects.iter().zip(answers).map(step).collect()
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

    fn answer(effect: Effect) -> Answer {
        Answer { effect, why: None, sides: None }
    }

    fn invalid() -> Answer {
        let cause = Cause::Refused { code: 422, message: "unknown field".into() };
        Answer { effect: Effect::Refused, why: Some(Why::Api(cause)), sides: None }
    }

    #[test]
    fn what_the_old_schema_refuses_waits_for_the_new_one() {
        let (crd, custom) = (crd(), object("A", "a"));
        let objects = [(key("CustomResourceDefinition", "as.g"), &crd), (key("A", "a"), &custom)];
        let effect = |crd: Effect| {
            let step = settle(&objects, vec![answer(crd), invalid()]).remove(1);
            (step.effect, step.problem.is_some())
        };
        assert_eq!(effect(Effect::Update { migrate: false }), (Effect::Unasked, false));
        for crd in [Effect::Unchanged, Effect::KeptCrd, Effect::Refused] {
            assert_eq!(effect(crd), (Effect::Refused, true), "{crd:?}");
        }
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
