//! Which of cert-manager's log lines mean something. cert-manager logs errors that are normal; health is
//! judged by objects, lines only explain.
//!
//! `logs.yaml` has the rules; [`LogLine`] reads the three formats, [`LogTally`] counts by rule.

mod entry;
mod klog;
mod line;
mod rule;
mod tally;

pub use entry::{LogLevel, LogLine};
pub use rule::{LogRule, LogRules, Meaning};
pub use tally::{LogGroup, LogTally, LogWeight, UNKNOWN};

/// The line of `log` that explains a failure best: the last that is known to be real, else the last that is
/// not known to be harmless.
pub fn telling(log: &str) -> Option<&str> {
    let rules = LogRules::built_in();
    let meaning = |line: &str| rules.find(&LogLine::read(line, None)).map(|rule| rule.meaning);
    let lines = || log.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    lines()
        .find(|line| meaning(line) == Some(Meaning::Real))
        .or_else(|| lines().find(|line| meaning(line).is_none()))
        .or_else(|| lines().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_line_is_a_real_one_before_an_unknown_one_before_the_last() {
        let benign =
            "W1128 10:47:20.110108 1 client_config.go:617] Neither --kubeconfig nor --master was specified";
        assert_eq!(telling(&format!("panic: boom\ngoroutine 1\n{benign}\n\n")), Some("panic: boom"));
        assert_eq!(telling(&format!("exit\n{benign}\n")), Some("exit"));
        assert_eq!(telling(benign), Some(benign));
        assert_eq!(telling("\n"), None);
    }
}
