//! The kinds are served: every CRD that the release needs is established, and is still the same CRD as
//! before.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::scope::Scope;
use super::seen::Seen;
use super::source::Source;
use crate::certmanager::deployed::CRDS;
use crate::certmanager::resources::Object;

/// Each of them, by its name.
pub(super) fn sources(scope: &Scope) -> Vec<Source> {
    let names = scope.expected.crds.iter();
    names.map(|name| Source::named(None, name, |seen| &mut seen.crds)).collect()
}

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    for name in &context.expected.crds {
        let target = Target::named("CustomResourceDefinition", None, name);
        match seen.crds.find(None, name) {
            None => judgement.say(Opinion::waiting("missing", target, "is not there")),
            Some(crd) => judgement.opinions.extend(judge_one(crd, context)),
        }
    }
    if judgement.opinions.is_empty() && !context.expected.crds.is_empty() {
        judgement.fact(format!("{} CRDs are established", context.expected.crds.len()));
    }
    judgement
}

fn judge_one(crd: &CustomResourceDefinition, context: &Context) -> Option<Opinion> {
    let target = Target::of(crd);
    let recreated = context.baseline.crds.get(&target.name).is_some_and(|uid| uid != crd.uid());
    if recreated {
        let message = "was deleted and created again: every object of this kind is gone; restore the backup";
        return Some(Opinion::failed("recreated", target, message));
    }
    if crd.metadata.deletion_timestamp.is_some() {
        let message = "is being deleted, with every object of this kind";
        return Some(Opinion::failed("deleted", target, message));
    }
    let conditions = crd.status.as_ref().and_then(|status| status.conditions.as_ref());
    let condition = |kind: &str| conditions.into_iter().flatten().find(|condition| condition.type_ == kind);
    if let Some(refused) = condition("NamesAccepted").filter(|condition| condition.status == "False") {
        let message = format!("NamesAccepted=False: {}", refused.message.as_deref().unwrap_or_default());
        return Some(Opinion::failed("names", target, message));
    }
    match condition("Established") {
        Some(established) if established.status == "True" => not_served(crd, target),
        Some(established) => {
            let message = format!(
                "Established={}: {}",
                established.status,
                established.message.as_deref().unwrap_or_default()
            );
            Some(Opinion::waiting("established", target, message))
        }
        None => Some(Opinion::waiting("established", target, "has no condition Established yet")),
    }
}

/// cert-manager's own kinds are read as v1.
fn not_served(crd: &CustomResourceDefinition, target: Target) -> Option<Opinion> {
    let served = crd.spec.versions.iter().any(|version| version.name == "v1" && version.served);
    let ours = CRDS.contains(&target.name.as_str());
    (ours && !served).then(|| Opinion::waiting("served", target, "does not serve v1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::tests::World;
    use crate::gate::verdict::Verdict;
    use serde_json::{Value, json};

    fn crd(name: &str, uid: &str, conditions: &Value) -> CustomResourceDefinition {
        let (plural, group) = name.split_once('.').unwrap();
        serde_json::from_value(json!({
            "metadata": {"name": name, "uid": uid},
            "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "X", "plural": plural}, "versions": [{"name": "v1", "served": true, "storage": true}]},
            "status": {"conditions": conditions},
        }))
        .unwrap()
    }

    fn established() -> Value {
        json!([{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}])
    }

    fn verdict(first: Option<CustomResourceDefinition>) -> Verdict {
        let mut world = World::new(vec![]);
        world.baseline.crds.insert(CRDS[0].to_owned(), "uid-0".to_owned());
        let others = CRDS[1..].iter().map(|name| crd(name, name, &established()));
        let seen = Seen { crds: first.into_iter().chain(others).collect(), ..Seen::default() };
        judge(&seen, &world.context()).verdict()
    }

    #[test]
    fn every_state_of_a_crd_has_its_verdict() {
        let refused = json!([{"type": "NamesAccepted", "status": "False", "message": "taken"}]);
        let table = [
            (Some(crd(CRDS[0], "uid-0", &established())), Verdict::Passed),
            (Some(crd(CRDS[0], "uid-0", &json!([]))), Verdict::Waiting),
            (
                Some(crd(CRDS[0], "uid-0", &json!([{"type": "Established", "status": "False"}]))),
                Verdict::Waiting,
            ),
            (Some(crd(CRDS[0], "uid-0", &refused)), Verdict::Failed),
            (Some(crd(CRDS[0], "other", &established())), Verdict::Failed),
            (None, Verdict::Waiting),
        ];
        for (crd, expected) in table {
            assert_eq!(verdict(crd.clone()), expected, "{crd:?}");
        }
    }
}
