//! The rules that apply to a release: those of `release.yaml`, the shipped ones whose kinds its manifest holds, and
//! one for every other kind of it. Asks no cluster.

use std::fmt;

use serde_json::json;

use super::answer::{answer, of_health};
use super::kinds::by_kind;
use super::rule::{Basis, HealthRule};
use super::shipped::shipped_rules;
use crate::certmanager::resources::of_title;
use crate::config::expression::Language;
use crate::config::{GateSettings, RuleSettings};
use crate::gate::names::{OBJECTS, RULES};
use crate::gate::seen::{RuleAnswer, RuledObject};
use crate::gate::subject::Subject;
use crate::gate::verdict::{GateOutcome, Verdict};
use crate::helm::manifest::Object;

/// Every rule that applies to one revision of a release.
pub struct HealthRules {
    rules: Vec<HealthRule>,
    language: Language,
}

impl HealthRules {
    /// The rules for a revision.
    pub fn of(subject: &Subject, settings: &GateSettings) -> Self {
        let (release, objects) = (&subject.release, subject.objects.as_slice());
        let language = Language::default();
        let own = settings.rules.iter().map(|rule| HealthRule::of(rule, release, objects, &language));
        let mut rules: Vec<HealthRule> = own.collect();
        let is_replaced = |rule: &RuleSettings| settings.rules.iter().any(|own| own.name == rule.name);
        let shipped = shipped_rules().into_iter().filter(|shipped| !is_replaced(&shipped.rule));
        rules.extend(shipped.filter_map(|rule| HealthRule::shipped(rule, release, objects, &language)));
        let unwritten = by_kind(subject, &rules);
        rules.extend(unwritten);
        Self { rules, language }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &HealthRule> {
        self.rules.iter()
    }

    /// Those that somebody wrote.
    pub(crate) fn written(&self) -> impl Iterator<Item = &HealthRule> {
        self.iter().filter(|rule| !rule.is_of_kind())
    }

    /// Those for the other kinds of the manifest.
    pub(crate) fn unwritten(&self) -> impl Iterator<Item = &HealthRule> {
        self.iter().filter(|rule| rule.is_of_kind())
    }

    /// The objects that these rules found not to be well, by kind and name: what is in them was not kept.
    pub fn found(&self, outcome: &GateOutcome) -> Vec<Object> {
        let of_rules =
            outcome.reports.iter().filter(|report| matches!(report.gate.as_str(), RULES | OBJECTS));
        let findings = of_rules.flat_map(|report| &report.findings);
        let bad = findings.filter(|finding| finding.verdict > Verdict::Passed);
        bad.filter_map(|finding| self.named(&finding.object)).collect()
    }

    fn named(&self, title: &str) -> Option<Object> {
        let (kind, namespace, name) = of_title(title);
        let rule = self.iter().find(|rule| rule.settings.watch.kind == kind)?;
        let mut object = rule.sample();
        object.value["metadata"] = json!({"name": name, "namespace": namespace});
        Some(object)
    }

    /// What a rule says of an object that it sees; asked once, as objects change seldom.
    pub(super) fn answer<'o>(&self, rule: &HealthRule, object: &'o RuledObject) -> &'o RuleAnswer {
        object.answer.get_or_init(|| match &rule.basis {
            Basis::Statements(Ok(statements)) => answer(statements, &self.language, &object.value),
            Basis::Statements(Err(why)) => RuleAnswer::Unknown(why.clone()),
            Basis::Health => of_health(&rule.typed(&object.value)),
        })
    }
}

impl fmt::Debug for HealthRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(HealthRule::name)).finish()
    }
}
