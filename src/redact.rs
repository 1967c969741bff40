//! Values that cannot be printed by accident.

use std::fmt;

use url::Url;

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

/// A URL whose user information and query are never shown.
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
        let had_secret = shown.password().is_some() || shown.query().is_some();
        // A URL that cannot have a host refuses these; it has no user information either.
        let _ = shown.set_password(None);
        shown.set_query(None);
        write!(f, "{shown}{}", if had_secret { " (secrets hidden)" } else { "" })
    }
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
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
        assert_eq!(url.to_string(), "https://me@example.com/charts (secrets hidden)");
    }
}
