//! Why there is no answer from a server that could be judged.

use std::path::PathBuf;

/// Why there is no whole answer. `doing` is what was being done, with the object and the server.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The certificates of `ca-file` cannot be read.
    #[error("read the certificates of the server's authority from `{}`", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The HTTP client cannot be built.
    #[error("prepare the HTTP client for {url}")]
    Client {
        /// The server's address, without secrets.
        url: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// No answer, or only a part of one.
    #[error("{doing}: no whole answer after {attempts} attempts")]
    NoAnswer {
        /// What was being done.
        doing: String,
        /// How often it was tried.
        attempts: u32,
        /// The last trouble.
        #[source]
        source: reqwest::Error,
    },
    /// More bytes than anything that we ask for can have.
    #[error("{doing}: the answer is larger than {limit} bytes")]
    TooLarge {
        /// What was being done.
        doing: String,
        /// The limit in bytes.
        limit: usize,
    },
}

/// Whether the server's certificate is what we do not trust: no further attempt will change that.
pub(crate) fn is_untrusted(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls =
            inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()).or_else(|| error.downcast_ref());
        if tls.is_some_and(|tls| matches!(tls, rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = inner.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    }
    false
}
