//! The client of Elasticsearch and `OpenSearch`: the lines of one cluster's namespace, page by page, from
//! one moment of the index, so that none is missed or told twice while others are written.

use std::fmt;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::error::LogStoreError;
use super::hit::{self, StoredLine};
use super::search::{self, Asked, LogQuery, PAGE};
use crate::config::{LogFields, LogStoreSettings};
use crate::redact;
use crate::web::{Answer, Backoff, Http, Server};

/// A thousand lines of 64 KiB.
const LARGEST_PAGE: usize = 64 << 20;
/// More than this nobody reads; the newest ones are left out, and that is told.
const MOST_LINES: usize = 100_000;

/// A place where logs are kept.
pub struct LogStore {
    settings: LogStoreSettings,
    http: Http,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredLines {
    /// The lines, oldest first.
    pub lines: Vec<StoredLine>,
    /// There are more: these are the oldest.
    pub cut: bool,
}

impl LogStore {
    /// A client; nothing is sent yet, but secrets and the CA file are read.
    ///
    /// # Errors
    /// A secret or the CA file cannot be read.
    pub fn new(settings: &LogStoreSettings, backoff: Backoff) -> Result<Self, LogStoreError> {
        let server = Server {
            url: &settings.url,
            credentials: settings.credentials()?,
            ca_file: settings.ca_file.as_deref(),
            timeout: settings.timeout,
        };
        Ok(Self { settings: settings.clone(), http: Http::new(server, backoff)? })
    }

    /// The lines that `query` asks for, oldest first.
    ///
    /// # Errors
    /// The store cannot be reached, refuses, or answers only in part.
    pub async fn lines(&self, query: &LogQuery) -> Result<StoredLines, LogStoreError> {
        let LogStoreSettings { kind, index, .. } = &self.settings;
        let answer = self.ask(&search::open(*kind, index)).await?;
        let id = search::opened(*kind, &answer);
        let mut id = id.ok_or_else(|| self.foreign("it names no point in time"))?;
        let found = self.pages(query, &mut id).await;
        // It ends by itself, too.
        if let Err(error) = self.ask(&search::close(*kind, &id)).await {
            tracing::info!(%error, "the point in time was not closed");
        }
        found
    }

    /// What to say when nothing was found: the filters that nothing fits.
    pub fn nothing(&self, query: &LogQuery) -> String {
        let LogFields { namespace, cluster, time, .. } = &self.settings.fields;
        format!(
            "no line in index `{}` has {namespace}: {}, {cluster}: {} and {time} since {}; compare `fields` of the log store in release.yaml",
            self.settings.index, query.namespace, query.cluster, query.since
        )
    }

    async fn pages(&self, query: &LogQuery, id: &mut String) -> Result<StoredLines, LogStoreError> {
        let LogStoreSettings { kind, fields, .. } = &self.settings;
        let (mut found, mut after, mut entries) = (StoredLines::default(), None, 0);
        loop {
            let answer = self.ask(&search::page(*kind, fields, query, id, after.as_ref())).await?;
            self.whole(&answer)?;
            // It may get another name on the way.
            *id = answer["pit_id"].as_str().map_or_else(|| id.clone(), str::to_owned);
            let hits = answer["hits"]["hits"].as_array().ok_or_else(|| self.foreign("it has no hits"))?;
            entries += hits.len();
            found.lines.extend(hits.iter().filter_map(|hit| hit::line(fields, hit)));
            after = hits.last().map(|hit| hit["sort"].clone());
            if hits.len() < PAGE {
                break;
            }
            if entries >= MOST_LINES {
                found.cut = true;
                break;
            }
        }
        if found.lines.is_empty() && entries > 0 {
            let (doing, field) = (self.doing(), fields.message.clone());
            return Err(LogStoreError::NoMessage { doing, entries, field });
        }
        Ok(found)
    }

    async fn ask(&self, asked: &Asked) -> Result<Value, LogStoreError> {
        let url = self.below(asked);
        let doing = self.doing();
        let answer = self
            .http
            .send(&doing, LARGEST_PAGE, &|client| {
                let request = client.request(asked.method.clone(), url.clone());
                if asked.body.is_null() { request } else { request.json(&asked.body) }
            })
            .await?;
        let is_closed = asked.method == Method::DELETE && answer.status == StatusCode::NOT_FOUND;
        if !answer.status.is_success() && !is_closed {
            return Err(self.refused(&answer));
        }
        serde_json::from_slice(&answer.body).map_err(|error| self.foreign(&error.to_string()))
    }

    fn below(&self, asked: &Asked) -> Url {
        let mut url = self.settings.url.reveal().clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&asked.path);
        }
        url.set_query(asked.query.as_deref());
        url
    }

    fn doing(&self) -> String {
        format!("read the logs from {self}")
    }

    fn refused(&self, answer: &Answer) -> LogStoreError {
        let (doing, status) = (self.doing(), answer.status);
        let (reason, message) = reason(answer);
        let kind = self.settings.kind;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                LogStoreError::Denied { doing, status, message, sent: self.http.sends_credentials() }
            }
            StatusCode::NOT_FOUND if reason == "index_not_found_exception" => {
                LogStoreError::NoIndex { doing, index: self.settings.index.clone() }
            }
            // What OpenSearch says where no index fits a pattern.
            StatusCode::BAD_REQUEST if message.contains("invalid id: [null]") => {
                LogStoreError::NoIndex { doing, index: self.settings.index.clone() }
            }
            StatusCode::METHOD_NOT_ALLOWED => LogStoreError::OtherKind { doing, kind, message },
            _ if message.contains("no handler found") || message.contains("unknown parameter [pit]") => {
                LogStoreError::OtherKind { doing, kind, message }
            }
            status => LogStoreError::Status { doing, status, message },
        }
    }

    /// Half an answer would be taken for few errors.
    fn whole(&self, answer: &Value) -> Result<(), LogStoreError> {
        let shards = &answer["_shards"];
        let failed = shards["failed"].as_u64().unwrap_or(0);
        if failed == 0 {
            return Ok(());
        }
        let why = shards["failures"][0]["reason"]["reason"].as_str().unwrap_or("no reason is told");
        let (doing, message) = (self.doing(), redact::text(why));
        Err(LogStoreError::Shards {
            doing,
            failed,
            total: shards["total"].as_u64().unwrap_or(failed),
            message,
        })
    }

    fn foreign(&self, message: &str) -> LogStoreError {
        LogStoreError::Foreign { doing: self.doing(), kind: self.settings.kind, message: message.to_owned() }
    }
}

impl fmt::Display for LogStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.settings.kind, self.settings.url)
    }
}

/// Type and words of an error: `{"error": {"type": …, "reason": …}}`, or what a proxy says.
fn reason(answer: &Answer) -> (String, String) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |key: &str| body["error"][key].as_str().map(str::to_owned);
    let said = || if answer.body.is_empty() { String::new() } else { answer.message() };
    let message = text("reason").map_or_else(said, |reason| redact::text(&reason));
    (text("type").unwrap_or_default(), message)
}
