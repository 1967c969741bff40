//! Pure: how long a container waits before it is started again, by the kubelet's rule.
//!
//! The first restart is immediate, the next ones wait 10 s, 20 s, … 5 min; a container that ran for 10 min
//! begins anew.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_mins(5);
const FORGIVEN_AFTER: Duration = Duration::from_mins(10);

/// The back-off of one container.
#[derive(Debug, Default, Clone)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    /// One that waits from the first failure on: pulls of images are not repeated at once.
    pub(super) fn waiting() -> Self {
        Self { next: FIRST }
    }

    /// The wait before the next start, after a run that lasted `ran`.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        if ran >= FORGIVEN_AFTER {
            self.next = Duration::ZERO;
        }
        let wait = self.next;
        self.next = if wait.is_zero() { FIRST } else { (wait * 2).min(LONGEST) };
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(mut backoff: Backoff, runs: &[u64]) -> Vec<u64> {
        runs.iter().map(|ran| backoff.after(Duration::from_secs(*ran)).as_secs()).collect()
    }

    #[test]
    fn restarts_wait_twice_as_long_every_time() {
        assert_eq!(waits(Backoff::default(), &[1; 8]), [0, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn a_long_run_is_forgiven() {
        assert_eq!(waits(Backoff::default(), &[1, 1, 1, 600, 1]), [0, 10, 20, 0, 10]);
    }

    #[test]
    fn a_pull_is_never_repeated_at_once() {
        assert_eq!(waits(Backoff::waiting(), &[0, 0, 0]), [10, 20, 40]);
    }
}
