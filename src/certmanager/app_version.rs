//! A version of cert-manager or of Kubernetes, as far as it is judged: three numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Three numbers; what stands behind them is not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppVersion {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number; 0 where there is none.
    pub patch: u64,
}

impl AppVersion {
    /// Reads `v1.11.5`, `1.31+` and `v1.31.5-eks-0a1b2c`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().trim_start_matches('v').split('.').map(|part| {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().ok()
        });
        let (major, minor) = (parts.next()??, parts.next()??);
        Some(Self { major, minor, patch: parts.next().flatten().unwrap_or(0) })
    }

    /// The same, for what can be a version of cert-manager that is known here: 1.x.
    pub fn of_cert_manager(text: &str) -> Option<Self> {
        Self::parse(text).filter(|version| version.major == 1)
    }

    /// Whether both are of one minor.
    pub fn is_same_minor(self, other: Self) -> bool {
        (self.major, self.minor) == (other.major, other.minor)
    }
}

impl fmt::Display for AppVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl TryFrom<String> for AppVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no version such as \"1.19.2\""))
    }
}

impl From<AppVersion> for String {
    fn from(version: AppVersion) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_and_servers_write_is_read() {
        let table = [
            ("v1.11.5", Some((1, 11, 5))),
            ("1.31+", Some((1, 31, 0))),
            ("v1.31.5-eks-0a1b2c", Some((1, 31, 5))),
            ("1.10", Some((1, 10, 0))),
            ("latest", None),
            ("1", None),
            ("", None),
        ];
        for (text, expected) in table {
            let read = AppVersion::parse(text).map(|version| (version.major, version.minor, version.patch));
            assert_eq!(read, expected, "{text}");
        }
        assert_eq!(AppVersion::of_cert_manager("0.1.0"), None);
    }
}
