//! A hermetic world for one test: an empty home, a cleared environment, and the program itself.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A directory that is home and working directory at once, the variables that the program will see, and the
/// texts that differ from run to run with the names that snapshots show instead.
pub(crate) struct World {
    dir: TempDir,
    env: Vec<(String, String)>,
    hidden: Vec<(String, String)>,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let hidden = vec![(dir.path().display().to_string(), "[DIR]".to_owned())];
        Self { dir, env: Vec::new(), hidden }
    }

    /// Sets a variable for every command that follows.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Shows `name` in snapshots wherever the program printed `text`.
    pub(crate) fn hide(mut self, text: &str, name: &str) -> Self {
        self.hidden.push((text.to_owned(), name.to_owned()));
        self
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file below the world's directory, with the directories on the way.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("create the directories");
        std::fs::write(&path, content).expect("write the file");
        path
    }

    /// The program with nothing of the caller's environment: no kubeconfig, no proxy, no home, no PATH.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_release"));
        command
            .args(args)
            .current_dir(self.dir())
            .env_clear()
            .env("HOME", self.dir())
            .env("GIT_CONFIG_NOSYSTEM", "1");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs `release` with these arguments to its end.
    pub(crate) fn release<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        let output = self.command(args).output().expect("start the program");
        self.ran(&output)
    }

    fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| self.shown(&String::from_utf8_lossy(bytes));
        Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    fn shown(&self, text: &str) -> String {
        self.hidden.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

/// How a command ended; shown as one text for snapshots.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Both streams, for a search over everything that was said.
    pub(crate) fn everything(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit code: {code}")?,
            None => writeln!(f, "ended by a signal")?,
        }
        write!(f, "----- stdout -----\n{}----- stderr -----\n{}", self.stdout, self.stderr)
    }
}
