//! Requests one by one: answered by the proxy, delayed, lost, or passed on to the server. HTTP/1.1 on both
//! sides, no upgrades.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};
use hyper_util::rt::TokioIo;

use super::Route;
use super::answer::{self, Body, Passed};
use super::fault::{Asked, Effect};
use super::tls::{self, Stream};
use crate::talk;

/// Serves one client connection.
pub(crate) async fn serve(client: Box<dyn Stream>, route: Arc<Route>) -> anyhow::Result<()> {
    let service = service_fn(move |request| {
        let route = Arc::clone(&route);
        // An error makes hyper drop the connection without an answer: that is how it is cut.
        async move { handle(request, &route).await.map_err(|error| io::Error::other(format!("{error:#}"))) }
    });
    match server::conn::http1::Builder::new().serve_connection(TokioIo::new(client), service).await {
        // A client that has heard enough, as at the end of a watch.
        Err(error) if error.is_incomplete_message() => Ok(()),
        ended => Ok(ended?),
    }
}

async fn handle(request: Request<Incoming>, route: &Arc<Route>) -> anyhow::Result<Response<Body>> {
    let mut changes = route.control.changes();
    let method = request.method().to_string();
    let target = request.uri().to_string();
    route.log.add(&method, &target)?;
    let asked = Asked { method: &method, target: &target };
    let mut effect = route.control.take(asked, &mut changes)?;
    if let Some(effect) = &effect {
        talk::line(&format!("fault-proxy: {method} {target}: {effect:?}"));
    }
    while effect == Some(Effect::Hang) {
        changes.changed().await?;
        effect = route.control.take(asked, &mut changes)?;
    }
    let delay = match effect {
        Some(Effect::Delay { ms }) => Duration::from_millis(ms),
        _ => Duration::ZERO,
    };
    match effect {
        None | Some(Effect::Pass | Effect::Delay { .. }) => {
            let response = forward(request, route).await?;
            tokio::time::sleep(delay).await;
            Ok(answer::live(response, Passed { route: Arc::clone(route), changes, method, target }))
        }
        Some(Effect::Hang | Effect::Cut) => bail!("cut"),
        Some(Effect::Status { code, headers, body }) => {
            // A client that is refused before it has sent everything would see a reset connection instead of
            // the answer.
            request.into_body().collect().await.context("read the request")?;
            status(code, &headers, body)
        }
        Some(Effect::HalfBody) => answer::half(forward(request, route).await?).await,
        Some(Effect::LoseAnswer) => {
            forward(request, route).await?.into_body().collect().await.context("read the answer")?;
            bail!("answer lost")
        }
        Some(Effect::ExpireWatch) => Ok(answer::expired_watch()),
    }
}

/// Passes a request on over a connection of its own and returns the head of the answer.
async fn forward(request: Request<Incoming>, route: &Route) -> anyhow::Result<Response<Incoming>> {
    let stream = tls::connect(route.server, route.connector.as_ref()).await?;
    let (mut sender, connection) =
        client::conn::http1::handshake(TokioIo::new(stream)).await.context("speak HTTP to the server")?;
    tokio::spawn(connection);
    sender.send_request(request).await.context("pass the request on")
}

fn status(
    code: u16,
    headers: &std::collections::BTreeMap<String, String>,
    body: String,
) -> anyhow::Result<Response<Body>> {
    let mut response = Response::builder().status(code);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed();
    response.body(body).context("make the answer that the control file asks for")
}
