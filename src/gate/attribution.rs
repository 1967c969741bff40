//! Does a finding block, and where does its cause lie? The one place that says so: judges only say what they saw.
//! Pure; a table of rows, of which the first that fits decides, and the report prints its words.
//!
//! The release is the cause only on positive evidence. What is not known is nobody's fault, and never rolls a
//! cluster back.

use super::corroboration::{CanaryWord, Corroboration};
use super::opinion::{Holds, Judgement, Opinion};
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
    sign: Sign,
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

    /// It belongs to a Certificate of a user, not to the chart.
    fn is_issuance(&self) -> bool {
        matches!(self.gate, "certificate" | "certificate-request" | "order")
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
const ROWS: [Row; 25] = [
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
    row("the CA limits the rate", |facts| facts.sign == Sign::RateLimit, Effect::Blocks, Cause::Environment),
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

fn is_known_issuance(facts: &Facts) -> bool {
    facts.is_issuance() && facts.opinion.whose == Whose::Known
}

/// One Certificate alone has trouble that is not the release's by its own words.
fn is_alone(facts: &Facts) -> bool {
    let accuses = facts.opinion.overdue || matches!(facts.sign, Sign::Outside | Sign::Nothing);
    let canary_fails = facts.canary == Some(CanaryWord::Failed) || facts.own_canary_failed;
    is_known_issuance(facts) && accuses && !canary_fails && !facts.is_several()
}

fn is_outside(facts: &Facts) -> bool {
    let own = facts.gate == "webhook" || facts.opinion.points_to == Some(Cause::Release);
    facts.sign == Sign::Outside && !own && !facts.is("workload", &["crash", "restarts"])
}

/// Only of what the chart did before: in strict mode nothing came before.
fn is_own_fault(facts: &Facts) -> bool {
    facts.sign == Sign::OwnPart && facts.opinion.whose != Whose::Now
}

/// Attributes everything that a gate says. Asked again after time was weighed, since what is overdue is another
/// finding than what waits.
pub(super) fn attribute(gate: &'static str, judgement: &mut Judgement, corroboration: &Corroboration) {
    for opinion in judgement.opinions.iter_mut().filter(|opinion| opinion.verdict > Verdict::Passed) {
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
        sign: blame::sign(&opinion.message),
        canary: issuer.and_then(|issuer| corroboration.canary(issuer)),
        own_canary_failed: corroboration.own_canary_failed(),
        issuers_in_trouble: corroboration.issuers_in_trouble(),
        of_same_issuer: issuer.map_or(0, |issuer| corroboration.in_trouble(issuer, opinion.overdue)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::resources::IssuerReference;
    use crate::gate::opinion::Target;

    fn target() -> Target {
        Target::named("X", None, "x")
    }

    fn decided(gate: &'static str, opinion: Opinion, corroboration: &Corroboration) -> (Verdict, Cause) {
        let mut judgement = Judgement { opinions: vec![opinion], facts: Vec::new() };
        attribute(gate, &mut judgement, corroboration);
        (judgement.opinions[0].verdict, judgement.opinions[0].cause)
    }

    #[test]
    fn every_rule_and_owner_has_its_row() {
        use Cause::{Environment, Release, Unknown};
        use Verdict::{Failed, Passed, Waiting};
        let failed = |rule, message: &str| Opinion::failed(rule, target(), message);
        let table = [
            ("workload", failed("crash", "exit code 1"), (Failed, Release)),
            ("workload", failed("crash", "exit code 1: dial tcp: connection refused"), (Failed, Release)),
            ("workload", failed("image", "manifest unknown"), (Failed, Release)),
            ("workload", failed("image", "dial tcp 1.2.3.4:443: i/o timeout"), (Failed, Environment)),
            ("workload", failed("image", "toomanyrequests: pull rate limit"), (Failed, Environment)),
            ("workload", failed("rollout", "0 of 1 pods are updated"), (Failed, Unknown)),
            ("workload", failed("schedule", "0/3 nodes are available"), (Failed, Unknown)),
            ("workload", failed("not-ready", "0 of 1 pods are available"), (Failed, Release)),
            ("workload", failed("other-image", "runs x"), (Failed, Unknown)),
            ("lease", failed("holder", "nobody holds it"), (Failed, Release)),
            ("webhook", failed("no-answer", "dial tcp: connection refused"), (Failed, Release)),
            ("webhook", failed("api", "is forbidden"), (Failed, Environment)),
            ("api-server", failed("silent", "down"), (Failed, Environment)),
            ("crds", failed("recreated", "was deleted"), (Failed, Unknown)),
            ("crds", failed("established", "Established=False"), (Failed, Release)),
            ("ca-bundle", failed("empty", "caBundle is empty"), (Failed, Release)),
            ("reissue", failed("reissue", "9 of 9"), (Failed, Environment)),
            ("canary", failed("request", "boom").points_to(Release), (Failed, Release)),
            ("canary", failed("request", "boom"), (Failed, Unknown)),
            ("order", failed("failed", "errored").of(Whose::Known), (Failed, Unknown)),
            ("order", failed("failed", "errored: 429 rateLimited").of(Whose::Known), (Failed, Environment)),
            ("order", failed("failed", "errored: dial tcp").of(Whose::Known), (Failed, Environment)),
            ("order", failed("failed", "errored").of(Whose::New), (Passed, Unknown)),
            ("order", failed("failed", "errored").of(Whose::Edited), (Passed, Unknown)),
            ("order", failed("failed", "errored").of(Whose::InFlight), (Passed, Unknown)),
            ("order", failed("failed", "errored").of(Whose::Before), (Passed, Unknown)),
            ("certificate", failed("worse", "x").of(Whose::External), (Passed, Environment)),
            ("certificate", failed("broken", "x").of(Whose::Now), (Failed, Unknown)),
            ("certificate-request", failed("denied", "policy").of(Whose::Known), (Passed, Environment)),
            ("certificate-request", failed("denied", "policy").of(Whose::Now), (Failed, Unknown)),
            (
                "certificate-request",
                Opinion::waiting("open", target(), "pending").of(Whose::Known).holds_settle(),
                (Waiting, Unknown),
            ),
            (
                "certificate-request",
                Opinion { overdue: true, ..failed("open", "pending").of(Whose::Known) },
                (Passed, Unknown),
            ),
            ("settle", failed("time", "x"), (Failed, Unknown)),
        ];
        for (gate, opinion, expected) in table {
            let told = format!("{gate} {opinion:?}");
            assert_eq!(decided(gate, opinion, &Corroboration::default()), expected, "{told}");
        }
    }

    #[test]
    fn others_that_fail_alike_are_evidence_and_a_canary_that_passed_is_too() {
        let issuer = |name: &str| IssuerReference {
            name: name.to_owned(),
            kind: "ClusterIssuer".to_owned(),
            group: "cert-manager.io".to_owned(),
        };
        let known = || Opinion::failed("failed", target(), "errored").of(Whose::Known).issuer(&issuer("le"));
        let overdue = || Opinion { overdue: true, ..known() };
        let with = |words: &[(&str, CanaryWord)], failing: &[(&str, usize)]| {
            Corroboration::with(words, failing.iter().map(|(name, count)| (issuer(name), *count)).collect())
        };
        let passed = [("ClusterIssuer/le", CanaryWord::Issued)];
        let not_issued = [("ClusterIssuer/le", CanaryWord::Failed)];
        let own_failed = [("self-signed", CanaryWord::Failed)];
        let table = [
            (known(), with(&passed, &[("le", 1)]), (Verdict::Passed, Cause::Environment)),
            (known(), with(&passed, &[("le", 2)]), (Verdict::Failed, Cause::Unknown)),
            (known(), with(&not_issued, &[("le", 1)]), (Verdict::Failed, Cause::Unknown)),
            (known(), with(&own_failed, &[("le", 1)]), (Verdict::Failed, Cause::Release)),
            (known(), with(&[], &[("le", 1), ("ca", 1)]), (Verdict::Failed, Cause::Release)),
            (overdue(), with(&not_issued, &[("le", 1)]), (Verdict::Failed, Cause::Unknown)),
            (overdue(), with(&passed, &[("le", 1)]), (Verdict::Passed, Cause::Environment)),
        ];
        for (row, (opinion, corroboration, expected)) in table.into_iter().enumerate() {
            assert_eq!(decided("order", opinion, &corroboration), expected, "row {row}");
        }
    }

    #[test]
    fn the_last_row_fits_everything_and_every_row_has_its_own_words() {
        let words: std::collections::BTreeSet<&str> = ROWS.iter().map(|row| row.words).collect();
        assert_eq!(words.len(), ROWS.len());
        let last = &ROWS[ROWS.len() - 1];
        assert_eq!((last.effect, last.cause), (Effect::Blocks, Cause::Unknown));
    }
}
