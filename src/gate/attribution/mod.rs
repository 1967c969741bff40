//! Does a finding block, and where does its cause lie? The one place that says so: judges only say what they saw.
//! Pure; a table of rows, of which the first that fits decides, and the report prints its words.
//!
//! The release is the cause only on positive evidence. What is not known is nobody's fault, and never rolls a
//! cluster back.

use std::cell::OnceCell;

use super::corroboration::{CanaryWord, Corroboration};
use super::denial::{WEBHOOK, is_denial};
use super::names::RULES;
use super::opinion::{Holds, Opinion};
use super::verdict::{Cause, Verdict};
use super::whose::Whose;
use crate::certmanager::blame::{self, Sign};

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// The gate keeps the verdict that the judge and the clock gave.
    Blocks,
    /// It is told, and in nobody's way.
    Remark,
}

/// What a row may ask for.
struct Facts<'f> {
    gate: &'static str,
    opinion: &'f Opinion,
    /// Asked for only by rows about messages.
    sign: OnceCell<Sign>,
    /// What the canary of the same issuer says.
    canary: Option<CanaryWord>,
    /// Our own self-signed canary failed, too.
    own_canary_failed: bool,
    /// How many issuers have Certificates that worked before and fail now.
    issuers_in_trouble: usize,
    /// How many of those Certificates have the issuer of this one.
    of_same_issuer: usize,
}

impl Facts<'_> {
    fn is(&self, gate: &str, rules: &[&str]) -> bool {
        self.gate == gate && rules.contains(&self.opinion.rule)
    }

    /// What its message is a sign of.
    fn sign(&self) -> Sign {
        *self.sign.get_or_init(|| blame::sign(&self.opinion.message))
    }

    fn is_issuance(&self) -> bool {
        is_of_users(self.gate)
    }

    fn is_several(&self) -> bool {
        self.of_same_issuer >= 2 || self.issuers_in_trouble >= 2
    }
}

struct Row {
    /// As the report prints it.
    words: &'static str,
    fits: fn(&Facts) -> bool,
    effect: Effect,
    cause: Cause,
}

const fn row(words: &'static str, fits: fn(&Facts) -> bool, effect: Effect, cause: Cause) -> Row {
    Row { words, fits, effect, cause }
}

/// The first row that fits decides. The last one fits everything.
const ROWS: [Row; 28] = [
    row("it was so before", |facts| facts.opinion.whose == Whose::Before, Effect::Remark, Cause::Unknown),
    row(
        "made since by somebody else",
        |facts| facts.opinion.whose == Whose::New,
        Effect::Remark,
        Cause::Unknown,
    ),
    row(
        "changed by its user since",
        |facts| facts.opinion.whose == Whose::Edited,
        Effect::Remark,
        Cause::Unknown,
    ),
    row(
        "its issuance had begun before",
        |facts| facts.opinion.whose == Whose::InFlight,
        Effect::Remark,
        Cause::Unknown,
    ),
    row(
        "another controller signs it",
        |facts| facts.opinion.whose == Whose::External,
        Effect::Remark,
        Cause::Environment,
    ),
    row("an approver decided so", is_denied, Effect::Remark, Cause::Environment),
    row(
        "the CA limits the rate",
        |facts| facts.sign() == Sign::RateLimit,
        Effect::Blocks,
        Cause::Environment,
    ),
    row(
        "a rollback would issue everything a second time",
        |facts| facts.gate == "reissue",
        Effect::Blocks,
        Cause::Environment,
    ),
    row(
        "the canary of the same issuer passed",
        |facts| is_alone(facts) && facts.canary == Some(CanaryWord::Issued),
        Effect::Remark,
        Cause::Environment,
    ),
    row(
        "it is the only one that hangs",
        |facts| is_alone(facts) && facts.opinion.overdue,
        Effect::Remark,
        Cause::Unknown,
    ),
    row(
        "its rule says that this is the release's doing",
        |facts| facts.gate == RULES && facts.opinion.points_to == Some(Cause::Release),
        Effect::Blocks,
        Cause::Release,
    ),
    row(
        "its rule says that the cause is outside",
        |facts| facts.gate == RULES && facts.opinion.points_to == Some(Cause::Environment),
        Effect::Blocks,
        Cause::Environment,
    ),
    row("its message speaks of the CA, DNS or the network", is_outside, Effect::Blocks, Cause::Environment),
    row(
        "the judge has evidence of it",
        |facts| facts.opinion.points_to == Some(Cause::Release),
        Effect::Blocks,
        Cause::Release,
    ),
    row(
        "the judge has evidence of a cause outside",
        |facts| facts.opinion.points_to == Some(Cause::Environment),
        Effect::Blocks,
        Cause::Environment,
    ),
    row("its message speaks of the release's own parts", is_own_fault, Effect::Blocks, Cause::Release),
    row("a policy refuses it", is_refused_by_policy, Effect::Blocks, Cause::Unknown),
    row(
        "our own canary fails as well",
        |facts| is_known_issuance(facts) && facts.own_canary_failed,
        Effect::Blocks,
        Cause::Release,
    ),
    row(
        "certificates of several issuers fail alike",
        |facts| is_known_issuance(facts) && facts.issuers_in_trouble >= 2,
        Effect::Blocks,
        Cause::Release,
    ),
    row(
        "the API server is not the release",
        |facts| facts.gate == "api-server",
        Effect::Blocks,
        Cause::Environment,
    ),
    row("the chart's own CRDs", |facts| facts.is("crds", &OWN_CRDS), Effect::Blocks, Cause::Release),
    row("the chart's own pods", |facts| facts.is("workload", &OWN_PODS), Effect::Blocks, Cause::Release),
    row("the new pods do not lead", |facts| facts.gate == "lease", Effect::Blocks, Cause::Release),
    row(
        "the chart's own webhook",
        |facts| facts.is("webhook", &["no-answer", "wrong"]),
        Effect::Blocks,
        Cause::Release,
    ),
    row(
        "the API server did not let us ask",
        |facts| facts.is("webhook", &["api", "policy"]),
        Effect::Blocks,
        Cause::Environment,
    ),
    row(
        "cainjector has not done its work",
        |facts| facts.is("ca-bundle", &["empty", "other"]),
        Effect::Blocks,
        Cause::Release,
    ),
    row("it is broken now", |facts| facts.opinion.whose == Whose::Now, Effect::Blocks, Cause::Unknown),
    row("the cause is not known", |_| true, Effect::Blocks, Cause::Unknown),
];

const OWN_CRDS: [&str; 4] = ["missing", "names", "established", "served"];
const OWN_PODS: [&str; 6] = ["image", "container", "crash", "restarts", "progress", "not-ready"];

fn is_denied(facts: &Facts) -> bool {
    facts.is("certificate-request", &["denied"]) && facts.opinion.whose == Whose::Known
}

/// Whose policy it is, and who changed it, is not known.
fn is_refused_by_policy(facts: &Facts) -> bool {
    let message = &facts.opinion.message;
    is_known_issuance(facts) && is_denial(message) && !message.contains(WEBHOOK)
}

fn is_known_issuance(facts: &Facts) -> bool {
    facts.is_issuance() && facts.opinion.whose == Whose::Known
}

/// One Certificate alone has trouble that is not the release's by its own words.
fn is_alone(facts: &Facts) -> bool {
    let canary_fails = facts.canary == Some(CanaryWord::Failed) || facts.own_canary_failed;
    let accuses = || facts.opinion.overdue || matches!(facts.sign(), Sign::Outside | Sign::Nothing);
    is_known_issuance(facts) && !canary_fails && !facts.is_several() && accuses()
}

fn is_outside(facts: &Facts) -> bool {
    let own = facts.gate == "webhook" || facts.opinion.points_to == Some(Cause::Release);
    facts.sign() == Sign::Outside && !own && !facts.is("workload", &["crash", "restarts"])
}

/// Only of what the chart did before: in strict mode nothing came before. A rule of `release.yaml` says itself
/// whose fault it is.
fn is_own_fault(facts: &Facts) -> bool {
    facts.sign() == Sign::OwnPart && facts.opinion.whose != Whose::Now && facts.gate != RULES
}

/// What the gate sees belongs to Certificates of users, not to the chart.
pub(super) fn is_of_users(gate: &str) -> bool {
    matches!(gate, "certificate" | "certificate-request" | "order")
}

/// Attributes what a gate says. Asked again of what time has made another finding.
pub(super) fn attribute<'o>(
    gate: &'static str,
    opinions: impl IntoIterator<Item = &'o mut Opinion>,
    corroboration: &Corroboration,
) {
    for opinion in opinions.into_iter().filter(|opinion| opinion.verdict > Verdict::Passed) {
        let facts = facts(gate, opinion, corroboration);
        let Some(row) = ROWS.iter().find(|row| (row.fits)(&facts)) else { continue };
        (opinion.cause, opinion.because) = (row.cause, row.words);
        if row.effect == Effect::Remark && !(opinion.verdict == Verdict::Waiting && waits_on(opinion)) {
            (opinion.verdict, opinion.holds) = (Verdict::Passed, Holds::Gate);
        }
    }
}

/// What may still come right is waited for, and only then becomes a remark.
fn waits_on(opinion: &Opinion) -> bool {
    opinion.whose == Whose::Known
}

fn facts<'f>(gate: &'static str, opinion: &'f Opinion, corroboration: &Corroboration) -> Facts<'f> {
    let issuer = opinion.issuer.as_ref();
    Facts {
        gate,
        opinion,
        sign: OnceCell::new(),
        canary: issuer.and_then(|issuer| corroboration.canary(issuer)),
        own_canary_failed: corroboration.own_canary_failed(),
        issuers_in_trouble: corroboration.issuers_in_trouble(),
        of_same_issuer: issuer.map_or(0, |issuer| corroboration.in_trouble(issuer, opinion.overdue)),
    }
}

#[cfg(test)]
mod tests;
