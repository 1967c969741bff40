//! The one place of the sandbox that prints: progress to stderr, data to stdout.

use std::io::{self, Write};
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::Result;

/// One line of progress, to stderr.
pub fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Data, to stdout, with a final newline. A closed pipe ends quietly.
pub fn data(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// So often a long step says that it still goes on.
const STILL: Duration = Duration::from_secs(15);

/// Says what begins, that it still goes on, and how long it took; of a failure nothing, since its error will
/// tell.
pub async fn while_waiting<T>(what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let begun = Instant::now();
    line(&format!("{what} ..."));
    let value = when_slow(what, work).await?;
    line(&format!("{what}: done in {}", elapsed(begun.elapsed())));
    Ok(value)
}

/// Says that it still goes on, of what is quick as a rule.
pub async fn when_slow<T>(what: &str, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(STILL, &mut work).await {
            Ok(done) => return done,
            Err(_) => line(&format!("{what}: {} so far", elapsed(begun.elapsed()))),
        }
    }
}

/// A duration as people say it: `0.8 s`, `42 s`, `3 min 20 s`.
#[must_use]
pub fn elapsed(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (millis, text) in [(840, "0.8 s"), (42_900, "42 s"), (200_000, "3 min 20 s")] {
            assert_eq!(elapsed(Duration::from_millis(millis)), text);
        }
    }
}
