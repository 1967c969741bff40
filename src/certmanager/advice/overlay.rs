//! What a user adds to the rules and changes of them: the form of the files that release.yaml names.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::rule::{AdviceRule, Severity};
use crate::certmanager::app_version::AppVersion;

/// One file of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overlay {
    /// Newer patches than the program knows, by minor.
    pub newest: BTreeMap<AppVersion, AppVersion>,
    /// Rules of the user's own; one with a known name takes the place of that one.
    pub rules: Vec<AdviceRule>,
    /// Changes of known rules, by name.
    pub change: BTreeMap<String, RuleChange>,
}

/// What differs from the known rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleChange {
    /// The rule does not speak any more.
    pub off: bool,
    /// How strong it is.
    pub severity: Option<Severity>,
    /// What is known.
    pub text: Option<String>,
    /// What to do.
    #[serde(rename = "do")]
    pub remedy: Option<String>,
}

impl RuleChange {
    pub(super) fn apply(self, rule: &mut AdviceRule) {
        rule.severity = self.severity.unwrap_or(rule.severity);
        rule.text = self.text.unwrap_or_else(|| std::mem::take(&mut rule.text));
        rule.remedy = self.remedy.unwrap_or_else(|| std::mem::take(&mut rule.remedy));
    }
}
