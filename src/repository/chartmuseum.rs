//! The client of ChartMuseum's API, as the `helm cm-push` plugin uses it. Never forces an overwrite.

use std::collections::BTreeMap;

use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use tokio::sync::OnceCell;
use url::Url;

use super::http::{client, refused};
use super::index::Index;
use super::{Backoff, ChartRepository, Listed, RepositoryError, Uploaded};
use crate::config::RepositorySettings;
use crate::helm::chart::archive::ChartArchive;
use crate::redact::RedactedUrl;
use crate::web::{Answer, Http};

/// Helm refuses what unpacks to more than 100 MiB, so no archive needs to be larger.
const LARGEST_ARCHIVE: usize = 101 << 20;
/// About half a million versions.
const LARGEST_INDEX: usize = 256 << 20;
/// Statuses and short JSON texts.
const LARGEST_REPLY: usize = 1 << 20;

/// A repository served by ChartMuseum; its address holds the context path and the tenant, as in
/// `helm repo add`.
pub struct ChartMuseum {
    url: RedactedUrl,
    http: Http,
    /// Configured, or read from the index when an upload needs it first.
    context_path: OnceCell<String>,
}

impl ChartMuseum {
    /// A client; nothing is sent yet, but secrets and the CA file are read.
    pub fn new(settings: &RepositorySettings, backoff: Backoff) -> Result<Self, RepositoryError> {
        let context_path = OnceCell::new_with(settings.context_path.clone());
        Ok(Self { url: settings.url.clone(), http: client(settings, backoff)?, context_path })
    }

    async fn index(&self) -> Result<Index, RepositoryError> {
        let doing = format!("read the index of {}", self.url);
        let answer = self.http.get(&doing, below(self.url.reveal(), &["index.yaml"]), LARGEST_INDEX).await?;
        match answer.status {
            StatusCode::OK => {
                let index = Index::read(&answer.body)
                    .map_err(|source| RepositoryError::Index { url: self.url.to_string(), source })?;
                if index.skipped() > 0 {
                    tracing::warn!(url = %self.url, skipped = index.skipped(), "the index has entries that cannot be read");
                }
                Ok(index)
            }
            StatusCode::NOT_FOUND => Err(RepositoryError::NoRepository { url: self.url.to_string() }),
            _ => Err(refused(&self.http, doing, &answer)),
        }
    }

    async fn upload_url(&self) -> Result<Url, RepositoryError> {
        let discover =
            || async { self.index().await.map(|index| index.context_path().unwrap_or_default().to_owned()) };
        let context_path = self.context_path.get_or_try_init(discover).await?;
        api(self.url.reveal(), context_path).ok_or_else(|| RepositoryError::ContextPath {
            url: self.url.to_string(),
            context_path: context_path.clone(),
        })
    }

    fn uploaded(
        &self,
        doing: String,
        url: &Url,
        archive: &ChartArchive,
        answer: &Answer,
    ) -> Result<Uploaded, RepositoryError> {
        if answer.url != *url {
            // A redirected upload arrives as a GET: its answer says nothing about the upload.
            return Err(RepositoryError::Redirected {
                doing,
                to: RedactedUrl::new(answer.url.clone()).to_string(),
            });
        }
        match answer.status {
            StatusCode::CREATED | StatusCode::ACCEPTED => Ok(Uploaded::Stored),
            StatusCode::CONFLICT => Ok(Uploaded::AlreadyThere),
            StatusCode::PAYLOAD_TOO_LARGE => {
                Err(RepositoryError::TooLarge { doing, size: archive.bytes().len() })
            }
            StatusCode::NOT_FOUND => {
                Err(RepositoryError::NoApi { doing, url: RedactedUrl::new(url.clone()).to_string() })
            }
            _ => Err(refused(&self.http, doing, answer)),
        }
    }
}

#[async_trait]
impl ChartRepository for ChartMuseum {
    fn url(&self) -> &RedactedUrl {
        &self.url
    }

    async fn download(&self, name: &str, version: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
        let file = format!("{name}-{version}.tgz");
        let doing = format!("download {file} from {}", self.url);
        let answer =
            self.http.get(&doing, below(self.url.reveal(), &["charts", &file]), LARGEST_ARCHIVE).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refused(&self.http, doing, &answer)),
        }
    }

    async fn upload(&self, archive: &ChartArchive) -> Result<Uploaded, RepositoryError> {
        let url = self.upload_url().await?;
        let doing = format!("upload {} to {}", archive.file_name(), self.url);
        let request = |client: &reqwest::Client| {
            let part = Part::bytes(archive.bytes().to_vec()).file_name(archive.file_name());
            client.post(url.clone()).multipart(Form::new().part("chart", part))
        };
        let answer = self.http.send(&doing, LARGEST_REPLY, &request).await?;
        self.uploaded(doing, &url, archive, &answer)
    }

    async fn listed(&self, name: &str, version: &str) -> Result<Option<Listed>, RepositoryError> {
        let index = self.index().await?;
        let listed = index.exact(name, version).map(|entry| {
            let url = entry.urls.first().and_then(|url| archive_url(self.url.reveal(), url));
            let url = url
                .unwrap_or_else(|| below(self.url.reveal(), &["charts", &format!("{name}-{version}.tgz")]));
            Listed { digest: entry.digest(), url: RedactedUrl::new(url) }
        });
        Ok(listed)
    }

    async fn charts(&self) -> Result<BTreeMap<String, Vec<String>>, RepositoryError> {
        Ok(self.index().await?.versions())
    }
}

/// A URL below the repository's address, which keeps its query.
fn below(repository: &Url, segments: &[&str]) -> Url {
    let mut url = repository.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Where an archive of the index is: its URL is absolute or relative to the repository's address with a final
/// slash.
fn archive_url(repository: &Url, url: &str) -> Option<Url> {
    let mut base = repository.clone();
    base.path_segments_mut().ok()?.pop_if_empty().push("");
    base.join(url).ok()
}

/// `<context path>/api/<tenant>/charts`, or `None` when the repository's address does not begin with the
/// context path.
fn api(repository: &Url, context_path: &str) -> Option<Url> {
    let segments = |path: &str| {
        path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (context, path) = (segments(context_path), segments(repository.path()));
    let tenant = path.strip_prefix(context.as_slice())?;
    let mut url = repository.clone();
    url.set_path(&[&context[..], &["api".to_owned()], tenant, &["charts".to_owned()]].concat().join("/"));
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn the_api_lies_between_context_path_and_tenant() {
        for (repository, context_path, expected) in [
            ("https://charts.example.com", "", Some("https://charts.example.com/api/charts")),
            ("https://charts.example.com/", "/", Some("https://charts.example.com/api/charts")),
            (
                "https://charts.example.com/org/repo",
                "",
                Some("https://charts.example.com/api/org/repo/charts"),
            ),
            (
                "https://charts.example.com/ctx/org/repo/",
                "/ctx",
                Some("https://charts.example.com/ctx/api/org/repo/charts"),
            ),
            ("https://charts.example.com/ctx", "ctx/", Some("https://charts.example.com/ctx/api/charts")),
            ("https://charts.example.com/ctx2/org", "/ctx", None),
            ("https://charts.example.com/", "/ctx", None),
        ] {
            assert_eq!(api(&url(repository), context_path), expected.map(url), "{repository} {context_path}");
        }
    }

    #[test]
    fn files_lie_below_the_address_whatever_its_form() {
        for (repository, expected) in [
            ("https://charts.example.com", "https://charts.example.com/charts/demo-1.2.3+build.5.tgz"),
            (
                "https://charts.example.com/org/",
                "https://charts.example.com/org/charts/demo-1.2.3+build.5.tgz",
            ),
            (
                "https://charts.example.com/org?key=1",
                "https://charts.example.com/org/charts/demo-1.2.3+build.5.tgz?key=1",
            ),
        ] {
            assert_eq!(below(&url(repository), &["charts", "demo-1.2.3+build.5.tgz"]), url(expected));
        }
    }

    #[test]
    fn an_archive_of_the_index_is_relative_to_the_repository_or_absolute() {
        let repository = url("https://charts.example.com/org/repo");
        for (listed, expected) in [
            ("charts/demo-1.0.0.tgz", "https://charts.example.com/org/repo/charts/demo-1.0.0.tgz"),
            ("https://cdn.example.com/demo-1.0.0.tgz", "https://cdn.example.com/demo-1.0.0.tgz"),
        ] {
            assert_eq!(archive_url(&repository, listed), Some(url(expected)));
        }
    }
}
