//! A git server on the loopback: git's own `http-backend` behind a small HTTP server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Runtime;

/// Serves the repositories below a folder until it is dropped.
pub(crate) struct GitServer {
    address: SocketAddr,
    _runtime: Runtime,
}

#[derive(Clone)]
struct Served {
    root: PathBuf,
    authorization: Option<String>,
}

impl GitServer {
    /// For everybody, or for `user:password` alone.
    pub(crate) fn start(root: &Path, credentials: Option<&str>) -> Self {
        let encoded = credentials
            .map(|text| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text)));
        let served = Served { root: root.to_owned(), authorization: encoded };
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("the port");
        let router = Router::new().fallback(answer).with_state(served);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, _runtime: runtime }
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }
}

async fn answer(State(served): State<Served>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let sent = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    if served.authorization.as_deref().is_some_and(|wanted| sent != Some(wanted)) {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"charts\"")]).into_response();
    }
    let body = to_bytes(body, usize::MAX).await.expect("the request");
    let mut backend = tokio::process::Command::new("git");
    backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &served.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    backend.env("PATH_INFO", parts.uri.path()).env("QUERY_STRING", parts.uri.query().unwrap_or_default());
    backend
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("CONTENT_TYPE", header(&parts.headers, "content-type"));
    backend
        .env("HTTP_CONTENT_ENCODING", header(&parts.headers, "content-encoding"))
        .env("CONTENT_LENGTH", body.len().to_string());
    cgi_response(&run(backend, body).await)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn run(mut backend: tokio::process::Command, body: Bytes) -> Output {
    let mut child = backend
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("these tests need git to serve a repository");
    let mut input = child.stdin.take().expect("a pipe");
    // A backend that has read enough closes the pipe.
    let _ = input.write_all(&body).await;
    drop(input);
    child.wait_with_output().await.expect("git http-backend")
}

/// The head of a CGI program's output as the head of a response.
fn cgi_response(output: &Output) -> Response {
    let end =
        output.stdout.windows(4).position(|window| window == b"\r\n\r\n").expect("the head of a response");
    let head = String::from_utf8_lossy(&output.stdout[..end]).into_owned();
    let mut response = Response::builder();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        response = match name {
            "Status" => response.status(value.split(' ').next().expect("a status")),
            name => response.header(name, value),
        };
    }
    response.body(output.stdout[end + 4..].to_vec().into()).expect("a response")
}
