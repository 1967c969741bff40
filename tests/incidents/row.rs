//! A row of `incidents.yaml`, as the README's table and the tests that stage it read it.

use serde::Deserialize;

/// One incident, and what the gates say about it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Incident {
    pub(crate) name: String,
    pub(crate) what: String,
    /// Public reports of the same.
    pub(crate) like: Option<String>,
    pub(crate) gate: String,
    /// The finding; without one nothing is said.
    pub(crate) rule: Option<String>,
    /// How the object of the finding begins.
    #[serde(default)]
    pub(crate) object: String,
    /// It happens before the first look: the run ends with the first failure that it sees, and sees all of them then.
    #[serde(default)]
    pub(crate) at_once: bool,
    /// Of the whole run, when it happens while the gates judge.
    pub(crate) verdict: String,
    #[serde(default)]
    pub(crate) because: String,
    pub(crate) cause: Option<String>,
    /// What its twin is.
    pub(crate) before: Option<String>,
    /// Another test that stages it.
    pub(crate) proof: Option<String>,
}

/// All of them, in the order of the README.
pub(crate) fn incidents() -> Vec<Incident> {
    serde_norway::from_str(include_str!("incidents.yaml")).unwrap()
}
