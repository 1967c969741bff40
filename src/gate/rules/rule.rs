//! The rules that apply to a release: those of `release.yaml`, and the shipped ones whose kinds its manifest
//! holds. Asks no cluster.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::json;

use super::answer::answer;
use super::shipped::{ShippedRule, shipped_rules};
use super::statements::Statements;
use crate::config::expression::Language;
use crate::config::rule::EVERYWHERE;
use crate::config::{GateSettings, ReleaseId, RuleBaseline, RuleSettings};
use crate::gate::seen::{RuleAnswer, RuledObject};
use crate::helm::manifest::Object;

/// Every rule that applies to one revision of a release.
pub struct HealthRules {
    rules: Vec<HealthRule>,
    language: Language,
}

/// One rule, with where it looks.
pub(crate) struct HealthRule {
    pub(crate) settings: RuleSettings,
    /// Where its objects are; `None` is everywhere.
    pub(super) namespaces: BTreeSet<Option<String>>,
    /// The objects that the manifest promises, as namespace and name; a cluster-scoped one has the release's
    /// namespace.
    pub(super) promised: BTreeSet<(String, String)>,
    /// It judges only what the manifest promises.
    pub(super) own_only: bool,
    statements: Result<Statements, String>,
}

impl HealthRules {
    /// The rules for a revision that consists of these objects.
    pub fn of(release: &ReleaseId, objects: &[Object], settings: &GateSettings) -> Self {
        let language = Language::default();
        let own = settings.rules.iter().map(|rule| HealthRule::of(rule, release, objects, &language));
        let mut rules: Vec<HealthRule> = own.collect();
        let is_replaced = |rule: &RuleSettings| settings.rules.iter().any(|own| own.name == rule.name);
        let shipped = shipped_rules().into_iter().filter(|shipped| !is_replaced(&shipped.rule));
        rules.extend(shipped.filter_map(|rule| HealthRule::shipped(rule, release, objects, &language)));
        Self { rules, language }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &HealthRule> {
        self.rules.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What a rule says of an object that it sees; asked once, as objects change seldom.
    pub(super) fn answer<'o>(&self, rule: &HealthRule, object: &'o RuledObject) -> &'o RuleAnswer {
        object.answer.get_or_init(|| match &rule.statements {
            Ok(statements) => answer(statements, &self.language, &object.value),
            Err(why) => RuleAnswer::Unknown(why.clone()),
        })
    }
}

impl fmt::Debug for HealthRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(HealthRule::name)).finish()
    }
}

impl HealthRule {
    fn of(rule: &RuleSettings, release: &ReleaseId, objects: &[Object], language: &Language) -> Self {
        let namespace = match rule.namespace.as_deref() {
            Some(EVERYWHERE) => None,
            Some(namespace) => Some(namespace.to_owned()),
            None => Some(release.namespace.clone()),
        };
        let place = |object: &&Object| {
            namespace.as_deref().is_none_or(|wanted| namespace_of(object, release) == wanted)
        };
        let promised = promised(rule, objects).filter(place).filter(|object| has_labels(rule, object));
        Self {
            settings: rule.clone(),
            promised: promised.map(|object| key(object, release)).collect(),
            namespaces: BTreeSet::from([namespace.clone()]),
            own_only: false,
            statements: Statements::of(rule, language),
        }
    }

    /// Where the manifest holds an object of the kind, in the version in which it does.
    fn shipped(
        shipped: ShippedRule,
        release: &ReleaseId,
        objects: &[Object],
        language: &Language,
    ) -> Option<Self> {
        let mut rule = shipped.rule;
        let version = promised(&rule, objects).next()?.version().to_owned();
        rule.watch.version = version;
        let promised = || promised(&rule, objects);
        Some(Self {
            namespaces: promised().map(|object| Some(namespace_of(object, release).to_owned())).collect(),
            promised: promised().map(|object| key(object, release)).collect(),
            own_only: true,
            statements: Statements::of(&rule, language),
            settings: rule.clone(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn is_strict(&self) -> bool {
        self.settings.baseline == RuleBaseline::Strict
    }

    /// An object without a name, to ask how its kind is addressed.
    pub(super) fn sample(&self) -> Object {
        let watch = &self.settings.watch;
        Object::new(json!({"apiVersion": watch.api_version(), "kind": watch.kind}))
    }

    /// A selector of labels; absent where every object counts.
    pub(super) fn selector(&self) -> Option<String> {
        let pairs = self.settings.labels.iter().map(|(key, value)| format!("{key}={value}"));
        let pairs: Vec<String> = pairs.collect();
        (!pairs.is_empty()).then(|| pairs.join(","))
    }
}

/// The objects of the rule's kind, in whatever version.
fn promised<'o>(rule: &RuleSettings, objects: &'o [Object]) -> impl Iterator<Item = &'o Object> + use<'o> {
    let (group, kind) = (rule.watch.group.clone(), rule.watch.kind.clone());
    objects.iter().filter(move |object| object.group() == group && object.kind() == kind)
}

fn has_labels(rule: &RuleSettings, object: &Object) -> bool {
    let has = |name: &str, value: &str| object.value["metadata"]["labels"][name] == value;
    rule.labels.iter().all(|(name, value)| has(name, value))
}

fn namespace_of<'o>(object: &'o Object, release: &'o ReleaseId) -> &'o str {
    object.namespace().unwrap_or(&release.namespace)
}

fn key(object: &Object, release: &ReleaseId) -> (String, String) {
    (namespace_of(object, release).to_owned(), object.name().to_owned())
}
