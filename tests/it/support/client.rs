//! Clients of chart repositories.

use std::time::Duration;

use release::config::RepositorySettings;
use release::redact::RedactedUrl;
use release::repository::{self, Backoff, ChartRepository};

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

/// A client that tries as often as the program does, but does not wait long between its attempts.
pub(crate) fn hasty(settings: &RepositorySettings) -> Box<dyn ChartRepository> {
    let pause = Duration::from_millis(10);
    let backoff = Backoff { first: pause, longest: pause, ..Backoff::REQUEST };
    repository::for_settings_with(settings, backoff).expect("a client")
}

/// One without credentials.
pub(crate) fn anonymous(url: &str) -> Box<dyn ChartRepository> {
    hasty(&settings(url))
}
