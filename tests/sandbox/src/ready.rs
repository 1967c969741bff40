//! Waiting for a server to answer, and explaining it when it does not.

use std::fs;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use crate::external::last_lines;
use crate::processes::Child;

const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Waits until `probe` says yes. Ends at once when one of the processes that it depends on has ended, and at
/// `limit`; both errors quote the process's last log lines.
pub(crate) async fn wait(
    what: &str,
    on: &[&Child],
    limit: Duration,
    mut probe: impl AsyncFnMut() -> bool,
) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !probe().await {
        if let Some(child) = on.iter().find(|child| !child.pid.alive()) {
            bail!("{what}: {} (pid {}) has ended\n{}", child.name, child.pid.pid, log(child));
        }
        if Instant::now() >= deadline {
            let logs: Vec<String> = on.iter().map(|child| log(child)).collect();
            bail!("{what}: not after {} s\n{}", limit.as_secs(), logs.join("\n"));
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

fn log(child: &Child) -> String {
    let Some(daemon) = &child.daemon else { return String::new() };
    let text =
        fs::read(&daemon.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    format!("  the last lines of {}:\n{}", daemon.log.display(), last_lines(&text))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::processes::{Daemon, Ledger};

    fn start(directory: &std::path::Path, script: &str) -> (Ledger, Child) {
        let ledger = Ledger::open(&directory.join("processes.json")).expect("a ledger");
        let daemon = Daemon {
            name: "server".into(),
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: BTreeMap::new(),
            directory: directory.into(),
            log: directory.join("server.log"),
            ports: Vec::new(),
        };
        let child = ledger.start(daemon).expect("start");
        (ledger, child)
    }

    #[tokio::test]
    async fn a_server_that_ended_is_explained_by_its_own_words() {
        let directory = tempfile::tempdir().expect("a directory");
        let (_ledger, child) = start(directory.path(), "echo cannot read the key; exit 1");
        let error = wait("wait for it", &[&child], Duration::from_mins(1), async || false)
            .await
            .expect_err("it ended")
            .to_string();
        assert!(error.starts_with("wait for it: server (pid "), "{error}");
        assert!(error.ends_with("server.log:\n    cannot read the key"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_hangs_is_given_up() {
        let directory = tempfile::tempdir().expect("a directory");
        let (ledger, child) = start(directory.path(), "echo thinking; exec sleep 60");
        let error = wait("wait for it", &[&child], Duration::from_millis(200), async || false)
            .await
            .expect_err("late")
            .to_string();
        assert!(error.starts_with("wait for it: not after 0 s\n"), "{error}");
        assert!(error.ends_with("    thinking"), "{error}");
        ledger.stop_all(Duration::from_secs(5)).await.expect("stopped");
    }
}
