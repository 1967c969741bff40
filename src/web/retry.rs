//! When a request is sent again, and after how long. Pure: no clock and no randomness of its own.

use std::time::Duration;

use reqwest::StatusCode;

/// Exponential pauses with a bound on their number and length.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// How often a request is sent at most.
    pub attempts: u32,
    /// The pause after the first failed attempt; it doubles after each further one.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
}

impl Backoff {
    /// For one HTTP request: about three seconds in all, enough for a server that is being restarted behind a
    /// load balancer.
    pub const REQUEST: Self =
        Self { attempts: 5, first: Duration::from_millis(200), longest: Duration::from_secs(5) };

    /// The pause after attempt number `attempt` (from 1) failed, or `None` when it was the last one.
    ///
    /// `jitter` lies in 0..1 and spreads the pause over its upper half, so that runners started together do
    /// not come back together.
    pub(crate) fn pause(&self, attempt: u32, jitter: f64) -> Option<Duration> {
        (attempt < self.attempts).then(|| {
            let full =
                self.first.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1))).min(self.longest);
            full.mul_f64(0.5 + jitter / 2.0)
        })
    }
}

/// Whether an answer speaks of a passing trouble. 507 (storage limit) and 501 stay until somebody acts.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// The seconds of a `Retry-After` header, bounded by a minute; its date form is left to our own pause.
pub(crate) fn retry_after(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse().ok().map(|seconds: u64| Duration::from_secs(seconds.min(60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end_with_the_attempts() {
        let backoff =
            Backoff { attempts: 5, first: Duration::from_millis(100), longest: Duration::from_millis(300) };
        let pauses = |jitter| {
            (1..=5)
                .map(|attempt| backoff.pause(attempt, jitter).map(|pause| pause.as_millis()))
                .collect::<Vec<_>>()
        };
        assert_eq!(pauses(1.0), [Some(100), Some(200), Some(300), Some(300), None]);
        assert_eq!(pauses(0.0), [Some(50), Some(100), Some(150), Some(150), None]);
    }

    #[test]
    fn only_passing_troubles_are_worth_another_attempt() {
        for (status, passing) in [
            (429, true),
            (500, true),
            (503, true),
            (507, false),
            (501, false),
            (409, false),
            (404, false),
            (200, false),
        ] {
            assert_eq!(is_passing(StatusCode::from_u16(status).unwrap()), passing, "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_bounded() {
        assert_eq!(retry_after(Some("2")), Some(Duration::from_secs(2)));
        assert_eq!(retry_after(Some("86400")), Some(Duration::from_mins(1)));
        assert_eq!(retry_after(Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(retry_after(None), None);
    }
}
