//! A chart from a git repository: any URL that git takes, at a branch, a tag or a commit.

use std::io;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Repository};
use url::Url;

use super::credentials::Credentials;
use super::reference::{self, Known, ReferenceError, Target};
use super::remote::{self, Local, PATIENCE};
use super::tree::{self, TreeError};
use super::{Fetched, Origin};
use crate::config::{GitSource, SecretError};
use crate::helm::chart::walk::WalkError;
use crate::redact;

/// Why a chart cannot be had from git. URLs are shown without their secrets.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The server cannot be reached.
    #[error("reach {url}")]
    Unreachable {
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: git2::Error,
    },
    /// The server says nothing.
    #[error("{url} has not answered for {seconds} s")]
    TimedOut {
        /// The repository.
        url: String,
        /// How long.
        seconds: u64,
    },
    /// The server does not accept who we are.
    #[error("{url} refused us; tried: {}", if .tried.is_empty() { "nothing, since there is no token, key or agent to offer".to_owned() } else { .tried.join(", then ") })]
    Refused {
        /// The repository.
        url: String,
        /// What was offered.
        tried: Vec<String>,
        /// The server's answer.
        #[source]
        source: git2::Error,
    },
    /// The server's ssh key is unknown or another one.
    #[error("the host key of {url} is not the one in known_hosts, or none is there")]
    HostKey {
        /// The repository.
        url: String,
        /// What libgit2 says.
        #[source]
        source: git2::Error,
    },
    /// The server's certificate is not trusted.
    #[error("the TLS certificate of {url} is not trusted")]
    Certificate {
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: git2::Error,
    },
    /// Anything else on the way.
    #[error("fetch from {url}")]
    Fetch {
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: git2::Error,
    },
    /// The reference leads to no commit.
    #[error("find the commit in {url}")]
    Reference {
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: ReferenceError,
    },
    /// A repository on this machine cannot be opened.
    #[error("open the repository {}", path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: git2::Error,
    },
    /// The chart cannot be read from the commit.
    #[error("read {path} of {url} at {commit}")]
    Read {
        /// The repository.
        url: String,
        /// The chart's folder.
        path: String,
        /// The commit.
        commit: String,
        /// Why.
        #[source]
        source: Box<WalkError<TreeError>>,
    },
    /// The token is not where the configuration says.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No place for the fetched commit.
    #[error("make a temporary directory for the fetched commit")]
    Temporary(#[source] io::Error),
    /// The thread that fetched ended without a result.
    #[error("the fetch from {0} ended without a result")]
    Stopped(String),
}

pub(super) fn fetch(
    source: &GitSource,
    reference: Option<&str>,
    base_dir: &Path,
) -> Result<Fetched, GitError> {
    let wanted = reference.or(source.reference.as_deref());
    let shown = redact::url(&source.url);
    let local = match local_path(&source.url, base_dir) {
        Some(path) => open(&path, &shown, wanted)?,
        None => remote::fetch(&source.url, &shown, wanted, credentials(source, base_dir)?, PATIENCE)?,
    };
    let read_failed = |source_error| GitError::Read {
        url: shown.clone(),
        path: source.path.clone(),
        commit: local.commit.to_string(),
        source: Box::new(source_error),
    };
    let git_failed = |source| GitError::Fetch { url: shown.clone(), source };
    let commit = local.repository.find_commit(local.commit).map_err(git_failed)?;
    let files = tree::read(&local.repository, commit.tree_id(), &source.path).map_err(read_failed)?;
    let origin = Origin {
        url: shown.clone(),
        reference: Some(reference::short(&local.reference).to_owned()),
        commit: Some(commit.id().to_string()),
        dirty: false,
        time: commit.time().seconds(),
        stamped: false,
    };
    Ok(Fetched { files, origin, archive: None })
}

fn credentials(source: &GitSource, base_dir: &Path) -> Result<Credentials, GitError> {
    let token = source
        .token
        .as_ref()
        .map(|token| token.read(&format!("the git source {}", redact::url(&source.url))))
        .transpose()?;
    let ssh_key = source.ssh_key.as_ref().map(|key| base_dir.join(key));
    Ok(Credentials { username: source.username.clone(), token, ssh_key })
}

/// The path of a repository on this machine: a `file` URL, or a path. `host:path` is ssh, unless such a path
/// exists.
fn local_path(url: &str, base_dir: &Path) -> Option<PathBuf> {
    if let Ok(parsed) = Url::parse(url) {
        if parsed.scheme() == "file" {
            return parsed.to_file_path().ok();
        }
        if url.contains("://") {
            return None;
        }
    }
    let path = base_dir.join(url);
    let is_ssh = url.split('/').next().is_some_and(|start| start.contains(':'));
    (path.exists() || !is_ssh).then_some(path)
}

fn open(path: &Path, shown: &str, wanted: Option<&str>) -> Result<Local, GitError> {
    let repository =
        Repository::open(path).map_err(|source| GitError::Open { path: path.to_owned(), source })?;
    let failed = |source| GitError::Fetch { url: shown.to_owned(), source };
    let not_found = |source| GitError::Reference { url: shown.to_owned(), source };
    let known = known(&repository).map_err(failed)?;
    let (reference, commit) = match reference::resolve(wanted, &known).map_err(not_found)? {
        Target::Reference(name) => {
            let commit = repository
                .find_reference(&name)
                .and_then(|reference| reference.peel_to_commit())
                .map_err(failed)?
                .id();
            (name, commit)
        }
        Target::Commit(id) => {
            let found = repository.revparse_single(&id).and_then(|object| object.peel_to_commit());
            let commit = found.map_err(|error| not_found(reference::not_found(&id, &known, &error)))?.id();
            (id, commit)
        }
    };
    Ok(Local::existing(repository, commit, reference))
}

/// The branches, tags and `HEAD` of a repository on this machine.
fn known(repository: &Repository) -> Result<Vec<Known>, git2::Error> {
    let mut known = Vec::new();
    for reference in repository.references()? {
        let reference = reference?;
        let (Ok(name), Some(id)) = (reference.name(), reference.target()) else { continue };
        known.push(Known { name: name.to_owned(), id: id.to_string(), symbolic: None });
        if let Ok(commit) = reference.peel_to_commit() {
            known.push(Known { name: format!("{name}^{{}}"), id: commit.id().to_string(), symbolic: None });
        }
    }
    match repository.head() {
        Ok(head) => {
            let symbolic = head.name().ok().filter(|name| *name != "HEAD").map(str::to_owned);
            let id = head.target().map(|id| id.to_string()).unwrap_or_default();
            known.push(Known { name: "HEAD".to_owned(), id, symbolic });
        }
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {}
        Err(error) => return Err(error),
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::chart::Overrides;
    use crate::source::fixture::{FILE, Fixture, TIME};

    fn source(url: &str, reference: Option<&str>, path: &str) -> GitSource {
        let (url, reference, path) = (url.to_owned(), reference.map(str::to_owned), path.to_owned());
        GitSource { url, reference, path, username: None, token: None, ssh_key: None }
    }

    fn fetched(fixture: &Fixture, reference: Option<&str>) -> Result<Fetched, GitError> {
        fetch(&source(fixture.path().to_str().unwrap(), reference, "demo"), None, Path::new("/"))
    }

    fn chain(error: GitError, fixture: &Fixture) -> String {
        crate::failure::Failure::from(error)
            .chain()
            .join(": ")
            .replace(fixture.path().to_str().unwrap(), "REPO")
    }

    #[test]
    fn the_commit_and_its_time_are_recorded() {
        let fixture = Fixture::with_chart();
        let commit = fixture.repository.head().unwrap().target().unwrap().to_string();
        let fetched = fetched(&fixture, None).unwrap();
        assert_eq!(fetched.origin.commit.as_deref(), Some(commit.as_str()));
        assert_eq!(
            (fetched.origin.reference.as_deref(), fetched.origin.dirty, fetched.origin.time),
            (Some("main"), false, TIME)
        );
        assert_eq!(fetched.files.len(), 2);
    }

    #[test]
    fn branch_tag_and_commit_give_the_same_bytes() {
        let fixture = Fixture::with_chart();
        let first = fixture.repository.head().unwrap().target().unwrap();
        fixture.tag("v1", first);
        fixture.commit(&[("demo/values.yaml", FILE, "a: 2\n")]);
        let bytes = |reference: &str| {
            fetched(&fixture, Some(reference)).unwrap().package(&Overrides::default()).unwrap().digest()
        };
        assert_eq!(bytes("v1"), bytes(&first.to_string()));
        assert_eq!(bytes("v1"), bytes(&first.to_string()[..8]));
        assert_ne!(bytes("v1"), bytes("main"));
    }

    #[test]
    fn a_fetched_commit_is_the_same_as_a_local_one() {
        let fixture = Fixture::with_chart();
        let first = fixture.repository.head().unwrap().target().unwrap();
        fixture.tag("v1", first);
        fixture.commit(&[("demo/values.yaml", FILE, "a: 2\n")]);
        let url = format!("file://{}", fixture.path().display());
        let local = open(fixture.path(), "x", Some("v1")).unwrap();
        assert_eq!(
            fetch(&source(&url, Some("v1"), "demo"), None, Path::new("/")).unwrap().origin.commit,
            Some(local.commit.to_string())
        );
    }

    #[test]
    fn refusals_say_what_there_is_instead() {
        let fixture = Fixture::with_chart();
        let refusal = |reference: Option<&str>| chain(fetched(&fixture, reference).err().unwrap(), &fixture);
        assert_eq!(
            refusal(Some("mian")),
            "find the commit in REPO: there is no branch, tag or commit \"mian\"; did you mean `main`?"
        );
        assert_eq!(
            refusal(Some("deadbeef")),
            "find the commit in REPO: there is no branch, tag or commit \"deadbeef\"; there are, for example, `main`"
        );
        let missing = fetch(&source(fixture.path().to_str().unwrap(), None, "nope"), None, Path::new("/"))
            .err()
            .unwrap();
        assert!(
            chain(missing, &fixture)
                .ends_with("\"nope\" does not exist at this commit; there are: README.md, demo")
        );
        let empty = Fixture::new();
        assert_eq!(
            chain(fetched(&empty, None).err().unwrap(), &empty),
            "find the commit in REPO: the repository has no default branch yet"
        );
        let nothing =
            fetch(&source("no/such/repository", None, "demo"), None, Path::new("/base")).err().unwrap();
        assert!(matches!(nothing, GitError::Open { .. }));
    }

    #[test]
    fn urls_and_paths() {
        let base = Path::new("/base");
        assert_eq!(local_path("../charts", base), Some(PathBuf::from("/base/../charts")));
        assert_eq!(local_path("file:///srv/charts.git", base), Some(PathBuf::from("/srv/charts.git")));
        for url in [
            "https://example.com/charts.git",
            "ssh://git@example.com/charts.git",
            "git@example.com:sre/charts.git",
            "host:charts",
        ] {
            assert_eq!(local_path(url, base), None, "{url}");
        }
    }
}
