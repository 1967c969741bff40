//! What is promised at scale, and whether it was kept: half the time of the runbook's two commands, little memory, and
//! a verdict soon after a change.

use std::time::Duration;

use super::super::measure::Median;

/// The part of the runbook's time.
const TIME: f64 = 0.5;
/// MB (10^6 bytes) at most at once.
const MEMORY: f64 = 120.0;
/// From a change to the line that tells it.
const LATENCY: Duration = Duration::from_millis(500);

/// A line for each goal: what it is, what was measured, whether it is met.
pub(super) fn of(runbook: Median, own: Median, latency: Duration) -> [String; 3] {
    let ratio = own.time.as_secs_f64() / runbook.time.as_secs_f64();
    [
        format!("time: {ratio:.2} of the runbook's; goal {TIME:.2}: {}", word(ratio <= TIME)),
        format!("memory: {:.1} MB; goal {MEMORY:.0} MB: {}", own.megabytes, word(own.megabytes <= MEMORY)),
        format!(
            "from a failed Certificate to the verdict: {} ms; goal {} ms: {}",
            latency.as_millis(),
            LATENCY.as_millis(),
            word(latency <= LATENCY)
        ),
    ]
}

fn word(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_goal_is_told_with_what_was_measured() {
        let median =
            |milliseconds, megabytes| Median { time: Duration::from_millis(milliseconds), megabytes };
        let told = of(median(4000, 90.0), median(2000, 120.5), Duration::from_millis(501));
        assert_eq!(
            told,
            [
                "time: 0.50 of the runbook's; goal 0.50: met",
                "memory: 120.5 MB; goal 120 MB: missed",
                "from a failed Certificate to the verdict: 501 ms; goal 500 ms: missed",
            ]
        );
    }
}
