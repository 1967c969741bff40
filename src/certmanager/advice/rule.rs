//! One thing that is known about versions of cert-manager, as it is written in the file of rules.

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use crate::certmanager::app_version::AppVersion;
use crate::certmanager::reissue::reader::Reader;
use crate::explanation::Explanation;

/// How strong an advice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing before the upgrade.
    Note,
    /// Not tested together by cert-manager, or known to do harm to some.
    Warn,
    /// Stops the release unless it is allowed by name.
    Refuse,
}

impl Severity {
    /// The word as shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AdviceRule {
    /// The name that messages give and `--allow` takes.
    pub id: String,
    /// Which upgrades it speaks of.
    pub applies: Applies,
    /// What must be seen in the cluster besides.
    #[serde(rename = "if", default)]
    pub condition: Option<Condition>,
    /// What these versions read in another way, so that they issue Certificates again.
    #[serde(default)]
    pub reissues: Option<Reader>,
    /// How strong it is.
    pub severity: Severity,
    /// What is known.
    pub text: String,
    /// What to do.
    #[serde(rename = "do")]
    pub remedy: String,
    /// Where it is written.
    #[serde(default)]
    pub source: Vec<String>,
}

/// Which upgrades a rule speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Applies {
    /// The target is one of these.
    Target(TargetRange),
    /// The upgrade passes the first version of this minor.
    Crossing(AppVersion),
    /// What runs is one of these.
    Leaving(LeavingRange),
    /// A minor and the versions of Kubernetes that it is tested with.
    Kubernetes(TestedRange),
    /// Minors are left out.
    Skipped(SkippedMinors),
    /// Values that the chart no longer takes.
    Values(RemovedValues),
}

/// Versions that are gone to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetRange {
    /// The first of them.
    pub first: AppVersion,
    /// The last of them; all newer ones without it.
    #[serde(default)]
    pub last: Option<AppVersion>,
    /// The one to take instead.
    #[serde(default)]
    pub fix: Option<AppVersion>,
}

/// Versions that run, when they are left for `to` or newer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeavingRange {
    /// The first of them.
    pub first: AppVersion,
    /// The last of them.
    pub last: AppVersion,
    /// The first target that the rule speaks of.
    pub to: AppVersion,
    /// The stop that avoids it.
    #[serde(default)]
    pub via: Option<AppVersion>,
}

/// What a minor is tested with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestedRange {
    /// Of cert-manager.
    pub minor: AppVersion,
    /// The first minor of Kubernetes.
    pub first: AppVersion,
    /// The last minor of Kubernetes.
    pub last: AppVersion,
}

/// Minors that are left out, other than in a jump that is documented.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkippedMinors {
    /// The jumps that are documented.
    #[serde(default)]
    pub documented: Vec<Jump>,
}

/// A documented jump over minors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jump {
    /// The first version that it may begin with.
    pub first: AppVersion,
    /// The last version that it may begin with.
    pub last: AppVersion,
    /// The minor where it ends.
    pub to: AppVersion,
}

impl Jump {
    /// Whether this is the upgrade that is documented.
    pub fn is(&self, from: AppVersion, to: AppVersion) -> bool {
        (self.first..=self.last).contains(&from) && self.to.is_same_minor(to)
    }
}

/// Values that the chart no longer takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovedValues {
    /// The first version of the chart without them.
    pub since: AppVersion,
    /// Their keys, joined by dots.
    pub paths: Vec<String>,
}

/// `--allow` name of a class: the target is a version with a known defect.
pub const KNOWN_BAD: &str = "known-bad-version";
/// `--allow` name of a class: a minor version is left out.
pub const SKIPPED_MINORS: &str = "skipped-minors";
/// `--allow` name of a class: the cluster's Kubernetes version is not in the tested range.
pub const KUBERNETES_MATRIX: &str = "kubernetes-matrix";
/// `--allow` name of a class: what changes behaviour on the way.
pub const UPGRADE_NOTES: &str = "upgrade-notes";

/// The names of all classes.
pub const CLASSES: [&str; 4] = [KNOWN_BAD, SKIPPED_MINORS, KUBERNETES_MATRIX, UPGRADE_NOTES];

impl AdviceRule {
    /// The class that it belongs to, if `--allow` has a name for it.
    pub fn class(&self) -> Option<&'static str> {
        match &self.applies {
            Applies::Target(TargetRange { fix: Some(_), .. }) => Some(KNOWN_BAD),
            Applies::Crossing(_) => Some(UPGRADE_NOTES),
            Applies::Kubernetes(_) => Some(KUBERNETES_MATRIX),
            Applies::Skipped(_) => Some(SKIPPED_MINORS),
            Applies::Target(_) | Applies::Leaving(_) | Applies::Values(_) => None,
        }
    }

    /// For `release explain`.
    pub fn explanation(&self) -> Explanation {
        let condition =
            self.condition.map(|condition| format!(", {}", condition.words())).unwrap_or_default();
        Explanation {
            id: self.id.clone(),
            what: format!("{}{condition}", self.applies.words()),
            why: self.text.clone(),
            remedy: self.remedy.clone(),
            source: self.source.clone(),
        }
    }
}

impl Applies {
    fn words(&self) -> String {
        match self {
            Self::Target(TargetRange { first, last: Some(last), .. }) if first == last => {
                format!("cert-manager {first}")
            }
            Self::Target(TargetRange { first, last: Some(last), .. }) => {
                format!("cert-manager {first} to {last}")
            }
            Self::Target(TargetRange { first, last: None, .. }) => format!("cert-manager {first} and newer"),
            Self::Crossing(minor) => format!("an upgrade to cert-manager 1.{} or past it", minor.minor),
            Self::Leaving(LeavingRange { first, last, to, .. }) if first == last => {
                format!("an upgrade from cert-manager {first} to {to} or newer")
            }
            Self::Leaving(LeavingRange { first, last, to, .. }) => {
                format!("an upgrade from cert-manager {first} to {last}, to {to} or newer")
            }
            Self::Kubernetes(TestedRange { minor, .. }) => {
                format!(
                    "cert-manager 1.{} on a version of Kubernetes that it is not tested with",
                    minor.minor
                )
            }
            Self::Skipped(_) => "an upgrade over more than one minor".to_owned(),
            Self::Values(RemovedValues { since, paths }) => {
                format!("cert-manager {since} and newer with the values {}", paths.join(", "))
            }
        }
    }
}
