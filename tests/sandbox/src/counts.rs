//! How many tests passed, read from what `cargo test` prints.

use std::ops::AddAssign;
use std::time::Duration;

/// Sums over test programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) ignored: u32,
}

impl Counts {
    /// Adds a line of a test program, if it is its last one:
    /// `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
    pub(crate) fn add(&mut self, line: &str) {
        let Some((_, numbers)) =
            line.trim_start().strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        let number = |word: &str| {
            numbers.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok()).unwrap_or(0)
        };
        *self += Self { passed: number("passed"), failed: number("failed"), ignored: number("ignored") };
    }

    /// The sum, in the form of such a line. `complete` says that every check was made, and that those that
    /// are no tests passed.
    pub(crate) fn line(self, complete: bool, duration: Duration) -> String {
        let word = if complete && self.failed == 0 { "ok" } else { "FAILED" };
        let Self { passed, failed, ignored } = self;
        let seconds = duration.as_secs_f64();
        format!(
            "test result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out; finished in {seconds:.2}s"
        )
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_test_programs_are_summed() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test result::parse ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.12s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 4.00s",
        ] {
            counts.add(line);
        }
        assert_eq!(counts, Counts { passed: 13, failed: 2, ignored: 1 });
        let line = "test result: FAILED. 13 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 61.50s";
        assert_eq!(counts.line(true, Duration::from_millis(61_500)), line);
    }

    #[test]
    fn the_sum_reads_like_a_line_itself() {
        let counts = Counts { passed: 4, failed: 0, ignored: 0 };
        let mut again = Counts::default();
        again.add(&counts.line(true, Duration::ZERO));
        assert_eq!(again, counts);
        assert!(counts.line(true, Duration::ZERO).starts_with("test result: ok. 4 passed"));
        assert!(counts.line(false, Duration::ZERO).starts_with("test result: FAILED. 4 passed"));
    }
}
