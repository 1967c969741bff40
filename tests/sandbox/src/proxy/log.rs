//! A file with a line, `METHOD TARGET`, for every request that arrived: who counts requests reads it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

/// Where requests are noted; nowhere when nobody asked for it.
#[derive(Debug)]
pub(crate) struct Log(Option<Mutex<File>>);

impl Log {
    /// Starts an empty file.
    pub(crate) fn create(path: Option<&Path>) -> anyhow::Result<Self> {
        let create =
            |path: &Path| File::create(path).with_context(|| format!("create the log {}", path.display()));
        Ok(Self(path.map(create).transpose()?.map(Mutex::new)))
    }

    /// Notes a request before anything happens to it.
    pub(crate) fn add(&self, method: &str, target: &str) -> anyhow::Result<()> {
        let Some(file) = &self.0 else { return Ok(()) };
        let line = format!("{method} {target}\n");
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes()).context("write to the log of requests")
    }
}
