//! A container's process: started in a host name of its own, waited for, and ended the way the kubelet does.
//!
//! The host name matters: cert-manager's leader identity is the host name, and with a shared one old and new
//! pod would both believe that they lead.

use std::collections::BTreeMap;
use std::io::{self, PipeReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// `unshare` and `sh` replace themselves, so the child's pid is that of the program.
const OWN_HOST_NAME: [&str; 7] =
    ["--user", "--map-root-user", "--uts", "--", "sh", "-c", r#"hostname "$0" && exec "$@""#];

/// What to start.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) host_name: String,
    pub(super) directory: PathBuf,
}

/// A running container.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// The process and its group.
    pub(super) pid: i32,
}

impl Process {
    /// Starts it, with both output streams in one pipe, in their order.
    pub(super) fn start(launch: &Launch) -> io::Result<(Self, PipeReader)> {
        let (output, input) = io::pipe()?;
        let child = Command::new("unshare")
            .args(OWN_HOST_NAME)
            .arg(&launch.host_name)
            .arg(&launch.program)
            .args(&launch.args)
            .env_clear()
            .envs(&launch.env)
            .current_dir(&launch.directory)
            .process_group(0)
            .kill_on_drop(true) // whatever goes wrong, nothing runs that nobody looks after
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input)
            .spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).ok_or(io::ErrorKind::NotFound)?;
        Ok((Self { child, pid }, output))
    }

    /// Waits for its end, and ends what it may have left in its group.
    pub(super) async fn wait(&mut self) -> i32 {
        let status = self.child.wait().await;
        signal_group(self.pid, Signal::SIGKILL);
        match status {
            Ok(status) => exit_code(status),
            Err(error) => {
                tracing::error!(%error, pid = self.pid, "wait for a process");
                128
            }
        }
    }

    /// SIGTERM, and SIGKILL when it is alive after `grace`.
    pub(super) async fn stop(&mut self, grace: Duration) -> i32 {
        signal_group(self.pid, Signal::SIGTERM);
        if let Ok(code) = tokio::time::timeout(grace, self.wait()).await {
            return code;
        }
        signal_group(self.pid, Signal::SIGKILL);
        self.wait().await
    }
}

/// The exit code as container runtimes tell it: 128 + signal for a process that was killed.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(128)
}

/// Signals a container's whole process group; one that has ended is no error.
pub(super) fn signal_group(leader: i32, signal: Signal) {
    if let Err(error) = killpg(Pid::from_raw(leader), signal)
        && error != Errno::ESRCH
    {
        tracing::warn!(%error, leader, %signal, "signal a process group");
    }
}

/// Whether this machine lets a process have a host name of its own.
pub(super) async fn check_host_names() -> io::Result<()> {
    let output = Command::new("unshare")
        .args(OWN_HOST_NAME)
        .args(["sandbox-node", "hostname"])
        .stdin(Stdio::null())
        .output()
        .await?;
    if output.status.success() && output.stdout.starts_with(b"sandbox-node") {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_string()))
}

/// The host name of a pod: its own name, cut to what Linux takes.
pub(super) fn host_name(pod: &str) -> String {
    let end = pod.len().min(63);
    pod[..end].trim_end_matches(['-', '.']).to_string()
}

/// Whether a program can be started at all, so that a wrong row of the image table is told as what it is.
pub(super) fn is_there(program: &Path) -> bool {
    if program.components().count() > 1 {
        return program.is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn shell(script: &str) -> Launch {
        Launch {
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            env: BTreeMap::from([
                ("PATH".into(), std::env::var("PATH").expect("a PATH")),
                ("A".into(), "b".into()),
            ]),
            host_name: "cert-manager-5d9f-abcde".into(),
            directory: "/".into(),
        }
    }

    async fn ran(script: &str) -> (i32, String) {
        let (mut process, mut output) = Process::start(&shell(script)).expect("it starts");
        let code = process.wait().await;
        let mut text = String::new();
        output.read_to_string(&mut text).expect("its output");
        (code, text)
    }

    #[tokio::test]
    async fn a_process_has_the_pods_host_name_only_its_own_environment_and_both_streams() {
        let (code, text) = ran("hostname; echo $A$HOME >&2; exit 3").await;
        assert_eq!((code, text.as_str()), (3, "cert-manager-5d9f-abcde\nb\n"));
    }

    #[tokio::test]
    async fn the_pid_is_that_of_the_program_and_a_signal_is_told_as_128_plus() {
        let (mut process, mut output) = Process::start(&shell("echo $$; exec sleep 60")).expect("it starts");
        let mut pid = vec![0; process.pid.to_string().len()];
        output.read_exact(&mut pid).expect("its pid");
        assert_eq!(String::from_utf8_lossy(&pid), process.pid.to_string());
        assert_eq!(process.stop(Duration::from_secs(5)).await, 143);
    }

    #[tokio::test]
    async fn what_ignores_sigterm_is_killed_after_the_grace_period() {
        let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
        let (mut process, mut output) = Process::start(&shell(script)).expect("it starts");
        output.read_exact(&mut [0; 6]).expect("it is ready");
        assert_eq!(process.stop(Duration::from_millis(100)).await, 137);
    }

    #[test]
    fn host_names_are_cut_to_what_linux_takes() {
        assert_eq!(host_name("web-0"), "web-0");
        let long = format!("{}-{}", "a".repeat(62), "b".repeat(20));
        assert_eq!(host_name(&long), "a".repeat(62));
    }

    #[test]
    fn programs_are_looked_for_by_path_and_by_name() {
        assert!(is_there(Path::new("sh")));
        assert!(!is_there(Path::new("no-such-program")));
        assert!(!is_there(Path::new("/no/such/program")));
    }
}
