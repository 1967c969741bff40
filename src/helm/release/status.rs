//! The nine words for what state a revision is in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Status of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Helm itself does not know.
    Unknown,
    /// The revision that runs.
    Deployed,
    /// Removed, but its record was kept.
    Uninstalled,
    /// Once deployed; a later revision took its place.
    Superseded,
    /// It did not succeed.
    Failed,
    /// Being removed.
    Uninstalling,
    /// Being installed, or the installer was killed.
    PendingInstall,
    /// Being upgraded, or the upgrader was killed.
    PendingUpgrade,
    /// Being rolled back, or whoever did it was killed.
    PendingRollback,
}

/// A word that Helm does not use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a status of a Helm release")]
pub struct UnknownStatus(String);

impl Status {
    /// All nine.
    pub const ALL: [Status; 9] = [
        Status::Unknown,
        Status::Deployed,
        Status::Uninstalled,
        Status::Superseded,
        Status::Failed,
        Status::Uninstalling,
        Status::PendingInstall,
        Status::PendingUpgrade,
        Status::PendingRollback,
    ];

    /// Helm's word, as it is stored in the record and in the label.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Unknown => "unknown",
            Status::Deployed => "deployed",
            Status::Uninstalled => "uninstalled",
            Status::Superseded => "superseded",
            Status::Failed => "failed",
            Status::Uninstalling => "uninstalling",
            Status::PendingInstall => "pending-install",
            Status::PendingUpgrade => "pending-upgrade",
            Status::PendingRollback => "pending-rollback",
        }
    }

    /// Whether an operation runs on this revision, or was killed in the middle.
    pub fn is_pending(self) -> bool {
        matches!(self, Status::PendingInstall | Status::PendingUpgrade | Status::PendingRollback)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| UnknownStatus(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_json_uses_the_same_word() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
        assert_eq!(
            "DEPLOYED".parse::<Status>().unwrap_err().to_string(),
            "`DEPLOYED` is not a status of a Helm release"
        );
    }
}
