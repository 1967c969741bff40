use std::time::Duration;

use serde_json::{Value, json};

use super::{acme_proven, judge};
use crate::gate::opinion::{Judgement, Limit, Target};
use crate::gate::seen::{Canary, Seen, State};
use crate::gate::tests::{
    World, attributed, certificate, challenge, order, present_error, request, with_status,
};
use crate::gate::verdict::{Cause, Verdict};

/// A canary of an ACME issuer whose chain is in the given states; `null` leaves a link out.
fn seen(
    acme: bool,
    certificate_status: &Value,
    request_conditions: &Value,
    order_status: &Value,
    challenge_status: &Value,
) -> Seen {
    let target = Target { uid: Some("c".to_owned()), ..Target::named("Certificate", Some("web"), "c") };
    let own = Canary {
        issuer: "self-signed".to_owned(),
        acme: false,
        state: State::Created(Target { uid: Some("own".to_owned()), ..target.clone() }),
    };
    let canary =
        Canary { issuer: "ClusterIssuer/letsencrypt".to_owned(), acme, state: State::Created(target) };
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    Seen {
        canaries: vec![own, canary],
        certificates: [
            with_status(certificate("own", None), &ready),
            with_status(certificate("c", None), certificate_status),
        ]
        .into_iter()
        .collect(),
        requests: (!request_conditions.is_null())
            .then(|| request("r", Some("c"), "1", request_conditions))
            .into_iter()
            .collect(),
        orders: (!order_status.is_null()).then(|| order("o", "r", order_status)).into_iter().collect(),
        challenges: (!challenge_status.is_null())
            .then(|| challenge("ch", "o", challenge_status))
            .into_iter()
            .collect(),
        ..Seen::default()
    }
}

fn world() -> World {
    let mut world = World::new(vec![]);
    world.settings.canary.issuers = vec!["ClusterIssuer/letsencrypt".parse().unwrap()];
    world
}

fn judged(seen: &Seen) -> Judgement {
    attributed(&world(), "canary", seen, judge)
}

fn not_ready() -> Value {
    json!({"conditions": [{"type": "Ready", "status": "False", "reason": "DoesNotExist"}]})
}

fn pending() -> Value {
    json!([{"type": "Approved", "status": "True"}, {"type": "Ready", "status": "False", "reason": "Pending"}])
}

fn accepted(state: &str) -> Value {
    json!({"state": state, "url": "https://acme.example.com/1", "reason": "because"})
}

#[test]
fn an_issued_canary_passes_when_its_challenge_was_new() {
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    let issued = json!([{"type": "Approved", "status": "True"}, {"type": "Ready", "status": "True", "reason": "Issued"}]);
    let order = |initial: &str| json!({"state": "valid", "url": "u", "authorizations": [{"identifier": "x", "initialState": initial}]});
    assert_eq!(
        judged(&seen(true, &ready, &issued, &order("pending"), &Value::Null)).verdict(),
        Verdict::Passed
    );
    let reused = seen(true, &ready, &issued, &order("valid"), &Value::Null);
    assert_eq!((judged(&reused).verdict(), acme_proven(&reused)), (Verdict::Inconclusive, false));
    let mut watched = seen(true, &ready, &issued, &order("valid"), &Value::Null);
    watched.challenged.insert("o".to_owned());
    assert_eq!((judged(&watched).verdict(), acme_proven(&watched)), (Verdict::Passed, true));
}

#[test]
fn every_broken_link_has_its_verdict_and_cause() {
    let denied = json!([{"type": "Denied", "status": "True", "message": "policy"}]);
    let failed = json!([{"type": "Approved", "status": "True"}, {"type": "Ready", "status": "False", "reason": "Failed", "message": "boom"}]);
    let gave_up = json!({"lastFailureTime": "2026-01-01T00:00:00Z", "conditions": [{"type": "Issuing", "status": "False", "reason": "Failed", "message": "boom"}]});
    let refused = json!({"state": "pending", "reason": "DNS update failed. Server replied: REFUSED"});
    let spreading = json!({"state": "pending", "reason": "Waiting for DNS-01 challenge propagation: DNS record for \"x\" not yet propagated"});
    let (run, minutes) = (Limit::Run, |minutes: u64| Limit::Chain(Duration::from_mins(minutes)));
    let trouble = Limit::Chain(Duration::from_mins(5));
    let null = Value::Null;
    let table = [
        (
            true,
            not_ready(),
            null.clone(),
            null.clone(),
            null.clone(),
            Verdict::Waiting,
            minutes(30),
            Cause::Environment,
        ),
        (false, not_ready(), null.clone(), null.clone(), null.clone(), Verdict::Waiting, run, Cause::Unknown),
        (
            true,
            not_ready(),
            json!([]),
            null.clone(),
            null.clone(),
            Verdict::Waiting,
            Limit::Grace(Duration::from_mins(1)),
            Cause::Unknown,
        ),
        (
            true,
            not_ready(),
            pending(),
            json!({}),
            null.clone(),
            Verdict::Waiting,
            minutes(2),
            Cause::Environment,
        ),
        (
            true,
            not_ready(),
            pending(),
            accepted("pending"),
            null.clone(),
            Verdict::Waiting,
            minutes(30),
            Cause::Environment,
        ),
        (
            true,
            not_ready(),
            pending(),
            accepted("pending"),
            spreading,
            Verdict::Waiting,
            minutes(30),
            Cause::Environment,
        ),
        (
            true,
            not_ready(),
            pending(),
            accepted("pending"),
            refused,
            Verdict::Waiting,
            trouble,
            Cause::Environment,
        ),
        (
            true,
            not_ready(),
            pending(),
            accepted("errored"),
            null.clone(),
            Verdict::Failed,
            run,
            Cause::Environment,
        ),
        (true, not_ready(), denied, null.clone(), null.clone(), Verdict::Failed, run, Cause::Unknown),
        // What another issuer needs may be missing anywhere.
        (false, not_ready(), failed, null.clone(), null.clone(), Verdict::Failed, run, Cause::Unknown),
        (false, gave_up, null.clone(), null.clone(), null, Verdict::Failed, run, Cause::Unknown),
    ];
    for (acme, certificate, request, order, challenge, verdict, limit, cause) in table {
        let judgement = judged(&seen(acme, &certificate, &request, &order, &challenge));
        let opinion = judgement.opinions.first().unwrap();
        assert_eq!(
            (opinion.verdict, opinion.limit, opinion.cause),
            (verdict, limit, cause),
            "{request} {order} {challenge}"
        );
    }
}

#[test]
fn refused_dns_updates_fail_after_three_tries_and_some_minutes_and_name_the_reason() {
    let refused = json!({"state": "pending", "reason": "DNS update failed. Server replied: REFUSED"});
    let mut seen = seen(true, &not_ready(), &pending(), &accepted("pending"), &refused);
    seen.present_errors = [present_error("ch", 3)].into_iter().collect();
    let judgement = judged(&seen);
    let opinion = &judgement.opinions[0];
    assert_eq!((opinion.limit, opinion.cause), (Limit::Chain(Duration::from_mins(5)), Cause::Environment));
    assert_eq!(
        opinion.message,
        "DNS-01 for x.example.com cannot be presented (3 tries): DNS update failed. Server replied: REFUSED"
    );
    assert_eq!(
        judgement.facts[1],
        "ClusterIssuer/letsencrypt: Certificate web/c not Ready → CertificateRequest web/r pending → Order web/o pending (because) → \
         Challenge web/ch (DNS-01 x.example.com) pending (DNS update failed. Server replied: REFUSED)"
    );
}

#[test]
fn what_is_not_created_is_not_passed() {
    assert_eq!(judged(&Seen::default()).verdict(), Verdict::Waiting);
    let refused = Canary {
        issuer: "self-signed".to_owned(),
        acme: false,
        state: State::Refused("no".to_owned(), Cause::Release),
    };
    assert_eq!(judged(&Seen { canaries: vec![refused], ..Seen::default() }).verdict(), Verdict::Failed);
}

#[test]
fn without_an_acme_issuer_the_report_says_so() {
    let target = Target { uid: Some("own".to_owned()), ..Target::named("Certificate", Some("web"), "own") };
    let own = Canary { issuer: "self-signed".to_owned(), acme: false, state: State::Created(target) };
    let ready =
        with_status(certificate("own", None), &json!({"conditions": [{"type": "Ready", "status": "True"}]}));
    let seen = Seen { canaries: vec![own], certificates: [ready].into_iter().collect(), ..Seen::default() };
    let judgement = judge(&seen, &World::new(vec![]).context());
    assert_eq!(judgement.verdict(), Verdict::Passed);
    assert!(judgement.facts.iter().any(|fact| fact.starts_with("ACME not proven")), "{:?}", judgement.facts);
}
