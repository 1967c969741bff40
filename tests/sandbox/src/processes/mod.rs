//! The processes of one sandbox, recorded on disk the moment they start, so that `down` can stop exactly
//! those.
//!
//! Never signals a process by name or by a group; a number that was reused is another process ([`Pid`]).

mod pid;
mod stop;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

pub use pid::Pid;

use crate::ports;

/// How a long-running program is started; kept in the record, so that it can be started again the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// Unique in the sandbox, e.g. `eks-development-1/etcd`.
    pub name: String,
    /// Absolute path of the executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables on top of the inherited ones.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub directory: PathBuf,
    /// File that takes stdout and stderr; appended to.
    pub log: PathBuf,
    /// TCP ports on 127.0.0.1 that it will listen on.
    #[serde(default)]
    pub ports: Vec<u16>,
}

/// A process that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// Unique among the children of a ledger.
    pub name: String,
    /// The process itself.
    #[serde(flatten)]
    pub pid: Pid,
    /// How to start it again; absent for what the sandbox cannot start by itself (a pod's container).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon: Option<Daemon>,
}

/// The record of children, in the order in which they started.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    children: Mutex<Vec<Child>>,
}

impl Ledger {
    /// Reads the record, or begins an empty one.
    pub fn open(path: &Path) -> Result<Self> {
        let children = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("read the processes in {}", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        Ok(Self { path: path.to_owned(), children: Mutex::new(children) })
    }

    /// Everything recorded, in starting order.
    pub fn children(&self) -> Vec<Child> {
        self.lock().clone()
    }

    /// The child of this name.
    pub fn find(&self, name: &str) -> Option<Child> {
        self.lock().iter().find(|child| child.name == name).cloned()
    }

    /// Starts a program in a process group of its own, so that a Ctrl-C in the terminal does not reach it,
    /// and records it.
    /// Refuses when one of its ports is taken: a half-dead server on the old port looks like a new one that
    /// hangs.
    pub fn start(&self, daemon: Daemon) -> Result<Child> {
        if let Some(port) = daemon.ports.iter().find(|port| !ports::is_free(**port)) {
            bail!("start {}: port {port} on 127.0.0.1 is taken by another process", daemon.name);
        }
        let process = command(&daemon)?
            .spawn()
            .with_context(|| format!("start {} ({})", daemon.name, daemon.program.display()))?;
        let name = daemon.name.clone();
        let number = i32::try_from(process.id()).context("a pid that fits")?;
        self.record(&name, number, Some(daemon))
    }

    /// Records a process that is running already. Takes the place of an earlier one of that name.
    pub fn record(&self, name: &str, number: i32, daemon: Option<Daemon>) -> Result<Child> {
        // A process that ended at once cannot be signalled any more; it is recorded, so that its end is
        // noticed and explained.
        let pid = Pid::of(number).unwrap_or(Pid { pid: number, started: 0 });
        let child = Child { name: name.to_owned(), pid, daemon };
        let mut children = self.lock();
        // A restarted etcd keeps its place before the API server, so that it is still stopped after it.
        match children.iter_mut().find(|other| other.name == name) {
            Some(earlier) => *earlier = child.clone(),
            None => children.push(child.clone()),
        }
        self.write(&children)?;
        Ok(child)
    }

    /// Removes a child from the record once it has ended.
    pub fn forget(&self, name: &str) -> Result<()> {
        let mut children = self.lock();
        children.retain(|child| child.name != name);
        self.write(&children)
    }

    /// A panic elsewhere must not keep the children from being stopped.
    fn lock(&self) -> MutexGuard<'_, Vec<Child>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Aside first, then renamed: a reader never sees half a record.
    fn write(&self, children: &[Child]) -> Result<()> {
        let aside = self.path.with_extension("json.new");
        let text = serde_json::to_vec_pretty(children)?;
        fs::write(&aside, text)
            .and_then(|()| fs::rename(&aside, &self.path))
            .with_context(|| format!("write {}", self.path.display()))
    }
}

fn command(daemon: &Daemon) -> Result<Command> {
    let log = open_log(&daemon.log)?;
    let errors = log.try_clone().with_context(|| format!("open {}", daemon.log.display()))?;
    let mut command = Command::new(&daemon.program);
    command.args(&daemon.args).envs(&daemon.env).current_dir(&daemon.directory);
    command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
    Ok(command)
}

fn open_log(path: &Path) -> Result<File> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("open {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    fn daemon(directory: &Path, name: &str, script: &str) -> Daemon {
        Daemon {
            name: name.into(),
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: BTreeMap::new(),
            directory: directory.into(),
            log: directory.join(format!("{name}.log")),
            ports: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_child_survives_in_the_record_and_is_stopped_through_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("processes.json");
        let child = Ledger::open(&path)
            .expect("new")
            .start(daemon(directory.path(), "one", "exec sleep 60"))
            .expect("start");
        assert!(child.pid.alive());

        let ledger = Ledger::open(&path).expect("read again");
        assert_eq!(ledger.find("one"), Some(child.clone()));
        ledger.stop_all(Duration::from_secs(5)).await.expect("stop");
        assert!(!child.pid.alive());
        assert_eq!(Ledger::open(&path).expect("read again").children(), []);
    }

    #[tokio::test]
    async fn a_child_that_ignores_sigterm_is_killed() {
        let directory = tempfile::tempdir().expect("a directory");
        let ledger = Ledger::open(&directory.path().join("processes.json")).expect("new");
        let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
        let child = ledger.start(daemon(directory.path(), "stubborn", script)).expect("start");
        while fs::read_to_string(directory.path().join("stubborn.log")).expect("log").is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        ledger.stop("stubborn", Duration::from_millis(100)).await.expect("stop");
        assert!(!child.pid.alive());
    }

    #[tokio::test]
    async fn a_restarted_child_keeps_its_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let ledger = Ledger::open(&directory.path().join("processes.json")).expect("new");
        for name in ["first", "second", "first"] {
            ledger.start(daemon(directory.path(), name, "exit 0")).expect("start");
        }
        let names: Vec<String> = ledger.children().into_iter().map(|child| child.name).collect();
        assert_eq!(names, ["first", "second"]);
        ledger.stop_all(Duration::from_secs(5)).await.expect("stop");
    }

    #[test]
    fn a_taken_port_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let ledger = Ledger::open(&directory.path().join("processes.json")).expect("new");
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = taken.local_addr().expect("an address").port();
        let error = ledger
            .start(Daemon { ports: vec![port], ..daemon(directory.path(), "late", "exit 0") })
            .expect_err("refused");
        assert_eq!(
            error.to_string(),
            format!("start late: port {port} on 127.0.0.1 is taken by another process")
        );
        assert_eq!(ledger.children(), []);
    }
}
