//! All that is known: the file of rules, and what a user has changed of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::overlay::Overlay;
use super::rule::AdviceRule;
use crate::certmanager::app_version::AppVersion;

const BUILT_IN: &str = include_str!("rules.yaml");

/// What is known about versions of cert-manager.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    /// The newest patch that is known of each minor.
    newest: BTreeMap<AppVersion, AppVersion>,
    rules: Vec<AdviceRule>,
}

impl Knowledge {
    /// What the program brings.
    ///
    /// # Panics
    /// The file is part of the program, and a test reads it.
    pub fn built_in() -> Self {
        serde_saphyr::from_str(BUILT_IN).expect("a test reads the file of the program itself")
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[AdviceRule] {
        &self.rules
    }

    /// The newest patch that is known of a minor.
    pub fn newest(&self, minor: u64) -> Option<AppVersion> {
        self.newest.values().rfind(|version| (version.major, version.minor) == (1, minor)).copied()
    }

    /// With what a user adds and changes. A change of a rule that is not there changes nothing.
    #[must_use]
    pub fn with(mut self, overlay: Overlay) -> Self {
        for rule in overlay.rules {
            match self.rules.iter_mut().find(|known| known.id == rule.id) {
                Some(known) => *known = rule,
                None => self.rules.push(rule),
            }
        }
        for (id, change) in overlay.change {
            match self.rules.iter().position(|known| known.id == id) {
                Some(at) if change.off => drop(self.rules.remove(at)),
                Some(at) => change.apply(&mut self.rules[at]),
                None => {}
            }
        }
        let minor = |version: &AppVersion| (version.major, version.minor);
        for (_, version) in overlay.newest {
            self.newest.retain(|_, known| minor(known) != minor(&version));
            self.newest.insert(version, version);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::rule::{Applies, Severity};
    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_a_source() {
        let known = Knowledge::built_in();
        let ids: BTreeSet<&str> = known.rules().iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids.len(), known.rules().len());
        for rule in known.rules() {
            let linked = rule.source.iter().all(|source| source.starts_with("https://"));
            assert!(linked && !rule.source.is_empty() && !rule.remedy.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn every_minor_has_a_tested_range_and_a_newest_patch() {
        let known = Knowledge::built_in();
        let tested: Vec<u64> = known.rules().iter().filter_map(minor_tested).collect();
        assert_eq!(tested, (0..=21).collect::<Vec<_>>());
        for minor in 0..=21 {
            assert_eq!(known.newest(minor).unwrap().minor, minor);
        }
    }

    fn minor_tested(rule: &AdviceRule) -> Option<u64> {
        match &rule.applies {
            Applies::Kubernetes(range) => Some(range.minor.minor),
            _ => None,
        }
    }

    fn overlay(text: &str) -> Overlay {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn a_user_adds_changes_and_switches_off() {
        let text = r#"
            newest: { "1.21": "1.21.9" }
            rules:
              - { id: ours, applies: { crossing: "1.19" }, severity: refuse, text: t, do: d }
            change:
              slow-ca: { severity: refuse, text: ours is slow }
              backoff: { off: true }
        "#;
        let known = Knowledge::built_in().with(overlay(text));
        let find = |id: &str| known.rules().iter().find(|rule| rule.id == id);
        assert_eq!(find("slow-ca").unwrap().severity, Severity::Refuse);
        assert_eq!(find("slow-ca").unwrap().text, "ours is slow");
        assert!(find("ours").is_some() && find("backoff").is_none());
        assert_eq!(known.newest(21).unwrap().to_string(), "1.21.9");
    }
}
