//! The kubelet's endpoint for logs, over TLS: what the API server asks when somebody reads `pods/log`.
//!
//! It answers `containerLogs` and nothing else (no exec, attach or port-forward), to everybody who reaches
//! the loopback address.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use k8s_openapi::api::core::v1::ContainerStatus;
use k8s_openapi::jiff::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::container_id::ContainerId;
use super::host::Host;
use super::log::{self, LogQuery};

const HANDSHAKE: Duration = Duration::from_secs(5);
const FOLLOW_EVERY: Duration = Duration::from_millis(100);

/// Serves the logs of all pods for ever.
pub(super) async fn serve(listener: TlsListener, host: Arc<Host>) -> io::Result<()> {
    let router = Router::new()
        .route("/containerLogs/{namespace}/{pod}/{container}", get(container_logs))
        .with_state(host);
    axum::serve(listener, router).await
}

type Refused = (StatusCode, String);

async fn container_logs(
    State(host): State<Arc<Host>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    Query(query): Query<LogQuery>,
) -> Result<Response, Refused> {
    let status = host.container(&namespace, &pod, &container).ok_or_else(|| {
        (StatusCode::NOT_FOUND, format!("pod {namespace}/{pod} has no container {container} here"))
    })?;
    let id = choose(&status, &pod, query.previous).map_err(|reason| (StatusCode::BAD_REQUEST, reason))?;
    let file = log::file(&host.pod_directory(&namespace, &pod, &id.uid), &container, id.start);
    let unreadable = |error: io::Error| {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("read the log of {container}: {error}"))
    };
    let text = read(&file).await.map_err(unreadable)?;
    let first = query.select(&text, Timestamp::now());
    if !query.follow {
        return Ok(first.into_response());
    }
    let (lines, body) = mpsc::channel(16);
    let follower = Follower { host, namespace, pod, id, file, query, seen: text.len() };
    tokio::spawn(follower.run(first, lines));
    Ok(Response::new(Body::from_stream(futures::stream::unfold(body, next_part))))
}

async fn next_part(
    mut parts: mpsc::Receiver<String>,
) -> Option<(Result<Bytes, Infallible>, mpsc::Receiver<String>)> {
    parts.recv().await.map(|part| (Ok(Bytes::from(part)), parts))
}

/// Which start of a container is meant: the one that runs or ran last, or the one before the last restart.
fn choose(status: &ContainerStatus, pod: &str, previous: bool) -> Result<ContainerId, String> {
    let name = &status.name;
    let state = status.state.clone().unwrap_or_default();
    let last = status.last_state.clone().unwrap_or_default().terminated.and_then(|last| last.container_id);
    let found = if previous {
        last.ok_or_else(|| format!("previous terminated container \"{name}\" in pod \"{pod}\" not found"))
    } else if let Some(ended) = state.terminated {
        ended.container_id.ok_or_else(|| format!("container \"{name}\" in pod \"{pod}\" left no log"))
    } else if let Some(waiting) = state.waiting {
        let reason = waiting.reason.unwrap_or_default();
        last.ok_or_else(|| format!("container \"{name}\" in pod \"{pod}\" is waiting to start: {reason}"))
    } else {
        status
            .container_id
            .clone()
            .ok_or_else(|| format!("container \"{name}\" in pod \"{pod}\" is not started"))
    }?;
    found.parse()
}

async fn read(file: &std::path::Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&tokio::fs::read(file).await?).into_owned())
}

/// Sends what is appended to a log until its container has ended.
struct Follower {
    host: Arc<Host>,
    namespace: String,
    pod: String,
    id: ContainerId,
    file: PathBuf,
    query: LogQuery,
    seen: usize,
}

impl Follower {
    async fn run(mut self, first: String, lines: mpsc::Sender<String>) {
        let mut part = first;
        loop {
            if !part.is_empty() && lines.send(part).await.is_err() {
                return; // the reader went away
            }
            let running = self.is_running();
            part = match self.appended().await {
                Ok(part) => part,
                Err(error) => return tracing::warn!(%error, "follow a log"),
            };
            if part.is_empty() && !running {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(FOLLOW_EVERY) => {}
                () = lines.closed() => return,
            }
        }
    }

    async fn appended(&mut self) -> io::Result<String> {
        let text = read(&self.file).await?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1).max(self.seen);
        let part = self.query.select_new(text.get(self.seen..whole).unwrap_or_default());
        self.seen = whole;
        Ok(part)
    }

    fn is_running(&self) -> bool {
        let status = self.host.container(&self.namespace, &self.pod, &self.id.container);
        status.is_some_and(|status| {
            status.container_id == Some(self.id.to_string())
                && status.state.unwrap_or_default().running.is_some()
        })
    }
}

/// TLS on the node's address with a certificate that it made itself, as a kubelet without a given one does.
pub(super) struct TlsListener {
    listener: TcpListener,
    accepted: mpsc::Receiver<TlsStream<TcpStream>>,
    done: mpsc::Sender<TlsStream<TcpStream>>,
    acceptor: TlsAcceptor,
}

impl TlsListener {
    /// Listens on a free port of the loopback address.
    pub(super) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (done, accepted) = mpsc::channel(16);
        Ok(Self { listener, accepted, done, acceptor: TlsAcceptor::from(Arc::new(server_config()?)) })
    }

    /// The port it listens on.
    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }
}

fn server_config() -> io::Result<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_string()]).map_err(io::Error::other)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key.into())
        })
        .map_err(io::Error::other)
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    /// Handshakes run beside each other, so that a client that never finishes one blocks nobody.
    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                Some(stream) = self.accepted.recv() => {
                    let peer = stream.get_ref().0.peer_addr().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)));
                    return (stream, peer);
                }
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => drop(tokio::spawn(handshake(self.acceptor.clone(), stream, self.done.clone()))),
                    Err(error) => tracing::warn!(%error, "accept a reader of logs"),
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn handshake(acceptor: TlsAcceptor, stream: TcpStream, done: mpsc::Sender<TlsStream<TcpStream>>) {
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => drop(done.send(stream).await),
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chosen(status: serde_json::Value, previous: bool) -> Result<i32, String> {
        let mut status = status;
        status["name"] = json!("c");
        for key in ["image", "imageID"] {
            status[key] = json!("");
        }
        status["ready"] = json!(false);
        status["restartCount"] = json!(1);
        choose(&serde_json::from_value(status).expect("a status"), "p", previous).map(|id| id.start)
    }

    fn ended(start: i32) -> serde_json::Value {
        json!({"terminated": {"exitCode": 1, "containerID": format!("sandbox://u/c/{start}")}})
    }

    #[test]
    fn the_start_that_is_meant_is_chosen_as_the_kubelet_does() {
        let running =
            json!({"containerID": "sandbox://u/c/2", "state": {"running": {}}, "lastState": ended(1)});
        assert_eq!(chosen(running.clone(), false), Ok(2));
        assert_eq!(chosen(running, true), Ok(1));
        let crashing = json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended(1)});
        assert_eq!(chosen(crashing.clone(), false), Ok(1));
        assert_eq!(chosen(crashing, true), Ok(1));
        assert_eq!(chosen(json!({"state": ended(0)}), false), Ok(0));
    }

    #[test]
    fn what_never_ran_has_no_log() {
        let waiting = json!({"state": {"waiting": {"reason": "ImagePullBackOff"}}});
        assert_eq!(
            chosen(waiting.clone(), false),
            Err("container \"c\" in pod \"p\" is waiting to start: ImagePullBackOff".into())
        );
        assert_eq!(
            chosen(waiting, true),
            Err("previous terminated container \"c\" in pod \"p\" not found".into())
        );
    }
}
