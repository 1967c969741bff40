//! Where a chart comes from, as written and as resolved.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::SecretRef;
use crate::redact;

/// `source:` as written: exactly one of `git`, `directory` and `archive`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SourceConfig {
    /// URL of a git repository (https, ssh, `user@host:path` or file).
    pub git: Option<String>,
    /// Branch, tag or commit of the git repository; without it its default branch. `--ref` overrides it.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Folder of the chart inside the git repository; without it the root.
    pub path: Option<String>,
    /// User name for https; most servers take any when a token is given.
    pub username: Option<String>,
    /// Token or password for https.
    pub token: Option<SecretRef>,
    /// Private key file for ssh, relative to `release.yaml`; without it the ssh agent.
    pub ssh_key: Option<PathBuf>,
    /// Folder of a chart on this machine, relative to `release.yaml`.
    pub directory: Option<PathBuf>,
    /// Packaged chart on this machine, relative to `release.yaml`.
    pub archive: Option<PathBuf>,
}

/// Where a chart comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A folder of a git repository at a commit.
    Git(GitSource),
    /// A folder on this machine.
    Directory(DirectorySource),
    /// A packaged chart on this machine.
    Archive(ArchiveSource),
}

/// A folder of a git repository at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSource {
    /// As git takes it: https, ssh, `user@host:path`, file or a plain path.
    pub url: String,
    /// Branch, tag or commit; `None` is the default branch.
    pub reference: Option<String>,
    /// Folder inside the repository, `.` for its root.
    pub path: String,
    /// User name for https.
    pub username: Option<String>,
    /// Token or password for https.
    pub token: Option<SecretRef>,
    /// Private key file for ssh, relative to `release.yaml`.
    pub ssh_key: Option<PathBuf>,
}

/// A folder on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorySource {
    /// Relative to `release.yaml`.
    pub path: PathBuf,
}

/// A packaged chart on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSource {
    /// Relative to `release.yaml`.
    pub path: PathBuf,
}

impl SourceConfig {
    /// The one source that is written, if it is exactly one; the files of secrets become relative to
    /// `base_dir`.
    pub fn resolve(&self, base_dir: &Path) -> Option<Source> {
        match (&self.git, &self.directory, &self.archive) {
            (Some(url), None, None) => Some(Source::Git(GitSource {
                url: url.clone(),
                reference: self.reference.clone(),
                path: self.path.clone().unwrap_or_else(|| ".".to_owned()),
                username: self.username.clone(),
                token: self.token.as_ref().map(|token| token.anchored(base_dir)),
                ssh_key: self.ssh_key.clone(),
            })),
            (None, Some(path), None) => Some(Source::Directory(DirectorySource { path: path.clone() })),
            (None, None, Some(path)) => Some(Source::Archive(ArchiveSource { path: path.clone() })),
            _ => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Git(git) => write!(f, "{} of {}", git.path, redact::url(&git.url)),
            Source::Directory(directory) => write!(f, "{}", directory.path.display()),
            Source::Archive(archive) => write!(f, "{}", archive.path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_source_resolves() {
        let git =
            SourceConfig { git: Some("https://example.com/charts.git".into()), ..SourceConfig::default() };
        let both = SourceConfig { directory: Some("chart".into()), ..git.clone() };
        assert_eq!(git.resolve(Path::new(".")).unwrap().to_string(), ". of https://example.com/charts.git");
        let secret = SourceConfig { git: Some("https://hunter2@example.com/x".into()), ..git.clone() };
        assert!(!secret.resolve(Path::new(".")).unwrap().to_string().contains("hunter2"));
        assert_eq!(both.resolve(Path::new(".")), None);
        assert_eq!(SourceConfig::default().resolve(Path::new(".")), None);
    }
}
