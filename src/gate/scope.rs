//! What decides which gates there are, and what they see. Known before anything is asked of a cluster.

use super::context::Context;
use super::rules::HealthRules;
use super::subject::{Expected, Subject};
use crate::config::{GateSettings, Profile};

/// A release, with what is known of it and wished for it.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    pub(super) subject: &'s Subject,
    pub(super) expected: &'s Expected,
    pub(super) settings: &'s GateSettings,
    pub(super) rules: &'s HealthRules,
    /// Certificates of our own may be issued.
    pub(super) canary: bool,
}

impl<'s> Scope<'s> {
    /// The same that judges know.
    pub(super) fn of(context: Context<'s>, canary: bool) -> Self {
        let Context { subject, expected, settings, rules, .. } = context;
        Self { subject, expected, settings, rules, canary }
    }

    pub(super) fn is_cert_manager(&self) -> bool {
        self.subject.profile == Profile::CertManager
    }
}
