//! Is this cluster healthy enough to go on?
//!
//! A gate observes (I/O, no opinion), then judges (pure: no I/O, no clock). Everything observed is one value,
//! `Seen`; watches and probes fill it, every judge reads it and nothing else. What must not last too long is
//! an opinion with a limit; `Clock` holds the time, [`run()`] the loop.
//!
//! Invariants: nothing observed is never `Passed`. `Waiting` at the deadline is `Failed`. A verdict is bound
//! to the new revision. The worst verdict wins. A gate changes nothing in the cluster but the canary's own
//! objects.

pub mod baseline;
pub mod canary;
mod error;
pub mod subject;
pub mod verdict;
pub mod webhook;

mod ca_bundle;
mod certificate;
mod certificate_request;
mod chain;
mod clock;
mod crds;
mod explain;
mod issuer;
mod lease;
mod needs;
mod opinion;
mod order;
mod pod;
mod pulse;
mod reissue;
mod round;
mod run;
mod seen;
mod settle;
mod watch;
mod workload;

#[cfg(test)]
mod tests;

pub use baseline::Baseline;
pub use canary::clean_up;
pub use error::GateError;
pub use needs::needs;
pub use run::run;
pub use subject::Subject;
pub use verdict::{Cause, Finding, GateOutcome, GateReport, Progress, Verdict};

// What Helm's own waiting judges by, too.
pub(crate) use clock::Clock;
pub(crate) use explain::explain;
pub(crate) use opinion::{Judgement, Opinion, Target};
pub(crate) use pod::{controller, is_ended, is_terminating, problems};

use crate::config::{GateSettings, Profile};
use seen::Seen;
use subject::Expected;

/// What a judge may know beside what was seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'c> {
    pub(crate) subject: &'c Subject,
    pub(crate) expected: &'c Expected,
    pub(crate) baseline: &'c Baseline,
    pub(crate) settings: &'c GateSettings,
}

impl Context<'_> {
    /// No upgrade came before: what is broken now is a failure, whatever the baseline says.
    pub(crate) fn strict(&self) -> bool {
        !self.subject.fresh
    }

    fn approver_disabled(&self) -> bool {
        self.expected.approver_disabled
    }
}

/// One gate.
#[derive(Debug, Clone, Copy)]
struct Gate {
    name: &'static str,
    judge: fn(&Seen, &Context) -> Judgement,
    /// Judged at any time: a regression is one before the rollout is complete, too. The others come one after
    /// the other.
    always: bool,
}

const fn step(name: &'static str, judge: fn(&Seen, &Context) -> Judgement) -> Gate {
    Gate { name, judge, always: false }
}

const fn always(name: &'static str, judge: fn(&Seen, &Context) -> Judgement) -> Gate {
    Gate { name, judge, always: true }
}

/// Every gate but the settle time, in order.
const GATES: [Gate; 12] = [
    step("api-server", pulse::judge),
    step("crds", crds::judge),
    step("workload", workload::judge),
    step("lease", lease::judge),
    step("ca-bundle", ca_bundle::judge),
    step("webhook", webhook::judge),
    step("issuer", issuer::judge),
    step("canary", canary::judge),
    always("certificate-request", certificate_request::judge),
    always("order", order::judge),
    always("certificate", certificate::judge),
    always("reissue", reissue::judge),
];

/// Healthy without a break for a while.
const SETTLE: &str = "settle";

/// The gates that `subject` has to pass.
fn gates(subject: &Subject, expected: &Expected, canary: bool) -> Vec<Gate> {
    let has = |gate: &&Gate| match (gate.name, subject.profile) {
        ("api-server" | "workload", _) => true,
        ("crds", _) => !expected.crds.is_empty(),
        (_, Profile::Generic) => false,
        ("canary", Profile::CertManager) => canary,
        ("webhook" | "ca-bundle", Profile::CertManager) => expected.has_webhook(),
        (_, Profile::CertManager) => true,
    };
    GATES.iter().filter(has).copied().collect()
}

/// The names of the gates that `subject` has to pass, in order: what a dry run shows.
pub fn gates_for(subject: &Subject, settings: &GateSettings, canary: bool) -> Vec<&'static str> {
    let names = gates(subject, &Expected::of(subject), canary).into_iter().map(|gate| gate.name);
    names.chain((subject.fresh && !settings.settle.is_zero()).then_some(SETTLE)).collect()
}
