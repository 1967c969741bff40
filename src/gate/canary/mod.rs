//! A fresh issuance: the only proof that the new version issues. Everything else was Ready from before.
//!
//! A canary is a Certificate of our own with a name that no earlier run had. One that is self-signed always
//! runs; others as configured, side by side. It carries its run and revision: it is deleted when the gates of
//! that run have passed, and otherwise by [`Canaries`] once its chain has been looked at. Finalizers are
//! never stripped.

mod chain_line;
mod clean_up;
mod create;
mod objects;
mod preflight;

use std::time::Duration;

use chain_line::{chain_line, progress};
pub(super) use clean_up::namespaces;
pub use clean_up::{Canaries, LeftCanary};
pub(super) use create::start;
pub use preflight::preflight;

use super::chain;
use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::order;
use super::seen::{Canary, Seen, State};
use super::verdict::{Cause, Verdict};
use crate::certmanager::blame::{self, Sign};
use crate::certmanager::resources::{
    Certificate, CertificateRequest, Challenge, Condition, Object, Order, condition,
};
use crate::certmanager::states::{self, RequestResult};

/// A Challenge whose proof is not in place, with a reason, may be a hiccup for so long.
const TROUBLE: Duration = Duration::from_mins(5);

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    let expected = 1 + context.settings.canary.issuers.len();
    for canary in &seen.canaries {
        match &canary.state {
            State::Refused(message, cause) => {
                let target = Target::named("canary", None, &canary.issuer);
                judgement.say(Opinion::failed("refused", target, message).points_to(*cause));
            }
            State::Created(target) => judge_one(&mut judgement, seen, canary, target, context),
        }
    }
    if seen.canaries.len() < expected {
        let target = Target::named("canary", None, "Certificates");
        judgement.say(Opinion::waiting(
            "created",
            target,
            format!("{} of {expected} are created", seen.canaries.len()),
        ));
    } else if !seen.canaries.iter().any(|canary| canary.acme) {
        judgement.fact("ACME not proven: no ACME issuer is configured for the canary");
    }
    judgement
}

/// An issuance by ACME went through, with a new Challenge.
pub(super) fn acme_proven(seen: &Seen) -> bool {
    let acme = seen.canaries.iter().filter(|canary| canary.acme);
    let certificates = acme.filter_map(|canary| {
        if let State::Created(target) = &canary.state {
            seen.certificates.get(target.uid.as_deref()?)
        } else {
            None
        }
    });
    certificates.into_iter().any(|certificate| is_issued(certificate) && is_challenged(seen, certificate))
}

fn judge_one(judgement: &mut Judgement, seen: &Seen, canary: &Canary, target: &Target, context: &Context) {
    let Some(certificate) = target.uid.as_deref().and_then(|uid| seen.certificates.get(uid)) else {
        return judgement.say(Opinion::waiting("seen", target.clone(), "created, not seen yet"));
    };
    judgement.fact(format!("{}: {}", canary.issuer, chain_line(seen, certificate)));
    if !is_issued(certificate) {
        return judgement.say(not_issued(seen, canary, certificate, context));
    }
    match (canary.acme, is_challenged(seen, certificate)) {
        (false, _) => {}
        (true, true) => {
            judgement.fact(format!("ACME proven: {} was issued with a new Challenge", canary.issuer));
        }
        (true, false) => {
            let message =
                "issued without a new Challenge: the CA reused an older proof, so this proves nothing";
            let opinion = Opinion::inconclusive("reused", target.clone(), message);
            judgement.say(opinion.points_to(Cause::Environment));
        }
    }
}

fn is_issued(certificate: &Certificate) -> bool {
    let ready = condition(&certificate.status.conditions, "Ready");
    let current = ready
        .and_then(|ready| ready.observed_generation)
        .is_none_or(|observed| Some(observed) >= certificate.metadata.generation);
    current && ready.is_some_and(Condition::is_true)
}

/// A Challenge was seen, or the Order says that it began with a name that was not proven.
fn is_challenged(seen: &Seen, certificate: &Certificate) -> bool {
    let mut orders =
        chain::requests_of(seen, certificate).flat_map(|request| chain::orders_of(seen, request));
    let began_unproven = |order: &Order| {
        order.status.authorizations.iter().any(|authorization| authorization.initial_state == "pending")
    };
    orders.any(|order| {
        order.status.state == "valid" && (seen.challenged.contains(order.uid()) || began_unproven(order))
    })
}

/// The deepest link of the chain that says why, else how far it is.
fn not_issued(seen: &Seen, canary: &Canary, certificate: &Certificate, context: &Context) -> Opinion {
    let requests: Vec<&CertificateRequest> = chain::requests_of(seen, certificate).collect();
    let orders: Vec<&Order> = requests.iter().flat_map(|request| chain::orders_of(seen, request)).collect();
    let challenges: Vec<&Challenge> =
        orders.iter().flat_map(|order| chain::challenges_of(seen, order)).collect();
    let from_challenge = || {
        challenges.iter().find_map(|challenge| {
            order::not_presented(seen, challenge, context)
                .map(|opinion| opinion.points_to(Cause::Environment))
                .or_else(|| trouble(challenge, context))
        })
    };
    let from_order = || orders.iter().find_map(|order| of_order(seen, order));
    let from_request = || requests.iter().find_map(|request| of_request(request, canary));
    let failed = from_order().filter(|opinion| opinion.verdict == Verdict::Failed);
    let found = failed
        .or_else(from_request)
        .or_else(from_challenge)
        .or_else(from_order)
        .or_else(|| of_certificate(certificate, canary));
    found.unwrap_or_else(|| under_way(seen, canary, certificate, context))
}

fn of_order(seen: &Seen, order: &Order) -> Option<Opinion> {
    let (target, status) = (Target::of(order), &order.status);
    if states::is_failed(&status.state) {
        let message = format!("{}: {}{}", status.state, status.reason, chain::challenges_say(seen, order));
        return Some(Opinion::failed("failed", target, message).points_to(Cause::Environment));
    }
    (status.state.is_empty() && status.url.is_empty())
        .then(|| order::not_accepted(target).points_to(Cause::Environment))
}

fn of_request(request: &CertificateRequest, canary: &Canary) -> Option<Opinion> {
    let result = states::result(request);
    let message = states::explained(request);
    if result.is_bad() {
        let cause = cause(canary, &message);
        return Some(Opinion::failed("request", Target::of(request), message).points_to(cause));
    }
    (result == RequestResult::Unapproved)
        .then(|| Opinion::waiting("unapproved", Target::of(request), message).grace(Duration::from_mins(1)))
}

fn of_certificate(certificate: &Certificate, canary: &Canary) -> Option<Opinion> {
    let issuing =
        condition(&certificate.status.conditions, "Issuing").filter(|issuing| issuing.status == "False")?;
    certificate.status.last_failure_time.as_ref()?;
    let message = format!("Issuing=False ({}): {}", issuing.reason, issuing.message);
    let cause = cause(canary, &message);
    Some(Opinion::failed("issuing", Target::of(certificate), message).points_to(cause))
}

/// Our own self-signed issuer needs nothing but the controller; what others need may be missing elsewhere.
fn cause(canary: &Canary, message: &str) -> Cause {
    match blame::sign(message) {
        Sign::Outside | Sign::RateLimit => Cause::Environment,
        Sign::OwnPart | Sign::Nothing if canary.is_own() => Cause::Release,
        Sign::OwnPart | Sign::Nothing => Cause::Unknown,
    }
}

/// A reason while the proof is not in place: cert-manager tries again, but a reason that stays is an answer.
/// The same rule as three failed tries, so that the time counts from the first sign.
fn trouble(challenge: &Challenge, context: &Context) -> Option<Opinion> {
    let status = &challenge.status;
    let open = !states::is_final(&status.state) && !status.presented;
    let troubled = open && !status.reason.is_empty() && !states::is_propagating(&status.reason);
    let message = format!("{} for {}: {}", challenge.spec.kind, challenge.spec.dns_name, status.reason);
    troubled.then(|| {
        Opinion::waiting("present", Target::of(challenge), message)
            .chain(TROUBLE.min(context.settings.acme_timeout))
            .points_to(Cause::Environment)
    })
}

fn under_way(seen: &Seen, canary: &Canary, certificate: &Certificate, context: &Context) -> Opinion {
    let message = format!("is not issued yet{}", progress(seen, certificate));
    let target = Target::of(certificate);
    if canary.acme {
        Opinion::waiting("issued", target, message)
            .chain(context.settings.acme_timeout)
            .points_to(Cause::Environment)
    } else {
        Opinion::waiting("issued", target, message)
    }
}

#[cfg(test)]
mod tests;
