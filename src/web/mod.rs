//! HTTP as chart repositories and log stores are spoken to: credentials, bounded repetitions and answers. Judges no
//! answer.

mod client;
mod error;
mod retry;

pub use error::WebError;
pub use retry::Backoff;

pub(crate) use client::{Answer, Http, Server};
pub(crate) use error::is_untrusted;
