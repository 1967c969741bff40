//! What the gates have to be allowed, so that nobody finds out after the upgrade that it cannot be judged.

use std::collections::BTreeSet;

use super::rules::HealthRules;
use super::subject::{Expected, Subject};
use super::{canary, webhook};
use crate::cluster::access::Access;
use crate::cluster::discovery::Kinds;
use crate::config::{GateSettings, Profile};

/// Every permission that the gates of `subject` use, on a cluster with these kinds; logs and events that only explain
/// a failure are left out.
pub fn needs(subject: &Subject, settings: &GateSettings, kinds: &Kinds) -> Vec<Access> {
    let expected = Expected::of(subject);
    let mut needs = HealthRules::of(subject, settings).needs(kinds);
    for namespace in expected.namespaces() {
        for resource in ["deployments", "statefulsets", "daemonsets", "replicasets"] {
            watch(&mut needs, "apps", resource, Some(namespace));
        }
        watch(&mut needs, "", "pods", Some(namespace));
    }
    if !expected.crds.is_empty() {
        watch(&mut needs, "apiextensions.k8s.io", "customresourcedefinitions", None);
    }
    if subject.profile == Profile::CertManager {
        cert_manager(&mut needs, &expected);
        canary(&mut needs, &subject.release.namespace, settings);
    }
    needs.into_iter().collect()
}

fn cert_manager(needs: &mut BTreeSet<Access>, expected: &Expected) {
    for resource in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] {
        watch(needs, "admissionregistration.k8s.io", resource, None);
    }
    for (namespace, _) in expected.ca_secrets() {
        watch(needs, "", "secrets", Some(namespace));
    }
    for leader in &expected.leaders {
        watch(needs, "coordination.k8s.io", "leases", Some(&leader.namespace));
    }
    for resource in ["certificates", "certificaterequests", "issuers", "clusterissuers"] {
        watch(needs, "cert-manager.io", resource, None);
    }
    for resource in ["orders", "challenges"] {
        watch(needs, "acme.cert-manager.io", resource, None);
    }
    watch(needs, "", "events", None);
    if expected.has_webhook() {
        needs.insert(Access::new(
            "create",
            "cert-manager.io",
            "certificaterequests",
            Some(webhook::NAMESPACE),
        ));
    }
}

/// What creates a canary, takes one up and deletes it; finding the Certificates and Issuers of other runs is
/// covered by watching all of them.
fn canary(needs: &mut BTreeSet<Access>, release_namespace: &str, settings: &GateSettings) {
    for namespace in canary::namespaces(release_namespace, &settings.canary) {
        for verb in ["get", "create", "delete"] {
            needs.insert(Access::new(verb, "cert-manager.io", "certificates", Some(&namespace)));
        }
        for verb in ["get", "list", "delete"] {
            needs.insert(Access::new(verb, "", "secrets", Some(&namespace)));
        }
    }
    let verbs: &[&str] = if settings.canary.self_signed { &["get", "create", "delete"] } else { &[] };
    for verb in verbs {
        needs.insert(Access::new(verb, "cert-manager.io", "issuers", Some(release_namespace)));
    }
}

fn watch(needs: &mut BTreeSet<Access>, group: &str, resource: &str, namespace: Option<&str>) {
    for verb in ["get", "list", "watch"] {
        needs.insert(Access::new(verb, group, resource, namespace));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
