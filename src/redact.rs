//! Values that cannot be printed by accident, and the secrets inside texts of others.
//!
//! [`Secret`] and [`RedactedUrl`] are for what is known to be secret; [`text`] finds what looks like a secret
//! in messages, logs and YAML. Never decides what may be sent.

mod text;

use std::fmt;

use url::Url;

pub use text::{looks_like_token, same_width, text};

/// A password or token: `Debug` and `Display` show stars, only [`Secret::reveal`] gives the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one call that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A URL whose user information and query are never shown: a user name may be a token. Only the user of ssh,
/// which proves itself with a key, is.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactedUrl(Url);

impl RedactedUrl {
    /// Wraps a URL.
    pub fn new(url: Url) -> Self {
        Self(url)
    }

    /// The whole URL, for the one call that opens it.
    pub fn reveal(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        let has_user = !shown.username().is_empty() && !shown.scheme().contains("ssh");
        let had_secret = has_user || shown.password().is_some() || shown.query().is_some();
        // A URL that cannot have a host refuses these; it has no user information either.
        let _ = shown.set_password(None);
        if has_user {
            let _ = shown.set_username("");
        }
        shown.set_query(None);
        write!(f, "{shown}{}", if had_secret { " (secrets hidden)" } else { "" })
    }
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A URL as it may be printed, also one that is no right URL; `user@host:path` and plain paths hold no secret.
pub fn url(url: &str) -> String {
    Url::parse(url).map_or_else(|_| text(url), |url| RedactedUrl::new(url).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_display_shows_a_secret() {
        let secret = Secret::new("hunter2");
        let url =
            RedactedUrl::new(Url::parse("https://me:hunter2@example.com/charts?token=hunter2").unwrap());
        assert!(!format!("{secret} {secret:?} {url} {url:?}").contains("hunter2"));
    }

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let hidden = "https://example.com/charts.git (secrets hidden)";
        for (written, shown) in [
            ("https://example.com/charts.git", "https://example.com/charts.git"),
            ("https://hunter2@example.com/charts.git", hidden),
            ("https://hunter2:x-oauth-basic@example.com/charts.git", hidden),
            ("https://oauth2:hunter2@example.com/charts.git", hidden),
            ("https://example.com/charts.git?private_token=hunter2", hidden),
            ("https://me:hun/ter2@example.com/charts.git", "https://***@example.com/charts.git"),
            ("ssh://git@example.com/charts.git", "ssh://git@example.com/charts.git"),
            ("ssh://git:hunter2@example.com/charts.git", "ssh://git@example.com/charts.git (secrets hidden)"),
            ("git@example.com:sre/charts.git", "git@example.com:sre/charts.git"),
            ("../charts", "../charts"),
        ] {
            assert_eq!(url(written), shown, "{written}");
        }
    }
}
