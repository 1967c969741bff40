//! A program whose words are passed on as it says them. When it is silent for long, it is told that it is
//! still at work: nobody has to guess whether a build hangs.

use std::io::IsTerminal as _;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::talk;

/// So long a program may be silent before we speak.
pub(crate) const STILL: Duration = Duration::from_secs(20);

/// What is left in the pipes of a program that has ended arrives within this time, unless a child of it holds
/// them open.
const REST: Duration = Duration::from_secs(1);

/// A line of the program.
enum Said {
    Out(String),
    Err(String),
}

/// Runs a program to its end. Its stdout goes to ours line by line, and each line to `heard`; its stderr goes
/// to ours. It is ended when the caller is cancelled.
pub(crate) async fn run(
    what: &str,
    command: &mut Command,
    still: Duration,
    mut heard: impl FnMut(&str),
) -> Result<ExitStatus> {
    // On a terminal it may draw a progress bar, which needs the terminal itself.
    let stderr = if std::io::stderr().is_terminal() { Stdio::inherit() } else { Stdio::piped() };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("start {what}"))?;
    let (words, mut said) = mpsc::unbounded_channel();
    child.stdout.take().map(|pipe| tokio::spawn(listen(pipe, words.clone(), Said::Out)));
    child.stderr.take().map(|pipe| tokio::spawn(listen(pipe, words, Said::Err)));
    let mut last = String::new();
    let ended = loop {
        tokio::select! {
            biased;
            Some(words) = said.recv() => last = pass_on(words, &mut heard),
            ended = child.wait() => break ended,
            () = tokio::time::sleep(still) => talk::line(&so_far(what, begun.elapsed(), &last)),
        }
    };
    while let Some(words) = rest(&mut said).await {
        pass_on(words, &mut heard);
    }
    ended.with_context(|| format!("wait for {what}"))
}

async fn rest(said: &mut UnboundedReceiver<Said>) -> Option<Said> {
    tokio::time::timeout(REST, said.recv()).await.ok().flatten()
}

async fn listen(pipe: impl AsyncRead + Unpin, words: UnboundedSender<Said>, kind: fn(String) -> Said) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
        if words.send(kind(text)).is_err() {
            return;
        }
        line.clear();
    }
}

fn pass_on(words: Said, heard: &mut impl FnMut(&str)) -> String {
    match words {
        Said::Out(line) => {
            heard(&line);
            talk::data(&line);
            line
        }
        Said::Err(line) => {
            talk::line(&line);
            line
        }
    }
}

fn so_far(what: &str, elapsed: Duration, last: &str) -> String {
    let elapsed = talk::elapsed(elapsed);
    match last.trim() {
        "" => format!("{what}: {elapsed} so far"),
        last => format!("{what}: {elapsed} so far; it last said: {last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_it_says_is_heard_also_after_a_silence() {
        let mut lines = Vec::new();
        let script = "echo one; sleep 0.3; echo two; echo never >&2; printf three; exit 4";
        let still = Duration::from_millis(50);
        let heard = |line: &str| lines.push(line.to_owned());
        let status = run("try", Command::new("sh").args(["-c", script]), still, heard).await.unwrap();
        assert_eq!((status.code(), lines), (Some(4), vec!["one".into(), "two".into(), "three".into()]));
    }

    #[tokio::test]
    async fn a_child_that_outlives_it_does_not_hold_us() {
        let begun = Instant::now();
        let script = "echo one; sleep 30 &";
        let mut lines = 0;
        run("try", Command::new("sh").args(["-c", script]), STILL, |_| lines += 1).await.unwrap();
        assert!(lines == 1 && begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_silence_is_filled_with_what_is_known() {
        let minutes = Duration::from_secs(130);
        assert_eq!(so_far("cargo test", minutes, ""), "cargo test: 2 min 10 s so far");
        assert_eq!(
            so_far("cargo test", minutes, "   Compiling kube v5.0.0"),
            "cargo test: 2 min 10 s so far; it last said: Compiling kube v5.0.0"
        );
    }
}
