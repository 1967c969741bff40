//! The client of a chart repository, and what it makes of an answer that it cannot use.

use reqwest::StatusCode;
use reqwest::header::WWW_AUTHENTICATE;

use super::error::RepositoryError;
use crate::config::RepositorySettings;
use crate::web::{Answer, Backoff, Http, Server};

/// Reads the secrets and the CA file that the settings name.
pub(super) fn client(settings: &RepositorySettings, backoff: Backoff) -> Result<Http, RepositoryError> {
    let server = Server {
        url: &settings.url,
        credentials: settings.credentials()?,
        ca_file: settings.ca_file.as_deref(),
        timeout: settings.timeout,
    };
    Ok(Http::new(server, backoff)?)
}

/// The error for an answer that is not what `doing` needs.
pub(super) fn refused(http: &Http, doing: String, answer: &Answer) -> RepositoryError {
    match answer.status {
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => RepositoryError::Denied {
            doing,
            status,
            challenge: answer.header(WWW_AUTHENTICATE.as_str()).map(str::to_owned),
            sent: http.sends_credentials(),
        },
        StatusCode::INSUFFICIENT_STORAGE => RepositoryError::Full { doing, message: answer.message() },
        status => RepositoryError::Status { doing, status, message: answer.message() },
    }
}
