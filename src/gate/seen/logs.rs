//! What the logs of the release's pods come to: as a value, filled by `gate/logs/read.rs`.

use std::time::Duration;

use crate::certmanager::logs::LogGroup;

/// What was read the last time.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogsSeen {
    /// The lines that mean something, by rule.
    pub(crate) groups: Vec<LogGroup>,
    /// All lines.
    pub(crate) lines: usize,
    pub(crate) pods: usize,
    /// Written within this time.
    pub(crate) span: Duration,
    /// Why some could not be read.
    pub(crate) unread: Option<String>,
}
