//! The rules that come with the program, as `shipped.yaml` has them.

use serde::Deserialize;

use crate::config::RuleSettings;

/// A rule with the place where its kind's states are described.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippedRule {
    /// Where to read more.
    pub source: String,
    /// The rule.
    pub rule: RuleSettings,
}

/// All of them.
///
/// # Panics
/// The file is part of the program, and a test reads it.
pub fn shipped_rules() -> Vec<ShippedRule> {
    serde_norway::from_str(include_str!("shipped.yaml")).expect("the shipped rules are part of the program")
}
