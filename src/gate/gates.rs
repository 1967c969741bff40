//! The gates, in order. A new one is a file with its judgement, and a line in the table here: watches, permissions, the
//! dry run and the README come from it.

use std::collections::BTreeSet;

use super::blueprint::{Gate, Turn};
use super::names::{
    API_SERVER, CANARY, INGRESS, LEASE, LOGS, METRICS, OBJECTS, REISSUE, RULES, SETTLE, TLS, WEBHOOK,
    WORKLOAD,
};
use super::rules::{self, HealthRules};
use super::scope::Scope;
use super::start::Start;
use super::subject::{Expected, Subject};
use super::{
    ca_bundle, canary, certificate, certificate_request, crds, ingress, issuance, issuer, lease, logs,
    meanwhile, metrics, order, pulse, reissue, tls, webhook, workload,
};
use crate::config::GateSettings;

/// Every gate but the settle time, in order.
const GATES: [Gate; 18] = [
    Gate::step(API_SERVER, pulse::judge)
        .proves("the API server answers and every watch is complete")
        .when(every_chart)
        .starts(begin),
    Gate::step("crds", crds::judge).proves("the CRDs are established").when(has_crds).sees(crds::sources),
    Gate::step(WORKLOAD, workload::judge)
        .proves("every pod is of the new revision, available and not restarting; an image that cannot be pulled ends it early, as does a crash loop (of another chart than cert-manager after five restarts)")
        .when(every_chart)
        .sees(workload::sources)
        .starts(watch_kinds),
    Gate::step(OBJECTS, rules::judge_kinds)
        .proves("every other object of the manifest that has a state is ready: Jobs complete, Pods, claims bound, webhooks with a CA, aggregated APIs, custom resources by their `Ready` condition; what was not ready before is reported")
        .when(has_other_objects)
        .compares(),
    Gate::step(LEASE, lease::judge)
        .proves("the leader election leases are held by new pods")
        .sees(lease::sources),
    Gate::step("ca-bundle", ca_bundle::judge)
        .proves("the webhooks trust the CA of their Secret")
        .when(has_webhook)
        .sees(ca_bundle::sources),
    Gate::step(WEBHOOK, webhook::judge)
        .proves("a valid request is filled in and an invalid one refused, three times in a row (dry runs)")
        .when(has_webhook)
        .acts(webhook::start, webhook::needs),
    Gate::step("issuer", issuer::judge)
        .proves("every issuer that was Ready is Ready, and none that Certificates refer to is gone")
        .sees_kinds(|_| issuance::issuers())
        .compares(),
    Gate::step(CANARY, canary::judge)
        .proves("a fresh self-signed certificate is issued, and one from each configured issuer under a name that no run has used before")
        .when(has_canary)
        .sees_kinds(|_| issuance::orders())
        .acts(canary::start, canary::needs),
    Gate::regression("certificate-request", certificate_request::judge)
        .proves("no request is worse than it was before the upgrade")
        .sees_kinds(|_| issuance::requests()),
    Gate::regression("order", order::judge)
        .proves("no Order and no Challenge is worse than it was before the upgrade")
        .sees_kinds(|_| issuance::orders()),
    Gate::regression("certificate", certificate::judge)
        .proves("no Certificate is worse than it was before the upgrade, and none is gone")
        .sees_kinds(|_| issuance::requests()),
    Gate::regression(REISSUE, reissue::judge)
        .proves("certificates were not issued again without a reason of their own")
        .sees_kinds(|_| vec![issuance::certificates()]),
    Gate::step(METRICS, metrics::judge)
        .proves("the controller's own counters: its loops run and fail no more than before, and no ACME server answers 429")
        .when(metrics::applies)
        .acts(metrics::start, metrics::needs),
    Gate::step(LOGS, logs::judge)
        .proves("cert-manager logs no known error that it did not log before the upgrade; told, and blocking only with `gates.logs: block`, see [Logs](#logs)")
        .when(logs::applies)
        .acts(logs::start, logs::needs),
    Gate::step(INGRESS, ingress::judge)
        .proves("Ingresses and Gateways that ask for certificates have them: a Certificate for every host, one Ingress for a Secret, a solver that fits; with `gates.ingress: required` what got worse blocks")
        .when(ingress::applies)
        .sees_kinds(ingress::sources)
        .acts(ingress::start, ingress::needs),
    Gate::step(TLS, tls::judge)
        .proves("hosts serve the certificates that they should, see [Probes](#probes)")
        .when(tls::applies)
        .sees_kinds(tls::sources)
        .needing(tls::needs),
    Gate::step(RULES, rules::judge)
        .proves("objects of any kind are ready, see [Rules](#rules)")
        .when(has_rules)
        .compares(),
];

/// From the start of the run: the beat, and what does not depend on kinds that the chart brings.
fn begin(start: &mut Start) {
    pulse::start(start);
    tls::start(start);
    open(start, Turn::First);
}

/// The kinds that the chart brings are served by then.
fn watch_kinds(start: &mut Start) {
    rules::start(start);
    meanwhile::start(start);
    open(start, Turn::Kinds);
}

/// Watches what the gates of a turn see, each once.
fn open(start: &mut Start, turn: Turn) {
    let scope = Scope::of(start.context, true);
    let mut opened = BTreeSet::new();
    for gate in gates(&scope).into_iter().filter(|gate| gate.turn == turn) {
        for source in (gate.sources)(&scope) {
            if opened.insert(source.what.clone()) {
                source.open(&mut start.watches());
            }
        }
    }
}

fn every_chart(_: &Scope) -> bool {
    true
}

fn has_crds(scope: &Scope) -> bool {
    !scope.expected.crds.is_empty()
}

fn has_webhook(scope: &Scope) -> bool {
    scope.is_cert_manager() && scope.expected.has_webhook()
}

fn has_canary(scope: &Scope) -> bool {
    scope.is_cert_manager() && scope.canary
}

fn has_rules(scope: &Scope) -> bool {
    scope.rules.written().next().is_some()
}

fn has_other_objects(scope: &Scope) -> bool {
    scope.rules.unwritten().next().is_some()
}

/// The gates that apply.
pub(super) fn gates(scope: &Scope) -> Vec<Gate> {
    GATES.into_iter().filter(|gate| (gate.applies)(scope)).collect()
}

/// Every gate by its name, with what it proves: what `release explain` says of a gate.
pub fn every_gate() -> impl Iterator<Item = (&'static str, &'static str)> {
    GATES.into_iter().map(|gate| (gate.name, gate.proves))
}

/// Only the canary, of a version that runs: nothing is rolled out that would have to be waited for.
pub(super) fn canary_alone(_: &Scope) -> Vec<Gate> {
    let api = GATES.into_iter().filter(|gate| gate.name == API_SERVER).map(|gate| gate.starts(pulse::start));
    let canary =
        GATES.into_iter().filter(|gate| gate.name == CANARY).map(|gate| gate.starts(watch_and_issue));
    api.chain(canary).collect()
}

fn watch_and_issue(start: &mut Start) {
    for source in issuance::orders() {
        source.open(&mut start.watches());
    }
    canary::start(start);
}

/// The names of the gates that `subject` has to pass, in order: what a dry run shows.
pub fn gates_for(subject: &Subject, settings: &GateSettings, canary: bool) -> Vec<&'static str> {
    let (expected, rules) = (Expected::of(subject), HealthRules::of(subject, settings));
    let scope = Scope { subject, expected: &expected, settings, rules: &rules, canary };
    let names = gates(&scope).into_iter().map(|gate| gate.name);
    names.chain((subject.fresh && !settings.settle.is_zero()).then_some(SETTLE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Profile;
    use crate::gate::tests::World;
    use serde_json::json;

    #[test]
    fn before_the_upgrade_only_the_canary_is_asked() {
        let world = World::new(vec![]);
        let gates = canary_alone(&Scope::of(world.context(), true));
        let names: Vec<&str> = gates.iter().map(|gate| gate.name).collect();
        assert_eq!(names, [API_SERVER, CANARY]);
        assert!(gates.iter().all(|gate| gate.starts.is_some() && !gate.compares));
    }

    #[test]
    fn the_dry_run_names_the_gates_in_order() {
        let mut world = World::new(vec![
            json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "w"},
            }),
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}}),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "c", "labels": {"app.kubernetes.io/component": "controller"}},
                "spec": {"template": {"spec": {"containers": [{"ports": [{"name": "http-metrics"}]}]}}},
            }),
        ]);
        let probe = json!({"tls": {"host": "shop.example.com"}});
        world.settings.probes = vec![serde_json::from_value(probe).unwrap()];
        let rule = json!({"name": "w", "watch": "example.com/v1/Widget", "ready": "true"});
        world = world.with_rules(vec![serde_json::from_value(rule).unwrap()]);
        let named = |world: &World, canary| gates_for(&world.subject, &world.settings, canary);
        let every: Vec<&str> = GATES.iter().map(|gate| gate.name).chain([SETTLE]).collect();
        assert_eq!(named(&world, true), every);
        world.subject.fresh = false;
        assert!(!named(&world, false).iter().any(|gate| [CANARY, SETTLE].contains(gate)));
        world.subject.fresh = true;
        world.subject.profile = Profile::Generic;
        assert_eq!(named(&world, true), ["api-server", "workload", "objects", "tls", "rules", "settle"]);
        world.settings.rules.clear();
        world.settings.probes.clear();
        assert_eq!(named(&world, true), ["api-server", "workload", "objects", "settle"]);
        assert_eq!(named(&World::new(vec![]), true).iter().find(|gate| **gate == "webhook"), None);
    }

    #[test]
    fn the_readme_says_what_every_gate_proves() {
        let readme = std::fs::read_to_string("README.md").unwrap();
        let row = |gate: &Gate| format!("| `{}` | {} |\n", gate.name, gate.proves);
        let rows: String = GATES.iter().map(row).collect();
        assert!(readme.contains(&rows), "the README's table of gates has to be:\n{rows}");
        assert!(readme.contains(&format!("| `{SETTLE}` | ")));
    }
}
