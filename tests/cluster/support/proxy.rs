//! A way to the first cluster on which things go wrong, as told.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use release::cluster::{Cluster, client};
use serde_json::{Value, json};
use tempfile::TempDir;

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
        let (child, address) = spawn(&server, &authority, &directory.path().join("faults.json"));
        *entry = json!({"server": format!("http://{address}")});
        kubeconfig::write(directory.path(), &config);
        Self { child, directory }
    }

    /// Puts these faults in force, instead of all earlier ones.
    pub(crate) fn faults(&self, faults: &Value) {
        let path = self.directory.path().join("faults.json");
        std::fs::write(path.with_extension("new"), faults.to_string()).unwrap();
        std::fs::rename(path.with_extension("new"), path).unwrap();
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
        self.child.kill().and_then(|()| self.child.wait()).unwrap();
    }
}

fn spawn(server: &str, authority: &Path, control: &Path) -> (Child, String) {
    let xtask = std::env::var_os("SANDBOX_XTASK").expect("SANDBOX_XTASK names the xtask program");
    let mut command = Command::new(xtask);
    command
        .args(["fault-proxy", "--listen", "127.0.0.1:0", "--to", server, "--upstream-tls"])
        .arg(authority)
        .arg("--control")
        .arg(control);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = talk.next().unwrap().unwrap();
    // Whatever it says later must not fill the pipe.
    std::thread::spawn(move || talk.for_each(drop));
    (child, line.split(' ').nth(1).unwrap().to_owned())
}
