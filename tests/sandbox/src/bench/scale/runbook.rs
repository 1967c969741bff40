//! The runbook's check: every request and every Order, as kubectl lists them.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::super::measure::Contender;

/// With their groups' paths, for whoever has no kubectl.
const KINDS: [(&str, &str); 2] = [
    ("certificaterequests.cert-manager.io", "cert-manager.io/v1/certificaterequests"),
    ("orders.acme.cert-manager.io", "acme.cert-manager.io/v1/orders"),
];

/// Both commands, one after the other, and what does them: kubectl, or this program where there is none.
pub(super) fn contender(kubeconfig: &Path, context: &str) -> Result<(Contender, &'static str)> {
    let env = vec![("KUBECONFIG", kubeconfig.into())];
    if let Some(kubectl) = kubectl() {
        let words =
            KINDS.map(|(kind, _)| format!("'{}' --context {context} get {kind} -A", kubectl.display()));
        let args = ["-c".into(), words.join(" && ").into()].into();
        return Ok((Contender { name: "kubectl", program: "sh".into(), args, env }, "kubectl"));
    }
    let program = env::current_exe().context("find this program")?;
    let args = ["tables", "--context", context]
        .into_iter()
        .chain(KINDS.map(|(_, path)| path))
        .map(Into::into)
        .collect();
    Ok((Contender { name: "as kubectl", program, args, env }, "this program, with kubectl's requests,"))
}

fn kubectl() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join("kubectl")).find(|program| program.is_file())
}
