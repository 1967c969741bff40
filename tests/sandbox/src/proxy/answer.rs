//! The bodies of answers that pass, and what faults make of them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::{StreamExt, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Frame, Incoming};

use super::Route;
use super::control::Changes;
use super::fault::{Asked, Effect};

/// The body of an answer to the client.
pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// How long a piece of an answer needs to leave: hyper throws away what it still holds when the next piece is
/// an error.
const FLUSH: Duration = Duration::from_millis(50);

/// What the API server sends on a watch whose resource version is no longer kept.
const EXPIRED: &[u8] = concat!(
    r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#,
    r#""message":"too old resource version: 1 (2)","reason":"Expired","code":410}}"#,
    "\n"
)
.as_bytes();

/// A request that has been passed on, and what it needs to follow the control file from there.
pub(crate) struct Passed {
    pub(crate) route: Arc<Route>,
    pub(crate) changes: Changes,
    pub(crate) method: String,
    pub(crate) target: String,
}

/// An answer that is passed on piece by piece while the control file is followed.
struct Live {
    body: Incoming,
    request: Passed,
    /// Whether the last piece ended a line: only there does an event of our own fit into a watch.
    between_lines: bool,
    finished: bool,
}

/// The answer as it comes; a cut, a pause or an expiry that is put in force meanwhile meets it in the middle.
pub(crate) fn live(response: Response<Incoming>, request: Passed) -> Response<Body> {
    response.map(|body| {
        let live = Live { body, request, between_lines: true, finished: false };
        BoxBody::new(StreamBody::new(Box::pin(stream::unfold(live, next))))
    })
}

/// A watch that is answered and ends with 410 Gone at once.
pub(crate) fn expired_watch() -> Response<Body> {
    let mut response =
        Response::new(Full::new(Bytes::from_static(EXPIRED)).map_err(|never| match never {}).boxed());
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

/// The answer with its full length announced, half of its body, and then the end of the connection.
pub(crate) async fn half(response: Response<Incoming>) -> anyhow::Result<Response<Body>> {
    let (head, body) = response.into_parts();
    let whole = body.collect().await.context("read the answer")?.to_bytes();
    let half = stream::iter([Ok(Frame::data(whole.slice(..whole.len() / 2)))]);
    let pieces = half.chain(stream::once(async {
        tokio::time::sleep(FLUSH).await;
        Err(io::Error::other("half a body"))
    }));
    Ok(Response::from_parts(head, BoxBody::new(StreamBody::new(Box::pin(pieces)))))
}

type Piece = io::Result<Frame<Bytes>>;

async fn next(mut live: Live) -> Option<(Piece, Live)> {
    loop {
        if live.finished {
            return None;
        }
        tokio::select! {
            piece = live.body.frame() => return live.passed(piece),
            changed = live.request.changes.changed() => {
                // The control lives as long as the route, so this wait cannot fail.
                changed.ok()?;
                if let Some(piece) = live.changed().await {
                    live.finished = true;
                    return Some((piece, live));
                }
            }
        }
    }
}

impl Live {
    fn passed(mut self, piece: Option<Result<Frame<Bytes>, hyper::Error>>) -> Option<(Piece, Self)> {
        let piece = piece?.map_err(io::Error::other);
        if let Some(data) = piece.as_ref().ok().and_then(Frame::data_ref) {
            self.between_lines = data.last() == Some(&b'\n');
        }
        Some((piece, self))
    }

    /// The last piece, when the new fault ends this answer.
    async fn changed(&mut self) -> Option<Piece> {
        let Passed { route, changes, method, target } = &mut self.request;
        loop {
            match route.control.take(Asked { method, target }, changes) {
                Ok(Some(Effect::Hang)) => changes.changed().await.ok()?,
                Ok(Some(Effect::ExpireWatch)) if self.between_lines => {
                    return Some(Ok(Frame::data(Bytes::from_static(EXPIRED))));
                }
                Ok(Some(Effect::Cut | Effect::ExpireWatch)) => return Some(Err(io::Error::other("cut"))),
                Ok(_) => return None,
                Err(error) => return Some(Err(io::Error::other(error.to_string()))),
            }
        }
    }
}
