//! A way to the first cluster on which things go wrong, as told. Every fault has to come to pass: one that
//! never hit anything proves nothing, and fails the test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use release::cluster::{Cluster, client};
use sandbox::proxy::{self, Fault};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::wait::until;
use super::{FIRST, kubeconfig, target};

pub(crate) struct Proxy {
    child: Child,
    directory: TempDir,
}

impl Proxy {
    /// Starts a proxy before the API server and a kubeconfig that leads to it.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = kubeconfig::read();
        let authority = directory.path().join("ca.pem");
        std::fs::write(&authority, kubeconfig::authority(&mut config, FIRST)).unwrap();
        let entry = kubeconfig::entry(&mut config, "clusters", FIRST);
        let server = entry["server"].as_str().unwrap().trim_start_matches("https://").to_owned();
        let tls = ["--upstream-tls", authority.to_str().unwrap()];
        let (child, address) = serve(&server, &tls, &directory.path().join(FAULTS));
        *entry = json!({"server": format!("http://{address}")});
        kubeconfig::write(directory.path(), &config);
        Self { child, directory }
    }

    /// Puts these faults in force, instead of all earlier ones, which must have come to pass.
    #[track_caller]
    pub(crate) fn faults(&self, faults: Value) {
        self.assert_all_used();
        let faults: Vec<Fault> = serde_json::from_value(faults).expect("faults that the proxy knows");
        proxy::set(&self.directory.path().join(FAULTS), &faults).unwrap();
    }

    /// The faults in force that have not hit as often as they say, or never.
    pub(crate) fn unused_faults(&self) -> Vec<Fault> {
        proxy::unused(&self.directory.path().join(FAULTS)).unwrap()
    }

    #[track_caller]
    pub(crate) fn assert_all_used(&self) {
        let unused = self.unused_faults();
        assert!(unused.is_empty(), "the test proves nothing: these faults did not come to pass: {unused:#?}");
    }

    /// Waits until every fault in force has come to pass.
    pub(crate) async fn all_used(&self, limit: Duration) {
        until("every fault comes to pass", limit, async || self.unused_faults().is_empty()).await;
    }

    /// The kubeconfig that leads through the proxy.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// The first cluster, on this way.
    pub(crate) async fn connect(&self) -> Cluster {
        client::connect_from(vec![self.kubeconfig()], FIRST, &target(FIRST)).await.unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let unused = if std::thread::panicking() { Vec::new() } else { self.unused_faults() };
        self.child.kill().and_then(|()| self.child.wait()).unwrap();
        assert!(unused.is_empty(), "the test proves nothing: these faults did not come to pass: {unused:#?}");
    }
}

/// The control file.
const FAULTS: &str = "faults.json";

/// A proxy before a server, with these flags and faults: the process, and where it listens.
pub(crate) fn serve(server: &str, flags: &[&str], control: &Path) -> (Child, String) {
    let xtask = std::env::var_os("SANDBOX_XTASK").expect("SANDBOX_XTASK names the xtask program");
    let mut command = Command::new(xtask);
    command
        .args(["fault-proxy", "--listen", "127.0.0.1:0", "--to", server])
        .args(flags)
        .arg("--control")
        .arg(control);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = talk.next().unwrap().unwrap();
    // Whatever it says later must not fill the pipe.
    std::thread::spawn(move || talk.for_each(drop));
    (child, line.split(' ').nth(1).unwrap().to_owned())
}
