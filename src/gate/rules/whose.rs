//! Whose an object of a rule is: of the release, of somebody else, and since when it is not well. Pure.

use super::{HealthRule, Judging};
use crate::certmanager::resources::Object as _;
use crate::gate::baseline::RuledState;
use crate::gate::opinion::{Opinion, Target};
use crate::gate::seen::RuledObject;
use crate::gate::whose::Whose;

impl Judging<'_> {
    pub(super) fn whose(&self, object: &RuledObject) -> Whose {
        let Self { rule, context, .. } = *self;
        match self.before(object) {
            _ if context.strict() || rule.is_strict() => Whose::Now,
            Some(before) if !before.is_ready() => Whose::Before,
            _ if rule.promises(object) => Whose::Ours,
            None => Whose::New,
            // What a controller changes is not its user's doing.
            Some(before)
                if before.generation != object.metadata.generation && object.controller().is_none() =>
            {
                Whose::Edited
            }
            Some(_) => Whose::Known,
        }
    }

    /// It was not well before, or it is somebody else's new one.
    pub(super) fn was_unwell(&self, object: &RuledObject) -> bool {
        match self.before(object) {
            Some(before) => !before.is_ready(),
            None => !self.rule.promises(object),
        }
    }

    fn before(&self, object: &RuledObject) -> Option<&RuledState> {
        self.context.baseline.rules.get(self.rule.name())?.get(object.uid())
    }
}

impl HealthRule {
    /// The manifest holds it.
    pub(super) fn promises(&self, object: &RuledObject) -> bool {
        self.promised.contains(&self.key(object))
    }

    /// Namespace and name; of a cluster-scoped object as the manifest would have it.
    pub(super) fn key(&self, object: &RuledObject) -> (String, String) {
        let metadata = &object.metadata;
        let name = metadata.name.clone().unwrap_or_default();
        match &metadata.namespace {
            Some(namespace) => (namespace.clone(), name),
            None => {
                let promised = self.promised.iter().find(|(_, promised)| *promised == name);
                promised.cloned().unwrap_or((String::new(), name))
            }
        }
    }

    pub(super) fn target(&self, object: &RuledObject) -> Target {
        let metadata = &object.metadata;
        Target {
            uid: metadata.uid.clone(),
            ..Target::named(
                &self.settings.watch.kind,
                metadata.namespace.as_deref(),
                metadata.name.as_deref().unwrap_or_default(),
            )
        }
    }

    /// The rule, where there is no object to name.
    pub(super) fn itself(&self) -> Target {
        Target::named(if self.is_of_kind() { "Kind" } else { "Rule" }, None, self.name())
    }

    /// A message with the rule that somebody wrote.
    pub(super) fn said(&self, message: &str) -> String {
        if self.is_of_kind() { message.to_owned() } else { format!("{message} (rule {})", self.name()) }
    }

    /// By the time that the rule gives, and counted for this rule alone.
    pub(super) fn limited(&self, opinion: Opinion) -> Opinion {
        let opinion = opinion.by(self.name());
        match self.settings.within {
            Some(within) => opinion.grace(within),
            None => opinion,
        }
    }

    /// ` in namespace x`, for a message.
    pub(super) fn place(&self) -> String {
        let named: Vec<&str> = self.namespaces.iter().flatten().map(String::as_str).collect();
        if named.is_empty() { String::new() } else { format!(" in namespace {}", named.join(", ")) }
    }
}
