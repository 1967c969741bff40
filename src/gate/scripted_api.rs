//! An API server for tests that says what it was told to, answer by answer, and remembers what it was asked.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{StreamExt as _, stream};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::timeout;
use tower::service_fn;

/// One answer.
pub(crate) enum ApiAnswer {
    /// A body, which ends.
    Says(StatusCode, String),
    /// Lines, after which the connection stays open.
    Streams(String),
}

impl ApiAnswer {
    pub(crate) fn of(body: &Value) -> Self {
        Self::Says(StatusCode::OK, body.to_string())
    }

    /// Events of a watch, which ends after them.
    pub(crate) fn events(events: &[Value]) -> Self {
        Self::Says(StatusCode::OK, lines(events))
    }

    /// Events of a watch that goes on.
    pub(crate) fn open(events: &[Value]) -> Self {
        Self::Streams(lines(events))
    }

    pub(crate) fn error(code: u16) -> Self {
        let status = StatusCode::from_u16(code).expect("a status code");
        Self::Says(status, status_of(code).to_string())
    }

    fn response(self) -> Response<Body> {
        let (status, body) = match self {
            Self::Says(status, text) => (status, Body::from(text)),
            Self::Streams(text) => {
                let first = stream::once(async { Ok::<_, io::Error>(Bytes::from(text)) });
                (StatusCode::OK, Body::from_stream(first.chain(stream::pending())))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response
    }
}

/// A `Status` as the API server sends it.
pub(crate) fn status_of(code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
        "message": "because", "reason": "Because"})
}

fn lines(events: &[Value]) -> String {
    events.iter().flat_map(|event| [event.to_string(), "\n".to_owned()]).collect()
}

/// The server. Who asks more than it has answers for waits for ever.
#[derive(Clone, Default)]
pub(crate) struct ScriptedApi {
    answers: Arc<Mutex<VecDeque<ApiAnswer>>>,
    asked: Arc<Mutex<Vec<String>>>,
    all_said: Arc<Notify>,
}

impl ScriptedApi {
    pub(crate) fn new(answers: impl IntoIterator<Item = ApiAnswer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }

    pub(crate) fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = service_fn(move |request: Request<kube::client::Body>| {
            let server = server.clone();
            async move { Ok::<_, io::Error>(server.answer(request.uri().to_string()).await) }
        });
        kube::Client::new(service, "default")
    }

    async fn answer(&self, asked: String) -> Response<Body> {
        self.asked.lock().expect("no test panics with it").push(asked);
        let answer = self.answers.lock().expect("no test panics with it").pop_front();
        if let Some(answer) = answer {
            return answer.response();
        }
        self.all_said.notify_one();
        std::future::pending().await
    }

    /// Until it is asked what it has no answer for: whoever asks has taken every answer in.
    pub(crate) async fn all_said(&self) {
        let wait = timeout(Duration::from_mins(1), self.all_said.notified());
        wait.await.unwrap_or_else(|_| panic!("not everything was asked for: {:?}", self.asked()));
    }

    /// Path and query of every request, in their order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics with it").clone()
    }
}
