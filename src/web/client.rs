//! One HTTP request: credentials, bounded repetitions, bounded answers. Knows neither charts nor logs.
//!
//! Proxies come from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).

use std::path::Path;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, Response, StatusCode};
use url::Url;

use super::error::{WebError, is_untrusted};
use super::retry::{Backoff, is_passing, retry_after};
use crate::config::Credentials;
use crate::redact::{self, RedactedUrl};

/// A server, and how it is spoken to.
pub(crate) struct Server<'s> {
    pub(crate) url: &'s RedactedUrl,
    pub(crate) credentials: Credentials,
    /// Certificates (PEM) of the authority that signed the server's certificate.
    pub(crate) ca_file: Option<&'s Path>,
    /// How long one request may take.
    pub(crate) timeout: Duration,
}

/// A client for one server.
pub(crate) struct Http {
    client: Client,
    credentials: Credentials,
    backoff: Backoff,
}

/// The whole answer to a request.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    pub(crate) body: Vec<u8>,
    headers: HeaderMap,
}

/// Why there is no whole answer.
enum Trouble {
    Http(reqwest::Error),
    TooLarge,
}

impl Http {
    /// Reads the CA file.
    pub(crate) fn new(server: Server<'_>, backoff: Backoff) -> Result<Self, WebError> {
        Ok(Self { client: client(&server)?, credentials: server.credentials, backoff })
    }

    /// Whether any credentials are sent.
    pub(crate) fn sends_credentials(&self) -> bool {
        self.credentials != Credentials::None
    }

    /// Reads a URL; `limit` bounds the answer in bytes.
    pub(crate) async fn get(&self, doing: &str, url: Url, limit: usize) -> Result<Answer, WebError> {
        self.send(doing, limit, &|client| client.get(url.clone())).await
    }

    /// Sends a request until there is an answer that does not speak of a passing trouble, or the attempts are
    /// used up.
    ///
    /// `request` is called for every attempt. The request must be one that may arrive twice.
    pub(crate) async fn send(
        &self,
        doing: &str,
        limit: usize,
        request: &(dyn Fn(&Client) -> RequestBuilder + Send + Sync),
    ) -> Result<Answer, WebError> {
        let mut attempt = 1;
        loop {
            let outcome = self.attempt(request(&self.client), limit).await;
            let Some(pause) = self.pause(&outcome, attempt) else {
                return outcome.map_err(|trouble| trouble.error(doing, attempt, limit));
            };
            tracing::info!(
                doing,
                attempt,
                ?pause,
                trouble = outcome.map_or_else(|t| t.to_string(), |a| a.status.to_string()),
                "trying again"
            );
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, request: RequestBuilder, limit: usize) -> Result<Answer, Trouble> {
        let request = match &self.credentials {
            Credentials::None => request,
            Credentials::Basic { username, password } => {
                request.basic_auth(username.reveal(), Some(password.reveal()))
            }
            Credentials::Bearer(token) => request.bearer_auth(token.reveal()),
            Credentials::ApiKey(key) => request.header(AUTHORIZATION, format!("ApiKey {}", key.reveal())),
        };
        let response = request.send().await?;
        let (status, url, headers) = (response.status(), response.url().clone(), response.headers().clone());
        Ok(Answer { status, url, headers, body: body(response, limit).await? })
    }

    /// How long to wait before the next attempt; `None` when this outcome is final.
    fn pause(&self, outcome: &Result<Answer, Trouble>, attempt: u32) -> Option<Duration> {
        let pause = self.backoff.pause(attempt, rand::random())?;
        match outcome {
            Ok(answer) if is_passing(answer.status) => {
                Some(retry_after(answer.header(RETRY_AFTER.as_str())).unwrap_or(pause))
            }
            Err(Trouble::Http(error))
                if !error.is_builder() && !error.is_redirect() && !is_untrusted(error) =>
            {
                Some(pause)
            }
            Ok(_) | Err(Trouble::Http(_) | Trouble::TooLarge) => None,
        }
    }
}

impl Answer {
    /// A header of it, where it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the server says: ChartMuseum's `{"error": …}`, where a redirect leads, or the first line of a
    /// text.
    pub(crate) fn message(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Said {
            error: String,
        }
        let location = self.header(LOCATION.as_str()).map(|location| format!("it redirects to {location}"));
        let said = serde_json::from_slice(&self.body).ok().map(|Said { error }| error);
        let text =
            || String::from_utf8_lossy(&self.body).lines().next().unwrap_or_default().trim().to_owned();
        let message = location.or(said).unwrap_or_else(text);
        // Where a redirect leads may carry the signature that opens it.
        let message = redact::text(&message);
        if message.is_empty() { "no message".to_owned() } else { message.chars().take(300).collect() }
    }
}

impl Trouble {
    fn error(self, doing: &str, attempts: u32, limit: usize) -> WebError {
        let doing = doing.to_owned();
        match self {
            Trouble::Http(source) => WebError::NoAnswer { doing, attempts, source },
            Trouble::TooLarge => WebError::TooLarge { doing, limit },
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Http(error) => error.fmt(f),
            Trouble::TooLarge => f.write_str("the answer is too large"),
        }
    }
}

impl From<reqwest::Error> for Trouble {
    /// The URL is told by `doing`, without its secrets.
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

/// The body as far as `limit`; a body that ends early is an error, so that half an archive is never taken for
/// a whole one.
async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(Trouble::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn client(server: &Server<'_>) -> Result<Client, WebError> {
    let certificates = authority(server.ca_file)?;
    let builder = || {
        ClientBuilder::new()
            .user_agent(concat!("release/", env!("CARGO_PKG_VERSION")))
            .timeout(server.timeout)
            .connect_timeout(server.timeout.min(Duration::from_secs(10)))
            // Every request has a connection of its own: it may reach another replica, and never meets a
            // connection that just went stale.
            .pool_max_idle_per_host(0)
            .tls_certs_merge(certificates.clone())
    };
    let built = builder().build();
    // A machine without any root certificates can still talk to a server that needs none.
    let built = if server.url.reveal().scheme() == "http" {
        built.or_else(|_| builder().tls_certs_only([]).build())
    } else {
        built
    };
    built.map_err(|source| WebError::Client { url: server.url.to_string(), source })
}

/// The certificates of `ca-file`; none when it is not set.
fn authority(file: Option<&Path>) -> Result<Vec<Certificate>, WebError> {
    let Some(path) = file else { return Ok(Vec::new()) };
    let unreadable =
        |source: Box<dyn std::error::Error + Send + Sync>| WebError::CaFile { path: path.to_owned(), source };
    let pem = std::fs::read(path).map_err(|error| unreadable(error.into()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(error.into()))?;
    if certificates.is_empty() {
        Err(unreadable("it has no certificate in PEM form".into()))
    } else {
        Ok(certificates)
    }
}
