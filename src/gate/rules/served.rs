//! Before the upgrade: how the kinds of the rules are addressed, and which are not served. Asks nobody.

use std::collections::BTreeSet;

use super::applied::HealthRules;
use crate::cluster::access::Access;
use crate::cluster::discovery::Kinds;

impl HealthRules {
    /// Reading the objects of every rule, as far as its kind is served.
    pub(in crate::gate) fn needs(&self, kinds: &Kinds) -> BTreeSet<Access> {
        let mut needs = BTreeSet::new();
        for rule in self.iter() {
            let Some((resource, namespaced)) = kinds.find(&rule.sample()) else { continue };
            for namespace in &rule.namespaces {
                let namespace = namespace.as_deref().filter(|_| namespaced);
                let access = |verb: &str| Access::new(verb, &resource.group, &resource.plural, namespace);
                needs.extend(["get", "list", "watch"].map(access));
            }
        }
        needs
    }

    /// What is to be said of rules whose kinds the cluster does not serve, and the chart does not bring.
    pub fn unserved(&self, kinds: &Kinds) -> Vec<String> {
        // Without the kind of a shipped rule, the release itself is refused.
        let own = self.iter().filter(|rule| !rule.own_only);
        let unserved = own.filter(|rule| kinds.find(&rule.sample()).is_none());
        let told = unserved.map(|rule| {
            format!(
                "rule {} of gates.rules will prove nothing: the cluster does not serve {}",
                rule.name(),
                rule.settings.watch
            )
        });
        told.collect()
    }
}
