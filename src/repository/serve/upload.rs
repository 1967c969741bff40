//! How an archive comes in: as the whole body, or as the form fields `chart` and `prov`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Multipart, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::routes::on_disk;
use super::store::{Store, Unsaved};
use super::{Shared, refusal};
use crate::helm::chart::archive::{ArchiveError, ChartArchive};

/// What an upload brings.
struct Package {
    chart: Bytes,
    provenance: Option<Bytes>,
    /// ChartMuseum says an existing file with other words in a form than in a body.
    exists: &'static str,
}

/// Stores an archive under the name and version that it carries itself.
pub(super) async fn upload(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let package = match package(request).await {
        Ok(package) => package,
        Err(response) => return response,
    };
    let overwrite = shared.allow_overwrite && is_forced(query.as_deref());
    let exists = package.exists;
    match on_disk(&shared.store, move |store| package.store(store, overwrite)).await {
        Ok(Ok(())) => (StatusCode::CREATED, Json(json!({ "saved": true }))).into_response(),
        Ok(Err(Refused::NoChart(error))) => refusal(StatusCode::BAD_REQUEST, chain(&error)),
        Ok(Err(Refused::Unsaved(Unsaved::Exists))) => refusal(StatusCode::CONFLICT, exists),
        Ok(Err(Refused::Unsaved(Unsaved::Full))) => {
            refusal(StatusCode::INSUFFICIENT_STORAGE, "repo has reached storage limit")
        }
        Err(response) => response,
    }
}

/// Why an upload is not stored.
enum Refused {
    NoChart(ArchiveError),
    Unsaved(Unsaved),
}

impl Package {
    fn store(self, store: &Store, overwrite: bool) -> std::io::Result<Result<(), Refused>> {
        let archive = match ChartArchive::read(self.chart.to_vec()) {
            Ok(archive) => archive,
            Err(error) => return Ok(Err(Refused::NoChart(error))),
        };
        let file = archive.file_name();
        let mut files = vec![(file.clone(), self.chart)];
        files.extend(self.provenance.map(|provenance| (format!("{file}.prov"), provenance)));
        let saved = store.save(&files, overwrite)?;
        tracing::info!(file, ?saved, "upload");
        Ok(saved.map_err(Refused::Unsaved))
    }
}

async fn package(request: Request) -> Result<Package, Response> {
    let is_form = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"multipart/form-data"));
    if is_form {
        return form(request).await;
    }
    let chart = Bytes::from_request(request, &())
        .await
        .map_err(|error: BytesRejection| unread(error.status(), &error.body_text()))?;
    Ok(Package { chart, provenance: None, exists: "file already exists" })
}

async fn form(request: Request) -> Result<Package, Response> {
    let unreadable = |error: MultipartError| unread(error.status(), &error.body_text());
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| unread(error.status(), &error.body_text()))?;
    let (mut chart, mut provenance) = (None, None);
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        match field.name() {
            Some("chart") => chart = Some(field.bytes().await.map_err(unreadable)?),
            Some("prov") => provenance = Some(field.bytes().await.map_err(unreadable)?),
            _ => {}
        }
    }
    let missing = || {
        refusal(StatusCode::BAD_REQUEST, "no package or provenance file found in form fields chart and prov")
    };
    Ok(Package { chart: chart.ok_or_else(missing)?, provenance, exists: "chart already exists" })
}

/// A body that is too large is refused in plain text, as ChartMuseum does.
fn unread(status: StatusCode, message: &str) -> Response {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => (status, "request too large").into_response(),
        status => refusal(status, message),
    }
}

/// The error and its causes in one line, as Helm writes them.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// `?force`, with any value or none.
fn is_forced(query: Option<&str>) -> bool {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(name, _)| name == "force")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn force_is_a_matter_of_presence() {
        for (query, forced) in
            [(None, false), (Some("force"), true), (Some("a=1&force=false"), true), (Some("forced"), false)]
        {
            assert_eq!(is_forced(query), forced, "{query:?}");
        }
    }
}
