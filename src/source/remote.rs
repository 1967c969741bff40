//! Fetching one commit from a git server into a temporary bare repository.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use git2::{
    AutotagOption, Direction, ErrorClass, ErrorCode, FetchOptions, Oid, ProxyOptions, Remote,
    RemoteCallbacks, RemoteConnection, Repository,
};
use tempfile::TempDir;

use super::credentials::{Credentials, Offers};
use super::git::GitError;
use super::reference::{self, Known, Target};
use crate::redact;

/// Without a sign of life from the server for this long, it counts as unreachable.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How the names of temporary repositories begin.
const TEMPORARY: &str = "release-git-";

/// No fetch takes longer.
const ABANDONED: Duration = Duration::from_hours(24);

/// Where the wanted commit is kept in the temporary repository.
const KEPT: &str = "refs/release/wanted";

/// A commit in a repository that lives as long as this value.
pub(super) struct Local {
    pub(super) repository: Repository,
    pub(super) commit: Oid,
    /// The full name of the reference that led there, or the commit's id.
    pub(super) reference: String,
    _directory: Option<TempDir>,
}

impl Local {
    /// A commit in a repository on this machine, which is left as it is.
    pub(super) fn existing(repository: Repository, commit: Oid, reference: String) -> Self {
        Self { repository, commit, reference, _directory: None }
    }
}

/// Fetches the wanted commit. libgit2 cannot be interrupted, so it works in a thread of its own, which is
/// left behind when nothing moves.
pub(super) fn fetch(
    url: &str,
    shown: &str,
    wanted: Option<&str>,
    credentials: Credentials,
    patience: Duration,
) -> Result<Local, GitError> {
    let signs = Arc::new(AtomicU64::new(0));
    let (sender, receiver) = mpsc::channel();
    remove_abandoned(&std::env::temp_dir(), SystemTime::now());
    // It belongs to this function, and so goes also when the thread below is left behind.
    let directory = tempfile::Builder::new().prefix(TEMPORARY).tempdir().map_err(GitError::Temporary)?;
    let work = Fetch {
        directory: directory.path().to_owned(),
        url: url.to_owned(),
        shown: shown.to_owned(),
        wanted: wanted.map(str::to_owned),
        credentials,
        signs: Arc::clone(&signs),
    };
    std::thread::spawn(move || {
        // Nobody listens any more after a timeout.
        let _ = sender.send(work.run());
    });
    let mut seen = 0;
    loop {
        match receiver.recv_timeout(patience) {
            Ok(result) => return result.map(|local| Local { _directory: Some(directory), ..local }),
            Err(RecvTimeoutError::Timeout) if signs.load(Ordering::Relaxed) > seen => {
                seen = signs.load(Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(GitError::TimedOut { url: shown.to_owned(), seconds: patience.as_secs() });
            }
            Err(RecvTimeoutError::Disconnected) => return Err(GitError::Stopped(shown.to_owned())),
        }
    }
}

/// Deletes what runs that were killed in a fetch have left behind, as far as it is ours and a day old.
fn remove_abandoned(folder: &Path, now: SystemTime) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        // The metadata of an entry are those of a link itself.
        let Some(metadata) = entry.metadata().ok().filter(|metadata| is_ours && metadata.is_dir()) else {
            continue;
        };
        let age = metadata.modified().ok().and_then(|time| now.duration_since(time).ok());
        if age.is_some_and(|age| age > ABANDONED) {
            // Somebody else's stays.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

struct Fetch {
    directory: PathBuf,
    url: String,
    shown: String,
    wanted: Option<String>,
    credentials: Credentials,
    signs: Arc<AtomicU64>,
}

impl Fetch {
    fn run(&self) -> Result<Local, GitError> {
        let repository =
            Repository::init_bare(&self.directory).map_err(|source| self.failed(&source, &[]))?;
        let (reference, commit) = self.wanted(&repository)?;
        Ok(Local::existing(repository, commit, reference))
    }

    /// Asks what the server has and fetches the wanted part of it, over one connection where one is enough.
    fn wanted(&self, repository: &Repository) -> Result<(String, Oid), GitError> {
        let offers = RefCell::new(Offers::new(self.credentials.clone()));
        let mut remote =
            repository.remote_anonymous(&self.url).map_err(|source| self.failed(&source, &[]))?;
        let connection = remote.connect_auth(Direction::Fetch, Some(self.callbacks(&offers)), Some(proxy()));
        let mut connection = connection.map_err(|source| self.failed(&source, offers.borrow().tried()))?;
        let known = known(&connection).map_err(|source| self.failed(&source, &[]))?;
        match reference::resolve(self.wanted.as_deref(), &known).map_err(|source| self.unknown(source))? {
            Target::Reference(name) => {
                self.fetch(connection.remote(), &[format!("+{name}:{KEPT}")], Some(1))?;
                Ok((name, self.kept(repository)?))
            }
            Target::Commit(id) => {
                let commit = self.commit(repository, connection.remote(), &id, &known)?;
                Ok((id, commit))
            }
        }
    }

    /// A commit that a reference names is fetched alone; for any other one everything is.
    fn commit(
        &self,
        repository: &Repository,
        remote: &mut Remote<'_>,
        id: &str,
        known: &[Known],
    ) -> Result<Oid, GitError> {
        if let Some(name) = reference::naming(id, known).map_err(|source| self.unknown(source))? {
            self.fetch(remote, &[format!("+{name}:{KEPT}")], Some(1))?;
            return self.kept(repository);
        }
        if id.len() == 40 && self.fetch(remote, &[format!("+{id}:{KEPT}")], Some(1)).is_ok() {
            return self.kept(repository);
        }
        let everything =
            ["+refs/heads/*:refs/release/heads/*".to_owned(), "+refs/tags/*:refs/release/tags/*".to_owned()];
        self.fetch(remote, &everything, None)?;
        let found = repository.revparse_single(id).and_then(|object| object.peel_to_commit());
        found.map(|commit| commit.id()).map_err(|error| self.unknown(reference::not_found(id, known, &error)))
    }

    fn kept(&self, repository: &Repository) -> Result<Oid, GitError> {
        let commit = repository.find_reference(KEPT).and_then(|reference| reference.peel_to_commit());
        commit.map(|commit| commit.id()).map_err(|source| self.failed(&source, &[]))
    }

    /// Fetches over the open connection; libgit2 closes it afterwards and opens another one for the next
    /// fetch.
    fn fetch(
        &self,
        remote: &mut Remote<'_>,
        refspecs: &[String],
        depth: Option<i32>,
    ) -> Result<(), GitError> {
        let offers = RefCell::new(Offers::new(self.credentials.clone()));
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(self.callbacks(&offers))
            .proxy_options(proxy())
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        if let Some(depth) = depth {
            options.depth(depth);
        }
        let fetched = remote.fetch(refspecs, Some(&mut options), None);
        // The callbacks borrow the offers until here.
        drop(options);
        fetched.map_err(|source| self.failed(&source, offers.borrow().tried()))
    }

    fn callbacks<'a>(&'a self, offers: &'a RefCell<Offers>) -> RemoteCallbacks<'a> {
        let sign = || self.signs.fetch_add(1, Ordering::Relaxed);
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(move |url, user, allowed| {
            sign();
            offers.borrow_mut().next(url, user, allowed)
        });
        callbacks.transfer_progress(move |_| {
            sign();
            true
        });
        callbacks.sideband_progress(move |_| {
            sign();
            true
        });
        callbacks
    }

    fn unknown(&self, source: reference::ReferenceError) -> GitError {
        GitError::Reference { url: self.shown.clone(), source }
    }

    fn failed(&self, source: &git2::Error, tried: &[String]) -> GitError {
        classify(source, &self.shown, tried)
    }
}

/// What the server has; the annotated tags' commits are among it as `name^{}`.
fn known(connection: &RemoteConnection<'_, '_, '_>) -> Result<Vec<Known>, git2::Error> {
    let known = connection.list()?.iter().map(|head| Known {
        name: head.name().to_owned(),
        id: head.oid().to_string(),
        symbolic: head.symref_target().map(str::to_owned),
    });
    Ok(known.collect())
}

fn proxy() -> ProxyOptions<'static> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

/// What a person can do about it decides the kind of an error.
fn classify(source: &git2::Error, url: &str, tried: &[String]) -> GitError {
    let url = url.to_owned();
    // libgit2 names the address, as it is, in some of its messages.
    let source = git2::Error::new(source.code(), source.class(), redact::text(source.message()));
    let is_host_key = source.class() == ErrorClass::Ssh && source.message().contains("hostkey");
    match (source.code(), source.class()) {
        _ if is_host_key => GitError::HostKey { url, source },
        (ErrorCode::Auth, _) => GitError::Refused { url, tried: tried.to_vec(), source },
        (ErrorCode::Certificate, _) | (_, ErrorClass::Ssl) => GitError::Certificate { url, source },
        (_, ErrorClass::Ssh) if source.message().contains("authenticate") => {
            GitError::Refused { url, tried: tried.to_vec(), source }
        }
        // The server was reached, and then had nothing to say.
        (ErrorCode::Eof, _) => GitError::Fetch { url, source },
        (_, ErrorClass::Net | ErrorClass::Os | ErrorClass::Ssh) => GitError::Unreachable { url, source },
        _ => GitError::Fetch { url, source },
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_that_says_nothing_is_unreachable_after_a_while() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/charts.git", silent.local_addr().unwrap());
        let error = fetch(&url, "http://silent", None, Credentials::default(), Duration::from_millis(200))
            .err()
            .unwrap();
        assert!(matches!(error, GitError::TimedOut { .. }), "{error}");
    }

    #[test]
    fn what_a_killed_run_left_behind_is_removed_after_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["release-git-old", "other", "release-git-file"];
        names[..2].iter().for_each(|name| fs::create_dir(folder.path().join(name)).unwrap());
        fs::write(folder.path().join(names[2]), "").unwrap();
        std::os::unix::fs::symlink("other", folder.path().join("release-git-link")).unwrap();
        let left = |now: SystemTime| {
            remove_abandoned(folder.path(), now);
            fs::read_dir(folder.path()).unwrap().count()
        };
        assert_eq!(left(SystemTime::now()), 4);
        assert_eq!(left(SystemTime::now() + 2 * ABANDONED), 3);
        assert!(!folder.path().join(names[0]).exists());
    }

    #[test]
    fn a_closed_port_is_unreachable_at_once() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = fetch(
            &format!("http://{closed}/charts.git"),
            "http://closed",
            None,
            Credentials::default(),
            PATIENCE,
        )
        .err()
        .unwrap();
        assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
        assert_eq!(error.to_string(), "reach http://closed");
    }

    #[test]
    fn errors_by_what_to_do_about_them() {
        let error = |code, class, text: &str| {
            classify(&git2::Error::new(code, class, text), "u", &["the ssh agent".to_owned()]).to_string()
        };
        assert_eq!(error(ErrorCode::Auth, ErrorClass::Http, "401"), "u refused us; tried: the ssh agent");
        assert_eq!(
            error(ErrorCode::GenericError, ErrorClass::Ssh, "invalid or unknown remote ssh hostkey"),
            "the host key of u is not the one in known_hosts, or none is there"
        );
        assert_eq!(
            error(ErrorCode::Certificate, ErrorClass::Ssl, "x"),
            "the TLS certificate of u is not trusted"
        );
        assert_eq!(
            error(ErrorCode::GenericError, ErrorClass::Http, "unexpected http status code: 404"),
            "fetch from u"
        );
        let source = git2::Error::new(
            ErrorCode::GenericError,
            ErrorClass::Net,
            "malformed URL 'https://hunter2@host:x'",
        );
        let told = crate::failure::Failure::from(classify(&source, "u", &[])).chain().join(": ");
        assert_eq!(told, "reach u: malformed URL 'https://***@host:x'; class=Net (12)");
    }
}
