//! The rules that nobody wrote: one for every kind of the manifest that no other gate and no written rule judges, by
//! what Kubernetes itself says of its objects. Asks no cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::rule::{Basis, HealthRule};
use crate::config::{Profile, RuleBaseline, RuleCause, RuleSettings, WatchedKind};
use crate::gate::subject::Subject;
use crate::helm::manifest::Object;

/// API groups that Kubernetes itself serves; any other is a custom one.
const BUILT_IN: [&str; 20] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// One rule a kind, each for the objects that the manifest holds.
pub(super) fn by_kind(subject: &Subject, written: &[HealthRule]) -> Vec<HealthRule> {
    let mut kinds: BTreeMap<(&str, &str), Vec<&Object>> = BTreeMap::new();
    for object in subject.objects.iter().filter(|object| is_judged(object, subject.profile)) {
        kinds.entry((object.group(), object.kind())).or_default().push(object);
    }
    let is_written = |(group, kind): &(&str, &str)| {
        let watched = written.iter().map(|rule| &rule.settings.watch);
        watched.into_iter().any(|watch| watch.group == *group && watch.kind == *kind)
    };
    let rest = kinds.into_iter().filter(|(kind, _)| !is_written(kind));
    rest.map(|(_, objects)| of_kind(&objects, subject)).collect()
}

/// Kinds that have a state, and no gate of their own.
fn is_judged(object: &Object, profile: Profile) -> bool {
    let is_cert_manager = profile == Profile::CertManager;
    match (object.group(), object.kind()) {
        ("batch", "Job")
        | ("", "Pod" | "PersistentVolumeClaim")
        | ("apps", "ReplicaSet")
        | ("apiregistration.k8s.io", "APIService") => true,
        ("cert-manager.io" | "acme.cert-manager.io", _)
        | (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
        ) => !is_cert_manager,
        (group, _) => !BUILT_IN.contains(&group),
    }
}

fn of_kind(objects: &[&Object], subject: &Subject) -> HealthRule {
    let namespace = |object: &Object| object.namespace().unwrap_or(&subject.release.namespace).to_owned();
    let key = |object: &Object| (namespace(object), object.name().to_owned());
    let all = || objects.iter().copied();
    let ends = |object: &&Object| object.value.pointer("/spec/ttlSecondsAfterFinished").is_some();
    HealthRule {
        settings: settings(objects[0]),
        namespaces: all().map(|object| Some(namespace(object))).collect(),
        promised: all().filter(|object| !object.name().is_empty()).map(key).collect::<BTreeSet<_>>(),
        passing: all().filter(ends).map(key).collect(),
        own_only: true,
        basis: Basis::Health,
    }
}

/// As a rule of `release.yaml` would be; its expression is never asked.
fn settings(object: &Object) -> RuleSettings {
    let (group, kind) = (object.group(), object.kind());
    let dot = if group.is_empty() { "" } else { "." };
    let watch =
        WatchedKind { group: group.into(), version: object.version().to_owned(), kind: kind.to_owned() };
    RuleSettings {
        name: format!("{kind}{dot}{group}"),
        watch,
        namespace: None,
        labels: BTreeMap::new(),
        ready: String::new(),
        failed: None,
        in_progress: None,
        message: None,
        within: None,
        baseline: RuleBaseline::Report,
        cause: RuleCause::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gate::tests::World;

    fn kinds(profile: Profile) -> Vec<String> {
        let object = |api_version: &str, kind: &str| json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}});
        let mut world = World::new(vec![
            object("apps/v1", "Deployment"),
            object("v1", "Service"),
            object("v1", "ConfigMap"),
            object("batch/v1", "Job"),
            object("batch/v1", "CronJob"),
            object("networking.k8s.io/v1", "Ingress"),
            object("gateway.networking.k8s.io/v1", "GRPCRoute"),
            object("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
            object("cert-manager.io/v1", "Certificate"),
            object("external-secrets.io/v1", "ExternalSecret"),
        ]);
        world.subject.profile = profile;
        let rules = super::super::HealthRules::of(&world.subject, &world.settings);
        rules.iter().filter(|rule| rule.is_of_kind()).map(|rule| rule.name().to_owned()).collect()
    }

    #[test]
    fn what_has_a_state_and_no_gate_of_its_own_gets_a_rule() {
        let generic = [
            "MutatingWebhookConfiguration.admissionregistration.k8s.io",
            "Job.batch",
            "Certificate.cert-manager.io",
            "GRPCRoute.gateway.networking.k8s.io",
        ];
        assert_eq!(kinds(Profile::Generic), generic, "an ExternalSecret has a shipped rule");
        assert_eq!(kinds(Profile::CertManager), ["Job.batch", "GRPCRoute.gateway.networking.k8s.io"]);
    }
}
