//! The words in which a gate answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::{LEASE, REISSUE, WORKLOAD};
use crate::certmanager::reissue::counted::ReissuedCount;

/// What a gate says; ordered, the worst wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Proven healthy.
    Passed,
    /// Not yet; at the deadline this is [`Verdict::Failed`].
    Waiting,
    /// It ended, and proves nothing.
    Inconclusive,
    /// Proven unhealthy.
    Failed,
}

impl Verdict {
    /// The worst of some verdicts; of none, [`Verdict::Waiting`]: nothing observed is never passed.
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().max().unwrap_or(Self::Waiting)
    }

    /// The word as shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Waiting => "waiting",
            Self::Inconclusive => "inconclusive",
            Self::Failed => "failed",
        }
    }
}

/// Where the cause lies. Only a cause in the release may roll a cluster back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The chart, its values or its images: an earlier revision would not show it.
    Release,
    /// The CA, DNS, the API server, rate limits, or a mass re-issuance: rolling back would not help, or would
    /// make it worse.
    Environment,
    /// It cannot be told from here.
    #[default]
    Unknown,
}

impl Cause {
    /// The cause as shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Release => "the release",
            Self::Environment => "outside the release",
            Self::Unknown => "cause unknown",
        }
    }
}

/// One thing that a gate found, about one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `Passed` on a finding is a remark: reported, and in nobody's way.
    pub verdict: Verdict,
    /// The object, as `Kind namespace/name`.
    pub object: String,
    /// The condition, its last value, and the last event or reason where there is one.
    pub message: String,
    /// Where the cause lies.
    pub cause: Cause,
    /// It was so before the upgrade: reported, and does not block.
    pub baseline: bool,
    /// The rule by which it was seen; `release explain` knows it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// The row of the table of attributions that decided.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.message)
    }
}

impl Finding {
    /// A failure of `object`.
    pub fn failed(object: impl Into<String>, message: impl Into<String>, cause: Cause) -> Self {
        Self {
            verdict: Verdict::Failed,
            object: object.into(),
            message: message.into(),
            cause,
            baseline: false,
            rule: String::new(),
            because: String::new(),
        }
    }

    /// `object` is not there yet.
    pub fn waiting(object: impl Into<String>, message: impl Into<String>, cause: Cause) -> Self {
        Self { verdict: Verdict::Waiting, ..Self::failed(object, message, cause) }
    }

    /// A remark about `object` that is in nobody's way.
    pub fn remark(object: impl Into<String>, message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Passed, ..Self::failed(object, message, Cause::Unknown) }
    }

    /// `object` was already so before the upgrade.
    pub fn in_baseline(object: impl Into<String>, message: impl Into<String>) -> Self {
        Self { baseline: true, ..Self::remark(object, message) }
    }
}

/// Before the fact that says why nothing is known of a gate.
pub(super) const NOT_REACHED: &str = "not reached: ";

/// What one gate ended with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateReport {
    /// The gate's name, as in `gates_for`.
    pub gate: String,
    /// The worst of its findings.
    pub verdict: Verdict,
    /// What is wrong, or worth a remark; the worst first.
    pub findings: Vec<Finding>,
    /// What was proven, in plain words; of a gate that was not reached, why.
    pub facts: Vec<String>,
    /// From the start of the run to the verdict.
    pub seconds: f64,
}

impl GateReport {
    /// Why nothing is known of this gate: what it looks at was not there to be seen when the run ended.
    pub fn not_reached(&self) -> Option<&str> {
        self.facts.iter().find_map(|fact| fact.strip_prefix(NOT_REACHED))
    }
}

/// What all gates of one cluster ended with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateOutcome {
    /// The worst of the reports.
    pub verdict: Verdict,
    /// One for each gate, in order.
    pub reports: Vec<GateReport>,
    /// The first thing that went wrong.
    pub first_cause: Option<Finding>,
    /// A new ACME issuance went through, with a new Challenge.
    pub acme_proven: bool,
    /// What was issued again without a reason of its own, also where it is no more than is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reissued: Option<ReissuedCount>,
    /// How often the webhook and the hosts answered while the gates judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub availability: Vec<Availability>,
}

/// How often something answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Availability {
    /// `webhook`, or a host as reports call it.
    pub of: String,
    /// How often it was asked.
    pub asked: usize,
    /// How often it did not answer.
    pub failed: usize,
    /// The longest time without an answer.
    pub longest_gap_seconds: f64,
}

impl GateOutcome {
    /// cert-manager's new controller is up and leads, so it can clean up after a canary.
    pub fn controller_works(&self) -> bool {
        let passed = |gate: &str| {
            self.reports.iter().any(|report| report.gate == gate && report.verdict == Verdict::Passed)
        };
        passed(WORKLOAD) && passed(LEASE)
    }

    /// Certificates are issued again without a reason of their own, more of them than is allowed.
    pub fn issues_again(&self) -> bool {
        let reports = self.reports.iter().filter(|report| report.gate == REISSUE);
        reports.flat_map(|report| &report.findings).any(|finding| finding.verdict == Verdict::Failed)
    }
}

/// Who wants to see verdicts change.
pub trait Progress: Send + Sync {
    /// `gate` has another verdict, or another reason for it.
    fn changed(&self, gate: &str, verdict: Verdict, message: &str);
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, Failed, Inconclusive, Passed, Waiting};

    #[test]
    fn the_worst_verdict_wins_and_nothing_is_not_passed() {
        assert_eq!(Verdict::worst([]), Waiting);
        assert_eq!(Verdict::worst([Passed, Waiting, Passed]), Waiting);
        assert_eq!(Verdict::worst([Waiting, Inconclusive]), Inconclusive);
        assert_eq!(Verdict::worst([Failed, Inconclusive]), Failed);
    }
}
