//! The sandbox of a test run: started, lent to a second process of the same program through its environment,
//! and stopped.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const INSIDE: &str = "RELEASE_CLUSTER_TESTS_INSIDE";

/// Runs the tests inside a sandbox.
///
/// The tests run in a child process, so that its environment is the sandbox's and a crash of it cannot keep
/// the sandbox alive.
pub(crate) fn with(tests: impl FnOnce() -> ExitCode) -> ExitCode {
    // Listing needs no cluster.
    if std::env::var_os(INSIDE).is_some() || std::env::args().any(|argument| argument == "--list") {
        let _ = rustls::crypto::ring::default_provider().install_default();
        return tests();
    }
    match std::env::var_os("SANDBOX_STATE") {
        Some(state) => run_inside(Path::new(&state)),
        None => Sandbox::start().run(),
    }
}

struct Sandbox {
    xtask: PathBuf,
    state: tempfile::TempDir,
    /// Stops the sandbox when this process ends without doing so: its input closes then.
    guard: std::process::Child,
}

impl Sandbox {
    fn start() -> Self {
        let xtask = std::env::var_os("SANDBOX_XTASK")
            .map(PathBuf::from)
            .expect("SANDBOX_XTASK names the xtask program: run `cargo xtask test`");
        // Below this directory `cargo xtask test` stops what a killed test left.
        let root = std::env::var_os("SANDBOX_ROOT").map_or_else(std::env::temp_dir, PathBuf::from);
        let state = tempfile::tempdir_in(root).expect("make a directory for the sandbox");
        let guard = Command::new("sh")
            .args(["-c", "read -r _; exec \"$0\" down --state \"$1\""])
            .args([xtask.as_os_str(), state.path().as_os_str()])
            // A Ctrl-C must not reach the guard.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("start the guard of the sandbox");
        let sandbox = Self { xtask, state, guard };
        let up = Command::new(&sandbox.xtask)
            .args(["up", "--clusters", "3", "--state"])
            .arg(sandbox.state.path())
            .status();
        assert!(up.expect("start the sandbox").success(), "the sandbox did not start");
        sandbox
    }

    fn run(self) -> ExitCode {
        run_inside(self.state.path())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let stopped = self.guard.wait().is_ok_and(|status| status.success());
        assert!(stopped || std::thread::panicking(), "the sandbox did not stop");
    }
}

fn run_inside(state: &Path) -> ExitCode {
    let program = std::env::current_exe().expect("find the test program");
    let env = std::fs::read_to_string(state.join("env")).expect("read the sandbox's env");
    let status = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .envs(variables(&env))
        .status();
    status
        .expect("run the tests")
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}

/// `export NAME='value'`, a line each.
fn variables(env: &str) -> impl Iterator<Item = (&str, &str)> {
    env.lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
        .map(|(name, value)| (name, value.trim_matches('\'')))
}
