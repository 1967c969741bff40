//! Where a chart comes from: git, directory, archive. Knows no repository and no cluster.
//!
//! [`fetch`] gives the chart's files and where they are from; [`Fetched::package`] makes the one archive of
//! them. The same commit gives the same bytes on every machine.

mod archive;
mod credentials;
mod directory;
#[cfg(test)]
mod fixture;
mod git;
mod reference;
mod remote;
mod tree;

use std::fmt;
use std::path::Path;

use crate::config::Source;
use crate::helm::chart::{Chart, ChartArchive, ChartError, File, Overrides, PackageError, package};

pub use archive::ArchiveSourceError;
pub use directory::DirectorySourceError;
pub use git::GitError;
pub use tree::TreeError;

/// A chart's files, and where they are from.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The files in Helm's order.
    pub files: Vec<File>,
    /// Where they are from.
    pub origin: Origin,
    /// The archive itself, if that is what the source is.
    archive: Option<ChartArchive>,
}

/// Where a chart's files are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The repository without secrets, or the path.
    pub url: String,
    /// The branch, tag or commit that was asked for; the default branch by its name.
    pub reference: Option<String>,
    /// The commit id, 40 digits.
    pub commit: Option<String>,
    /// The files are not (or not only) what a commit holds.
    pub dirty: bool,
    /// Unix seconds that stamp the archive: the commit's, the newest file's where there is none, or
    /// `SOURCE_DATE_EPOCH`.
    pub time: i64,
    /// The time is `SOURCE_DATE_EPOCH`, which stamps the lock file too.
    pub stamped: bool,
}

/// Why a chart cannot be had from its source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// From git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// From a directory.
    #[error(transparent)]
    Directory(#[from] DirectorySourceError),
    /// From an archive.
    #[error(transparent)]
    Archive(#[from] ArchiveSourceError),
    /// `SOURCE_DATE_EPOCH` is not a number of seconds.
    #[error("invalid SOURCE_DATE_EPOCH: {0:?} is not a number of seconds since 1970")]
    SourceDateEpoch(String),
    /// A reference where only git has some.
    #[error("{0} is not a git source: it has no branch, tag or commit {1:?} to choose")]
    ReferenceWithoutGit(String, String),
    /// The files are not a chart.
    #[error("load the chart of {0}")]
    Chart(String, #[source] ChartError),
    /// The chart cannot be packaged.
    #[error("package the chart of {0}")]
    Package(String, #[source] PackageError),
}

impl SourceError {
    /// What to do next, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        let SourceError::Git(error) = self else { return None };
        match error {
            GitError::HostKey { .. } => Some(
                "compare the server's key with what its owner publishes, then add it: ssh-keyscan HOST >> ~/.ssh/known_hosts",
            ),
            GitError::Refused { .. } => Some(
                "check that what was offered may read this repository; a source takes `token: { env: NAME }` for https, and `ssh-key:` or the ssh agent for ssh",
            ),
            GitError::Certificate { .. } => {
                Some("if the server's own authority signed it, name that authority's file in SSL_CERT_FILE")
            }
            GitError::Open { source, .. } if source.code() == git2::ErrorCode::Owner => Some(
                "another user owns the repository; trust it with: git config --global --add safe.directory PATH",
            ),
            _ => None,
        }
    }
}

/// Gets a chart's files. Blocks: it reads the disk and the network. `reference` overrides the configured one.
pub fn fetch(source: &Source, reference: Option<&str>, base_dir: &Path) -> Result<Fetched, SourceError> {
    // The current directory adds nothing to a path.
    let base_dir = if base_dir == Path::new(".") { Path::new("") } else { base_dir };
    let epoch = source_date_epoch(std::env::var("SOURCE_DATE_EPOCH").ok())?;
    let mut fetched = match (source, reference) {
        (Source::Git(git), reference) => git::fetch(git, reference, base_dir)?,
        (other, Some(reference)) => {
            return Err(SourceError::ReferenceWithoutGit(other.to_string(), reference.to_owned()));
        }
        (Source::Directory(directory), None) => directory::fetch(&base_dir.join(&directory.path), base_dir)?,
        (Source::Archive(archive), None) => archive::fetch(&base_dir.join(&archive.path))?,
    };
    if let Some(epoch) = epoch {
        fetched.origin.time = epoch;
        fetched.origin.stamped = true;
    }
    Ok(fetched)
}

/// The time that a build is asked to stamp everything with; empty counts as unset.
fn source_date_epoch(text: Option<String>) -> Result<Option<i64>, SourceError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse()
        .ok()
        .filter(|seconds: &i64| *seconds >= 0)
        .map(Some)
        .ok_or(SourceError::SourceDateEpoch(text))
}

impl Fetched {
    /// The files sorted into a chart.
    pub fn chart(&self) -> Result<Chart, SourceError> {
        Chart::from_files(self.files.clone())
            .map_err(|source| SourceError::Chart(self.origin.url.clone(), source))
    }

    /// The one archive of this chart. What came as an archive stays as it is, unless something is overridden.
    pub fn package(&self, overrides: &Overrides) -> Result<ChartArchive, SourceError> {
        if let Some(archive) = self.archive.as_ref().filter(|_| *overrides == Overrides::default()) {
            return Ok(archive.clone());
        }
        let mut chart = self.chart()?;
        if self.origin.stamped {
            chart.stamp(self.origin.time);
        }
        package::package(&chart, self.origin.time, overrides)
            .map_err(|source| SourceError::Package(self.origin.url.clone(), source))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)?;
        let is_commit = |reference: &&String| {
            self.commit.as_ref().is_some_and(|commit| commit.starts_with(reference.as_str()))
        };
        if let Some(reference) = self.reference.as_ref().filter(|reference| !is_commit(reference)) {
            write!(f, " {reference}")?;
        }
        if let Some(commit) = &self.commit {
            write!(f, " at {}", commit.get(..12).unwrap_or(commit))?;
        }
        f.write_str(if self.dirty { " (with changes that are in no commit)" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_date_epoch_is_seconds() {
        assert_eq!(source_date_epoch(None).unwrap(), None);
        assert_eq!(source_date_epoch(Some(String::new())).unwrap(), None);
        assert_eq!(source_date_epoch(Some("1700000000".to_owned())).unwrap(), Some(1_700_000_000));
        for text in ["-1", "yesterday", "1.5"] {
            assert!(
                matches!(source_date_epoch(Some(text.to_owned())), Err(SourceError::SourceDateEpoch(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn an_origin_says_what_it_is() {
        let origin = Origin {
            url: "https://example.com/charts.git".to_owned(),
            reference: Some("main".to_owned()),
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            dirty: true,
            time: 0,
            stamped: false,
        };
        assert_eq!(
            origin.to_string(),
            "https://example.com/charts.git main at 0123456789ab (with changes that are in no commit)"
        );
    }
}
