//! `logs`: where the logs of the clusters are kept beside the clusters themselves, and how its lines are found.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::credentials::Credentials;
use super::duration::{self, DurationText};
use super::secret::{Credential, SecretError, SecretRef};
use crate::redact::RedactedUrl;

/// Where the logs of all clusters are kept; `release logs` reads it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LogsConfig {
    /// An Elasticsearch.
    pub elasticsearch: Option<LogStoreConfig>,
    /// An `OpenSearch`.
    pub opensearch: Option<LogStoreConfig>,
}

/// An Elasticsearch or `OpenSearch`, and how its lines are found.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LogStoreConfig {
    /// Its address: `https://…`.
    pub url: String,
    /// The indices that hold the lines, such as `logstash-*`.
    #[schemars(extend("minLength" = 1))]
    pub index: String,
    /// The names of the fields.
    #[serde(default)]
    pub fields: LogFields,
    /// API key, as it is sent in `Authorization: ApiKey …`.
    #[serde(default)]
    pub api_key: Option<SecretRef>,
    /// User name for basic authentication.
    #[serde(default)]
    pub username: Option<Credential>,
    /// Password for basic authentication.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// Certificates (PEM) of the authority that signed the server's certificate, relative to `release.yaml`.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How long one request may take.
    #[serde(default = "half_a_minute", with = "duration")]
    #[schemars(with = "DurationText")]
    pub timeout: Duration,
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

/// The names of the fields of a line. What is searched by has to be a keyword.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LogFields {
    /// The namespace of the pod.
    pub namespace: String,
    /// The cluster, by its name in `release.yaml`.
    pub cluster: String,
    /// The line as it was written.
    pub message: String,
    /// When it was written.
    pub time: String,
    /// The name of the pod.
    pub pod: String,
}

impl Default for LogFields {
    fn default() -> Self {
        Self {
            namespace: "kubernetes.namespace_name.keyword".to_owned(),
            cluster: "cluster.keyword".to_owned(),
            message: "log".to_owned(),
            time: "@timestamp".to_owned(),
            pod: "kubernetes.pod_name".to_owned(),
        }
    }
}

/// Which of the two it is: they differ in how a search is held open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStoreKind {
    /// Elasticsearch, 7.10 or newer.
    Elasticsearch,
    /// `OpenSearch`, 2.4 or newer.
    OpenSearch,
}

impl fmt::Display for LogStoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elasticsearch => "Elasticsearch",
            Self::OpenSearch => "OpenSearch",
        })
    }
}

/// Where the logs of the clusters are kept, resolved.
#[derive(Debug, Clone)]
pub struct LogStoreSettings {
    /// Which of the two.
    pub kind: LogStoreKind,
    /// Its address, without user information.
    pub url: RedactedUrl,
    /// The indices that hold the lines.
    pub index: String,
    /// The names of the fields.
    pub fields: LogFields,
    /// Certificates (PEM) of the authority that signed the server's certificate.
    pub ca_file: Option<PathBuf>,
    /// How long one request may take.
    pub timeout: Duration,
    api_key: Option<SecretRef>,
    username: Option<Credential>,
    password: Option<SecretRef>,
}

impl LogStoreSettings {
    /// The store of the file, with its files beside `base_dir`.
    pub(super) fn resolve(config: &LogsConfig, base_dir: &Path) -> Option<Self> {
        let (kind, store) = match (&config.elasticsearch, &config.opensearch) {
            (Some(store), _) => (LogStoreKind::Elasticsearch, store),
            (None, Some(store)) => (LogStoreKind::OpenSearch, store),
            (None, None) => return None,
        };
        let secret = |secret: &Option<SecretRef>| secret.as_ref().map(|secret| secret.anchored(base_dir));
        Some(Self {
            kind,
            url: RedactedUrl::new(Url::parse(&store.url).expect("a loaded file has addresses that are URLs")),
            index: store.index.clone(),
            fields: store.fields.clone(),
            ca_file: store.ca_file.as_ref().map(|file| base_dir.join(file)),
            timeout: store.timeout,
            api_key: secret(&store.api_key),
            username: store.username.as_ref().map(|username| username.anchored(base_dir)),
            password: secret(&store.password),
        })
    }

    /// Reads the secrets, for the one place that sends them.
    ///
    /// # Errors
    /// A secret is not where the file says.
    pub fn credentials(&self) -> Result<Credentials, SecretError> {
        let purpose = format!("{} ({})", self.kind, self.url);
        Ok(match (&self.api_key, &self.username, &self.password) {
            (Some(key), _, _) => Credentials::ApiKey(key.read(&purpose)?),
            (None, Some(username), Some(password)) => {
                Credentials::Basic { username: username.read(&purpose)?, password: password.read(&purpose)? }
            }
            (None, None, _) | (None, _, None) => Credentials::None,
        })
    }
}

/// What is wrong with a store, each with the key that it is about.
pub(super) fn mistakes(store: &LogStoreConfig) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    match Url::parse(&store.url) {
        Ok(url) if !["http", "https"].contains(&url.scheme()) => {
            found.push(("url", "the address of a log store begins with http:// or https://".to_owned()));
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            let told = "a user name or password in a URL ends up in logs; write `username` and `password: { env: NAME }`";
            found.push(("url", told.to_owned()));
        }
        Ok(_) => {}
        Err(error) => found.push(("url", format!("the address of the log store is not a URL: {error}"))),
    }
    if store.username.is_some() != store.password.is_some() {
        let key = if store.username.is_some() { "username" } else { "password" };
        found.push((key, "a log store needs both `username` and `password`, or none of them".to_owned()));
    }
    if store.api_key.is_some() && store.username.is_some() {
        found.push(("api-key", "a log store takes `api-key`, or `username` and `password`".to_owned()));
    }
    if store.index.contains(['/', '?', '#', ' ']) {
        found.push(("index", format!("`{}` is no name of an index", store.index)));
    }
    found
}
