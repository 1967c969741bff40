//! What a version must satisfy: `>=1.22.0-0 <1.30 || ^2`.

use std::fmt;
use std::str::FromStr;

use super::version::{Version, are_identifiers};

/// Alternatives (`||`), each a list of comparators that must all hold.
#[derive(Debug, Clone)]
pub struct Constraint {
    alternatives: Vec<Vec<Comparator>>,
    original: String,
}

/// Not a constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("improper constraint: {0:?}")]
pub struct ConstraintError(String);

impl Constraint {
    /// Whether a version satisfies it. A prerelease does so only where a comparator of the same alternative
    /// has one.
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|comparators| {
            let admits_prereleases = comparators.iter().any(|comparator| comparator.bound.is_prerelease());
            (admits_prereleases || !version.is_prerelease())
                && comparators.iter().all(|comparator| comparator.holds(version))
        })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.original)
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        let parts: Vec<&str> = text.split("||").collect();
        if text.len() > 512 || parts.len() > 32 {
            return Err(ConstraintError(text.chars().take(40).collect()));
        }
        let alternatives =
            parts.into_iter().map(|part| alternative(part).ok_or_else(|| ConstraintError(part.to_owned())));
        Ok(Self { alternatives: alternatives.collect::<Result<_, _>>()?, original: text.to_owned() })
    }
}

/// Comparators between spaces or commas; `a - b` is a range.
fn alternative(text: &str) -> Option<Vec<Comparator>> {
    let mut comparators = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let (operator, after) = operator(rest);
        let (bound, after) = written_version(after.trim_start());
        let next = after.trim_start();
        if let (Operator::Plain, Some(upper)) = (
            operator,
            next.strip_prefix('-')
                .filter(|upper| next.len() < after.len() && upper.starts_with(char::is_whitespace)),
        ) {
            let (upper, after) = written_version(upper.trim_start());
            comparators.push(Comparator::parse(Operator::GreaterOrEqual, bound)?);
            comparators.push(Comparator::parse(Operator::LessOrEqual, upper)?);
            rest = after;
        } else {
            comparators.push(Comparator::parse(operator, bound)?);
            rest = after;
        }
        let next = rest.trim_start();
        if next.is_empty() {
            return Some(comparators);
        }
        let separated = next.len() < rest.len();
        rest = match next.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if separated => next,
            None => return None,
        };
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Plain,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

fn operator(text: &str) -> (Operator, &str) {
    let operators = [
        ("!=", Operator::NotEqual),
        (">=", Operator::GreaterOrEqual),
        ("=>", Operator::GreaterOrEqual),
        ("<=", Operator::LessOrEqual),
        ("=<", Operator::LessOrEqual),
        ("~>", Operator::Tilde),
        ("~", Operator::Tilde),
        ("^", Operator::Caret),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("=", Operator::Plain),
    ];
    operators
        .into_iter()
        .find_map(|(sign, operator)| Some((operator, text.strip_prefix(sign)?)))
        .unwrap_or((Operator::Plain, text))
}

/// The longest start of a text that can be a version or a wildcard.
fn written_version(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '*')))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// The first part of a version that is left open (`1.x`, `1`, `*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    Major,
}

#[derive(Debug, Clone)]
struct Comparator {
    operator: Operator,
    bound: Version,
    open: Open,
}

impl Comparator {
    fn parse(operator: Operator, text: &str) -> Option<Self> {
        let body = text.strip_prefix('v').unwrap_or(text);
        let (body, metadata) =
            body.split_once('+').map_or((body, None), |(body, metadata)| (body, Some(metadata)));
        let (numbers, prerelease) =
            body.split_once('-').map_or((body, ""), |(numbers, prerelease)| (numbers, prerelease));
        let has_prerelease = numbers.len() < body.len();
        let parts: Vec<&str> = numbers.split('.').collect();
        let written = parts.iter().all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || b"xX*".contains(&byte))
        });
        if parts.len() > 3
            || !written
            || metadata.is_some_and(|part| !are_identifiers(part))
            || (has_prerelease && !are_identifiers(prerelease))
        {
            return None;
        }
        let is_open = |at: usize| parts.get(at).is_none_or(|part| matches!(*part, "x" | "X" | "*"));
        let open = if is_open(0) {
            Open::Major
        } else if is_open(1) {
            Open::Minor
        } else if is_open(2) {
            Open::Patch
        } else {
            Open::Nothing
        };
        let fixed = match open {
            Open::Major => 0,
            Open::Minor => 1,
            Open::Patch => 2,
            Open::Nothing => 3,
        };
        let number = |at: usize| if at < fixed { parts[at].parse().ok() } else { Some(0) };
        let bound = Version::release(number(0)?, number(1)?, number(2)?, prerelease);
        if has_prerelease && format!("0-{prerelease}").parse::<Version>().is_err() {
            return None;
        }
        Some(Self { operator, bound, open })
    }

    fn holds(&self, version: &Version) -> bool {
        match self.operator {
            Operator::Plain if self.open == Open::Nothing => *version == self.bound,
            Operator::Plain | Operator::Tilde => self.tilde(version),
            Operator::NotEqual => self.not_equal(version),
            Operator::Greater => self.greater(version),
            Operator::Less => *version < self.bound,
            Operator::GreaterOrEqual => *version >= self.bound,
            Operator::LessOrEqual => self.less_or_equal(version),
            Operator::Caret => self.caret(version),
        }
    }

    fn minor_is_open(&self) -> bool {
        self.open == Open::Minor
    }

    fn patch_is_open(&self) -> bool {
        self.open == Open::Patch
    }

    /// `!=1.2` excludes all of 1.2, but not a prerelease of it.
    fn not_equal(&self, version: &Version) -> bool {
        match self.open {
            Open::Nothing | Open::Major => {
                *version != self.bound || (self.open == Open::Major && version.major != self.bound.major)
            }
            Open::Minor => version.major != self.bound.major,
            Open::Patch => {
                (version.major, version.minor) != (self.bound.major, self.bound.minor)
                    || version.prerelease != self.bound.prerelease
            }
        }
    }

    /// `>11` begins with 12, `>11.1` with 11.2.
    fn greater(&self, version: &Version) -> bool {
        match self.open {
            Open::Nothing => *version > self.bound,
            Open::Minor => version.major > self.bound.major,
            Open::Patch => (version.major, version.minor) > (self.bound.major, self.bound.minor),
            Open::Major => {
                version.major > self.bound.major
                    || (version.major == self.bound.major && *version > self.bound)
            }
        }
    }

    /// `<=11` includes all of 11.
    fn less_or_equal(&self, version: &Version) -> bool {
        match self.open {
            Open::Nothing => *version <= self.bound,
            Open::Minor => version.major <= self.bound.major,
            Open::Patch | Open::Major => {
                (version.major, version.minor) <= (self.bound.major, self.bound.minor)
            }
        }
    }

    /// `~1.2.3` stays within 1.2, `~1` within 1; `~0.0.0` and `*` take everything from there on.
    fn tilde(&self, version: &Version) -> bool {
        let zero = (self.bound.major, self.bound.minor, self.bound.patch) == (0, 0, 0);
        if *version < self.bound {
            return false;
        }
        (zero && !self.minor_is_open() && !self.patch_is_open())
            || (version.major == self.bound.major
                && (version.minor == self.bound.minor || self.minor_is_open()))
    }

    /// `^1.2` stays within 1, `^0.2.3` within 0.2, `^0.0.3` is 0.0.3.
    fn caret(&self, version: &Version) -> bool {
        let bound = &self.bound;
        if *version < *bound {
            return false;
        }
        if bound.major > 0 || self.minor_is_open() {
            return version.major == bound.major;
        }
        if version.major > 0 {
            return false;
        }
        if bound.minor > 0 || self.patch_is_open() {
            return version.minor == bound.minor;
        }
        version.minor == 0 && version.patch == bound.patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(constraint: &str, version: &str) -> bool {
        constraint.parse::<Constraint>().unwrap().matches(&version.parse().unwrap())
    }

    #[test]
    fn what_satisfies() {
        let cases = [
            ("1.2.3", "1.2.3"),
            ("1.2", "1.2.9"),
            ("1.x", "1.9.0"),
            ("*", "0.0.1"),
            (">=1.20, <2", "1.20.0"),
            (">=1.20 <2", "v1.33.4"),
            ("<1 || >2", "3.0.0"),
            ("1.1 - 2.2", "2.2.9"),
            ("~1", "1.9.9"),
            ("~>1.2.3", "1.2.9"),
            ("^0.2.3", "0.2.9"),
            (">11", "12.0.0"),
            ("!=1.2", "1.3.0"),
            (">=1.22.0-0", "v1.33.4-eks-ab12"),
            ("=>1", "1.0.0"),
            ("=<1", "1.5.0"),
        ];
        for (constraint, version) in cases {
            assert!(matches(constraint, version), "{constraint} {version}");
        }
    }

    #[test]
    fn what_does_not() {
        let cases = [
            ("1.2.3", "1.2.4"),
            ("1.2", "1.3.0"),
            (">=1.22", "v1.33.4-eks-ab12"),
            ("^0.2.3", "0.3.0"),
            ("^0.0.3", "0.0.4"),
            ("~1.2.3", "1.3.0"),
            (">11", "11.5.0"),
            ("!=1.2", "1.2.5"),
            ("<=11", "12.0.0"),
            ("1.1 - 2.2", "2.3.0"),
        ];
        for (constraint, version) in cases {
            assert!(!matches(constraint, version), "{constraint} {version}");
        }
    }

    #[test]
    fn improper_constraints() {
        for text in [
            "",
            " ",
            ">",
            "1.2.3.4",
            "latest",
            ">=1.0<2.0",
            "1x",
            ">1 - 2",
            "1 -",
            "||",
            "1.2.3-01",
            "1,,2",
            "1.2.3-",
        ] {
            assert!(text.parse::<Constraint>().is_err(), "{text:?}");
        }
    }
}
