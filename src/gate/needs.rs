//! What the gates have to be allowed, so that nobody finds out after the upgrade that it cannot be judged: it comes from
//! what each of them sees and does.

use std::collections::BTreeSet;

use super::gates::gates;
use super::rules::HealthRules;
use super::scope::Scope;
use super::subject::{Expected, Subject};
use crate::cluster::access::Access;
use crate::cluster::discovery::Kinds;
use crate::config::GateSettings;

/// Every permission that the gates of `subject` use, on a cluster with these kinds. Logs and events that only explain a
/// failure, and what only spares a wait (which storage classes wait for a pod), are left out.
pub fn needs(subject: &Subject, settings: &GateSettings, kinds: &Kinds) -> Vec<Access> {
    let (expected, rules) = (Expected::of(subject), HealthRules::of(subject, settings));
    let scope = Scope { subject, expected: &expected, settings, rules: &rules, canary: true };
    let mut needs: BTreeSet<Access> = rules.needs(kinds);
    for gate in gates(&scope) {
        needs.extend((gate.sources)(&scope).into_iter().flat_map(|source| source.needs));
        needs.extend((gate.needs)(&scope));
    }
    needs.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Profile;
    use crate::gate::tests::World;
    use crate::helm::manifest::Object;
    use serde_json::json;

    #[test]
    fn the_objects_of_a_rule_are_read_where_it_looks() {
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "w"},
            "spec": {"group": "g.io", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"}, "versions": [{"name": "v1"}]},
        });
        let kinds = Kinds::default().with_crds(&[Object::new(crd)]);
        let rule = |name: &str, kind: &str, namespace: &str| {
            let rule = json!({"name": name, "watch": format!("g.io/v1/{kind}"), "namespace": namespace, "ready": "true"});
            serde_json::from_value(rule).unwrap()
        };
        let mut world = World::new(vec![]);
        world.subject.profile = Profile::Generic;
        world = world.with_rules(vec![
            rule("a", "Widget", "web"),
            rule("b", "Widget", "*"),
            rule("c", "Ghost", "web"),
        ]);
        let World { subject, settings, .. } = &world;
        let told: Vec<String> = needs(subject, settings, &kinds).iter().map(ToString::to_string).collect();
        let of = |place: &str| ["get", "list", "watch"].map(|verb| format!("{verb} widgets.g.io in {place}"));
        let (everywhere, web) = (of("the whole cluster"), of("namespace web"));
        assert!(
            everywhere.iter().chain(&web).all(|access| told.contains(access)) && told.len() == 6,
            "{told:?}"
        );
        let unserved = HealthRules::of(subject, settings).unserved(&kinds);
        let words = "rule c of gates.rules will prove nothing: the cluster does not serve g.io/v1/Ghost";
        assert_eq!(unserved, [words]);
    }

    #[test]
    fn a_canary_needs_more_than_reading_and_another_chart_does_not() {
        let mut world = World::new(vec![
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "n"}}),
        ]);
        world.settings.canary.issuers = vec!["Issuer/web/ca".parse().unwrap()];
        let told = |world: &World| {
            needs(&world.subject, &world.settings, &Kinds::default())
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let wanted = told(&world);
        for access in [
            "watch pods in namespace n",
            "list orders.acme.cert-manager.io in the whole cluster",
            "create certificates.cert-manager.io in namespace web",
            "create certificates.cert-manager.io in namespace cert-manager",
            "delete certificates.cert-manager.io in namespace web",
            "list certificates.cert-manager.io in the whole cluster",
            "list issuers.cert-manager.io in the whole cluster",
            "get issuers.cert-manager.io in namespace cert-manager",
            "delete issuers.cert-manager.io in namespace cert-manager",
            "list secrets in namespace web",
            "get secrets in namespace web",
            "delete secrets in namespace cert-manager",
        ] {
            assert!(wanted.iter().any(|told| told == access), "{access} is not in {wanted:#?}");
        }
        world.settings.canary.self_signed = false;
        assert!(
            told(&world).iter().all(|access| !access.starts_with("create issuers")),
            "{:#?}",
            told(&world)
        );
        world.subject.profile = Profile::Generic;
        assert!(told(&world).iter().all(|access| access.ends_with("in namespace n")), "{:#?}", told(&world));
    }
}
