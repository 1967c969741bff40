//! Clients of chart repositories.

use std::time::Duration;

use release::config::RepositorySettings;
use release::redact::RedactedUrl;
use release::repository::{self, ChartRepository};

/// Settings without credentials. Installs the TLS provider that `main` installs.
pub(crate) fn settings(url: &str) -> RepositorySettings {
    // Another test of this process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    RepositorySettings {
        name: "museum".into(),
        url: RedactedUrl::new(url.parse().expect("a URL")),
        context_path: None,
        username: None,
        password: None,
        token: None,
        ca_file: None,
        timeout: Duration::from_secs(10),
    }
}

/// A client without credentials.
pub(crate) fn anonymous(url: &str) -> Box<dyn ChartRepository> {
    repository::for_settings(&settings(url)).expect("a client")
}
