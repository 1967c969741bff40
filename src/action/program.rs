//! The Helm 4 program that carries the verbs out. It runs in a process group of its own: a Ctrl-C meant for us does not reach it.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

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
    #[error("{doing} on {cluster}: {said}")]
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

/// Variables that would change what a verb does behind our back.
const FOREIGN: [&str; 7] =
    ["HELM_DRIVER", "HELM_NAMESPACE", "HELM_KUBECONTEXT", "HELM_KUBEAPISERVER", "HELM_KUBETOKEN", "HELM_DEBUG", "HELM_MAX_HISTORY"];

/// How many lines of its talk an error quotes.
const QUOTED_LINES: usize = 12;

/// A Helm 4 program.
#[derive(Debug, Clone)]
pub(super) struct Program {
    path: PathBuf,
}

impl Program {
    /// `$HELM`, else `helm` on PATH; its version is asked.
    pub(super) async fn find() -> Result<Self, ProgramError> {
        let path = locate(env::var_os("HELM"), env::var_os("PATH")).ok_or(ProgramError::Missing)?;
        let program = Self { path };
        let output =
            program.command(["version", "--template", "{{.Version}}"]).output().await.map_err(|source| program.start_error(source))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if version.starts_with("v4.") { Ok(program) } else { Err(ProgramError::WrongVersion { path: program.path, version }) }
    }

    /// Runs it against a cluster; answers what it printed. `doing` is for the error, as in `upgrade ns/name`.
    pub(super) async fn run(&self, cluster: &Cluster, doing: &str, args: &[OsString]) -> Result<String, ProgramError> {
        let context = [OsString::from("--kube-context"), OsString::from(&cluster.context)];
        let output = self.command(args.iter().chain(&context)).output().await.map_err(|source| self.start_error(source))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = last_lines(&String::from_utf8_lossy(&output.stderr));
        Err(ProgramError::Failed { doing: doing.to_owned(), cluster: cluster.name.clone(), said })
    }

    fn command<A: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.path);
        command.args(args).stdin(Stdio::null()).process_group(0);
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
    }

    fn start_error(&self, source: io::Error) -> ProgramError {
        ProgramError::Start { path: self.path.clone(), source }
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
