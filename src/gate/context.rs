//! What a judge may know beside what was seen.

use super::baseline::Baseline;
use super::mark::Mark;
use super::rules::HealthRules;
use super::subject::{Expected, Subject};
use crate::config::GateSettings;

/// What is judged, by which settings, and compared with what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'c> {
    pub(crate) subject: &'c Subject,
    pub(crate) expected: &'c Expected,
    pub(crate) baseline: &'c Baseline,
    pub(crate) settings: &'c GateSettings,
    /// What the canaries of this judgement carry.
    pub(crate) mark: &'c Mark,
    /// What judges objects of any kind.
    pub(crate) rules: &'c HealthRules,
}

impl Context<'_> {
    /// No upgrade came before: what is broken now is a failure, whatever the baseline says.
    pub(crate) fn strict(&self) -> bool {
        !self.subject.fresh
    }

    /// Why nothing can be compared, although it would have to be.
    pub(super) fn incomparable(&self) -> Option<&str> {
        self.baseline.why_missing().filter(|_| !self.strict())
    }

    pub(super) fn approver_disabled(&self) -> bool {
        self.expected.approver_disabled
    }
}
