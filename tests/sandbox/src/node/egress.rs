//! The way out of the API server: an HTTP CONNECT proxy on a Unix socket.
//!
//! The API server sends everything that it wants from the cluster's network here (webhooks, logs, proxied
//! requests). It only carries bytes: what stands behind an address is decided in `target`, and TLS stays
//! between the two ends.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::reflector::Store;
use tokio::net::{TcpStream, UnixListener, UnixStream};

use super::host::Host;
use super::target;

/// What the proxy looks at to find a target.
pub(super) struct Egress {
    pub(super) host: Arc<Host>,
    pub(super) services: Store<Service>,
    pub(super) slices: Store<EndpointSlice>,
    turn: AtomicUsize,
}

impl Egress {
    /// A proxy that looks at these objects and at the node's ports.
    pub(super) fn new(host: Arc<Host>, services: Store<Service>, slices: Store<EndpointSlice>) -> Self {
        Self { host, services, slices, turn: AtomicUsize::new(0) }
    }

    /// Serves the socket for ever.
    pub(super) async fn serve(self, listener: UnixListener) {
        let egress = Arc::new(self);
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(Arc::clone(&egress).connection(stream))),
                Err(error) => tracing::warn!(%error, "accept on the egress socket"),
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: UnixStream) {
        let service = service_fn(|request| {
            let egress = Arc::clone(&self);
            async move { Ok::<_, Infallible>(egress.answer(request).await) }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection of the egress socket ended");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if request.method() != Method::CONNECT {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "only CONNECT is understood here");
        }
        let wanted = request.uri().to_string();
        match self.connect(&wanted).await {
            Ok(target) => {
                tokio::spawn(carry(request, target));
                Response::new(Body::empty())
            }
            Err(error) => {
                tracing::info!(wanted, %error, "no way to the target");
                refusal(StatusCode::BAD_GATEWAY, &error.to_string())
            }
        }
    }

    async fn connect(&self, wanted: &str) -> io::Result<TcpStream> {
        let Ok(address) = wanted.parse::<SocketAddr>() else {
            return TcpStream::connect(wanted).await; // a name, such as localhost in the URL of a webhook
        };
        let target =
            self.target(address).map_err(|error| io::Error::new(io::ErrorKind::ConnectionRefused, error))?;
        TcpStream::connect(target).await
    }

    fn target(&self, address: SocketAddr) -> Result<SocketAddr, target::NoTarget> {
        let (services, slices) = (self.services.state(), self.slices.state());
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let (services, slices) = (services.iter().map(AsRef::as_ref), slices.iter().map(AsRef::as_ref));
        target::resolve(address, services, slices, &self.host.ports, turn)
    }
}

async fn carry(request: Request<Incoming>, mut target: TcpStream) {
    match hyper::upgrade::on(request).await {
        Ok(upgraded) => {
            let copied = tokio::io::copy_bidirectional(&mut TokioIo::new(upgraded), &mut target).await;
            tracing::trace!(?copied, "a tunnel is closed");
        }
        Err(error) => tracing::debug!(%error, "a tunnel never opened"),
    }
}

/// A refusal whose reason stands in the status line too: the only part of it that the API server repeats in
/// its errors.
fn refusal(status: StatusCode, reason: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{reason}\n")));
    *response.status_mut() = status;
    if let Ok(phrase) = ReasonPhrase::try_from(reason.to_string()) {
        response.extensions_mut().insert(phrase);
    }
    response
}

/// Binds the socket, in the place of one that an earlier agent left behind.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    UnixListener::bind(path)
}
