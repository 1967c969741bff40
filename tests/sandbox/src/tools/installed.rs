//! Programs that this machine has already: in `KUBEBUILDER_ASSETS`, then on `PATH`.
//!
//! Taken only when they fit to what is built here: a controller manager must not be newer than its API
//! server. cert-manager is never taken.

use std::path::PathBuf;

use tokio::process::Command;

use crate::external;
use crate::talk;

/// A program of this name whose `--version` contains `fits`.
pub(super) async fn find(name: &str, fits: &str) -> Option<PathBuf> {
    let program = look(name)?;
    let said = external::run("ask for a version", Command::new(&program).arg("--version")).await.ok()?;
    if said.contains(fits) {
        return Some(program);
    }
    let version = said.lines().next().unwrap_or_default();
    talk::line(&format!("{} says `{version}`, the sandbox needs `{fits}`: using its own", program.display()));
    None
}

/// The first file of this name that may be there.
pub(super) fn look(name: &str) -> Option<PathBuf> {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    assets
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}
