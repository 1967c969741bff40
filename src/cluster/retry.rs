//! Below kube's client: reads are repeated when the API server is away for a moment, and nothing waits for
//! ever.
//!
//! A write is sent once, unless it certainly never arrived (no connection) or the server turned it away
//! (429). A server-side apply may be repeated, since applying the same again changes nothing; but not for
//! long, since it must not outlive a lock.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::client::legacy;
use kube::client::{AuthError, Body, DynBody};
use tokio::time::{Instant, sleep, timeout};
use tower::{BoxError, Service, ServiceExt};

use super::error::{NoAnswer, chain};
use super::plugin::{Plugin, PluginError};

/// How long one request may stay without a byte from the server.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Writes go through admission webhooks, which may take their own 30 s each.
const WRITE_TIMEOUT: Duration = Duration::from_mins(2);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// No more attempt is started after this time. Set on a request as an extension; the default rides out a
/// restart of an API server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience(pub(super) Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

/// A log comes from its node, which may be away for long; evidence must not wait like this for every
/// container.
const LOG_PATIENCE: Patience = Patience(Duration::from_secs(3));

/// A write that comes much later could be that of a holder who has lost the lock.
const APPLY_PATIENCE: Patience = Patience(Duration::from_secs(5));

/// Set on a write as an extension: sent again, it makes the same of what is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct SameAgain;

/// What a request is, as far as repeating it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An endless answer: watches and followed logs.
    Stream,
    /// Changes nothing, so it may be sent again.
    Read,
    /// Changes nothing, but runs admission webhooks.
    RevisionPreview,
    /// A server-side apply, whoever's, or what says [`SameAgain`]: the second time changes nothing.
    Apply,
    /// Changes something.
    Write,
}

impl Kind {
    fn of<B>(request: &Request<B>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let has = |parameter: &str| query.split('&').any(|given| given == parameter);
        if has("watch=true") || has("watch=1") || has("follow=true") {
            Kind::Stream
        } else if has("dryRun=All") {
            Kind::RevisionPreview
        } else if is_apply(request) || request.extensions().get::<SameAgain>().is_some() {
            Kind::Apply
        } else if request.method() == Method::GET
            || request.uri().path().ends_with("/selfsubjectaccessreviews")
        {
            Kind::Read
        } else {
            Kind::Write
        }
    }

    fn timeout(self) -> Duration {
        match self {
            Kind::Stream | Kind::Read => READ_TIMEOUT,
            Kind::RevisionPreview | Kind::Apply | Kind::Write => WRITE_TIMEOUT,
        }
    }
}

fn is_apply<B>(request: &Request<B>) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/apply-patch"))
}

/// Sends a request until it is answered, its patience is over, or repeating it would be wrong. A plugin's
/// token goes with it.
pub(super) async fn send<S>(
    service: S,
    plugin: Option<Arc<Plugin>>,
    request: Request<Body>,
) -> Result<Response<Box<DynBody>>, BoxError>
where
    S: Service<Request<Body>, Response = Response<Box<DynBody>>, Error = BoxError> + Clone,
{
    let kind = Kind::of(&request);
    let patience = patience(&request, kind);
    let (mut parts, body) = request.into_parts();
    let body = body.collect_bytes().await?;
    let start = Instant::now();
    let (mut pause, mut renewed) = (FIRST_PAUSE, false);
    loop {
        if let Some(plugin) = &plugin {
            authorize(&mut parts.headers, plugin).await?;
        }
        let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
        let result = attempt(service.clone(), request, kind).await;
        if let (Some(plugin), Ok(response), false) = (&plugin, &result, renewed)
            && response.status() == StatusCode::UNAUTHORIZED
        {
            plugin.forget().await;
            renewed = true;
            continue;
        }
        let Some(again) = again(kind, &result) else { return result };
        let wait = again.after.unwrap_or(pause);
        if start.elapsed() + wait > patience.0 {
            return result;
        }
        sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn patience<B>(request: &Request<B>, kind: Kind) -> Patience {
    let usual = match kind {
        Kind::Apply => APPLY_PATIENCE,
        _ if request.uri().path().ends_with("/log") => LOG_PATIENCE,
        Kind::Stream | Kind::Read | Kind::RevisionPreview | Kind::Write => Patience::default(),
    };
    request.extensions().get::<Patience>().copied().unwrap_or(usual)
}

async fn authorize(headers: &mut HeaderMap, plugin: &Plugin) -> Result<(), BoxError> {
    if let Some(token) = plugin.token().await? {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal()))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(())
}

async fn attempt<S>(
    service: S,
    request: Request<Body>,
    kind: Kind,
) -> Result<Response<Box<DynBody>>, BoxError>
where
    S: Service<Request<Body>, Response = Response<Box<DynBody>>, Error = BoxError>,
{
    let limit = kind.timeout();
    let response =
        timeout(limit, service.oneshot(request)).await.map_err(|_| NoAnswer(limit.as_secs()))??;
    if kind == Kind::Stream {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = whole(body, limit).await?;
    Ok(Response::from_parts(parts, Box::new(Body::from(bytes).map_err(BoxError::from))))
}

/// The whole body: a half one is an error here, where it can be asked for again.
async fn whole(mut body: Box<DynBody>, limit: Duration) -> Result<Vec<u8>, BoxError> {
    let mut bytes = Vec::new();
    while let Some(frame) = timeout(limit, body.frame()).await.map_err(|_| NoAnswer(limit.as_secs()))? {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// Send it again, after the time that the server asks for.
struct Again {
    after: Option<Duration>,
}

fn again<B>(kind: Kind, result: &Result<Response<B>, BoxError>) -> Option<Again> {
    match result {
        Ok(response) => {
            answer_asks_for_more(kind, response.status()).then(|| Again { after: retry_after(response) })
        }
        Err(error) => failure_may_pass(kind, error.as_ref()).then_some(Again { after: None }),
    }
}

fn answer_asks_for_more(kind: Kind, status: StatusCode) -> bool {
    match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            kind != Kind::Write
        }
        // A dry run answers 500 when a webhook is broken, and will again; a plain read does while etcd elects
        // a leader.
        StatusCode::INTERNAL_SERVER_ERROR => matches!(kind, Kind::Read | Kind::Stream),
        _ => false,
    }
}

fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// Not for what stays wrong (TLS, credentials); a write only when there was no connection to send it on.
fn failure_may_pass(kind: Kind, error: &(dyn Error + 'static)) -> bool {
    let chain = chain(error);
    if chain
        .iter()
        .any(|error| error.is::<rustls::Error>() || (error.is::<AuthError>() || error.is::<PluginError>()))
    {
        return false;
    }
    let never_sent = || {
        chain.iter().filter_map(|error| error.downcast_ref::<legacy::Error>()).any(legacy::Error::is_connect)
    };
    kind != Kind::Write || never_sent()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, uri: &str) -> Request<()> {
        Request::builder().method(method).uri(uri).body(()).unwrap()
    }

    #[test]
    fn what_changes_nothing_is_a_read() {
        let table = [
            (Method::GET, "/api/v1/pods", Kind::Read),
            (Method::GET, "/api/v1/pods?watch=true&timeoutSeconds=290", Kind::Stream),
            (Method::GET, "/api/v1/namespaces/a/pods/b/log?follow=true", Kind::Stream),
            (
                Method::PATCH,
                "/api/v1/namespaces/a/secrets/b?fieldManager=helm&dryRun=All",
                Kind::RevisionPreview,
            ),
            (Method::PATCH, "/api/v1/namespaces/a/secrets/b?fieldManager=helm", Kind::Write),
            (Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", Kind::Read),
            (Method::DELETE, "/api/v1/namespaces/a/secrets/b", Kind::Write),
        ];
        for (method, uri, kind) in table {
            assert_eq!(Kind::of(&request(method, uri)), kind, "{uri}");
        }
        let mut put = request(Method::PUT, "/api/v1/namespaces/a/secrets/b");
        assert_eq!(Kind::of(&put), Kind::Write);
        put.extensions_mut().insert(SameAgain);
        assert_eq!(Kind::of(&put), Kind::Apply);
        let apply =
            Request::builder().method(Method::PATCH).header("content-type", "application/apply-patch+yaml");
        let journal = apply.uri("/api/v1/namespaces/a/configmaps/b?fieldManager=release&force=true");
        assert_eq!(Kind::of(&journal.body(()).unwrap()), Kind::Apply);
    }

    #[test]
    fn a_log_is_not_waited_for_like_the_rest() {
        let seconds = |uri| patience(&request(Method::GET, uri), Kind::Read).0.as_secs();
        assert_eq!(
            patience(&request(Method::PATCH, "/api/v1/namespaces/a/secrets/b"), Kind::Apply).0.as_secs(),
            5
        );
        assert_eq!(
            (seconds("/api/v1/namespaces/a/pods/b/log?tailLines=3"), seconds("/api/v1/namespaces/a/pods/b")),
            (3, 30)
        );
    }

    #[test]
    fn which_answers_are_asked_for_again() {
        let kinds = [Kind::Stream, Kind::Read, Kind::RevisionPreview, Kind::Apply, Kind::Write];
        let table = [
            (200, ""),
            (404, ""),
            (409, ""),
            (501, ""),
            (429, "srdaw"),
            (500, "sr"),
            (502, "srda"),
            (503, "srda"),
            (504, "srda"),
        ];
        for (code, expected) in table {
            let status = StatusCode::from_u16(code).unwrap();
            let letters: String = kinds
                .iter()
                .zip("srdaw".chars())
                .filter(|(kind, _)| answer_asks_for_more(**kind, status))
                .map(|(_, c)| c)
                .collect();
            assert_eq!(letters, expected, "{code}");
        }
    }

    #[test]
    fn only_failures_that_may_pass_are_tried_again() {
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(failure_may_pass(Kind::Read, &reset) && failure_may_pass(Kind::RevisionPreview, &reset));
        assert!(!failure_may_pass(Kind::Write, &reset), "it may have arrived");
        let tls =
            std::io::Error::other(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer));
        assert!(!failure_may_pass(Kind::Read, &tls));
        assert!(!failure_may_pass(Kind::Read, &AuthError::ExecPluginFailed));
    }
}
