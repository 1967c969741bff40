//! No Certificate is worse off than before the upgrade, and none has vanished.

use std::collections::BTreeSet;
use std::time::Duration;

use super::baseline::CertificateState;
use super::chain;
use super::context::Context;
use super::mark;
use super::mass::{NAMED, is_many};
use super::opinion::{Judgement, Opinion, Target};
use super::seen::Seen;
use super::whose::Whose;
use crate::certmanager::resources::{Certificate, Condition, Object, condition, of_title};
use crate::certmanager::states;
use crate::several::first_of;

/// Between two writes of its status a Certificate may look worse than it is.
const BETWEEN_WRITES: Duration = Duration::from_secs(30);

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    if !seen.certificates.is_listed() {
        return judgement;
    }
    let (mut ready, mut others) = (0, 0);
    for certificate in seen.certificates.iter() {
        let now = CertificateState::of(certificate);
        if let Some(whose) = chain::whose(seen, certificate, context) {
            if now.ready {
                ready += 1;
            } else {
                others += 1;
            }
            judgement.opinions.extend(judge_one(certificate, &now, whose, context));
        }
        judgement.opinions.extend(left_behind(certificate, context));
    }
    judgement.opinions.extend(vanished(seen, context));
    judgement.fact(format!("{ready} certificates are Ready, {others} are not"));
    judgement
}

fn judge_one(
    certificate: &Certificate,
    now: &CertificateState,
    whose: Whose,
    context: &Context,
) -> Option<Opinion> {
    let opinion = match whose {
        Whose::Before => now
            .is_broken()
            .then(|| Opinion::in_baseline("broken-before", Target::of(certificate), says(certificate))),
        Whose::Now => broken_now(certificate, now, context),
        _ => worse(certificate, now, context),
    };
    opinion.map(|opinion| opinion.of(whose).issuer(&certificate.spec.issuer_ref))
}

fn worse(certificate: &Certificate, now: &CertificateState, context: &Context) -> Option<Opinion> {
    let target = || Target::of(certificate);
    if let Some(worse) = got_worse(certificate, context) {
        return Some(Opinion::failed("worse", target(), format!("{worse}: {}", says(certificate))));
    }
    let was_ready = context.baseline.certificates.get(certificate.uid()).is_some_and(|before| before.ready);
    // What a new version reads differently is the business of the gate `reissue`, one or all of them.
    if now.ready || !was_ready || states::is_unexpected_issuing(&now.reason) {
        return None;
    }
    let message = format!("it was Ready before: {}", says(certificate));
    let opinion = Opinion::waiting("not-ready", target(), message);
    Some(if now.issuing {
        opinion.chain(context.settings.acme_timeout).holds_settle()
    } else {
        opinion.grace(BETWEEN_WRITES)
    })
}

/// A canary that renews itself for ever when nobody deletes it.
fn left_behind(certificate: &Certificate, context: &Context) -> Option<Opinion> {
    let run = mark::run_of(&certificate.metadata).filter(|run| *run != context.mark.run())?;
    let message = format!("is a canary of run {run}; unless that run still goes on, the next one deletes it");
    Some(Opinion::remark("canary", Target::of(certificate), message))
}

/// What failed since the baseline was taken, in the Certificate's own words; of a new one, what failed at all.
pub(super) fn got_worse(certificate: &Certificate, context: &Context) -> Option<&'static str> {
    let before = context.baseline.certificates.get(certificate.uid());
    let now = &certificate.status;
    let last_failure = before.and_then(|before| before.last_failure_time.as_ref());
    let attempts = before.and_then(|before| before.attempts).unwrap_or(0);
    if now.last_failure_time.is_some() && now.last_failure_time.as_ref() != last_failure {
        Some("its issuance failed")
    } else if now.failed_issuance_attempts.unwrap_or(0) > attempts {
        Some("another attempt to issue it failed")
    } else {
        None
    }
}

/// Without an upgrade there is nothing to compare with: what is broken is broken.
fn broken_now(certificate: &Certificate, now: &CertificateState, context: &Context) -> Option<Opinion> {
    let target = Target::of(certificate);
    if now.is_broken() {
        return Some(Opinion::failed("broken", target, says(certificate)));
    }
    let created = certificate.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let first = || Opinion::waiting("issuing", target, says(certificate));
    (!now.ready).then(|| first().chain(context.settings.acme_timeout).holds_settle().since(created))
}

/// The conditions in words.
fn says(certificate: &Certificate) -> String {
    let status = &certificate.status;
    let words = ["Ready", "Issuing"].iter().filter_map(|kind| condition(&status.conditions, kind)).map(words);
    let failures = status.last_failure_time.iter().map(|at| {
        let attempts = status
            .failed_issuance_attempts
            .map(|attempts| format!(", {attempts} failed attempts"))
            .unwrap_or_default();
        format!("last failure {at}{attempts}")
    });
    let said: Vec<String> = words.chain(failures).collect();
    if said.is_empty() { "has no conditions".to_owned() } else { said.join("; ") }
}

fn words(condition: &Condition) -> String {
    format!("{}={} ({}): {}", condition.kind, condition.status, condition.reason, condition.message)
}

/// A user may delete a Certificate at any time, or a namespace with all of its own. What is gone beside others that
/// stay is counted; all of them at once are gone with their CRD or their release.
fn vanished(seen: &Seen, context: &Context) -> Option<Opinion> {
    let before = &context.baseline.certificates;
    let is_here = |uid: &String| seen.certificates.get(uid).is_some();
    let alive: BTreeSet<&str> =
        before.iter().filter(|(uid, _)| is_here(uid)).map(|(_, state)| state.namespace()).collect();
    let missing: Vec<&CertificateState> =
        before.iter().filter(|(uid, _)| !is_here(uid)).map(|(_, state)| state).collect();
    let beside = missing.iter().filter(|state| alive.contains(state.namespace())).count();
    let gone: Vec<&str> = missing.iter().map(|state| state.title.as_str()).collect();
    let (kind, namespace, name) = of_title(gone.first()?);
    let target = Target::named(kind, namespace, name);
    let message = format!(
        "{} of {} certificates are gone or were created again: {}",
        gone.len(),
        before.len(),
        first_of(&gone, NAMED)
    );
    let all = alive.is_empty() && gone.len() > 1;
    Some(if all || is_many(beside, before.len()) {
        Opinion::failed("vanished", target, message)
    } else {
        Opinion::remark("vanished", target, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::states::Role;
    use crate::gate::baseline::{OrderState, RequestState};
    use crate::gate::mark::Mark;
    use crate::gate::tests::{World, attributed, certificate, order, request, with_status};
    use crate::gate::verdict::Verdict;
    use serde_json::{Value, json};

    fn ready(status: &str) -> Value {
        json!([{"type": "Ready", "status": status, "reason": "X", "message": "m"}])
    }

    fn judged(before: Option<&Value>, now: &Value, fresh: bool) -> Judgement {
        let mut world = World::new(vec![]);
        world.subject.fresh = fresh;
        if let Some(before) = before {
            world
                .baseline
                .certificates
                .insert("c".to_owned(), CertificateState::of(&with_status(certificate("c", None), before)));
        }
        let seen = Seen {
            certificates: [with_status(certificate("c", None), now)].into_iter().collect(),
            ..Seen::default()
        };
        attributed(&world, "certificate", &seen, judge)
    }

    #[test]
    fn only_what_got_worse_fails() {
        let good = json!({"conditions": ready("True")});
        let bad = json!({"conditions": ready("False")});
        let failed = |at: &str, attempts: i64| json!({"conditions": ready("True"), "lastFailureTime": at, "failedIssuanceAttempts": attempts});
        let edited =
            json!({"conditions": [{"type": "Ready", "status": "False", "reason": "RequestChanged"}]});
        let table = [
            ("read differently: the gate reissue counts it", Some(good.clone()), edited, Verdict::Passed),
            ("stays ready", Some(good.clone()), good.clone(), Verdict::Passed),
            ("not ready any more", Some(good.clone()), bad.clone(), Verdict::Waiting),
            ("renewal failed", Some(good.clone()), failed("2026-01-01T00:00:00Z", 1), Verdict::Failed),
            (
                "failed before, and again",
                Some(failed("2026-01-01T00:00:00Z", 1)),
                failed("2026-01-01T01:00:00Z", 2),
                Verdict::Passed,
            ),
            ("was never ready", Some(bad.clone()), bad.clone(), Verdict::Passed),
            ("recovered", Some(bad.clone()), good, Verdict::Passed),
            ("new, not issued yet", None, bad, Verdict::Passed),
            ("new, failed", None, failed("2026-01-01T00:00:00Z", 1), Verdict::Passed),
        ];
        for (name, before, now, expected) in table {
            assert_eq!(judged(before.as_ref(), &now, true).verdict(), expected, "{name}");
        }
    }

    #[test]
    fn without_an_upgrade_what_is_broken_fails() {
        let bad = json!({"conditions": ready("False")});
        assert_eq!(judged(Some(&bad), &bad, false).verdict(), Verdict::Failed);
        let issuing = json!({"conditions": [{"type": "Ready", "status": "False"}, {"type": "Issuing", "status": "True"}]});
        assert_eq!(judged(Some(&issuing), &issuing, false).verdict(), Verdict::Passed);
    }

    #[test]
    fn many_certificates_that_vanish_fail_and_one_is_remarked() {
        let world = |count: usize| {
            let mut world = World::new(vec![]);
            for index in 0..count {
                world
                    .baseline
                    .certificates
                    .insert(format!("u{index}"), CertificateState::of(&certificate("gone", None)));
            }
            world
        };
        let none = Seen { certificates: Vec::<Certificate>::new().into_iter().collect(), ..Seen::default() };
        assert_eq!(judge(&none, &world(1).context()).verdict(), Verdict::Passed);
        assert_eq!(judge(&none, &world(2).context()).verdict(), Verdict::Failed);
    }

    /// What the bad version left, seen by the gates after the rollback; the baseline was taken right before.
    #[test]
    fn what_failed_before_the_baseline_does_not_block() {
        let ready = |more: Value| {
            let mut status = json!({"revision": 3, "conditions": ready("True")});
            status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            status
        };
        let failed = ready(json!({"lastFailureTime": "2026-01-01T00:00:00Z", "failedIssuanceAttempts": 1}));
        let again = ready(json!({"lastFailureTime": "2026-01-01T01:00:00Z", "failedIssuanceAttempts": 2}));
        let lost = json!({"revision": 3, "conditions": ready_false()});
        // In each row the request (of the next revision, or an older one) and its Order had failed by then.
        let table = [
            ("failed, still so", failed.clone(), "4", (false, false), failed.clone(), Verdict::Passed),
            ("failed, tried again", failed, "4", (false, false), again.clone(), Verdict::Passed),
            ("not Ready, still so", lost.clone(), "4", (false, false), lost, Verdict::Passed),
            ("its request had failed", ready(json!({})), "4", (true, false), again.clone(), Verdict::Passed),
            ("its Order had failed", ready(json!({})), "4", (false, true), again.clone(), Verdict::Passed),
            (
                "an older request had failed",
                ready(json!({})),
                "2",
                (true, true),
                again.clone(),
                Verdict::Failed,
            ),
            ("nothing had failed", ready(json!({})), "4", (false, false), again, Verdict::Failed),
        ];
        for (name, before, revision, (request_failed, order_failed), now, expected) in table {
            let request = request(
                "r",
                Some("c"),
                revision,
                &json!([{"type": "Ready", "status": "False", "reason": "Failed"}]),
            );
            let order = order("o", "r", &json!({"state": "errored"}));
            let mut world = World::new(vec![]);
            let baseline = &mut world.baseline;
            baseline
                .certificates
                .insert("c".to_owned(), CertificateState::of(&with_status(certificate("c", None), &before)));
            if request_failed {
                baseline.requests.insert("r".to_owned(), RequestState::of(&request, Role::Next));
            }
            if order_failed {
                baseline.orders.insert("o".to_owned(), OrderState::of(&order, "errored", "", true));
            }
            let seen = Seen {
                certificates: [with_status(certificate("c", None), &now)].into_iter().collect(),
                requests: [request].into_iter().collect(),
                orders: [order].into_iter().collect(),
                ..Seen::default()
            };
            let judgement = attributed(&world, "certificate", &seen, judge);
            assert_eq!(judgement.verdict(), expected, "{name}");
            assert_eq!(judgement.opinions[0].is_baseline(), expected == Verdict::Passed, "{name}");
        }
    }

    fn ready_false() -> Value {
        ready("False")
    }

    #[test]
    fn a_canary_is_not_judged_and_one_of_another_run_is_remarked() {
        let world = World::new(vec![]);
        for (run, remarks) in [("this-run", 0), ("dead-run", 1)] {
            let mut canary = with_status(certificate("c", None), &json!({"conditions": ready_false()}));
            let labels = Mark::new(run, 1).labels();
            canary.metadata.labels = serde_json::from_value(labels).unwrap();
            let seen = Seen { certificates: [canary].into_iter().collect(), ..Seen::default() };
            let judgement = attributed(&world, "certificate", &seen, judge);
            assert_eq!((judgement.verdict(), judgement.opinions.len()), (Verdict::Passed, remarks), "{run}");
        }
    }
}
