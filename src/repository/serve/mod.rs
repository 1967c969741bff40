//! A small chart repository on a directory, with as much of ChartMuseum's API as Helm, its `cm-push` plugin
//! and our own client use.
//!
//! One directory, one tenant, no cache that can lag: the index is what the directory holds. For tests,
//! demonstrations and closed networks;
//! a published version is overwritten only by `?force`, and only where that was allowed.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

mod access;
mod patience;
mod routes;
mod store;
mod upload;

pub use access::Access;
use patience::Patient;
use store::Store;

/// How long requests that are under way at a stop may still take.
const GRACE: Duration = Duration::from_secs(10);

/// What is served, and to whom.
#[derive(Debug, Clone)]
pub struct Museum {
    /// Where the archives are; created when it is missing.
    pub directory: PathBuf,
    /// The path before every route; empty for none.
    pub context_path: String,
    /// Who may read and write.
    pub access: Access,
    /// The largest request body in bytes.
    pub max_upload_size: usize,
    /// How many archives at most are stored.
    pub max_storage_objects: Option<usize>,
    /// Whether an upload with `?force` may replace a published version.
    pub allow_overwrite: bool,
}

/// What the routes work with.
#[derive(Clone)]
struct Shared {
    store: Arc<Store>,
    context_path: String,
    allow_overwrite: bool,
}

impl Museum {
    /// The routes. Creates the directory.
    pub fn router(self) -> io::Result<Router> {
        std::fs::create_dir_all(&self.directory)?;
        let context_path = match self.context_path.trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        let store = Arc::new(Store::new(self.directory, self.max_storage_objects));
        let shared =
            Shared { store, context_path: context_path.clone(), allow_overwrite: self.allow_overwrite };
        let guarded = Router::new()
            .route("/index.yaml", get(routes::index))
            .route("/charts/{file}", get(routes::file))
            .route("/api/charts", get(routes::charts).post(upload::upload))
            .route("/api/charts/{name}", get(routes::chart))
            .route("/api/charts/{name}/{version}", get(routes::version).delete(routes::delete))
            .layer(middleware::from_fn_with_state(Arc::new(self.access), access::guard))
            .layer(DefaultBodyLimit::max(self.max_upload_size))
            .with_state(shared);
        let open = Router::new().route("/health", get(routes::health)).route("/info", get(routes::info));
        let routes = open.merge(guarded).method_not_allowed_fallback(not_found);
        let rooted = if context_path.is_empty() { routes } else { Router::new().nest(&context_path, routes) };
        Ok(rooted.fallback(not_found))
    }
}

/// Answers requests until `stop` is done; then those that are under way may end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let stop = async move {
        stop.await;
        // Nobody listens any more when the server has ended by itself.
        let _ = stopping.send(());
    };
    let out_of_time = async {
        if stopped.await.is_ok() {
            tokio::time::sleep(GRACE).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = axum::serve(Patient::new(listener), router).with_graceful_shutdown(stop).into_future() => ended,
        () = out_of_time => Ok(()),
    }
}

async fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "not found")
}

/// An error in ChartMuseum's form.
fn refusal(status: StatusCode, message: impl Into<String>) -> Response {
    (status, axum::Json(json!({ "error": message.into() }))).into_response()
}

/// The directory could not be read or written.
fn broken_storage(error: &io::Error) -> Response {
    tracing::error!(%error, "the storage directory");
    refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}
