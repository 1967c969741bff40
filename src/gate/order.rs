//! The ACME Orders that matter are valid, or on their way, and no Challenge hangs.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::chain;
use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::seen::Seen;
use super::whose::Whose;
use crate::certmanager::blame::{self, Sign};
use crate::certmanager::resources::{Challenge, Object, Order};
use crate::certmanager::states;

/// The ACME server takes an Order within seconds, and cert-manager cleans a Challenge up within seconds.
const AT_ONCE: Duration = Duration::from_mins(2);
/// So many failures to present a proof are no accident.
const PRESENT_ERRORS: i32 = 3;
/// A provider that throttles passes after minutes, and Route 53 may take two for one try.
const PRESENTING: Duration = Duration::from_mins(5);

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    if !seen.orders.is_listed()
        || !seen.challenges.is_listed()
        || !seen.requests.is_listed()
        || !seen.certificates.is_listed()
    {
        return judgement;
    }
    let (mut valid, mut open, mut ignored) = (seen.orders.usual(), 0, 0);
    for order in seen.orders.iter() {
        match whose(seen, order, context) {
            None => ignored += 1,
            _ if order.status.state == "valid" => valid += 1,
            Some(whose) => {
                open += usize::from(!states::is_final(&order.status.state));
                judgement.opinions.extend(judge_order(seen, order, whose, context));
            }
        }
    }
    for challenge in seen.challenges.iter() {
        judgement.opinions.extend(judge_challenge(seen, challenge, context));
    }
    judgement.fact(format!("{valid} orders valid, {open} under way; {ignored} that do not matter any more"));
    judgement
}

fn whose(seen: &Seen, order: &Order, context: &Context) -> Option<Whose> {
    chain::whose_request(seen, chain::request_of(seen, order)?, context)
}

fn judge_order(seen: &Seen, order: &Order, whose: Whose, context: &Context) -> Option<Opinion> {
    let (target, status, issuer) = (Target::of(order), &order.status, &order.spec.issuer_ref);
    let before = context.baseline.orders.get(order.uid()).filter(|_| !context.strict());
    if states::is_failed(&status.state) {
        let message = format!("{}: {}{}", status.state, status.reason, chain::challenges_say(seen, order));
        let had_failed = before.is_some_and(|before| states::is_failed(&before.state));
        let limited = if blame::sign(&message) == Sign::RateLimit {
            "the CA limits the rate; every further cluster would make it worse: "
        } else {
            ""
        };
        let opinion = Opinion::failed("failed", target, format!("{limited}{message}"));
        return Some(opinion.of(if had_failed { Whose::Before } else { whose }).issuer(issuer));
    }
    if whose == Whose::Before {
        return None;
    }
    let unaccepted = status.state.is_empty() && status.url.is_empty();
    let opinion = || not_accepted(target).since(created(order)).holds_settle().of(whose).issuer(issuer);
    unaccepted.then(opinion)
}

/// Nothing in the Order says why; only the controller's log does.
pub(super) fn not_accepted(target: Target) -> Opinion {
    let opinion = Opinion::waiting("accepted", target, "the ACME server has not accepted it yet");
    opinion.chain(AT_ONCE).meaning("it cannot be reached, or the issuer's account is not registered")
}

fn judge_challenge(seen: &Seen, challenge: &Challenge, context: &Context) -> Option<Opinion> {
    let target = Target::of(challenge);
    let before = context.baseline.challenges.get(challenge.uid()).filter(|_| !context.strict());
    if let Some(deleted) = &challenge.metadata.deletion_timestamp {
        if before.is_some_and(|before| before.terminating) {
            return Some(Opinion::in_baseline("deletion", target, "its deletion hung before the upgrade"));
        }
        let message = format!(
            "its deletion hangs at a finalizer; cert-manager cannot clean up: {}",
            challenge.status.reason
        );
        if is_others_canary(seen, challenge, context) {
            return Some(Opinion::remark("canary", target, message));
        }
        let opinion = Opinion::waiting("deletion", target, message);
        let opinion = opinion.chain(AT_ONCE).holds_nothing().since(Some(deleted.0));
        let whose = if is_ours(seen, challenge, context) { Whose::Ours } else { strangers(context) };
        return Some(opinion.of(whose).issuer(&challenge.spec.issuer_ref));
    }
    let whose = whose(seen, chain::order_of(seen, challenge)?, context)?;
    if whose == Whose::Before || before.is_some() {
        return None;
    }
    let opinion = not_presented(seen, challenge, context)?.holds_settle();
    Some(opinion.of(whose).issuer(&challenge.spec.issuer_ref))
}

/// A Challenge that is deleted has often lost its owners already, so it cannot be told whose it was.
fn strangers(context: &Context) -> Whose {
    if context.strict() { Whose::Now } else { Whose::Known }
}

/// It proves a name of this run's own canary.
fn is_ours(seen: &Seen, challenge: &Challenge, context: &Context) -> bool {
    labelled(seen, challenge).any(|metadata| context.mark.is_on(metadata))
}

/// A canary that was made for another revision, or by a run that is over, proves nothing about this one.
fn is_others_canary(seen: &Seen, challenge: &Challenge, context: &Context) -> bool {
    labelled(seen, challenge).any(|metadata| chain::is_canary(metadata) && !context.mark.is_on(metadata))
}

/// What may carry the mark of a canary.
fn labelled<'s>(seen: &'s Seen, challenge: &'s Challenge) -> impl Iterator<Item = &'s ObjectMeta> {
    let of_order = chain::order_of(seen, challenge).map(|order| &order.metadata);
    std::iter::once(&challenge.metadata).chain(of_order)
}

/// The proof cannot be put in place, again and again: waiting for cert-manager's growing pauses would not
/// help.
pub(super) fn not_presented(seen: &Seen, challenge: &Challenge, context: &Context) -> Option<Opinion> {
    let (count, said) = chain::present_errors(seen, challenge)?;
    let pending = !states::is_final(&challenge.status.state) && !challenge.status.presented;
    let reason = if challenge.status.reason.is_empty() { said } else { &challenge.status.reason };
    let message = format!(
        "{} for {} cannot be presented ({count} tries): {reason}",
        challenge.spec.kind, challenge.spec.dns_name
    );
    let limit = PRESENTING.min(context.settings.acme_timeout);
    let opinion = || Opinion::waiting("present", Target::of(challenge), message).chain(limit);
    (pending && count >= PRESENT_ERRORS).then(opinion)
}

fn created(order: &Order) -> Option<k8s_openapi::jiff::Timestamp> {
    order.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::baseline::{CertificateState, OrderState};
    use crate::gate::mark::Mark;
    use crate::gate::opinion::{Holds, Limit};
    use crate::gate::tests::{World, attributed, certificate, challenge, order, present_error, request};
    use crate::gate::verdict::{Cause, Verdict};
    use serde_json::{Value, json};

    fn world() -> World {
        let mut world = World::new(vec![]);
        world.baseline.certificates.insert("c".to_owned(), CertificateState::of(&certificate("c", Some(3))));
        world
    }

    fn seen(orders: Vec<Order>, challenges: Vec<Challenge>) -> Seen {
        Seen {
            certificates: [certificate("c", Some(3))].into_iter().collect(),
            requests: [
                request("old", Some("c"), "2", &json!([])),
                request("next", Some("c"), "4", &json!([])),
            ]
            .into_iter()
            .collect(),
            orders: orders.into_iter().collect(),
            challenges: challenges.into_iter().collect(),
            ..Seen::default()
        }
    }

    fn status(state: &str) -> Value {
        json!({"state": state, "reason": "because", "url": "https://acme.example.com/order/1"})
    }

    #[test]
    fn every_state_of_an_order_has_its_verdict() {
        let table = [
            ("next", status("valid"), Verdict::Passed),
            ("next", status("pending"), Verdict::Passed),
            ("next", status("processing"), Verdict::Passed),
            ("next", status("invalid"), Verdict::Failed),
            ("next", status("expired"), Verdict::Failed),
            ("next", status("errored"), Verdict::Failed),
            ("old", status("errored"), Verdict::Passed),
            ("gone", status("errored"), Verdict::Passed),
        ];
        for (request, status, expected) in table {
            let judgement =
                attributed(&world(), "order", &seen(vec![order("o", request, &status)], vec![]), judge);
            assert_eq!(judgement.verdict(), expected, "{request} {status}");
        }
    }

    #[test]
    fn an_order_that_the_server_never_took_has_two_minutes() {
        let judgement =
            attributed(&world(), "order", &seen(vec![order("o", "next", &json!({}))], vec![]), judge);
        let opinion = &judgement.opinions[0];
        assert_eq!(
            (opinion.limit, opinion.holds, opinion.cause),
            (Limit::Chain(AT_ONCE), Holds::Settle, Cause::Environment)
        );
    }

    #[test]
    fn an_order_that_had_failed_before_is_reported_only() {
        let failed = order("o", "next", &status("errored"));
        let mut world = world();
        world.baseline.orders.insert("o".to_owned(), OrderState::of(&failed, "errored", "", true));
        let judgement = attributed(&world, "order", &seen(vec![failed], vec![]), judge);
        assert_eq!((judgement.verdict(), judgement.opinions[0].is_baseline()), (Verdict::Passed, true));
        world.subject.fresh = false;
        assert_eq!(
            attributed(&world, "order", &seen(vec![order("o", "next", &status("errored"))], vec![]), judge)
                .verdict(),
            Verdict::Failed
        );
    }

    #[test]
    fn a_rate_limit_is_the_environments_and_says_what_it_means() {
        let limited = json!({"state": "errored", "reason": "Failed to create Order: 429 urn:ietf:params:acme:error:rateLimited: too many"});
        let judgement =
            attributed(&world(), "order", &seen(vec![order("o", "next", &limited)], vec![]), judge);
        assert_eq!(judgement.opinions[0].cause, Cause::Environment);
        assert!(
            judgement.opinions[0].message.starts_with("the CA limits the rate"),
            "{}",
            judgement.opinions[0].message
        );
    }

    #[test]
    fn a_proof_that_cannot_be_presented_three_times_has_half_a_minute() {
        let pending = || order("o", "next", &status("pending"));
        let refused = json!({"reason": "DNS update failed. Server replied: REFUSED"});
        for (count, expected) in [(1, None), (2, None), (3, Some(Limit::Chain(PRESENTING)))] {
            let mut seen = seen(vec![pending()], vec![challenge("ch", "o", &refused)]);
            seen.present_errors = [present_error("ch", count)].into_iter().collect();
            let judgement = attributed(&world(), "order", &seen, judge);
            assert_eq!(judgement.opinions.first().map(|opinion| opinion.limit), expected, "{count}");
            if expected.is_some() {
                assert_eq!(
                    judgement.opinions[0].message,
                    "DNS-01 for x.example.com cannot be presented (3 tries): DNS update failed. Server replied: REFUSED"
                );
            }
        }
        let mut presented = seen(vec![pending()], vec![challenge("ch", "o", &json!({"presented": true}))]);
        presented.present_errors = [present_error("ch", 5)].into_iter().collect();
        assert!(judge(&presented, &world().context()).opinions.is_empty());
    }

    #[test]
    fn a_challenge_that_does_not_go_away_has_two_minutes() {
        let mut deleted = challenge("ch", "gone", &json!({}));
        deleted.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        let judgement = attributed(&world(), "order", &seen(vec![], vec![deleted]), judge);
        assert_eq!(
            (judgement.opinions[0].limit, judgement.opinions[0].holds),
            (Limit::Chain(AT_ONCE), Holds::Nothing)
        );
    }

    #[test]
    fn what_the_version_before_left_does_not_block_after_a_rollback() {
        // Each row: the state of the Order before, its state now.
        let table = [
            (Some("errored"), "errored", Verdict::Passed),
            (Some("invalid"), "errored", Verdict::Passed),
            (Some("pending"), "errored", Verdict::Failed),
            (None, "errored", Verdict::Failed),
        ];
        for (before, now, expected) in table {
            let mut world = world();
            let order = order("o", "next", &status(now));
            if let Some(before) = before {
                world.baseline.orders.insert("o".to_owned(), OrderState::of(&order, before, "", true));
            }
            let judgement = attributed(&world, "order", &seen(vec![order], vec![]), judge);
            let reported = judgement.opinions[0].is_baseline();
            assert_eq!(
                (judgement.verdict(), reported),
                (expected, expected == Verdict::Passed),
                "{before:?} {now}"
            );
        }
    }

    #[test]
    fn only_a_canary_of_this_revision_has_to_be_cleaned_up_in_time() {
        for (mark, limit) in [
            (Mark::new("this-run", 2), Limit::Chain(AT_ONCE)),
            (Mark::new("this-run", 1), Limit::Run),
            (Mark::new("dead-run", 2), Limit::Run),
        ] {
            let mut deleted = challenge("ch", "gone", &json!({}));
            deleted.metadata.deletion_timestamp =
                serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
            deleted.metadata.labels = serde_json::from_value(mark.labels()).unwrap();
            let judgement = attributed(&world(), "order", &seen(vec![], vec![deleted]), judge);
            assert_eq!(judgement.opinions[0].limit, limit, "{mark:?}");
            assert_eq!(judgement.verdict(), Verdict::Passed);
        }
    }
}
