//! A fresh issuance: the only proof that the new version issues. Everything else was Ready from before.
//!
//! A canary is a Certificate of our own with a name that no earlier run had. One that is self-signed runs unless
//! it is switched off; others as configured, side by side. It carries its run and revision: it is deleted when the gates of
//! that run have passed, and otherwise by [`Canaries`] once its chain has been looked at. Finalizers are
//! never stripped.

mod again;
mod asked;
mod chain_line;
mod clean_up;
mod create;
mod ingress;
mod needs;
mod objects;
mod preflight;
mod refusal;
mod rehearsal;
mod unissued;

use std::time::Duration;

pub(super) use again::{has_second_try, start as start_again};
use chain_line::chain_line;
pub(super) use clean_up::namespaces;
pub use clean_up::{Canaries, LeftCanary};
pub(super) use create::start;
pub(super) use needs::needs;
pub use preflight::{Forecast, preflight};
use unissued::{advice, not_issued};

use super::chain;
use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::seen::{Canary, Refusal, RefusedBy, Seen, State};
use super::verdict::{Cause, Verdict};
use crate::certmanager::resources::{Certificate, Condition, Object, Order, condition};
use crate::certmanager::states;

/// Watches of different kinds tell of one issuance a little apart.
const APART: Duration = Duration::from_secs(20);

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    let expected = context.settings.canary.count();
    for canary in &seen.canaries {
        match &canary.state {
            State::Refused(refusal) => judgement.say(refused(canary, refusal)),
            State::Created(target) => judge_one(&mut judgement, seen, canary, target, context),
            State::Asked => {
                let target = Target::named("canary", None, &canary.issuer);
                judgement.say(Opinion::waiting("created", target, "is being created a second time"));
            }
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

/// A policy says nothing about the release; only what our own canary met may be its fault.
fn refused(canary: &Canary, refusal: &Refusal) -> Opinion {
    let (target, message) = (Target::named("canary", None, &canary.issuer), &refusal.message);
    let cause = match refusal.by {
        RefusedBy::Policy => {
            let told = format!("{message}; {}", advice(canary.is_own()));
            return Opinion::inconclusive("policy", target, told).points_to(Cause::Environment);
        }
        RefusedBy::Webhook => Cause::Release,
        RefusedBy::Settings | RefusedBy::Silence => Cause::Environment,
        RefusedBy::Other => Cause::Unknown,
    };
    Opinion::failed("refused", target, message).points_to(cause)
}

/// An issuance by ACME went through, with a new Challenge.
pub(super) fn acme_proven(seen: &Seen) -> bool {
    let acme = seen.canaries.iter().filter(|canary| canary.acme);
    let certificates = acme.filter_map(|canary| {
        if let State::Created(target) = &canary.state { certificate(seen, target) } else { None }
    });
    certificates.into_iter().any(|certificate| is_issued(certificate) && is_challenged(seen, certificate))
}

fn judge_one(judgement: &mut Judgement, seen: &Seen, canary: &Canary, target: &Target, context: &Context) {
    let Some(certificate) = certificate(seen, target) else {
        return judgement.say(if canary.is_by_ingress() {
            ingress::unanswered(target)
        } else {
            Opinion::waiting("seen", target.clone(), "created, not seen yet")
        });
    };
    judgement.fact(format!("{}: {}", canary.issuer, chain_line(seen, certificate)));
    if let Some(failure) = &canary.first_failure {
        judgement
            .fact(format!("{}: this is the second one; the first one failed ({failure})", canary.issuer));
    }
    if !is_issued(certificate) {
        let opinion = not_issued(seen, canary, certificate, context);
        let again = opinion.verdict == Verdict::Failed && has_second_try(canary);
        return judgement.say(if again { again::waits(opinion) } else { opinion });
    }
    if canary.acme {
        judge_proof(judgement, seen, canary, certificate, target, context);
    }
}

/// The Certificate that was created, or that cert-manager made for an Ingress.
pub(super) fn certificate<'s>(seen: &'s Seen, target: &'s Target) -> Option<&'s Certificate> {
    let uid = target.uid.as_deref()?;
    seen.certificates.get(uid).or_else(|| seen.certificates.owned_by(uid).next())
}

/// An issued certificate proves ACME when its name was proven for it.
fn judge_proof(
    judgement: &mut Judgement,
    seen: &Seen,
    canary: &Canary,
    certificate: &Certificate,
    target: &Target,
    context: &Context,
) {
    let issuer = &canary.issuer;
    if is_challenged(seen, certificate) {
        return judgement.fact(format!("ACME proven: {issuer} was issued with a new Challenge"));
    }
    let orders: Vec<&Order> = orders(seen, certificate).collect();
    if orders.is_empty() || orders.iter().any(|order| !states::is_final(&order.status.state)) {
        let opinion =
            Opinion::waiting("order", target.clone(), "issued; its Order is not seen to be valid yet");
        let opinion = opinion.grace(APART).then_inconclusive();
        return judgement.say(opinion.points_to(Cause::Environment));
    }
    if context.settings.canary.allow_reused {
        let told = format!("{issuer} was issued by an earlier proof of its name: accepted as configured");
        return judgement.fact(told);
    }
    let message = "issued without a new Challenge: the CA reused an older proof, so this proves nothing; if its domains are validated beforehand, set canary.allow-reused";
    let opinion = Opinion::inconclusive("reused", target.clone(), message);
    judgement.say(opinion.points_to(Cause::Environment));
}

fn orders<'s>(seen: &'s Seen, certificate: &'s Certificate) -> impl Iterator<Item = &'s Order> {
    chain::requests_of(seen, certificate).flat_map(|request| chain::orders_of(seen, request))
}

pub(super) fn is_issued(certificate: &Certificate) -> bool {
    let ready = condition(&certificate.status.conditions, "Ready");
    let current = ready
        .and_then(|ready| ready.observed_generation)
        .is_none_or(|observed| Some(observed) >= certificate.metadata.generation);
    current && ready.is_some_and(Condition::is_true)
}

/// A Challenge was seen, or the Order says that it began with a name that was not proven.
fn is_challenged(seen: &Seen, certificate: &Certificate) -> bool {
    let began_unproven = |order: &Order| {
        order.status.authorizations.iter().any(|authorization| authorization.initial_state == "pending")
    };
    orders(seen, certificate).any(|order| {
        order.status.state == "valid" && (seen.challenged.contains(order.uid()) || began_unproven(order))
    })
}

#[cfg(test)]
mod tests;
