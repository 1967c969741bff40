//! What can go wrong between us and a chart repository, and what to do next.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::StatusCode;

use super::index::IndexError;
use crate::config::SecretError;
use crate::failure::Failure;
use crate::helm::chart::archive::ArchiveError;
use crate::several::first_of;
use crate::web::{WebError, is_untrusted};

/// Why a chart could not be published, found or read. `doing` is what was being done, with the object and the
/// repository.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// No client for this kind of address.
    #[error("the repository {url} has a scheme that is not supported; http and https are")]
    Scheme {
        /// The address, without secrets.
        url: String,
    },
    /// A secret that the settings name cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The certificates of `ca-file` cannot be read.
    #[error("read the certificates of the repository's authority from `{}`", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The HTTP client cannot be built.
    #[error("prepare the HTTP client for {url}")]
    Client {
        /// The repository's address, without secrets.
        url: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// No answer, or only a part of one.
    #[error("{doing}: no whole answer after {attempts} attempts")]
    NoAnswer {
        /// What was being done.
        doing: String,
        /// How often it was tried.
        attempts: u32,
        /// The last trouble.
        #[source]
        source: reqwest::Error,
    },
    /// More bytes than anything that we ask for can have.
    #[error("{doing}: the answer is larger than {limit} bytes")]
    AnswerTooLarge {
        /// What was being done.
        doing: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// 401 or 403.
    #[error("{doing}: the repository refused the credentials (HTTP {status}){}", wanted(challenge.as_deref()))]
    Denied {
        /// What was being done.
        doing: String,
        /// 401 or 403.
        status: StatusCode,
        /// What the server asks for (`WWW-Authenticate`).
        challenge: Option<String>,
        /// Whether any credentials were sent.
        sent: bool,
    },
    /// 413.
    #[error("{doing}: the archive of {size} bytes is larger than the repository accepts (HTTP 413)")]
    TooLarge {
        /// What was being done.
        doing: String,
        /// The size of the archive in bytes.
        size: usize,
    },
    /// 507.
    #[error("{doing}: the repository is full (HTTP 507): {message}")]
    Full {
        /// What was being done.
        doing: String,
        /// What the server says.
        message: String,
    },
    /// Any other status that is not success.
    #[error("{doing}: the repository answered HTTP {status}: {message}")]
    Status {
        /// What was being done.
        doing: String,
        /// The status.
        status: StatusCode,
        /// What the server says.
        message: String,
    },
    /// An upload was sent elsewhere, where it is no upload any more.
    #[error("{doing}: the repository redirects to {to}, and a redirected upload is lost")]
    Redirected {
        /// What was being done.
        doing: String,
        /// Where to.
        to: String,
    },
    /// 404 for an upload.
    #[error("{doing}: there is no upload API at {url} (HTTP 404)")]
    NoApi {
        /// What was being done.
        doing: String,
        /// Where the archive was sent.
        url: String,
    },
    /// There is no index.yaml at the address.
    #[error("{url} is no chart repository: it has no index.yaml (HTTP 404)")]
    NoRepository {
        /// The address, without secrets.
        url: String,
    },
    /// The index cannot be read.
    #[error("read the index of {url}")]
    Index {
        /// The repository's address, without secrets.
        url: String,
        /// Why not.
        #[source]
        source: IndexError,
    },
    /// The API's path cannot be told from the repository's address.
    #[error("the repository {url} does not lie below its context path `{context_path}`")]
    ContextPath {
        /// The repository's address, without secrets.
        url: String,
        /// The path that the server, or `context-path`, says.
        context_path: String,
    },
    /// What the repository serves is not a chart archive.
    #[error("read {chart} that {url} serves")]
    Archive {
        /// Name and version of the chart.
        chart: String,
        /// The repository's address, without secrets.
        url: String,
        /// What is wrong with it.
        #[source]
        source: Box<ArchiveError>,
    },
    /// The repository serves an archive of another chart under this name.
    #[error("{url} serves {found} where {chart} was asked for")]
    OtherChart {
        /// Name and version that were asked for.
        chart: String,
        /// Name and version in the archive.
        found: String,
        /// The repository's address, without secrets.
        url: String,
    },
    /// The version is taken by other content.
    #[error("{chart} is already published in {url} with other content: {}", first_of(files, NAMED))]
    OtherContent {
        /// Name and version of the chart.
        chart: String,
        /// The repository's address, without secrets.
        url: String,
        /// The files that differ.
        files: Vec<String>,
    },
    /// Accepted (or said to be there already), but never served.
    #[error("{chart} was accepted by {url}, which did not serve it within {} s", within.as_secs())]
    NotServed {
        /// Name and version of the chart.
        chart: String,
        /// The repository's address, without secrets.
        url: String,
        /// How long we asked.
        within: Duration,
    },
    /// Stored, but the index never listed it.
    #[error("{chart} ({digest}) is stored in {url}, whose index {} after {} s", seen.as_ref().map_or_else(
        || "did not list it".to_owned(), |other| format!("still listed it as {other}")), within.as_secs())]
    NotListed {
        /// Name and version of the chart.
        chart: String,
        /// The digest of the archive that the repository serves.
        digest: String,
        /// The repository's address, without secrets.
        url: String,
        /// The digest that the index gave last.
        seen: Option<String>,
        /// How long we asked.
        within: Duration,
    },
    /// The version that was asked for is not there.
    #[error("{chart} is not published in {url}; it has {there}")]
    NotPublished {
        /// Name and version of the chart.
        chart: String,
        /// The repository's address, without secrets.
        url: String,
        /// Other versions of the chart.
        there: String,
    },
    /// There is no chart of this name.
    #[error("{url} has no chart `{name}`; it has {there}{near}")]
    UnknownChart {
        /// The name that was asked for.
        name: String,
        /// The repository's address, without secrets.
        url: String,
        /// The name that was meant, maybe.
        near: String,
        /// The charts that it has.
        there: String,
    },
}

impl RepositoryError {
    /// What to do next, when there is something better than to read the message again.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Denied { sent: false, .. } => {
                "set `username` and `password`, or `token`, of the repository in release.yaml"
            }
            Self::Denied { .. } => "check the repository's credentials, and that they may write to it",
            Self::OtherContent { .. } => "a published version never changes: raise `version` in Chart.yaml",
            Self::TooLarge { .. } => {
                "keep large files out of the chart with .helmignore, or raise --max-upload-size of ChartMuseum"
            }
            Self::Full { .. } => "delete old versions, or raise --max-storage-objects of ChartMuseum",
            Self::NoRepository { .. } => {
                "check the repository's `url`: context path and tenant (`/<org>/<repository>`) belong to it"
            }
            Self::Redirected { .. } => "set `url` of the repository to the address that it redirects to",
            Self::NoApi { .. } => {
                "check `url` (a tenant belongs to it) and `context-path`; ChartMuseum started with --disable-api takes no uploads"
            }
            Self::ContextPath { .. } => {
                "set `context-path` of the repository to the path under which the API is reached"
            }
            Self::NotListed { .. } => {
                "run it again later: replicas of ChartMuseum without a shared cache list a new archive only after --cache-interval"
            }
            Self::NotPublished { .. } => {
                "publish it first with `release publish`, or choose a version that `helm search repo --versions` lists"
            }
            Self::UnknownChart { .. } => {
                "a chart is published under the `name` of its Chart.yaml; write that as `name` of the chart in release.yaml, or publish it first with `release publish`"
            }
            Self::NoAnswer { source, .. } if is_untrusted(source) => {
                "set `ca-file` of the repository when an authority of your own signed it"
            }
            _ => return None,
        })
    }

    /// The way out of the program: nothing on a cluster was changed.
    pub fn failure(self) -> Failure {
        let hint = self.hint();
        Failure::refused(self).with_hints(hint)
    }
}

/// What goes wrong with any server, in the words of a repository.
impl From<WebError> for RepositoryError {
    fn from(error: WebError) -> Self {
        match error {
            WebError::CaFile { path, source } => Self::CaFile { path, source },
            WebError::Client { url, source } => Self::Client { url, source },
            WebError::NoAnswer { doing, attempts, source } => Self::NoAnswer { doing, attempts, source },
            WebError::TooLarge { doing, limit } => Self::AnswerTooLarge { doing, limit },
        }
    }
}

fn wanted(challenge: Option<&str>) -> String {
    challenge.map(|challenge| format!("; it asks for {challenge}")).unwrap_or_default()
}

/// A chart whose every file differs would hide the message.
const NAMED: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> String {
        "https://charts.example.com/org/".to_owned()
    }

    #[test]
    fn other_content_names_the_files_and_says_what_to_do() {
        let files: Vec<String> = (0..12).map(|n| format!("templates/{n}.yaml")).collect();
        let error = RepositoryError::OtherContent { chart: "demo 1.2.3".into(), url: url(), files };
        let failure = error.failure();
        insta::assert_snapshot!(failure.chain().join("\n"), @"demo 1.2.3 is already published in https://charts.example.com/org/ with other content: templates/0.yaml, templates/1.yaml, templates/2.yaml, templates/3.yaml, templates/4.yaml, templates/5.yaml, templates/6.yaml, templates/7.yaml, templates/8.yaml, templates/9.yaml and 2 more");
        assert_eq!(failure.hints(), ["a published version never changes: raise `version` in Chart.yaml"]);
    }

    #[test]
    fn the_index_that_lags_is_told_from_the_index_that_lists_something_else() {
        let error = |seen: Option<&str>| {
            let seen = seen.map(str::to_owned);
            let (chart, digest, within) = ("demo 1.2.3".into(), "sha256:aa".into(), Duration::from_mins(6));
            RepositoryError::NotListed { chart, digest, url: url(), seen, within }.to_string()
        };
        insta::assert_snapshot!(error(None), @"demo 1.2.3 (sha256:aa) is stored in https://charts.example.com/org/, whose index did not list it after 360 s");
        insta::assert_snapshot!(error(Some("sha256:bb")), @"demo 1.2.3 (sha256:aa) is stored in https://charts.example.com/org/, whose index still listed it as sha256:bb after 360 s");
    }
}
