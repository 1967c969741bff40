//! Who may read and write: everybody, or the holder of one user name and password.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::refusal;
use crate::redact::Secret;

/// Who may read and write.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everybody may do everything.
    Open,
    /// Basic authentication.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
        /// Whether reading needs no credentials.
        anonymous_get: bool,
    },
}

impl Access {
    fn allows(&self, method: &Method, authorization: Option<&[u8]>) -> bool {
        match self {
            Access::Open => true,
            Access::Basic { anonymous_get: true, .. } if matches!(*method, Method::GET | Method::HEAD) => {
                true
            }
            Access::Basic { username, password, .. } => {
                let expected =
                    format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.reveal())));
                // Digests are compared, so that the time taken says nothing about the password.
                authorization.is_some_and(|sent| Sha256::digest(sent) == Sha256::digest(&expected))
            }
        }
    }
}

/// Lets a request through or asks for credentials.
pub(super) async fn guard(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let authorization = request.headers().get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
    if access.allows(request.method(), authorization) {
        return next.run(request).await;
    }
    let mut response = refusal(StatusCode::UNAUTHORIZED, "unauthorized").into_response();
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Basic realm=\"ChartMuseum\""));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_authentication_wants_exactly_the_pair() {
        let header = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        let access =
            |anonymous_get| Access::Basic { username: "u".into(), password: Secret::new("p"), anonymous_get };
        for (access, method, sent, allowed) in [
            (Access::Open, Method::POST, None, true),
            (access(false), Method::GET, None, false),
            (access(true), Method::GET, None, true),
            (access(true), Method::POST, None, false),
            (access(true), Method::DELETE, Some(header("u:q")), false),
            (access(false), Method::POST, Some(header("u:p")), true),
            (access(false), Method::POST, Some(header("u:p ")), false),
        ] {
            assert_eq!(
                access.allows(&method, sent.as_deref().map(str::as_bytes)),
                allowed,
                "{access:?} {method} {sent:?}"
            );
        }
    }
}
