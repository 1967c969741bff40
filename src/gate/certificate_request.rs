//! The requests that matter are issued, or on their way. What is history, and what was broken before the
//! upgrade, does not block.

use std::time::Duration;

use super::approval;
use super::chain;
use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::seen::Seen;
use super::verdict::Cause;
use super::whose::Whose;
use crate::certmanager::resources::{CertificateRequest, IssuerReference, Object};
use crate::certmanager::states::{self, RequestResult};

/// cert-manager's own approver answers at once.
const APPROVAL: Duration = Duration::from_mins(1);

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    if !seen.requests.is_listed() || !seen.certificates.is_listed() {
        return judgement;
    }
    let (mut issued, mut open, mut ignored) = (seen.requests.usual(), 0, 0);
    for request in seen.requests.iter() {
        let result = states::result(request);
        match chain::whose_request(seen, request, context) {
            None => ignored += 1,
            _ if result == RequestResult::Issued => issued += 1,
            Some(whose) => {
                open += usize::from(result.is_open());
                judgement.say(judge_one(seen, request, result, whose, context));
            }
        }
    }
    judgement
        .fact(format!("{issued} requests issued, {open} under way; {ignored} that do not matter any more"));
    judgement
}

fn judge_one(
    seen: &Seen,
    request: &CertificateRequest,
    result: RequestResult,
    whose: Whose,
    context: &Context,
) -> Opinion {
    let target = Target::of(request);
    let message = states::explained(request);
    let issuer = &request.spec.issuer_ref;
    if whose == Whose::Before {
        return Opinion::in_baseline("broken-before", target, message);
    }
    if result.is_bad() {
        let rule = if result == RequestResult::Denied { "denied" } else { "bad" };
        let whose = if had_ended_so(request, result, context) { Whose::Before } else { whose };
        return Opinion::failed(rule, target, message).of(whose).issuer(issuer);
    }
    if result == RequestResult::Unapproved && may_no_longer_be_approved(issuer, context) {
        let told = format!(
            "{message}; the chart's ClusterRole does not let cert-manager's approver decide for {} any more (approveSignerNames)",
            issuer.group
        );
        let opinion = Opinion::waiting("unapproved", target, told).since(created(request)).chain(APPROVAL);
        return opinion.holds_settle().points_to(Cause::Release);
    }
    if !issuer.is_internal() || (result == RequestResult::Unapproved && context.approver_disabled()) {
        return Opinion::remark("external", target, format!("{message} (not cert-manager's own to finish)"));
    }
    let (rule, limit) = match result {
        RequestResult::Unapproved => ("unapproved", APPROVAL),
        _ if is_acme(seen, request) => ("open", context.settings.acme_timeout),
        _ => ("open", context.settings.timeout),
    };
    let opinion = Opinion::waiting(rule, target, message).since(created(request)).chain(limit);
    opinion.holds_settle().of(whose).issuer(issuer)
}

/// Another controller signs, and cert-manager's own approver decided about it until the upgrade.
fn may_no_longer_be_approved(issuer: &IssuerReference, context: &Context) -> bool {
    let may = |signers| approval::approves_for(signers, &issuer.group);
    let own = issuer.is_internal() || context.approver_disabled() || context.strict();
    !own && may(&context.baseline.signers) && !may(&context.expected.signers)
}

fn had_ended_so(request: &CertificateRequest, result: RequestResult, context: &Context) -> bool {
    let before = context.baseline.requests.get(request.uid()).filter(|_| !context.strict());
    before.is_some_and(|before| {
        before.result == result.word() && before.failure_time == request.status.failure_time
    })
}

fn created(request: &CertificateRequest) -> Option<k8s_openapi::jiff::Timestamp> {
    request.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

/// It has an Order.
fn is_acme(seen: &Seen, request: &CertificateRequest) -> bool {
    chain::orders_of(seen, request).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::baseline::{CertificateState, OrderState, RequestState};
    use crate::gate::tests::{World, attributed, certificate, order, request};
    use crate::gate::verdict::Verdict;
    use serde_json::{Value, json};

    fn failed() -> Value {
        json!([{"type": "Approved", "status": "True"}, {"type": "Ready", "status": "False", "reason": "Failed", "message": "boom"}])
    }

    fn pending() -> Value {
        json!([{"type": "Approved", "status": "True"}, {"type": "Ready", "status": "False", "reason": "Pending", "message": "wait"}])
    }

    fn issued() -> Value {
        json!([{"type": "Approved", "status": "True"}, {"type": "Ready", "status": "True", "reason": "Issued"}])
    }

    fn judged(world: &World, requests: Vec<CertificateRequest>) -> Judgement {
        let seen = Seen {
            certificates: [certificate("c", Some(3))].into_iter().collect(),
            requests: requests.into_iter().collect(),
            ..Seen::default()
        };
        attributed(world, "certificate-request", &seen, judge)
    }

    /// A world in which the Certificate was healthy before.
    fn healthy() -> World {
        let mut world = World::new(vec![]);
        world.baseline.certificates.insert("c".to_owned(), CertificateState::of(&certificate("c", Some(3))));
        world
    }

    #[test]
    fn every_role_and_result_has_its_verdict() {
        let table = [
            ("superseded, failed", request("r", Some("c"), "2", &failed()), Verdict::Passed, 0),
            ("current, issued", request("r", Some("c"), "3", &issued()), Verdict::Passed, 0),
            ("next, failed", request("r", Some("c"), "4", &failed()), Verdict::Failed, 1),
            (
                "next, denied",
                request("r", Some("c"), "4", &json!([{"type": "Denied", "status": "True"}])),
                Verdict::Passed,
                1,
            ),
            (
                "next, invalid",
                request("r", Some("c"), "4", &json!([{"type": "InvalidRequest", "status": "True"}])),
                Verdict::Failed,
                1,
            ),
            ("next, pending", request("r", Some("c"), "4", &pending()), Verdict::Passed, 1),
            ("next, unapproved", request("r", Some("c"), "4", &json!([])), Verdict::Passed, 1),
            ("anomaly, failed", request("r", Some("c"), "9", &failed()), Verdict::Failed, 1),
            ("owner gone, failed", request("r", Some("gone"), "1", &failed()), Verdict::Passed, 0),
            ("standalone, failed", request("r", None, "", &failed()), Verdict::Passed, 1),
            ("standalone, issued", request("r", None, "", &issued()), Verdict::Passed, 0),
        ];
        for (name, request, verdict, opinions) in table {
            let judgement = judged(&healthy(), vec![request]);
            assert_eq!((judgement.verdict(), judgement.opinions.len()), (verdict, opinions), "{name}");
        }
    }

    #[test]
    fn what_was_broken_before_does_not_block() {
        let bad = request("r", Some("c"), "4", &failed());
        let mut same = healthy();
        same.baseline
            .requests
            .insert("r".to_owned(), RequestState::of(&bad, crate::certmanager::states::Role::Next));
        let judgement = judged(&same, vec![bad.clone()]);
        assert_eq!((judgement.verdict(), judgement.opinions[0].is_baseline()), (Verdict::Passed, true));

        // Another try of a Certificate that failed before is no regression, though the request is new.
        let mut broken = healthy();
        broken.baseline.certificates.get_mut("c").unwrap().last_failure_time =
            Some("2026-01-01T00:00:00Z".to_owned());
        assert_eq!(judged(&broken, vec![bad.clone()]).verdict(), Verdict::Passed);

        // Without an upgrade everything counts as it is.
        for world in [&mut same, &mut broken] {
            world.subject.fresh = false;
            assert_eq!(judged(world, vec![bad.clone()]).verdict(), Verdict::Failed);
        }
    }

    #[test]
    fn a_standalone_request_of_before_is_nobodys_business() {
        let bad = request("r", None, "", &failed());
        let mut world = healthy();
        world
            .baseline
            .requests
            .insert("r".to_owned(), RequestState::of(&bad, crate::certmanager::states::Role::Standalone));
        assert!(judged(&world, vec![bad]).opinions.is_empty());
    }

    #[test]
    fn whose_it_is_decides_whether_it_blocks() {
        let bad = || request("r", Some("c"), "4", &failed());
        let found = |world: &World, request| {
            let opinion = judged(world, vec![request]).opinions.remove(0);
            (opinion.verdict, opinion.cause)
        };
        assert_eq!(found(&healthy(), bad()), (Verdict::Failed, Cause::Unknown));
        assert_eq!(found(&World::new(vec![]), bad()), (Verdict::Passed, Cause::Unknown), "made since");
        let (mut edited, mut begun) = (healthy(), healthy());
        edited.baseline.certificates.get_mut("c").unwrap().generation = Some(7);
        begun.baseline.certificates.get_mut("c").unwrap().issuing = true;
        assert_eq!(found(&edited, bad()).0, Verdict::Passed);
        assert_eq!(found(&begun, bad()).0, Verdict::Passed);
        let says = |message: &str| {
            let conditions =
                json!([{"type": "Ready", "status": "False", "reason": "Failed", "message": message}]);
            request("r", Some("c"), "4", &conditions)
        };
        let limited = says("429 urn:ietf:params:acme:error:rateLimited");
        assert_eq!(found(&healthy(), limited), (Verdict::Failed, Cause::Environment));
        let sealed = says("Vault failed to sign: Code: 503. Errors: * Vault is sealed");
        assert_eq!(found(&healthy(), sealed), (Verdict::Failed, Cause::Environment));
        let forbidden = says(
            "orders is forbidden: User \"system:serviceaccount:cert-manager:cert-manager\" cannot create",
        );
        assert_eq!(found(&healthy(), forbidden), (Verdict::Failed, Cause::Release));
    }

    #[test]
    fn an_external_signer_is_not_waited_for() {
        let mut external = request("r", Some("c"), "4", &pending());
        external.spec.issuer_ref.group = "awspca.cert-manager.io".to_owned();
        assert_eq!(judged(&healthy(), vec![external]).opinions[0].verdict, Verdict::Passed);
    }

    /// Each row: whether the approver might decide for that group before, and may now.
    #[test]
    fn an_approver_that_loses_a_signer_is_the_charts_doing() {
        let role = |name: &str| {
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "approve"},
                "rules": [{"resources": ["signers"], "verbs": ["approve"], "resourceNames": [name]}]})
        };
        let (pca, own) = ("pcas.awspca.example.com/*", "issuers.cert-manager.io/*");
        for (before, after, expected) in [
            (pca, own, (Verdict::Waiting, Cause::Release)),
            (pca, pca, (Verdict::Passed, Cause::Unknown)),
            (own, own, (Verdict::Passed, Cause::Unknown)),
        ] {
            let mut world = World::new(vec![role(after)]);
            let mut known = certificate("c", Some(3));
            known.spec.issuer_ref.group = "awspca.example.com".to_owned();
            world.baseline.certificates.insert("c".to_owned(), CertificateState::of(&known));
            world.baseline.remember_signers(&World::new(vec![role(before)]).subject);
            let mut unapproved = request("r", Some("c"), "4", &json!([]));
            unapproved.spec.issuer_ref = known.spec.issuer_ref.clone();
            let seen = Seen {
                certificates: [known].into_iter().collect(),
                requests: [unapproved].into_iter().collect(),
                ..Seen::default()
            };
            let opinion = attributed(&world, "certificate-request", &seen, judge).opinions.remove(0);
            assert_eq!((opinion.verdict, opinion.cause), expected, "{before} {after}");
        }
    }

    #[test]
    fn a_request_that_was_open_before_is_in_nobodys_way() {
        let open = request("r", Some("c"), "4", &pending());
        let mut world = healthy();
        assert_eq!(judged(&world, vec![open.clone()]).opinions[0].verdict, Verdict::Waiting);
        world
            .baseline
            .requests
            .insert("r".to_owned(), RequestState::of(&open, crate::certmanager::states::Role::Next));
        let opinion = judged(&world, vec![open]).opinions.remove(0);
        assert_eq!((opinion.verdict, opinion.because), (Verdict::Passed, "its issuance had begun before"));
    }

    #[test]
    fn what_the_version_before_left_does_not_block_after_a_rollback() {
        let errored = order("o", "r", &json!({"state": "errored"}));
        let pending = request("r", Some("c"), "4", &pending());
        let bad = request("r", Some("c"), "4", &failed());
        // Each row: the request and the Order in the baseline.
        let table = [
            ("it had failed", Some(&bad), false, Verdict::Passed),
            ("it was pending, its Order had failed", Some(&pending), true, Verdict::Passed),
            ("only its Order was there", None, true, Verdict::Passed),
            ("it was pending", Some(&pending), false, Verdict::Passed),
            ("it is new", None, false, Verdict::Failed),
        ];
        for (name, before, order_failed, expected) in table {
            let mut world = healthy();
            let baseline = &mut world.baseline;
            baseline.requests.extend(before.map(|before| {
                ("r".to_owned(), RequestState::of(before, crate::certmanager::states::Role::Next))
            }));
            if order_failed {
                let state = OrderState::of(&errored, "errored", "", true);
                baseline.orders.insert("o".to_owned(), state);
            }
            let seen = Seen {
                certificates: [certificate("c", Some(3))].into_iter().collect(),
                requests: [bad.clone()].into_iter().collect(),
                orders: [errored.clone()].into_iter().collect(),
                ..Seen::default()
            };
            let judgement = attributed(&world, "certificate-request", &seen, judge);
            assert_eq!(judgement.verdict(), expected, "{name}");
        }
    }
}
