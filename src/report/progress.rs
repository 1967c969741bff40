//! What is shown of a run while it goes on, on stderr: a line for each change, and on a terminal one that
//! shows what is waited for. Where lines are only kept, as in the log of CI, each begins with the time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use crate::evidence::event::Event;
use crate::gate::Verdict;
use crate::rollout::{ClusterState, Observer};

use super::printer::Printer;
use super::text;

/// How often the clock on a terminal moves.
const TICK: Duration = Duration::from_millis(200);

/// Lines that stay, and on a terminal a last line that moves.
pub struct Progress {
    printer: Printer,
    /// Each line begins with the time.
    timed: bool,
    bar: ProgressBar,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    cluster: Option<String>,
    gates: BTreeMap<String, (Verdict, String)>,
}

impl Progress {
    /// Through this printer; `terminal` = stderr is one and may be drawn on.
    pub fn new(printer: Printer, terminal: bool) -> Self {
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        if terminal {
            bar.enable_steady_tick(TICK);
        }
        Self { printer, timed: !terminal, bar, shown: Mutex::default() }
    }

    fn line(&self, text: &str) {
        let line = if self.timed { timed(Timestamp::now(), text) } else { text.to_owned() };
        self.bar.suspend(|| self.printer.line(&line));
    }

    /// Opens a group in the log of GitHub Actions for each cluster.
    fn group(&self, cluster: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.cluster.as_deref() == Some(cluster) {
            return;
        }
        let first = shown.cluster.replace(cluster.to_owned()).is_none();
        shown.gates.clear();
        drop(shown);
        self.bar.suspend(|| self.printer.group(cluster, first));
    }

    /// Whether this is another verdict, or another reason than numbers that go up.
    fn is_news(&self, gate: &str, verdict: Verdict, message: &str) -> bool {
        let reason: String = message.chars().filter(|character| !character.is_ascii_digit()).collect();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.gates.insert(gate.to_owned(), (verdict, reason.clone())) != Some((verdict, reason))
    }
}

impl Observer for Progress {
    fn event(&self, cluster: &str, state: ClusterState, event: &Event) {
        self.group(cluster);
        self.line(&format!("{cluster}: {}", text::event(event, state)));
        self.bar.set_message(format!("{cluster}: {}", state.word()));
        if state.is_final() {
            self.bar.set_message("");
        }
    }

    fn gate(&self, cluster: &str, gate: &str, verdict: Verdict, message: &str) {
        let told = if message.is_empty() {
            format!("{gate} {}", verdict.word())
        } else {
            format!("{gate} {}: {message}", verdict.word())
        };
        self.bar.set_message(format!("{cluster}: gate {told}"));
        if self.is_news(gate, verdict, message) {
            self.line(&format!("{cluster}: gate {told}"));
        }
    }

    fn note(&self, cluster: &str, text: &str) {
        self.line(&format!("{cluster}: {text}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        let open = self.shown.lock().unwrap_or_else(PoisonError::into_inner).cluster.is_some();
        if open {
            self.printer.end_group();
        }
    }
}

/// `HH:MM:SS` in UTC, then the text.
fn timed(now: Timestamp, text: &str) -> String {
    format!("{} {text}", now.strftime("%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::printer::Verbosity;

    #[test]
    fn a_line_of_a_log_begins_with_the_time_in_utc() {
        let now: Timestamp = "2026-11-24T09:16:03+01:00".parse().unwrap();
        assert_eq!(timed(now, "eks-1: locked"), "08:16:03 eks-1: locked");
    }

    #[test]
    fn a_reason_that_only_counts_is_told_once() {
        let progress = Progress::new(Printer::from_env(Verbosity::Quiet), false);
        assert!(progress.is_news("settle", Verdict::Waiting, "healthy for 1 s"));
        assert!(!progress.is_news("settle", Verdict::Waiting, "healthy for 2 s"));
        assert!(progress.is_news("settle", Verdict::Passed, "healthy for 10 s"));
        assert!(progress.is_news("order", Verdict::Waiting, "healthy for 1 s"));
    }
}
