//! Why a canary is not issued: the deepest link of its chain that says so. What a policy or an approver decided is
//! no failure, and nothing that a configured issuer does is the release's fault. Pure.

use std::time::Duration;

use super::chain_line::progress;
use crate::certmanager::blame::{self, Sign};
use crate::certmanager::resources::{Certificate, CertificateRequest, Challenge, Object, Order, condition};
use crate::certmanager::states::{self, RequestResult};
use crate::gate::chain;
use crate::gate::context::Context;
use crate::gate::opinion::{Opinion, Target};
use crate::gate::order;
use crate::gate::seen::{Canary, Seen};
use crate::gate::verdict::{Cause, Verdict};

/// A proof that cannot be put in place: clouds throttle for minutes, and Route 53 may take two for one try.
const TROUBLE: Duration = Duration::from_mins(5);
/// cert-manager makes Challenges as soon as an Order is accepted.
const NO_CHALLENGE: Duration = Duration::from_mins(1);
/// An approver needs seconds.
const APPROVAL: Duration = Duration::from_mins(1);

/// What to do about a policy that stands in a canary's way.
pub(super) fn advice(own: bool) -> &'static str {
    if own {
        "allow `release-canary-*` in the policy, or name an issuer that it allows in `canary.issuers` and switch our own off with `canary.self-signed: false`"
    } else {
        "allow `release-canary-*` in the policy, or give the canary the form that it wants with `canary.certificate` and `canary.dns-name`"
    }
}

/// One canary, and everything that belongs to it.
struct Unissued<'s> {
    seen: &'s Seen,
    canary: &'s Canary,
    certificate: &'s Certificate,
    context: &'s Context<'s>,
}

/// The deepest link of the chain that says why, else how far it is.
pub(super) fn not_issued(
    seen: &Seen,
    canary: &Canary,
    certificate: &Certificate,
    context: &Context,
) -> Opinion {
    let unissued = Unissued { seen, canary, certificate, context };
    let requests: Vec<&CertificateRequest> = chain::requests_of(seen, certificate).collect();
    let orders: Vec<&Order> = requests.iter().flat_map(|request| chain::orders_of(seen, request)).collect();
    let challenges: Vec<&Challenge> =
        orders.iter().flat_map(|order| chain::challenges_of(seen, order)).collect();
    let from_order = || orders.iter().find_map(|order| of_order(seen, order, context));
    let failed = from_order().filter(|opinion| opinion.verdict == Verdict::Failed);
    failed
        .or_else(|| requests.iter().find_map(|request| unissued.of_request(request)))
        .or_else(|| challenges.iter().find_map(|challenge| of_challenge(seen, challenge, context)))
        .or_else(from_order)
        .or_else(|| unissued.of_certificate())
        .unwrap_or_else(|| unissued.under_way())
}

impl Unissued<'_> {
    fn of_request(&self, request: &CertificateRequest) -> Option<Opinion> {
        let (result, target) = (states::result(request), Target::of(request));
        let message = states::explained(request);
        match result {
            RequestResult::Denied => Some(self.denied(target, &message)),
            RequestResult::Unapproved => Some(self.unapproved(target, &message)),
            bad if bad.is_bad() => {
                let cause = self.cause(&message);
                Some(Opinion::failed("request", target, message).points_to(cause))
            }
            _ => None,
        }
    }

    fn of_certificate(&self) -> Option<Opinion> {
        let status = &self.certificate.status;
        let issuing = condition(&status.conditions, "Issuing").filter(|issuing| issuing.status == "False")?;
        status.last_failure_time.as_ref()?;
        let target = Target::of(self.certificate);
        let message = format!("Issuing=False ({}): {}", issuing.reason, issuing.message);
        if issuing.reason == "Denied" {
            return Some(self.denied(target, &message));
        }
        let cause = self.cause(&message);
        Some(Opinion::failed("issuing", target, message).points_to(cause))
    }

    fn denied(&self, target: Target, message: &str) -> Opinion {
        let told = format!("{message}; {}", advice(self.canary.is_own()));
        Opinion::inconclusive("denied", target, told).points_to(Cause::Environment)
    }

    fn unapproved(&self, target: Target, message: &str) -> Opinion {
        let opinion = Opinion::waiting("unapproved", target, message).points_to(Cause::Environment);
        let meaning = if self.context.approver_disabled() {
            "cert-manager's own approver is switched off, and no policy of another one approves the canary: allow `release-canary-*`, name another issuer, or set `canary.self-signed: false`"
        } else {
            "no approver decided; is another one than cert-manager's in charge?"
        };
        opinion.grace(APPROVAL).then_inconclusive().meaning(meaning)
    }

    /// Our own self-signed issuer needs nothing but the controller; what others need may be missing elsewhere.
    fn cause(&self, message: &str) -> Cause {
        match blame::sign(message) {
            Sign::Outside | Sign::RateLimit => Cause::Environment,
            Sign::OwnPart | Sign::Nothing if self.canary.is_own() => Cause::Release,
            Sign::OwnPart | Sign::Nothing => Cause::Unknown,
        }
    }

    fn under_way(&self) -> Opinion {
        let message = format!("is not issued yet{}", progress(self.seen, self.certificate));
        let target = Target::of(self.certificate);
        if self.canary.acme {
            let opinion = Opinion::waiting("issued", target, message).points_to(Cause::Environment);
            return opinion.chain(self.context.settings.acme_timeout);
        }
        let opinion = Opinion::waiting("issued", target, message);
        if self.canary.is_own() { opinion.points_to(Cause::Release) } else { opinion }
    }
}

fn of_order(seen: &Seen, order: &Order, context: &Context) -> Option<Opinion> {
    let (target, status) = (Target::of(order), &order.status);
    if states::is_failed(&status.state) {
        let message = format!("{}: {}{}", status.state, status.reason, chain::challenges_say(seen, order));
        return Some(Opinion::failed("failed", target, message).points_to(Cause::Environment));
    }
    match (status.state.as_str(), status.url.is_empty()) {
        ("", true) => Some(order::not_accepted(target).points_to(Cause::Environment)),
        ("pending", false) if !has_challenges(seen, order) => Some(no_challenge(seen, order, context)),
        _ => None,
    }
}

fn has_challenges(seen: &Seen, order: &Order) -> bool {
    seen.challenged.contains(order.uid()) || chain::challenges_of(seen, order).next().is_some()
}

/// cert-manager says in an event only that no solver fits, and tries nothing until the issuer or the Order changes.
/// What else keeps it from making a Challenge, its log alone knows.
fn no_challenge(seen: &Seen, order: &Order, context: &Context) -> Opinion {
    let of_this =
        seen.solver_errors.iter().filter(|event| event.involved_object.uid.as_deref() == Some(order.uid()));
    let last = of_this.max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
    let said = last.and_then(|event| event.message.as_deref());
    let names = order.spec.dns_names.join(", ");
    let told = said.map(|said| format!(": {said}")).unwrap_or_default();
    let message = format!("accepted, but no Challenge is made for {names}{told}");
    let opinion = Opinion::waiting("solver", Target::of(order), message);
    let opinion = opinion.chain(NO_CHALLENGE.min(context.settings.acme_timeout));
    match said {
        Some(_) => {
            opinion.points_to(Cause::Environment).meaning("does a solver of the issuer select the name?")
        }
        None => opinion.meaning("the controller's log says why; may it create Challenges?"),
    }
}

/// A reason that stays while the proof is not in place is an answer, like three tries that failed. The same
/// rule, so that the time counts from the first sign.
fn of_challenge(seen: &Seen, challenge: &Challenge, context: &Context) -> Option<Opinion> {
    let status = &challenge.status;
    let open = !states::is_final(&status.state) && !status.presented;
    let troubled = open && !status.reason.is_empty() && !states::is_propagating(&status.reason);
    let message = || format!("{} for {}: {}", challenge.spec.kind, challenge.spec.dns_name, status.reason);
    let trouble = || troubled.then(|| Opinion::waiting("present", Target::of(challenge), message()));
    let limit = TROUBLE.min(context.settings.acme_timeout);
    let opinion = order::not_presented(seen, challenge, context).or_else(trouble)?;
    Some(opinion.chain(limit).points_to(Cause::Environment))
}
