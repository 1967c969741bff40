use std::time::Duration;

use serde_json::{Value, json};

use super::{acme_proven, judge};
use crate::gate::opinion::{Judgement, Limit, Target};
use crate::gate::seen::{Canary, Refusal, RefusedBy, Seen, State};
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
    let own_target = Target { uid: Some("own".to_owned()), ..target.clone() };
    let own = Canary::new("self-signed", false, State::Created(own_target));
    let canary = second(Canary::new("ClusterIssuer/letsencrypt", acme, State::Created(target)));
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

/// It has failed once.
fn second(canary: Canary) -> Canary {
    Canary { first_failure: Some("first".to_owned()), ..canary }
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
    let mut world = world();
    world.settings.canary.allow_reused = true;
    let accepted = judge(&reused, &world.context());
    assert_eq!((accepted.verdict(), acme_proven(&reused)), (Verdict::Passed, false));
    assert!(
        accepted.facts.iter().any(|fact| fact.contains("accepted as configured")),
        "{:?}",
        accepted.facts
    );
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
    let gave_up_denied = json!({"lastFailureTime": "2026-01-01T00:00:00Z", "conditions": [{"type": "Issuing", "status": "False", "reason": "Denied", "message": "policy"}]});
    let (run, minutes) = (Limit::Run, |minutes: u64| Limit::Chain(Duration::from_mins(minutes)));
    let grace = Limit::Grace(Duration::from_mins(1));
    let (failed_at_once, denied_at_once) = (Verdict::Failed, Verdict::Inconclusive);
    let (waits, outside, unknown) = (Verdict::Waiting, Cause::Environment, Cause::Unknown);
    let (null, open) = (Value::Null, not_ready());
    let n = || null.clone();
    let table = [
        (true, open.clone(), n(), n(), n(), waits, minutes(30), outside),
        (false, open.clone(), n(), n(), n(), waits, run, unknown),
        (true, open.clone(), json!([]), n(), n(), waits, grace, outside),
        (true, open.clone(), pending(), json!({}), n(), waits, minutes(2), outside),
        (true, open.clone(), pending(), accepted("pending"), n(), waits, minutes(1), unknown),
        (true, open.clone(), pending(), accepted("ready"), n(), waits, minutes(30), outside),
        (true, open.clone(), pending(), accepted("pending"), spreading, waits, minutes(30), outside),
        (true, open.clone(), pending(), accepted("pending"), refused, waits, minutes(5), outside),
        (true, open.clone(), pending(), accepted("errored"), n(), failed_at_once, run, outside),
        (true, open.clone(), denied.clone(), n(), n(), denied_at_once, run, outside),
        (false, open.clone(), denied, n(), n(), denied_at_once, run, outside),
        (false, open, failed, n(), n(), failed_at_once, run, unknown),
        (false, gave_up, n(), n(), n(), failed_at_once, run, unknown),
        (false, gave_up_denied, n(), n(), n(), denied_at_once, run, outside),
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
fn the_first_failure_accuses_nobody_but_at_an_acme_server() {
    let failed = json!([{"type": "Approved", "status": "True"}, {"type": "Ready", "status": "False", "reason": "Failed", "message": "boom"}]);
    let denied = json!([{"type": "Denied", "status": "True"}]);
    let table = [
        (false, &failed, Verdict::Waiting, "again"),
        (true, &failed, Verdict::Failed, "request"),
        (false, &denied, Verdict::Inconclusive, "denied"),
    ];
    for (acme, request, verdict, rule) in table {
        let mut seen = seen(acme, &not_ready(), request, &Value::Null, &Value::Null);
        seen.canaries[1].first_failure = None;
        let opinion = judged(&seen).opinions.remove(0);
        assert_eq!((opinion.verdict, opinion.rule), (verdict, rule), "{acme} {request}");
    }
}

#[test]
fn the_second_one_counts_and_says_what_the_first_one_met() {
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    let issued = json!([{"type": "Ready", "status": "True", "reason": "Issued"}]);
    let second = judged(&seen(false, &ready, &issued, &Value::Null, &Value::Null));
    assert_eq!(second.verdict(), Verdict::Passed);
    let told = "ClusterIssuer/letsencrypt: this is the second one; the first one failed (first)";
    assert!(second.facts.iter().any(|fact| fact == told), "{:?}", second.facts);
    let mut asked = seen(false, &not_ready(), &issued, &Value::Null, &Value::Null);
    asked.canaries[1].state = State::Asked;
    assert_eq!(judged(&asked).verdict(), Verdict::Waiting);
}

/// Our own canary alone, whose request is as given.
fn own(conditions: &Value) -> Judgement {
    let target = Target { uid: Some("own".to_owned()), ..Target::named("Certificate", Some("web"), "own") };
    let own = second(Canary::new("self-signed", false, State::Created(target)));
    let seen = Seen {
        canaries: vec![own],
        certificates: [with_status(certificate("own", None), &not_ready())].into_iter().collect(),
        requests: [request("r", Some("own"), "1", conditions)].into_iter().collect(),
        ..Seen::default()
    };
    attributed(&World::new(vec![]), "canary", &seen, judge)
}

#[test]
fn only_our_own_canary_accuses_the_release_and_only_of_what_is_not_outside_and_no_policy() {
    let approved = json!({"type": "Approved", "status": "True"});
    let failed = |message: &str| json!([approved, {"type": "Ready", "status": "False", "reason": "Failed", "message": message}]);
    let denied = json!([{"type": "Denied", "status": "True", "message": "no policy approved this request"}]);
    let table = [
        (failed("boom"), Verdict::Failed, Cause::Release, "boom"),
        (failed("dial tcp: i/o timeout"), Verdict::Failed, Cause::Environment, "dial tcp"),
        (denied, Verdict::Inconclusive, Cause::Environment, "`canary.self-signed: false`"),
    ];
    for (conditions, verdict, cause, told) in table {
        let judgement = own(&conditions);
        let opinion = &judgement.opinions[0];
        assert_eq!((opinion.verdict, opinion.cause), (verdict, cause), "{conditions}");
        assert!(opinion.message.contains(told), "{}", opinion.message);
    }
}

#[test]
fn a_request_that_nobody_approves_proves_nothing_in_the_end() {
    let judgement = own(&json!([]));
    let opinion = &judgement.opinions[0];
    assert_eq!((opinion.verdict, opinion.ends), (Verdict::Waiting, Verdict::Inconclusive));
    assert_eq!(opinion.limit, Limit::Grace(Duration::from_mins(1)));
}

#[test]
fn a_certificate_that_is_ready_before_its_order_is_waits_for_it() {
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    let issued = json!([{"type": "Approved", "status": "True"}, {"type": "Ready", "status": "True", "reason": "Issued"}]);
    for order in [Value::Null, accepted("processing")] {
        let judgement = judged(&seen(true, &ready, &issued, &order, &Value::Null));
        let opinion = &judgement.opinions[0];
        assert_eq!((opinion.verdict, opinion.ends), (Verdict::Waiting, Verdict::Inconclusive), "{order}");
        assert_eq!(opinion.limit, Limit::Grace(Duration::from_secs(20)), "{order}");
    }
}

#[test]
fn a_name_that_no_solver_selects_is_told_in_cert_managers_words() {
    let mut seen = seen(true, &not_ready(), &pending(), &accepted("pending"), &Value::Null);
    let silent = judged(&seen);
    assert_eq!((silent.opinions[0].rule, silent.opinions[0].points_to), ("solver", None), "nobody says why");
    let event = json!({
        "metadata": {"namespace": "web", "name": "e", "uid": "e"}, "reason": "Solver",
        "message": "Failed to determine a valid solver configuration", "involvedObject": {"kind": "Order", "uid": "o"},
    });
    seen.solver_errors = [serde_json::from_value(event).unwrap()].into_iter().collect();
    let judgement = judged(&seen);
    let opinion = &judgement.opinions[0];
    assert_eq!((opinion.rule, opinion.cause), ("solver", Cause::Environment));
    assert!(
        opinion.message.ends_with("Failed to determine a valid solver configuration"),
        "{}",
        opinion.message
    );
    seen.challenged.insert("o".to_owned());
    assert_eq!(judged(&seen).opinions[0].rule, "issued", "its Challenge is over");
}

#[test]
fn refused_dns_updates_fail_after_three_tries_and_five_minutes_and_name_the_reason() {
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
    let table = [
        (RefusedBy::Webhook, Verdict::Failed, Cause::Release),
        (RefusedBy::Policy, Verdict::Inconclusive, Cause::Environment),
        (RefusedBy::Settings, Verdict::Failed, Cause::Environment),
        (RefusedBy::Silence, Verdict::Failed, Cause::Environment),
        (RefusedBy::Other, Verdict::Failed, Cause::Unknown),
    ];
    for (by, verdict, cause) in table {
        let state = State::Refused(Refusal { message: "no".to_owned(), by });
        let refused = Canary::new("self-signed", false, state);
        let judgement = attributed(
            &World::new(vec![]),
            "canary",
            &Seen { canaries: vec![refused], ..Seen::default() },
            judge,
        );
        let opinion = &judgement.opinions[0];
        assert_eq!((opinion.verdict, opinion.cause), (verdict, cause), "{by:?}");
    }
}

#[test]
fn without_an_acme_issuer_the_report_says_so() {
    let target = Target { uid: Some("own".to_owned()), ..Target::named("Certificate", Some("web"), "own") };
    let own = Canary::new("self-signed", false, State::Created(target));
    let ready =
        with_status(certificate("own", None), &json!({"conditions": [{"type": "Ready", "status": "True"}]}));
    let seen = Seen { canaries: vec![own], certificates: [ready].into_iter().collect(), ..Seen::default() };
    let judgement = judge(&seen, &World::new(vec![]).context());
    assert_eq!(judgement.verdict(), Verdict::Passed);
    assert!(judgement.facts.iter().any(|fact| fact.starts_with("ACME not proven")), "{:?}", judgement.facts);
}
