//! What is shown of a run while it goes on.

use crate::evidence::event::Event;
use crate::gate::Verdict;
use crate::rollout::{ClusterState, Observer};

use super::printer::Printer;
use super::text;

/// One plain line for each change, to stderr.
#[derive(Debug)]
pub struct Lines {
    printer: Printer,
}

impl Lines {
    /// Lines through this printer.
    pub fn new(printer: Printer) -> Self {
        Self { printer }
    }
}

impl Observer for Lines {
    fn event(&self, cluster: &str, state: ClusterState, event: &Event) {
        self.printer.line(&format!("{cluster}: {}", text::event(event, state)));
    }

    fn gate(&self, cluster: &str, gate: &str, verdict: Verdict, message: &str) {
        let message = if message.is_empty() { String::new() } else { format!(": {message}") };
        self.printer.line(&format!("{cluster}: gate {gate} {}{message}", verdict.word()));
    }

    fn note(&self, cluster: &str, text: &str) {
        self.printer.line(&format!("{cluster}: {text}"));
    }
}

/// Nothing.
#[derive(Debug)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _cluster: &str, _state: ClusterState, _event: &Event) {}
    fn gate(&self, _cluster: &str, _gate: &str, _verdict: Verdict, _message: &str) {}
    fn note(&self, _cluster: &str, _text: &str) {}
}
