//! The gates, in order. A new one is a file with its judgement, and a line in the table here.

use std::fmt;

use super::context::Context;
use super::names::{API_SERVER, CANARY, LEASE, OBJECTS, REISSUE, RULES, SETTLE, WORKLOAD};
use super::opinion::Judgement;
use super::rules::{self, HealthRules};
use super::seen::Seen;
use super::start::Start;
use super::subject::{Expected, Subject};
use super::{
    ca_bundle, canary, certificate, certificate_request, crds, issuer, lease, order, pulse, reissue, webhook,
    workload,
};
use crate::config::{GateSettings, Profile};

/// What decides which gates there are.
pub(super) struct Scope<'s> {
    pub(super) subject: &'s Subject,
    pub(super) expected: &'s Expected,
    /// Certificates of our own may be issued.
    pub(super) canary: bool,
    /// What judges objects of any kind.
    pub(super) rules: &'s HealthRules,
}

/// One gate.
#[derive(Clone, Copy)]
pub(super) struct Gate {
    pub(super) name: &'static str,
    pub(super) judge: fn(&Seen, &Context) -> Judgement,
    applies: fn(&Scope) -> bool,
    /// Done once, when every gate before it is passed.
    pub(super) starts: Option<fn(&mut Start)>,
    /// It sees nothing but the answers to what it started itself.
    pub(super) acts: bool,
    /// Judged at any time: a regression is one before the rollout is complete, too. The others come one after
    /// the other.
    pub(super) always: bool,
    /// It says nothing without a baseline.
    pub(super) compares: bool,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Gate {
    /// A gate of cert-manager that is judged once those before it are passed.
    pub(super) const fn step(name: &'static str, judge: fn(&Seen, &Context) -> Judgement) -> Self {
        let (starts, acts, always, compares) = (None, false, false, false);
        Self { name, judge, applies: is_cert_manager, starts, acts, always, compares }
    }

    /// A gate of cert-manager that is judged at any time, against the baseline.
    pub(super) const fn regression(name: &'static str, judge: fn(&Seen, &Context) -> Judgement) -> Self {
        Self { always: true, compares: true, ..Self::step(name, judge) }
    }

    const fn when(self, applies: fn(&Scope) -> bool) -> Self {
        Self { applies, ..self }
    }

    /// What it has to see is watched from its turn on.
    const fn starts(self, starts: fn(&mut Start)) -> Self {
        Self { starts: Some(starts), ..self }
    }

    /// It has to do something itself to see anything.
    pub(super) const fn acts(self, starts: fn(&mut Start)) -> Self {
        Self { acts: true, ..self.starts(starts) }
    }

    pub(super) const fn compares(self) -> Self {
        Self { compares: true, ..self }
    }
}

/// Every gate but the settle time, in order.
const GATES: [Gate; 14] = [
    Gate::step(API_SERVER, pulse::judge).when(every_chart).starts(pulse::start),
    Gate::step("crds", crds::judge).when(has_crds),
    // The kinds that the chart brings are served by then.
    Gate::step(WORKLOAD, workload::judge).when(every_chart).starts(watch_kinds),
    Gate::step(OBJECTS, rules::judge_kinds).when(has_other_objects).compares(),
    Gate::step(LEASE, lease::judge),
    Gate::step("ca-bundle", ca_bundle::judge).when(has_webhook),
    Gate::step("webhook", webhook::judge).when(has_webhook).acts(webhook::start),
    Gate::step("issuer", issuer::judge).compares(),
    Gate::step(CANARY, canary::judge).when(has_canary).acts(canary::start),
    Gate::regression("certificate-request", certificate_request::judge),
    Gate::regression("order", order::judge),
    Gate::regression("certificate", certificate::judge),
    Gate::regression(REISSUE, reissue::judge),
    Gate::step(RULES, rules::judge).when(has_rules).compares(),
];

fn watch_kinds(start: &mut Start) {
    rules::start(start);
    if start.context.subject.profile == Profile::CertManager {
        start.watches().issuance();
    }
}

fn every_chart(_: &Scope) -> bool {
    true
}

fn is_cert_manager(scope: &Scope) -> bool {
    scope.subject.profile == Profile::CertManager
}

fn has_crds(scope: &Scope) -> bool {
    !scope.expected.crds.is_empty()
}

fn has_webhook(scope: &Scope) -> bool {
    is_cert_manager(scope) && scope.expected.has_webhook()
}

fn has_canary(scope: &Scope) -> bool {
    is_cert_manager(scope) && scope.canary
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

/// The names of the gates that `subject` has to pass, in order: what a dry run shows.
pub fn gates_for(subject: &Subject, settings: &GateSettings, canary: bool) -> Vec<&'static str> {
    let rules = HealthRules::of(subject, settings);
    let scope = Scope { subject, expected: &Expected::of(subject), canary, rules: &rules };
    let names = gates(&scope).into_iter().map(|gate| gate.name);
    names.chain((subject.fresh && !settings.settle.is_zero()).then_some(SETTLE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::tests::World;
    use serde_json::json;

    #[test]
    fn the_dry_run_names_the_gates_in_order() {
        let mut world = World::new(vec![
            json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "w"},
            }),
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}}),
        ]);
        let rule = json!({"name": "w", "watch": "example.com/v1/Widget", "ready": "true"});
        world = world.with_rules(vec![serde_json::from_value(rule).unwrap()]);
        let named = |world: &World, canary| gates_for(&world.subject, &world.settings, canary);
        let every: Vec<&str> = GATES.iter().map(|gate| gate.name).chain([SETTLE]).collect();
        assert_eq!(named(&world, true), every);
        world.subject.fresh = false;
        assert!(!named(&world, false).iter().any(|gate| [CANARY, SETTLE].contains(gate)));
        world.subject.fresh = true;
        world.subject.profile = Profile::Generic;
        assert_eq!(named(&world, true), ["api-server", "workload", "objects", "rules", "settle"]);
        world.settings.rules.clear();
        assert_eq!(named(&world, true), ["api-server", "workload", "objects", "settle"]);
        assert_eq!(named(&World::new(vec![]), true).iter().find(|gate| **gate == "webhook"), None);
    }

    #[test]
    fn every_gate_is_in_the_readme() {
        let readme = std::fs::read_to_string("README.md").unwrap();
        let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `")).collect();
        for name in GATES.iter().map(|gate| gate.name).chain([SETTLE]) {
            assert!(rows.iter().any(|row| row.contains(&format!("`{name}`"))), "{name}");
        }
    }
}
