//! The Helm 4 program that carries the verbs out. It runs in a process group of its own: a Ctrl-C meant for us does not reach it.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::TempDir;
use thiserror::Error;
use tokio::process::Command;

use crate::cluster::Cluster;

/// The program is missing or refused.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// There is none.
    #[error("no helm program was found in $HELM or on PATH; install Helm 4, or set HELM to its path")]
    Missing,
    /// It is another major version.
    #[error("`{}` is Helm {version}, and Helm 4 is needed; set HELM to the path of one", path.display())]
    WrongVersion {
        /// The program.
        path: PathBuf,
        /// What it says of itself.
        version: String,
    },
    /// It could not be started.
    #[error("start `{}`", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its input could not be written.
    #[error("write the chart and its values for helm")]
    Input(#[source] io::Error),
    /// It ended with an error.
    #[error("{doing} (cluster `{cluster}`): {said}")]
    Failed {
        /// What was being done.
        doing: String,
        /// Where.
        cluster: String,
        /// The last lines that it said.
        said: String,
    },
    /// Its answer cannot be read.
    #[error("read the answer of helm")]
    Answer(#[source] serde_json::Error),
}

/// How many revisions Helm keeps, its own default; said aloud because `HELM_MAX_HISTORY` could say otherwise.
pub(super) const HISTORY_MAX: &str = "10";

/// How many lines of its talk an error quotes.
const QUOTED_LINES: usize = 12;

/// A Helm 4 program.
#[derive(Debug, Clone)]
pub(super) struct Program {
    path: PathBuf,
}

/// Files for one call, in a directory that only this user can read: values may hold secrets.
#[derive(Debug)]
pub(super) struct Files(TempDir);

impl Files {
    pub(super) fn new() -> Result<Self, ProgramError> {
        tempfile::Builder::new().prefix("release-").tempdir().map(Self).map_err(ProgramError::Input)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ProgramError> {
        std::fs::write(self.0.path().join(name), bytes).map_err(ProgramError::Input)
    }
}

impl Program {
    /// `$HELM`, else `helm` on PATH; its version is asked.
    pub(super) async fn find() -> Result<Self, ProgramError> {
        let path = locate(env::var_os("HELM"), env::var_os("PATH")).ok_or(ProgramError::Missing)?;
        let program = Self { path: std::path::absolute(&path).unwrap_or(path) };
        let output = program.output(vec!["version".into(), "--template".into(), "{{.Version}}".into()], Files::new()?, &[]).await?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if version.starts_with("v4.") { Ok(program) } else { Err(ProgramError::WrongVersion { path: program.path, version }) }
    }

    /// Runs it against a cluster; answers what it printed. `doing` is for the error, as in `upgrade ns/name`.
    pub(super) async fn run(&self, cluster: &Cluster, doing: &str, args: Vec<OsString>) -> Result<String, ProgramError> {
        self.run_with(cluster, doing, args, Files::new()?).await
    }

    /// The same with files, which the arguments name relative to their directory.
    pub(super) async fn run_with(
        &self,
        cluster: &Cluster,
        doing: &str,
        mut args: Vec<OsString>,
        files: Files,
    ) -> Result<String, ProgramError> {
        // The server is named too: a kubeconfig that changes under our feet must not lead elsewhere.
        args.extend(["--kube-context", &cluster.context, "--kube-apiserver", &cluster.server].map(OsString::from));
        let output = self.output(args, files, &cluster.kubeconfig).await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = last_lines(&String::from_utf8_lossy(&output.stderr));
        let said = if said.is_empty() { format!("helm said nothing ({})", output.status) } else { said };
        Err(ProgramError::Failed { doing: doing.to_owned(), cluster: cluster.name.clone(), said })
    }

    /// A call that has begun is waited for even when nobody waits for its answer any more: half an upgrade is worse than a late end.
    async fn output(&self, args: Vec<OsString>, files: Files, kubeconfig: &[PathBuf]) -> Result<Output, ProgramError> {
        let mut command = self.command(args, files.0.path());
        // It runs in another directory than we do. A separator cannot be in a path that came out of a list.
        let absolute = kubeconfig.iter().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
        command.env("KUBECONFIG", env::join_paths(absolute).unwrap_or_default());
        let running = tokio::spawn(async move {
            let output = command.output().await;
            drop(files);
            output
        });
        let output = running.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        output.map_err(|source| ProgramError::Start { path: self.path.clone(), source })
    }

    /// No variable of Helm's own reaches it (they could change what a verb does behind our back), and no setting or plugin of the user.
    fn command(&self, args: Vec<OsString>, directory: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command.args(args).current_dir(directory).stdin(Stdio::null()).process_group(0);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HELM_")) {
            command.env_remove(name);
        }
        for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(name, directory.join(".helm"));
        }
        command
    }
}

fn locate(helm: Option<OsString>, path: Option<OsString>) -> Option<PathBuf> {
    let configured = helm.filter(|value| !value.is_empty()).map(PathBuf::from);
    configured.or_else(|| {
        let directories = path?;
        env::split_paths(&directories).map(|directory| directory.join("helm")).find(|candidate| is_other_program(candidate))
    })
}

/// A link named `helm` may lead to this very program, which must not call itself.
fn is_other_program(candidate: &Path) -> bool {
    let ours = env::current_exe().ok().and_then(|path| path.canonicalize().ok());
    candidate.canonicalize().is_ok_and(|path| path.is_file() && Some(path) != ours)
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("level=WARN")).collect();
    let start = lines.len().saturating_sub(QUOTED_LINES);
    let quoted = lines[start..].join("\n");
    quoted.strip_prefix("Error: ").unwrap_or(&quoted).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_over_path_and_an_empty_one_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let helm = directory.path().join("helm");
        std::fs::write(&helm, "").unwrap();
        let path = Some(directory.path().as_os_str().to_owned());
        assert_eq!(locate(Some("/opt/helm4".into()), path.clone()), Some(PathBuf::from("/opt/helm4")));
        assert_eq!(locate(Some(OsString::new()), path), Some(helm));
        assert_eq!(locate(None, Some("/nowhere".into())), None);
    }

    #[test]
    fn an_error_quotes_the_last_lines_without_the_programs_prefix() {
        assert_eq!(last_lines("level=WARN msg=x\nError: UPGRADE FAILED: no\n"), "UPGRADE FAILED: no");
    }
}
