//! What was typed, as values: which chart, which clusters, which version.

use std::time::Duration;

use super::file::OnFailure;

/// What a fleet verb was asked to do; [`super::Settings::resolve`] gives every name its meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `--chart`; needed when several are configured.
    pub chart: Option<String>,
    /// `--cluster`, repeatable.
    pub clusters: Vec<String>,
    /// `--wave`, repeatable.
    pub waves: Vec<String>,
    /// `--all`.
    pub all: bool,
    /// `--ref`: another branch, tag or commit than the configured one.
    pub reference: Option<String>,
    /// `--version`: the published version instead of packaging.
    pub version: Option<String>,
    /// `--on-failure`.
    pub on_failure: Option<OnFailure>,
    /// `--timeout`: all gates of one cluster.
    pub timeout: Option<Duration>,
}
