//! How often something was asked during a run, and how often it did not answer; it asks nobody.

use std::time::Duration;

/// Answers, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) asked: usize,
    pub(crate) failed: usize,
    /// From the first of some failures to the next answer.
    pub(crate) longest_gap: Duration,
    gap_since: Option<Duration>,
}

impl Tally {
    /// Counts an answer that came `at`, from the start of the counting.
    pub(crate) fn count(&mut self, answered: bool, at: Duration) {
        self.asked += 1;
        self.failed += usize::from(!answered);
        if let Some(since) = self.gap_since {
            self.longest_gap = self.longest_gap.max(at.saturating_sub(since));
        }
        self.gap_since = if answered { None } else { self.gap_since.or(Some(at)) };
    }

    /// In words.
    pub(crate) fn told(&self) -> String {
        let Self { asked, failed, longest_gap, .. } = self;
        let gap = if *failed == 0 {
            String::new()
        } else {
            format!(", longest gap {:.1} s", longest_gap.as_secs_f64())
        };
        format!("asked {asked} times, no answer {failed} times{gap}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_lasts_from_the_first_failure_to_the_next_answer() {
        let mut tally = Tally::default();
        for (answered, second) in
            [(true, 0), (false, 2), (false, 4), (true, 7), (false, 9), (true, 10), (true, 12)]
        {
            tally.count(answered, Duration::from_secs(second));
        }
        assert_eq!((tally.asked, tally.failed, tally.longest_gap.as_secs()), (7, 3, 5));
        assert_eq!(tally.told(), "asked 7 times, no answer 3 times, longest gap 5.0 s");
        tally.count(false, Duration::from_secs(14));
        tally.count(false, Duration::from_secs(24));
        assert_eq!(tally.longest_gap.as_secs(), 10, "one that has not ended counts as well");
    }
}
