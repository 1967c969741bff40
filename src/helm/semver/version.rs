//! A loosely written semantic version.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Longer texts are not versions.
const MAX_LENGTH: usize = 256;

/// A version: `1.2.3-rc.1+build`, with an optional leading `v`; a missing minor or patch number is 0.
///
/// Order and equality are semver's precedence: build metadata and the way it was written do not count.
#[derive(Debug, Clone)]
pub struct Version {
    /// The major number.
    pub major: u64,
    /// The minor number.
    pub minor: u64,
    /// The patch number.
    pub patch: u64,
    /// What follows `-`, or nothing.
    pub prerelease: String,
    /// What follows `+`, or nothing.
    pub metadata: String,
    original: String,
}

/// Not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// It is not of the form `1.2.3-pre+meta`.
    #[error("invalid semantic version")]
    Form,
    /// A number with a leading zero in the prerelease.
    #[error("version segment starts with 0")]
    LeadingZero,
    /// A number beyond 64 bits.
    #[error("error parsing version segment: {0} is out of range")]
    Range(String),
    /// Longer than 256 bytes.
    #[error("version string is too long (max {MAX_LENGTH} bytes)")]
    TooLong,
}

impl Version {
    /// The version as it was written, with its `v` and without added zeros.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Whether it has a prerelease part.
    pub fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    pub(super) fn release(major: u64, minor: u64, patch: u64, prerelease: &str) -> Self {
        let prerelease = prerelease.to_owned();
        Self { major, minor, patch, prerelease, metadata: String::new(), original: String::new() }
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > MAX_LENGTH {
            return Err(VersionError::TooLong);
        }
        let body = text.strip_prefix('v').unwrap_or(text);
        let (body, metadata) =
            body.split_once('+').map_or((body, None), |(body, metadata)| (body, Some(metadata)));
        let (numbers, prerelease) =
            body.split_once('-').map_or((body, None), |(numbers, prerelease)| (numbers, Some(prerelease)));
        let numbers: Vec<u64> = numbers.split('.').map(number).collect::<Result<_, _>>()?;
        if numbers.len() > 3
            || [prerelease, metadata].into_iter().flatten().any(|part| !are_identifiers(part))
        {
            return Err(VersionError::Form);
        }
        let prerelease = prerelease.unwrap_or_default();
        if prerelease.split('.').any(|part| part.len() > 1 && part.starts_with('0') && is_numeric(part)) {
            return Err(VersionError::LeadingZero);
        }
        Ok(Self {
            major: numbers[0],
            minor: numbers.get(1).copied().unwrap_or(0),
            patch: numbers.get(2).copied().unwrap_or(0),
            prerelease: prerelease.to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        })
    }
}

fn number(text: &str) -> Result<u64, VersionError> {
    if text.is_empty() || !is_numeric(text) {
        return Err(VersionError::Form);
    }
    text.parse().map_err(|_| VersionError::Range(text.to_owned()))
}

fn is_numeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Dot-separated words of letters, digits and `-`.
pub(super) fn are_identifiers(text: &str) -> bool {
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if self.is_prerelease() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// No prerelease comes after every prerelease; numbers come before words and compare as numbers.
fn compare_prereleases(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) if left == right => {}
            (Some(left), Some(right)) => return compare_identifiers(left, right),
        }
    }
}

fn compare_identifiers(left: &str, right: &str) -> Ordering {
    match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn loose_forms() {
        assert_eq!(version("v1.11.5").to_string(), "1.11.5");
        assert_eq!(version("1.2").to_string(), "1.2.0");
        assert_eq!(version("v1").original(), "v1");
        assert_eq!(version("1.0.0-rc.1+b.2").to_string(), "1.0.0-rc.1+b.2");
        assert_eq!(version("01.2.3").to_string(), "1.2.3");
        for text in [
            "",
            "v",
            "1.2.3.4",
            "latest",
            "1..2",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-a..b",
            "V1",
            " 1",
            "1.2.3-a_b",
            "1.2.3-ä",
        ] {
            assert_eq!(text.parse::<Version>(), Err(VersionError::Form), "{text}");
        }
        assert_eq!("1.2.3-01".parse::<Version>(), Err(VersionError::LeadingZero));
        assert!("99999999999999999999".parse::<Version>().is_err());
        assert_eq!("1".repeat(300).parse::<Version>(), Err(VersionError::TooLong));
    }

    #[test]
    fn precedence() {
        let ascending = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "v1.2",
            "2",
        ];
        for pair in ascending.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        assert_eq!(version("v1.2"), version("1.2.0+build"));
    }
}
