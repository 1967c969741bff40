//! One run of another program to its end: go, helm, tar, pip.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// So many of the last lines of a failed program are shown.
const LINES: usize = 12;
/// And so many characters of each.
const WIDTH: usize = 400;

/// Runs a program and returns what it printed to stdout. `what` says what for, as in "build etcd". The
/// program ends when the caller is cancelled.
pub(crate) async fn run(what: &str, command: &mut Command) -> Result<String> {
    run_watched(what, command, |_| Ok(())).await
}

/// The same, for a program that must not outlive a sandbox: `started` is given its pid.
pub(crate) async fn run_watched(
    what: &str,
    command: &mut Command,
    started: impl FnOnce(i32) -> Result<()>,
) -> Result<String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().with_context(|| format!("{what}: start {program}"))?;
    if let Some(pid) = child.id() {
        started(i32::try_from(pid)?)?;
    }
    let output = child.wait_with_output().await.with_context(|| format!("{what}: wait for {program}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let said = if stderr.trim().is_empty() { stdout.as_str() } else { &stderr };
        bail!("{what}: {program} ended with {}:\n{}", output.status, last_lines(said));
    }
    Ok(stdout)
}

/// The last lines of a program's output, indented under the message that they explain.
#[must_use]
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines[from..].iter().map(|line| format!("    {line:.WIDTH$}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_quotes_what_the_program_said_last() {
        let script = "for i in $(seq 20); do echo line $i >&2; done; exit 3";
        let error =
            run("try", Command::new("sh").args(["-c", script])).await.expect_err("it fails").to_string();
        assert!(error.starts_with("try: sh ended with exit status: 3:\n    line 9\n"), "{error}");
        assert!(error.ends_with("    line 20"), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_named() {
        let error = run("try", &mut Command::new("/nowhere/x")).await.expect_err("it fails").to_string();
        assert_eq!(error, "try: start /nowhere/x");
    }
}
