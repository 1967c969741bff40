//! Lines counted by the rule that says what they mean. Errors that no rule knows are counted by their words.

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::entry::{LogLevel, LogLine};
use super::rule::{LogRule, LogRules, Meaning};
use crate::redact;

/// The rule of what no rule knows.
pub const UNKNOWN: &str = "unknown";
/// Groups of unknown errors; what is beyond them is counted together.
const MOST_UNKNOWN: usize = 20;
/// Objects that are told apart within a group.
const MOST_OBJECTS: usize = 1000;
/// A line can be a whole answer of a server.
const LONGEST: usize = 400;

/// How much a group matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogWeight {
    /// Normal.
    Benign,
    /// Normal for a while, and that is not over.
    Passing,
    /// Nobody knows.
    Unknown,
    /// Something is wrong, or what should have passed goes on.
    Real,
}

/// The lines of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogGroup {
    /// The rule, or [`UNKNOWN`].
    pub rule: String,
    /// How much it matters.
    pub weight: LogWeight,
    /// How many lines.
    pub count: usize,
    /// Of how many objects, as far as lines name them.
    pub objects: usize,
    /// The first of them.
    pub first: Option<Timestamp>,
    /// The last of them.
    pub last: Option<Timestamp>,
    /// The last line, without secrets.
    pub sample: String,
    /// What wrote that line: a pod.
    pub from: String,
    /// Why such lines are written.
    pub why: String,
    /// What to do.
    pub remedy: Option<String>,
}

/// From the first to the last line about one object.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Span {
    fn take(&mut self, time: Option<Timestamp>) {
        self.first = self.first.into_iter().chain(time).min();
        self.last = self.last.into_iter().chain(time).max();
    }

    fn length(self) -> SignedDuration {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last.duration_since(first),
            _ => SignedDuration::ZERO,
        }
    }
}

#[derive(Debug, Clone)]
struct Counted {
    count: usize,
    whole: Span,
    /// By object; lines without one share a place.
    objects: BTreeMap<Option<String>, Span>,
    sample: String,
    from: String,
}

/// Lines by rule.
#[derive(Debug, Clone)]
pub struct LogTally {
    rules: LogRules,
    /// By rule, and for unknown errors by their words.
    counted: BTreeMap<(String, String), Counted>,
    lines: usize,
}

impl LogTally {
    /// Nothing yet.
    pub fn new(rules: LogRules) -> Self {
        Self { rules, counted: BTreeMap::new(), lines: 0 }
    }

    /// Counts a line that `from` wrote.
    pub fn add(&mut self, line: &LogLine, from: &str) {
        self.lines += 1;
        let Some(key) = self.key(line) else { return };
        let empty = Span { first: None, last: None };
        let counted = self.counted.entry(key).or_insert_with(|| Counted {
            count: 0,
            whole: empty,
            objects: BTreeMap::new(),
            sample: String::new(),
            from: String::new(),
        });
        counted.count += 1;
        if counted.whole.last <= line.time {
            (counted.sample, counted.from) = (sample(line), from.to_owned());
        }
        counted.whole.take(line.time);
        let full = counted.objects.len() >= MOST_OBJECTS;
        let object = line.object.clone().filter(|_| !full);
        counted.objects.entry(object).or_insert(empty).take(line.time);
    }

    /// What a line is counted under; nothing for what is neither known nor an error.
    fn key(&self, line: &LogLine) -> Option<(String, String)> {
        if let Some(rule) = self.rules.find(line) {
            return Some((rule.id.clone(), String::new()));
        }
        if line.level < LogLevel::Error {
            return None;
        }
        let words = (UNKNOWN.to_owned(), words(line));
        let unknown = self.counted.keys().filter(|(rule, _)| rule == UNKNOWN).count();
        let fits = unknown < MOST_UNKNOWN || self.counted.contains_key(&words);
        Some(if fits { words } else { (UNKNOWN.to_owned(), "…".to_owned()) })
    }

    /// How many lines were read, whatever they mean.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// The groups, what matters most first, then the most frequent.
    pub fn groups(&self) -> Vec<LogGroup> {
        let mut groups: Vec<LogGroup> =
            self.counted.iter().map(|((rule, _), counted)| self.group(rule, counted)).collect();
        groups.sort_by_key(|group| std::cmp::Reverse((group.weight, group.count)));
        groups
    }

    fn group(&self, id: &str, counted: &Counted) -> LogGroup {
        let rule = self.rules.named(id);
        let unknown = || "An error that no rule knows; objects judge whether it matters".to_owned();
        LogGroup {
            rule: id.to_owned(),
            weight: rule.map_or(LogWeight::Unknown, |rule| weight(rule, counted)),
            count: counted.count,
            objects: counted.objects.keys().flatten().count(),
            first: counted.whole.first,
            last: counted.whole.last,
            sample: counted.sample.clone(),
            from: counted.from.clone(),
            why: rule.map_or_else(unknown, |rule| rule.why.clone()),
            remedy: rule.and_then(|rule| rule.remedy.clone()),
        }
    }
}

/// What should have passed is real once it goes on for one and the same object.
fn weight(rule: &LogRule, counted: &Counted) -> LogWeight {
    let after = SignedDuration::from_secs(rule.after.unwrap_or(0).into());
    match rule.meaning {
        Meaning::Benign => LogWeight::Benign,
        Meaning::Passing if counted.objects.values().all(|span| span.length() <= after) => LogWeight::Passing,
        Meaning::Passing | Meaning::Real => LogWeight::Real,
    }
}

/// The message with its error, without secrets and line breaks.
fn sample(line: &LogLine) -> String {
    let error = line.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let text = redact::text(&format!("{}{error}", line.message)).replace(['\n', '\r', '\t'], " ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What errors of one kind have in common: their words without names and numbers.
fn words(line: &LogLine) -> String {
    let text = format!("{}: {}", line.message, line.error.as_deref().unwrap_or_default());
    let names = text.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    let plain = |word: &&str| !word.contains(|c: char| c.is_ascii_digit() || c == '/');
    names.split_whitespace().filter(plain).take(40).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: i64, message: &str, error: Option<&str>, object: Option<&str>) -> LogLine {
        LogLine {
            time: Timestamp::from_second(1_700_000_000 + second).ok(),
            level: LogLevel::Error,
            message: message.to_owned(),
            error: error.map(str::to_owned),
            logger: None,
            object: object.map(str::to_owned),
        }
    }

    fn tally(lines: &[LogLine]) -> Vec<(String, LogWeight, usize, usize)> {
        let mut tally = LogTally::new(LogRules::built_in());
        for line in lines {
            tally.add(line, "pod");
        }
        assert_eq!(tally.lines(), lines.len());
        let told = |group: LogGroup| (group.rule, group.weight, group.count, group.objects);
        tally.groups().into_iter().map(told).collect()
    }

    #[test]
    fn what_passes_is_real_only_when_it_goes_on_for_one_object() {
        let check = |second, object| line(second, "propagation check failed", None, Some(object));
        let group = |weight, count, objects| ("propagation".to_owned(), weight, count, objects);
        let passing = group(LogWeight::Passing, 3, 3);
        assert_eq!(tally(&[check(0, "a/a"), check(900, "a/b"), check(1800, "a/c")]), [passing]);
        let real = group(LogWeight::Real, 3, 2);
        assert_eq!(tally(&[check(0, "a/a"), check(10, "a/b"), check(601, "a/a")]), [real]);
    }

    #[test]
    fn the_gravest_comes_first_and_unknown_errors_are_told_apart_by_their_words() {
        let busy = Some("the object has been modified; please apply your changes");
        let lines = [
            line(0, "m", busy, Some("a/a")),
            line(1, "m", busy, Some("a/b")),
            line(2, "odd", Some("key \"one\" of 17 is odd"), None),
            line(3, "odd", Some("key \"two\" of 18 is odd"), None),
            line(4, "even", None, None),
            line(5, "panic: boom", None, None),
            LogLine { level: LogLevel::Info, ..line(6, "starting", None, None) },
        ];
        let group = |rule: &str, weight, count, objects| (rule.to_owned(), weight, count, objects);
        let expected = [
            group("panic", LogWeight::Real, 1, 0),
            group(UNKNOWN, LogWeight::Unknown, 2, 0),
            group(UNKNOWN, LogWeight::Unknown, 1, 0),
            group("optimistic-locking", LogWeight::Benign, 2, 2),
        ];
        assert_eq!(tally(&lines), expected);
    }

    #[test]
    fn there_is_an_end_to_what_is_told_apart_and_a_sample_has_no_secret() {
        let mut tally = LogTally::new(LogRules::built_in());
        for word in 0..100_u8 {
            let name: String = std::iter::repeat_n(char::from(b'a' + word % 26), usize::from(word)).collect();
            tally.add(&line(0, &name, Some("password=hunter2 was wrong"), None), "pod");
        }
        let groups = tally.groups();
        assert_eq!(groups.len(), MOST_UNKNOWN + 1);
        assert_eq!(groups.iter().map(|group| group.count).sum::<usize>(), 100);
        assert!(groups.iter().all(|group| !group.sample.contains("hunter2")), "{groups:#?}");
    }
}
