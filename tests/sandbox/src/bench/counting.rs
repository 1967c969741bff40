//! A way to a cluster on which every request is counted. Only what goes this way is: the requests of
//! controllers and of other clients never are.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::requests::Asked;
use crate::proxy::{self, Proxy};
use crate::state::State;
use crate::{external, talk};

/// A proxy before one cluster, with a kubeconfig and a `release.yaml` that lead to it.
pub(super) struct Counting {
    directory: PathBuf,
    serving: tokio::task::JoinHandle<Result<()>>,
}

const LOG: &str = "counted.log";
const KUBECONFIG: &str = "counted.kubeconfig";
const CONFIG: &str = "counted.release.yaml";

impl Counting {
    /// Starts the proxy before a cluster of the sandbox and writes the files beside the sandbox's own.
    pub(super) async fn before(state: &State, cluster: &str) -> Result<Self> {
        let mut kubeconfig: Value = serde_norway::from_str(&read(&state.file("kubeconfig"))?)?;
        let entry = entry(&mut kubeconfig, cluster)?;
        let server = entry["server"].as_str().context("the cluster has an address")?.to_owned();
        let keys = state.file("clusters").join(cluster);
        let args = proxy::Args {
            listen: ([127, 0, 0, 1], 0).into(),
            to: server.trim_start_matches("https://").parse().context("read the cluster's address")?,
            control: None,
            log: Some(state.file(LOG)),
            http: true,
            // As the API server itself: Go's clients send no token where there is no TLS.
            terminate: Some(["server.crt", "server.key"].map(|name| keys.join(name)).into()),
            upstream_tls: Some(keys.join("ca.crt")),
        };
        let proxy = Proxy::bind(&args).await?;
        let address = format!("https://{}", proxy.address()?);
        entry["server"] = address.clone().into();
        write(&state.file(KUBECONFIG), &serde_norway::to_string(&kubeconfig)?)?;
        let config = read(&state.file("release.yaml"))?.replace(&server, &address);
        write(&state.file(CONFIG), &config)?;
        Ok(Self { directory: state.directory().to_owned(), serving: tokio::spawn(proxy.serve()) })
    }

    /// Runs a program to its end on this way; `expected` is its exit code.
    pub(super) async fn run(&self, what: &str, command: &mut Command, expected: i32) -> Result<Asked> {
        let before = read(&self.file(LOG))?.len();
        command
            .current_dir(&self.directory)
            .env("KUBECONFIG", self.file(KUBECONFIG))
            .env("RELEASE_CONFIG", self.file(CONFIG))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = talk::while_waiting(what, async { Ok(command.output().await?) }).await?;
        ensure!(
            output.status.code() == Some(expected),
            "{what} ended with {}, not with {expected}:\n{}",
            output.status,
            external::last_lines(&String::from_utf8_lossy(&output.stderr))
        );
        Ok(Asked::of(what, &read(&self.file(LOG))?[before..]))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The entry of a cluster in a kubeconfig.
fn entry<'k>(kubeconfig: &'k mut Value, cluster: &str) -> Result<&'k mut Value> {
    let clusters = kubeconfig["clusters"].as_array_mut().context("a kubeconfig has clusters")?;
    let found = clusters.iter_mut().find(|entry| entry["name"] == cluster);
    Ok(&mut found.with_context(|| format!("the kubeconfig has no cluster {cluster}"))?["cluster"])
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
