//! Every permission that a change of a release uses, the gates' included. Asks nobody.

use crate::action::ActionError;
use crate::cluster::access::{self, Access};
use crate::cluster::discovery::Kinds;
use crate::config::GateSettings;
use crate::gate::{self, Subject};
use crate::helm::manifest::{self, Object};
use crate::helm::release::Hook;

/// What is to be done to a release.
pub(super) struct Wanted<'a> {
    /// The new revision, with its objects.
    pub(super) subject: &'a Subject,
    /// The objects of the revision that is replaced.
    pub(super) old: &'a [Object],
    /// The hooks of the new revision.
    pub(super) hooks: &'a [Hook],
    /// The events at which hooks run.
    pub(super) events: [&'static str; 2],
    /// Objects that come before all others: the files below `crds/` of an install.
    pub(super) first: &'a [Object],
    /// The namespace is created when it is missing.
    pub(super) makes_namespace: bool,
    /// How the gates judge.
    pub(super) gates: &'a GateSettings,
}

/// All of them, each once.
pub(super) fn all(
    kinds: &Kinds,
    wanted: &Wanted<'_>,
    namespace_is_missing: bool,
) -> Result<Vec<Access>, ActionError> {
    let Wanted { subject, old, first, gates, .. } = wanted;
    let (objects, namespace) = (&subject.objects, subject.release.namespace.as_str());
    let kinds = &kinds.with_crds(objects).with_crds(first);
    let mut all = access::for_release(&subject.release);
    all.extend(access::to_apply(kinds, namespace, objects));
    all.extend(access::to_apply(kinds, namespace, first));
    all.extend(access::to_delete(kinds, namespace, leaving(kinds, namespace, old, objects)));
    // A rollback deletes what the upgrade has created; a first install is never rolled back.
    if !old.is_empty() {
        all.extend(access::to_delete(kinds, namespace, leaving(kinds, namespace, objects, old)));
    }
    all.extend(access::to_run_hooks(kinds, namespace, &hook_objects(wanted)?));
    all.extend(namespace_is_missing.then(access::to_create_namespace));
    all.extend(gate::needs(subject, gates, kinds));
    all.sort();
    all.dedup();
    Ok(all)
}

/// The objects that only the first list has.
fn leaving<'o>(kinds: &Kinds, namespace: &str, from: &'o [Object], to: &[Object]) -> Vec<&'o Object> {
    let stay: Vec<_> = to.iter().map(|object| kinds.key(object, namespace)).collect();
    from.iter().filter(|object| !stay.contains(&kinds.key(object, namespace))).collect()
}

fn hook_objects(wanted: &Wanted<'_>) -> Result<Vec<Object>, ActionError> {
    let runs = |hook: &&Hook| hook.events.iter().any(|event| wanted.events.contains(&event.as_str()));
    let objects = wanted.hooks.iter().filter(runs).map(|hook| manifest::split(&hook.manifest));
    let objects: Result<Vec<_>, _> = objects.collect();
    let release = || wanted.subject.release.name.clone();
    Ok(objects.map_err(|source| ActionError::Manifest { release: release(), source })?.concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Profile, ReleaseId};

    fn object(kind: &str, name: &str) -> Object {
        Object::new(json!({"apiVersion": "g/v1", "kind": kind, "metadata": {"name": name}}))
    }

    /// Kinds `A`, `B` and `C`, as CRDs bring them.
    fn kinds() -> Kinds {
        let crd = |kind: &str| {
            let names = json!({"kind": kind, "plural": kind.to_lowercase()});
            Object::new(
                json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": kind},
                "spec": {"group": "g", "scope": "Namespaced", "names": names, "versions": [{"name": "v1"}]}}),
            )
        };
        Kinds::default().with_crds(&["A", "B", "C"].map(crd))
    }

    fn hook(event: &str) -> Hook {
        let manifest = "apiVersion: g/v1\nkind: C\nmetadata: {name: c}\n".to_owned();
        Hook { events: vec![event.to_owned()], manifest, ..Hook::default() }
    }

    fn told(old: &[Object], hooks: &[Hook], namespace_is_missing: bool) -> Vec<String> {
        let subject = Subject {
            release: ReleaseId { name: "r".into(), namespace: "ns".into() },
            revision: 2,
            objects: vec![object("A", "a")],
            chart_version: "1.0.0".to_owned(),
            profile: Profile::Generic,
            fresh: true,
        };
        let gates = GateSettings::default();
        let events = ["pre-upgrade", "post-upgrade"];
        let wanted = Wanted {
            subject: &subject,
            old,
            hooks,
            events,
            first: &[],
            makes_namespace: true,
            gates: &gates,
        };
        let all = all(&kinds(), &wanted, namespace_is_missing).unwrap();
        all.iter().map(ToString::to_string).filter(|told| !told.contains("release.r")).collect()
    }

    fn has(told: &[String], access: &str) -> bool {
        told.iter().any(|known| known == access)
    }

    #[test]
    fn what_leaves_and_what_comes_may_have_to_be_deleted() {
        let upgrade = told(&[object("B", "b")], &[], false);
        for access in
            ["delete b.g in namespace ns", "delete a.g in namespace ns", "patch a.g in namespace ns"]
        {
            assert!(has(&upgrade, access), "{access}: {upgrade:?}");
        }
        assert!(!has(&upgrade, "patch b.g in namespace ns"));
        let same = told(&[object("A", "a")], &[], false);
        assert!(!has(&same, "delete a.g in namespace ns"), "it stays, both ways: {same:?}");
        assert!(!has(&told(&[], &[], false), "delete a.g in namespace ns"), "an install is never undone");
    }

    #[test]
    fn only_hooks_that_run_need_permissions() {
        let runs = told(&[], &[hook("post-upgrade")], false);
        for verb in ["create", "get", "delete", "watch"] {
            assert!(has(&runs, &format!("{verb} c.g in namespace ns")), "{verb}: {runs:?}");
        }
        assert!(!has(&told(&[], &[hook("post-install")], false), "create c.g in namespace ns"));
    }

    #[test]
    fn a_namespace_is_created_only_where_it_is_missing() {
        assert!(has(&told(&[], &[], true), "create namespaces in the whole cluster"));
        assert!(!has(&told(&[], &[], false), "create namespaces in the whole cluster"));
    }
}
