//! What was last told of each gate, so that only news is told again.

use std::time::Duration;

use super::round::Judged;
use super::verdict::{Progress, Verdict};

/// One gate, as it was last told.
#[derive(Debug)]
struct Line {
    gate: &'static str,
    verdict: Verdict,
    message: String,
    /// When its verdict last changed, from the start of the run.
    at: Duration,
}

/// Every gate that was told.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<Line>);

impl Told {
    /// Tells `judged`, if it is news.
    pub(super) fn tell(&mut self, judged: &Judged, now: Duration, progress: &dyn Progress) {
        let message = judged.headline();
        let Some(line) = self.0.iter_mut().find(|line| line.gate == judged.gate) else {
            progress.changed(judged.gate, judged.verdict, &message);
            return self.0.push(Line { gate: judged.gate, verdict: judged.verdict, message, at: now });
        };
        if line.verdict == judged.verdict && line.message == message {
            return;
        }
        progress.changed(judged.gate, judged.verdict, &message);
        if line.verdict != judged.verdict {
            line.at = now;
        }
        (line.verdict, line.message) = (judged.verdict, message);
    }

    /// When the verdict of a gate last changed.
    pub(super) fn at(&self, gate: &str) -> Option<Duration> {
        self.0.iter().find(|line| line.gate == gate).map(|line| line.at)
    }
}
