//! One rule: which objects it judges, and by what. Asks no cluster.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::shipped::ShippedRule;
use super::statements::Statements;
use crate::config::expression::Language;
use crate::config::rule::EVERYWHERE;
use crate::config::{ReleaseId, RuleBaseline, RuleSettings};
use crate::helm::manifest::Object;

/// One rule, with where it looks.
pub(crate) struct HealthRule {
    pub(crate) settings: RuleSettings,
    /// Where its objects are; `None` is everywhere.
    pub(super) namespaces: BTreeSet<Option<String>>,
    /// The objects that the manifest promises, as namespace and name; a cluster-scoped one has the release's
    /// namespace.
    pub(super) promised: BTreeSet<(String, String)>,
    /// What is promised and may be gone again, because it goes when it has ended.
    pub(super) passing: BTreeSet<(String, String)>,
    /// It judges only what the manifest promises.
    pub(super) own_only: bool,
    pub(super) basis: Basis,
}

/// By what a rule knows how an object is.
pub(super) enum Basis {
    /// The expressions that somebody wrote; or why they are none.
    Statements(Result<Statements, String>),
    /// What Kubernetes says of its kind.
    Health,
}

impl HealthRule {
    pub(super) fn of(
        rule: &RuleSettings,
        release: &ReleaseId,
        objects: &[Object],
        language: &Language,
    ) -> Self {
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
            passing: BTreeSet::new(),
            own_only: false,
            basis: Basis::Statements(Statements::of(rule, language)),
        }
    }

    /// Where the manifest holds an object of the kind, in the version in which it does.
    pub(super) fn shipped(
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
            passing: BTreeSet::new(),
            own_only: true,
            basis: Basis::Statements(Statements::of(&rule, language)),
            settings: rule.clone(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Nobody wrote it.
    pub(crate) fn is_of_kind(&self) -> bool {
        matches!(self.basis, Basis::Health)
    }

    /// The object as a list does not have it: with its kind.
    pub(super) fn typed(&self, value: &Value) -> Value {
        let mut value = value.clone();
        value["apiVersion"] = self.settings.watch.api_version().into();
        value["kind"] = self.settings.watch.kind.clone().into();
        value
    }

    /// A selector of fields, where the manifest holds one object of the kind in a namespace.
    pub(super) fn fields(&self, namespace: Option<&str>) -> Option<String> {
        let mut here = self.promised.iter().filter(|(own, _)| namespace.is_none_or(|wanted| wanted == own));
        let (_, name) = here.next()?;
        (self.is_of_kind() && here.next().is_none()).then(|| format!("metadata.name={name}"))
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
