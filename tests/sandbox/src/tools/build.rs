//! Building one row of the table into the cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::go::Go;
use super::{Cache, Tool};
use crate::external;
use crate::talk;

/// Where the pinned modules of the table are in this repository.
pub(super) fn modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("go")
}

/// The directory with the tool's programs; built when the cache has none.
pub(super) async fn ensure(cache: &Cache, tool: &Tool) -> Result<PathBuf> {
    cache.provide(&tool.directory(), async |aside| build(&Go::find(cache).await?, tool, aside).await).await
}

/// A copy of the tool's module, since Go may write to `go.mod` and `go.sum`. It is removed when the value is
/// dropped.
pub(super) fn module(tool: &Tool) -> Result<tempfile::TempDir> {
    let copy = tempfile::tempdir().context("create a directory for a build")?;
    for file in ["go.mod", "go.sum", "tools.go"] {
        let from = modules().join(tool.directory()).join(file);
        fs::copy(&from, copy.path().join(file)).with_context(|| format!("copy {}", from.display()))?;
    }
    Ok(copy)
}

async fn build(go: &Go, tool: &Tool, into: &Path) -> Result<()> {
    let module = module(tool)?;
    let what = format!("build {} {}", tool.name, tool.version);
    let mut command = go.command(module.path());
    command.args(["build", "-mod=mod", "-trimpath", "-ldflags", &format!("-s -w {}", tool.ldflags), "-o"]);
    // The final separator makes it a directory for `go build`, also for a single package.
    command.arg(into.join("")).args(tool.packages);
    let title = format!("{what} (usually {} on 2 cores)", tool.usual);
    let built = talk::while_waiting(&title, external::run(&what, &mut command)).await;
    built.map(|_| ()).context(
        "build a part of the sandbox; its modules come from GOPROXY, which must answer (`go env GOPROXY`)",
    )
}
