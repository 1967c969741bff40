//! What is read and deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::store::{Entry, Store};
use super::{Shared, broken_storage, refusal};

type Charts = BTreeMap<String, Vec<Arc<Entry>>>;

pub(super) async fn health() -> Response {
    Json(json!({ "healthy": true })).into_response()
}

pub(super) async fn info() -> Response {
    Json(json!({ "version": concat!("release ", env!("CARGO_PKG_VERSION")) })).into_response()
}

/// The index that `helm repo add` and `helm repo update` read.
pub(super) async fn index(State(shared): State<Shared>) -> Response {
    let charts = match all(&shared.store).await {
        Ok(charts) => charts,
        Err(response) => return response,
    };
    let server_info = if shared.context_path.is_empty() {
        json!({})
    } else {
        json!({ "contextPath": shared.context_path })
    };
    let entries: BTreeMap<&String, Vec<&Value>> = charts
        .iter()
        .map(|(name, versions)| (name, versions.iter().map(|entry| &entry.listing).collect()))
        .collect();
    let generated = jiff::Timestamp::now().to_string();
    let index =
        json!({ "apiVersion": "v1", "entries": entries, "generated": generated, "serverInfo": server_info });
    match serde_norway::to_string(&index) {
        Ok(text) => ([(CONTENT_TYPE, "application/x-yaml")], text).into_response(),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// An archive or its provenance.
pub(super) async fn file(State(shared): State<Shared>, Path(file): Path<String>) -> Response {
    match on_disk(&shared.store, move |store| store.read(&file)).await {
        Ok(Some(bytes)) => ([(CONTENT_TYPE, "application/x-tar")], bytes).into_response(),
        Ok(None) => refusal(StatusCode::NOT_FOUND, "object not found"),
        Err(response) => response,
    }
}

/// Every version of every chart.
pub(super) async fn charts(State(shared): State<Shared>) -> Response {
    match all(&shared.store).await {
        Ok(charts) => {
            let listings: BTreeMap<&String, Vec<&Value>> =
                charts.iter().map(|(name, versions)| (name, listings(versions))).collect();
            Json(json!(listings)).into_response()
        }
        Err(response) => response,
    }
}

/// Every version of one chart.
pub(super) async fn chart(State(shared): State<Shared>, Path(name): Path<String>) -> Response {
    match all(&shared.store).await.map(|mut charts| charts.remove(&name)) {
        Ok(Some(versions)) => Json(json!(listings(&versions))).into_response(),
        Ok(None) => refusal(StatusCode::NOT_FOUND, "chart not found"),
        Err(response) => response,
    }
}

/// One version: its exact text, or `latest`.
pub(super) async fn version(
    State(shared): State<Shared>,
    Path((name, version)): Path<(String, String)>,
) -> Response {
    let versions = match all(&shared.store).await {
        Ok(mut charts) => charts.remove(&name).unwrap_or_default(),
        Err(response) => return response,
    };
    let found = versions.iter().find(|entry| entry.version == version || version == "latest");
    match found {
        Some(entry) => Json(&entry.listing).into_response(),
        None => refusal(StatusCode::NOT_FOUND, format!("no chart version found for {name}-{version}")),
    }
}

/// Removes one version.
pub(super) async fn delete(
    State(shared): State<Shared>,
    Path((name, version)): Path<(String, String)>,
) -> Response {
    let file = format!("{name}-{version}.tgz");
    let removed = on_disk(&shared.store, move |store| store.remove(&format!("{name}-{version}.tgz"))).await;
    match removed {
        Ok(true) => Json(json!({ "deleted": true })).into_response(),
        Ok(false) => refusal(StatusCode::NOT_FOUND, format!("remove {file}: no such file")),
        Err(response) => response,
    }
}

fn listings(versions: &[Arc<Entry>]) -> Vec<&Value> {
    versions.iter().map(|entry| &entry.listing).collect()
}

async fn all(store: &Arc<Store>) -> Result<Charts, Response> {
    on_disk(store, Store::charts).await
}

/// Runs a question to the directory beside the tasks that serve connections.
pub(super) async fn on_disk<T: Send + 'static>(
    store: &Arc<Store>,
    question: impl FnOnce(&Store) -> std::io::Result<T> + Send + 'static,
) -> Result<T, Response> {
    let store = Arc::clone(store);
    let answer = tokio::task::spawn_blocking(move || question(&store)).await;
    answer.map_err(std::io::Error::other).and_then(|answer| answer).map_err(|error| broken_storage(&error))
}
