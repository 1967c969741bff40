//! What our own fresh evidence, and the number of those in trouble, say about one finding. Computed once for each
//! look; pure.

use std::collections::BTreeMap;

use super::canary::{self, has_second_try, is_issued};
use super::certificate;
use super::chain;
use super::context::Context;
use super::seen::{Canary, RefusedBy, Seen, State};
use super::whose::Whose;
use crate::certmanager::resources::{Condition, IssuerReference, condition};
use crate::certmanager::states::{self, RequestResult};

/// How far the canary of an issuer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CanaryWord {
    /// It was issued.
    Issued,
    /// It failed, or was refused.
    Failed,
    /// Neither yet.
    Open,
}

/// What corroborates, or contradicts.
#[derive(Debug, Clone, Default)]
pub(super) struct Corroboration {
    /// By the issuer as `Kind/name`.
    canaries: BTreeMap<String, CanaryWord>,
    own: Option<CanaryWord>,
    /// Certificates that worked before and fail now, by issuer.
    failing: BTreeMap<IssuerReference, usize>,
    /// Those that worked before and whose issuance is under way, by issuer.
    open: BTreeMap<IssuerReference, usize>,
}

impl Corroboration {
    /// From what is seen now.
    pub(super) fn of(seen: &Seen, context: &Context) -> Self {
        let mut all = Self::default();
        for canary in &seen.canaries {
            let word = word(seen, canary);
            if canary.is_own() {
                all.own = Some(word);
            }
            all.canaries.insert(canary.issuer.clone(), word);
        }
        if context.strict() || !seen.certificates.is_listed() {
            return all;
        }
        for certificate in seen.certificates.iter() {
            if chain::whose(seen, certificate, context) != Some(Whose::Known) {
                continue;
            }
            let issuer = normal(&certificate.spec.issuer_ref);
            if certificate::got_worse(certificate, context).is_some() {
                *all.failing.entry(issuer).or_default() += 1;
            } else if condition(&certificate.status.conditions, "Issuing").is_some_and(Condition::is_true) {
                *all.open.entry(issuer).or_default() += 1;
            }
        }
        all
    }

    /// What the canary of `issuer` says; nothing where none was asked for.
    pub(super) fn canary(&self, issuer: &IssuerReference) -> Option<CanaryWord> {
        let named = |name: &str| {
            let mut parts = name.split('/');
            parts.next() == Some(issuer.kind()) && parts.next_back() == Some(issuer.name.as_str())
        };
        self.canaries.iter().find(|(name, _)| named(name)).map(|(_, word)| *word)
    }

    pub(super) fn own_canary_failed(&self) -> bool {
        self.own == Some(CanaryWord::Failed)
    }

    /// How many issuers have Certificates that worked before and fail now.
    pub(super) fn issuers_in_trouble(&self) -> usize {
        self.failing.len()
    }

    /// How many Certificates of `issuer` worked before and fail now; with `hanging`, or are not issued yet.
    pub(super) fn in_trouble(&self, issuer: &IssuerReference, hanging: bool) -> usize {
        let issuer = normal(issuer);
        let count = |of: &BTreeMap<IssuerReference, usize>| of.get(&issuer).copied().unwrap_or(0);
        count(&self.failing) + if hanging { count(&self.open) } else { 0 }
    }
}

#[cfg(test)]
impl Corroboration {
    pub(super) fn with(canaries: &[(&str, CanaryWord)], failing: BTreeMap<IssuerReference, usize>) -> Self {
        let own =
            canaries.iter().find(|(issuer, _)| *issuer == super::seen::SELF_SIGNED).map(|(_, word)| *word);
        let canaries = canaries.iter().map(|(issuer, word)| ((*issuer).to_owned(), *word)).collect();
        Self { canaries, own, failing, open: BTreeMap::new() }
    }
}

/// Defaults written out, so that two ways to write one issuer are one.
fn normal(issuer: &IssuerReference) -> IssuerReference {
    let group = if issuer.group.is_empty() { "cert-manager.io" } else { &issuer.group };
    IssuerReference { kind: issuer.kind().to_owned(), group: group.to_owned(), name: issuer.name.clone() }
}

fn word(seen: &Seen, one: &Canary) -> CanaryWord {
    let target = match &one.state {
        State::Created(target) => target,
        // A policy says nothing about who signs.
        State::Refused(refusal) if refusal.by == RefusedBy::Policy => return CanaryWord::Open,
        State::Refused(_) => return CanaryWord::Failed,
        State::Asked => return CanaryWord::Open,
    };
    let Some(certificate) = canary::certificate(seen, target) else {
        return CanaryWord::Open;
    };
    if is_issued(certificate) {
        return CanaryWord::Issued;
    }
    let results = || chain::requests_of(seen, certificate).map(states::result);
    if results().any(|result| result == RequestResult::Denied) {
        return CanaryWord::Open;
    }
    let bad = results().any(RequestResult::is_bad);
    let failed = bad || certificate.status.last_failure_time.is_some();
    if failed && !has_second_try(one) { CanaryWord::Failed } else { CanaryWord::Open }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gate::baseline::CertificateState;
    use crate::gate::opinion::Target;
    use crate::gate::tests::{World, certificate, with_status};

    fn issuer(kind: &str, name: &str) -> IssuerReference {
        IssuerReference { name: name.to_owned(), kind: kind.to_owned(), group: String::new() }
    }

    #[test]
    fn the_canary_of_the_same_issuer_is_found_however_it_is_written() {
        let canary = |issuer: &str, uid: &str| {
            let target = Target { uid: Some(uid.to_owned()), ..Target::named("Certificate", None, uid) };
            let first_failure = Some("boom".to_owned());
            Canary { first_failure, ..Canary::new(issuer, false, State::Created(target)) }
        };
        let failed = json!({"lastFailureTime": "2026-01-01T00:00:00Z"});
        let seen = Seen {
            canaries: vec![
                canary("ClusterIssuer/le", "a"),
                canary("Issuer/web/ca", "b"),
                canary("self-signed", "c"),
            ],
            certificates: [certificate("a", None), with_status(certificate("b", None), &failed)]
                .into_iter()
                .collect(),
            ..Seen::default()
        };
        let found = Corroboration::of(&seen, &World::new(vec![]).context());
        assert_eq!(found.canary(&issuer("ClusterIssuer", "le")), Some(CanaryWord::Issued));
        assert_eq!(found.canary(&issuer("", "ca")), Some(CanaryWord::Failed));
        assert_eq!(found.canary(&issuer("Issuer", "le")), None);
        assert!(!found.own_canary_failed(), "it is not seen yet");
    }

    #[test]
    fn those_in_trouble_are_counted_by_issuer() {
        let mut world = World::new(vec![]);
        let mut now = Vec::new();
        for (uid, name) in [("a", "one"), ("b", "one"), ("c", "two"), ("d", "")] {
            let mut one = certificate(uid, Some(1));
            one.spec.issuer_ref = issuer("ClusterIssuer", name);
            world.baseline.certificates.insert(uid.to_owned(), CertificateState::of(&one));
            let failed = json!({"conditions": [{"type": "Ready", "status": "True"}], "lastFailureTime": "2026-01-01T00:00:00Z"});
            now.push(if name.is_empty() { one } else { with_status(one, &failed) });
        }
        let seen = Seen { certificates: now.into_iter().collect(), ..Seen::default() };
        let found = Corroboration::of(&seen, &world.context());
        let in_trouble = |name| found.in_trouble(&issuer("ClusterIssuer", name), false);
        assert_eq!((in_trouble("one"), in_trouble("two"), found.issuers_in_trouble()), (2, 1, 2));
    }
}
