//! What can go wrong between us and a log store, and what to do next.

use reqwest::StatusCode;

use crate::config::{LogStoreKind, SecretError};
use crate::failure::Failure;
use crate::web::{WebError, is_untrusted};

/// Why lines could not be read. `doing` is what was being done, with the store.
#[derive(Debug, thiserror::Error)]
pub enum LogStoreError {
    /// A secret that the settings name cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No answer at all.
    #[error(transparent)]
    Web(#[from] WebError),
    /// 401 or 403.
    #[error("{doing}: the log store refused the credentials (HTTP {status}){}", told(message))]
    Denied {
        /// What was being done.
        doing: String,
        /// 401 or 403.
        status: StatusCode,
        /// What the server says.
        message: String,
        /// Whether any credentials were sent.
        sent: bool,
    },
    /// There is no such index.
    #[error("{doing}: there is no index `{index}`")]
    NoIndex {
        /// What was being done.
        doing: String,
        /// The index of the settings.
        index: String,
    },
    /// It does not know how a search is held open.
    #[error("{doing}: the server does not know {kind}'s point in time: {message}")]
    OtherKind {
        /// What was being done.
        doing: String,
        /// What was expected.
        kind: LogStoreKind,
        /// What the server says.
        message: String,
    },
    /// Any other answer that is not success.
    #[error("{doing}: the log store answered HTTP {status}{}", told(message))]
    Status {
        /// What was being done.
        doing: String,
        /// The status.
        status: StatusCode,
        /// What the server says.
        message: String,
    },
    /// The answer is not one of a log store.
    #[error("{doing}: the answer is not that of {kind}: {message}")]
    Foreign {
        /// What was being done.
        doing: String,
        /// What was expected.
        kind: LogStoreKind,
        /// What is wrong with it.
        message: String,
    },
    /// Parts of the index did not answer, so the lines are not all.
    #[error("{doing}: {failed} of {total} shards did not answer: {message}")]
    Shards {
        /// What was being done.
        doing: String,
        /// How many.
        failed: u64,
        /// Of how many.
        total: u64,
        /// The first reason.
        message: String,
    },
    /// Entries without the line.
    #[error("{doing}: none of the {entries} entries has a field `{field}`")]
    NoMessage {
        /// What was being done.
        doing: String,
        /// How many entries.
        entries: usize,
        /// The field of the settings.
        field: String,
    },
}

impl LogStoreError {
    /// What to do next, when there is something better than to read the message again.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Denied { sent: false, .. } => {
                "set `api-key`, or `username` and `password`, of the log store in release.yaml"
            }
            Self::Denied { .. } => {
                "check the credentials, and that they may `read` the indices; `--from cluster` needs none of them"
            }
            Self::NoIndex { .. } => "check `index` of the log store in release.yaml",
            Self::OtherKind { .. } => {
                "Elasticsearch has it from 7.10 on, OpenSearch from 2.4 on; write `logs.elasticsearch` or `logs.opensearch` for what it is"
            }
            Self::NoMessage { .. } => "set `fields.message` of the log store in release.yaml",
            Self::Web(WebError::NoAnswer { source, .. }) if is_untrusted(source) => {
                "set `ca-file` of the log store when an authority of your own signed it"
            }
            Self::Web(_) | Self::Shards { .. } => "`--from cluster` reads from the API server",
            Self::Secret(_) | Self::Status { .. } | Self::Foreign { .. } => return None,
        })
    }

    /// The way out of the program: nothing on a cluster was changed.
    pub fn failure(self) -> Failure {
        let hint = self.hint();
        Failure::refused(self).with_hints(hint)
    }
}

fn told(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}
