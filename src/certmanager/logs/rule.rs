//! A rule of `logs.yaml`, and all of them: what a line means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::LogLine;
use crate::certmanager::app_version::AppVersion;

/// What a known line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// Normal at any time.
    Benign,
    /// Normal for a while after a start or a change, real if it goes on.
    Passing,
    /// Something is wrong.
    Real,
}

/// What a kind of line means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRule {
    /// Its name.
    pub id: String,
    /// What such a line means.
    pub meaning: Meaning,
    /// For so many seconds a passing line about one object is normal.
    #[serde(default)]
    pub after: Option<u32>,
    /// The oldest minor that is known to write it.
    #[serde(default)]
    pub since: Option<AppVersion>,
    /// The newest minor that is known to write it.
    #[serde(default)]
    pub until: Option<AppVersion>,
    says: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    /// Why it is written.
    pub why: String,
    /// What to do; nothing for what is normal.
    #[serde(default)]
    pub remedy: Option<String>,
    /// A line of each format that has it.
    pub samples: BTreeMap<String, String>,
}

impl LogRule {
    /// What such lines say, and what that means.
    pub fn what(&self) -> String {
        let meaning = match (self.meaning, self.after) {
            (Meaning::Benign, _) => "benign".to_owned(),
            (Meaning::Passing, Some(after)) => format!("normal for {after} s, real when it goes on"),
            (Meaning::Passing, None) | (Meaning::Real, _) => "real".to_owned(),
        };
        let says: Vec<String> = self.says.iter().map(|text| format!("`{text}`")).collect();
        format!("A line of cert-manager says {}: {meaning}", says.join(" or "))
    }

    fn fits(&self, line: &LogLine) -> bool {
        self.says.iter().any(|text| line.says(text)) && self.with.iter().all(|text| line.says(text))
    }
}

/// Every rule, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRules(Vec<LogRule>);

impl LogRules {
    /// What the program brings.
    ///
    /// # Panics
    /// The file is part of the program, and a test reads it.
    pub fn built_in() -> Self {
        Self(serde_saphyr::from_str(include_str!("logs.yaml")).expect("a test reads the file of the program"))
    }

    /// The rule that says what `line` means: the first that fits.
    pub fn find(&self, line: &LogLine) -> Option<&LogRule> {
        self.0.iter().find(|rule| rule.fits(line))
    }

    /// A rule by its name.
    pub fn named(&self, id: &str) -> Option<&LogRule> {
        self.0.iter().find(|rule| rule.id == id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &LogRule> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_sample_of_every_format_is_known_by_its_own_rule() {
        let rules = LogRules::built_in();
        for rule in rules.iter() {
            for (format, line) in &rule.samples {
                let read = LogLine::read(line, None);
                let found = rules.find(&read).map(|rule| rule.id.as_str());
                assert_eq!(found, Some(rule.id.as_str()), "{format}: {line}");
            }
        }
    }

    /// The first minor with structured lines.
    const STRUCTURED: u64 = 12;

    #[test]
    fn every_rule_has_a_sample_for_each_format_of_its_versions() {
        let rules = LogRules::built_in();
        for rule in rules.iter() {
            let formats: BTreeSet<&str> = rule.samples.keys().map(String::as_str).collect();
            let old = rule.since.is_none_or(|since| since.minor < STRUCTURED);
            let new = rule.until.is_none_or(|until| until.minor >= STRUCTURED);
            let klog = old.then_some("klog");
            let structured = new.then_some(["json", "text"]).into_iter().flatten();
            let expected: BTreeSet<&str> = klog.into_iter().chain(structured).collect();
            assert!(formats == expected || formats.contains("raw"), "{}: {formats:?}", rule.id);
        }
    }

    #[test]
    fn a_rule_says_why_and_what_is_not_normal_what_to_do() {
        let rules = LogRules::built_in();
        let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids.len(), rules.iter().count());
        for rule in rules.iter() {
            let id = &rule.id;
            assert_eq!(rule.after.is_some(), rule.meaning == Meaning::Passing, "{id}");
            assert_eq!(rule.remedy.is_some(), rule.meaning != Meaning::Benign, "{id}");
            assert!(!rule.why.is_empty() && !rule.why.ends_with('.'), "{id}");
        }
    }

    #[test]
    fn lines_that_were_seen_in_other_words_are_known_too() {
        let rules = LogRules::built_in();
        let table = [
            (
                r#"I1128 10:47:20.1 1 controller.go:162] cert-manager/x "msg"="re-queuing item due to optimistic locking on resource" "error"="Operation cannot be fulfilled" "key"="a/b""#,
                Some("optimistic-locking"),
            ),
            (
                r#"I1128 10:47:20.1 1 r.go:142] cert-manager/certificates-revision-manager "msg"="garbage collecting old certificate request revsion" "revision"=1"#,
                Some("old-requests"),
            ),
            (
                r#"{"ts":1.0,"msg":"challenge not ready to accept yet","v":4,"resource_name":"c"}"#,
                Some("propagation"),
            ),
            (
                r"E1128 10:47:20.1 1 logs.go:59] http: TLS handshake error from 10.0.0.7:1: read tcp: connection reset by peer",
                Some("tls-handshake"),
            ),
            (
                r#"{"ts":1.0,"msg":"re-queuing item due to error processing","err":"secret \"ca\" not found"}"#,
                Some("secret-not-found"),
            ),
            (
                r#"E1128 10:47:20.1 1 c.go:1] "re-queuing item due to error processing" err="the moon is full""#,
                None,
            ),
            ("I0812 10:47:20.110108 1 start.go:75] starting controller", None),
        ];
        for (line, expected) in table {
            let found = rules.find(&LogLine::read(line, None)).map(|rule| rule.id.as_str());
            assert_eq!(found, expected, "{line}");
        }
    }
}
