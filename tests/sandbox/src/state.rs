//! The directory of one sandbox: everything that it writes is in here.
//!
//! A directory that is not a sandbox's is never emptied.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::processes::Ledger;

/// The record of processes; its presence marks the directory as a sandbox's.
const PROCESSES: &str = "processes.json";
const LOCK: &str = ".lock";

/// Everything that an earlier sandbox may have left, besides the mark.
const CONTENT: [&str; 11] = [
    "clusters",
    "dns",
    "pebble",
    "chartmuseum",
    "git",
    "helm",
    "values",
    "images.json",
    "kubeconfig",
    "release.yaml",
    "env",
];

/// A Unix socket's path may have 107 bytes; the longest one in here takes up to 40 of them.
const LONGEST: usize = 65;

/// The directory, held by this process alone.
#[derive(Debug)]
pub struct State {
    directory: PathBuf,
    _lock: File,
}

impl State {
    /// Takes a directory for a new sandbox: a new one, an empty one, or one whose sandbox has ended, which is
    /// emptied.
    pub fn claim(directory: &Path) -> Result<Self> {
        let directory = absolute(directory)?;
        fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
        let state = Self::hold(directory)?;
        if state.file(PROCESSES).exists() {
            state.refuse_running()?;
            state.empty()?;
        } else if fs::read_dir(&state.directory)?
            .any(|entry| entry.is_ok_and(|entry| entry.file_name() != LOCK))
        {
            bail!("{} is not empty and not a sandbox: name another --state", state.directory.display());
        }
        fs::write(state.file(PROCESSES), "[]")
            .with_context(|| format!("write to {}", state.directory.display()))?;
        Ok(state)
    }

    /// Takes the directory of a sandbox that `up` has finished, or that a killed `up` left.
    pub fn open(directory: &Path) -> Result<Self> {
        let directory = absolute(directory)?;
        if !directory.join(PROCESSES).exists() {
            bail!("{} is not the directory of a sandbox (no {PROCESSES} in it)", directory.display());
        }
        Self::hold(directory)
    }

    /// The directory, as an absolute path.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A path inside.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The record of this sandbox's processes.
    pub fn ledger(&self) -> Result<Ledger> {
        Ledger::open(&self.file(PROCESSES))
    }

    fn hold(directory: PathBuf) -> Result<Self> {
        let lock = File::create(directory.join(LOCK))
            .with_context(|| format!("write to {}", directory.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { directory, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("another `cargo xtask` works on {} now: wait for it, or end it", directory.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("lock {}", directory.display()))
            }
        }
    }

    fn refuse_running(&self) -> Result<()> {
        let running = self.ledger()?.children().into_iter().filter(|child| child.pid.alive()).count();
        if running > 0 {
            let directory = self.directory.display();
            bail!(
                "a sandbox runs in {directory} already ({running} processes): `cargo xtask down --state {directory}` ends it"
            );
        }
        Ok(())
    }

    fn empty(&self) -> Result<()> {
        for path in CONTENT.map(|name| self.file(name)) {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("remove {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn absolute(directory: &Path) -> Result<PathBuf> {
    let directory =
        std::path::absolute(directory).with_context(|| format!("find {}", directory.display()))?;
    let length = directory.as_os_str().len();
    if length > LONGEST {
        bail!(
            "{} is too long for the sockets in it ({length} bytes of at most {LONGEST}): name a shorter --state",
            directory.display()
        );
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(result: Result<State>) -> String {
        result.expect_err("refused").to_string()
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused_and_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("thesis.txt"), "text").expect("a file");
        assert!(error(State::claim(directory.path())).contains("is not empty and not a sandbox"));
        assert!(error(State::open(directory.path())).contains("is not the directory of a sandbox"));
        assert!(directory.path().join("thesis.txt").exists());
    }

    #[test]
    fn an_ended_sandbox_is_replaced_but_foreign_files_stay() {
        let directory = tempfile::tempdir().expect("a directory");
        drop(State::claim(directory.path()).expect("claimed"));
        fs::create_dir(directory.path().join("clusters")).expect("an old part");
        fs::write(directory.path().join("notes"), "mine").expect("a file");
        State::claim(directory.path()).expect("claimed again");
        assert!(!directory.path().join("clusters").exists());
        assert!(directory.path().join("notes").exists());
    }

    #[test]
    fn a_running_sandbox_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = State::claim(directory.path()).expect("claimed");
        assert!(error(State::claim(directory.path())).contains("another `cargo xtask` works on"));
        let own = i32::try_from(std::process::id()).expect("a pid");
        state.ledger().expect("a ledger").record("this", own, None).expect("recorded");
        drop(state);
        assert!(error(State::claim(directory.path())).contains("a sandbox runs in"));
    }

    #[test]
    fn a_path_too_long_for_sockets_is_refused() {
        assert!(
            error(State::claim(Path::new(&format!("/nowhere/{}", "x".repeat(60)))))
                .contains("name a shorter --state")
        );
    }
}
