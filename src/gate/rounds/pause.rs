//! The time that counts: it stands still while the API server is silent. No clock; the time is given.

use std::time::Duration;

/// How long the API server has been silent.
#[derive(Debug, Default)]
pub(super) struct Pause {
    before: Duration,
    since: Option<Duration>,
}

impl Pause {
    /// The time that counts at `real`, from the start of the run.
    pub(super) fn observe(&mut self, silent: bool, real: Duration) -> Duration {
        match (silent, self.since) {
            (true, None) => self.since = Some(real),
            (false, Some(since)) => {
                self.before += real.saturating_sub(since);
                self.since = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
        real.saturating_sub(self.before + self.length(real))
    }

    /// How long the silence that lasts has lasted.
    pub(super) fn length(&self, real: Duration) -> Duration {
        self.since.map(|since| real.saturating_sub(since)).unwrap_or_default()
    }

    /// What earlier silences have cost.
    pub(super) fn lost(&self) -> Duration {
        self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_while_nobody_answers() {
        let mut pause = Pause::default();
        let looks = [
            (false, 10, 10),
            (true, 20, 20),
            (true, 50, 20),
            (false, 60, 20),
            (false, 70, 30),
            (true, 80, 40),
            (true, 90, 40),
        ];
        for (silent, real, counts) in looks {
            let counted = pause.observe(silent, Duration::from_secs(real));
            assert_eq!(counted, Duration::from_secs(counts), "at {real} s");
        }
        assert_eq!(
            (pause.lost(), pause.length(Duration::from_secs(90))),
            (Duration::from_secs(40), Duration::from_secs(10))
        );
    }
}
