//! The chart repository of the sandbox: the real ChartMuseum where there is one, else
//! `release repository serve`.
//!
//! Everybody may read and write it without credentials.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::external;
use crate::http;
use crate::processes::{Daemon, Ledger};
use crate::ready;
use crate::state::State;
use crate::talk;
use crate::tools::Programs;

const LIMIT: Duration = Duration::from_secs(30);

/// Starts it and returns its URL.
pub(crate) async fn start(state: &State, programs: &Programs, port: u16, ledger: &Ledger) -> Result<String> {
    let directory = state.file("chartmuseum");
    let storage = directory.join("charts");
    std::fs::create_dir_all(&storage).with_context(|| format!("create {}", storage.display()))?;
    let (program, args) = match &programs.chartmuseum {
        Some(program) => (program.clone(), chartmuseum(&storage, port)),
        None => (release_program().await?, serve(&storage, port)),
    };
    talk::line(&format!("chart repository: {}", program.display()));
    let log = directory.join("chartmuseum.log");
    let daemon = Daemon {
        name: "chartmuseum".into(),
        program,
        args,
        env: BTreeMap::new(),
        directory,
        log,
        ports: vec![port],
    };
    let child = ledger.start(daemon)?;
    let index = format!("http://127.0.0.1:{port}/index.yaml");
    ready::wait("wait for the chart repository", &[&child], LIMIT, async || http::answers(&index).await)
        .await?;
    Ok(format!("http://127.0.0.1:{port}"))
}

fn chartmuseum(storage: &Path, port: u16) -> Vec<String> {
    let storage = format!("--storage-local-rootdir={}", storage.display());
    vec!["--storage=local".into(), storage, "--listen-host=127.0.0.1".into(), format!("--port={port}")]
}

fn serve(storage: &Path, port: u16) -> Vec<String> {
    let words = [
        "repository",
        "serve",
        "--dir",
        &storage.display().to_string(),
        "--listen",
        &format!("127.0.0.1:{port}"),
    ];
    words.map(str::to_owned).into()
}

/// The program of this repository, built beside this one.
pub(crate) async fn release_program() -> Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let program = own.with_file_name("release");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--bin", "release"]).current_dir(workspace());
    talk::while_waiting("build release", external::run("build release", &mut build)).await?;
    if !program.is_file() {
        bail!("cargo has built release, but not as {}: run it through `cargo xtask`", program.display());
    }
    Ok(program)
}

/// The root of this repository.
pub(crate) fn workspace() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_owned()
}
