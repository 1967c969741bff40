//! What proves to a server who asks, once it is read from where `release.yaml` says.

use crate::redact::Secret;

/// How requests to a server are authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Not at all.
    None,
    /// Basic authentication.
    Basic {
        /// User name.
        username: Secret,
        /// Password.
        password: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
    /// An API key of Elasticsearch.
    ApiKey(Secret),
}
