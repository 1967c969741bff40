//! The upgrade does not issue everything again. A new version may read old specs and Secrets differently;
//! ACME limits are shared by all clusters, so a burst of issuances has to stop the fleet.

use std::collections::BTreeSet;

use super::baseline::CertificateState;
use super::chain;
use super::context::Context;
use super::mass::{NAMED, is_many};
use super::opinion::{Judgement, Opinion, Target};
use super::seen::{Meanwhile, Seen};
use crate::certmanager::domains::Domains;
use crate::certmanager::reissue::budget::ReissueBudget;
use crate::certmanager::reissue::counted::ReissuedCount;
use crate::certmanager::resources::{Certificate, Condition, Object, condition};
use crate::certmanager::states;
use crate::several::{first_of, repeated};

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    if !seen.certificates.is_listed() {
        return judgement;
    }
    let before = context.baseline.certificates.len();
    let again = again(seen, context);
    let Some((first, ..)) = again.first() else {
        judgement.fact(if context.strict() {
            "nothing came before that could be compared with".to_owned()
        } else {
            format!("none of {before} certificates was issued again without a reason of its own")
        });
        return judgement;
    };
    let (target, message) = (Target::of(*first), told(&again, before));
    let count = |why: Why| again.iter().filter(|(_, found, _)| *found == why).count();
    let is_mass = ReissueBudget(context.settings.max_reissue)
        .is_exceeded(count(Why::ReadDifferently), before)
        || is_many(count(Why::SecretChanged) + count(Why::Unseen), before);
    if count(Why::Unseen) > 0 && seen.meanwhile == Meanwhile::Asked {
        judgement.say(Opinion::waiting("reissue", target, message));
    } else if is_mass {
        judgement.say(Opinion::failed("reissue", target, message));
    } else {
        judgement.fact(message.clone());
        judgement.say(Opinion::remark("reissue", target, message));
    }
    judgement
}

fn told(again: &[(&Certificate, Why, String)], before: usize) -> String {
    let titles: Vec<String> = again.iter().map(|(certificate, ..)| certificate.title()).collect();
    let domains = by_domain(again.iter().map(|(certificate, ..)| *certificate));
    let reason = again.first().map(|(.., reason)| reason.as_str()).unwrap_or_default();
    format!(
        "{} of {before} certificates are issued again ({reason}): {}{}",
        again.len(),
        first_of(&titles, NAMED),
        domains.clause(),
    )
}

/// Why a Certificate is issued again that nobody has touched and that is not due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The new version reads the same specs and Secrets differently.
    ReadDifferently,
    /// Its Secret was deleted or emptied: one is a user's way to ask for a renewal, many are not.
    SecretChanged,
    /// Nobody saw why: many such are the version's, a few may be what users asked for.
    Unseen,
}

fn again<'s>(seen: &'s Seen, context: &Context) -> Vec<(&'s Certificate, Why, String)> {
    let before = &context.baseline.certificates;
    let ours = seen.certificates.iter().filter(|certificate| !chain::is_canary(&certificate.metadata));
    let shared = shared_secrets(seen);
    let found = ours.filter_map(|certificate| {
        let (why, reason) = unexpected(seen, certificate, before.get(certificate.uid())?)?;
        (!shared.contains(&secret(certificate))).then_some((certificate, why, reason))
    });
    found.collect()
}

fn secret(certificate: &Certificate) -> (&str, &str) {
    (certificate.metadata.namespace.as_deref().unwrap_or_default(), &certificate.spec.secret_name)
}

/// Two Certificates that write one Secret issue each other again for ever, whatever is upgraded.
fn shared_secrets(seen: &Seen) -> BTreeSet<(&str, &str)> {
    repeated(seen.certificates.iter().map(secret).filter(|(_, name)| !name.is_empty()))
}

fn by_domain<'s>(again: impl IntoIterator<Item = &'s Certificate>) -> Domains {
    Domains::of(again.into_iter().flat_map(|certificate| &certificate.spec.dns_names).map(String::as_str))
}

/// What the new version issues again by itself, for the sum over a fleet; what a user asked for is none of it.
pub(super) fn counted(seen: &Seen, context: &Context) -> Option<ReissuedCount> {
    if !seen.certificates.is_listed() || context.strict() {
        return None;
    }
    let again = again(seen, context);
    let found: Vec<&Certificate> = again
        .into_iter()
        .filter(|(_, why, _)| *why == Why::ReadDifferently)
        .map(|(found, ..)| found)
        .collect();
    let of = context.baseline.certificates.len();
    ReissuedCount::sum([&ReissuedCount { certificates: found.len(), of, domains: by_domain(found) }])
}

/// Why `certificate` is issued again, when neither its spec nor its age explains it.
fn unexpected(seen: &Seen, certificate: &Certificate, before: &CertificateState) -> Option<(Why, String)> {
    // What was broken is tried again, for whatever reason it had.
    if before.issuing || before.is_broken() || certificate.metadata.generation != before.generation {
        return None;
    }
    let mut reasons: Vec<&str> =
        seen.sightings.reasons(certificate.uid()).into_iter().flatten().map(String::as_str).collect();
    let ready = condition(&certificate.status.conditions, "Ready").filter(|ready| !ready.is_true());
    reasons.extend(ready.map(|ready| ready.reason.as_str()));
    if let Some(reason) = reasons.iter().find(|reason| states::is_unexpected_issuing(reason)) {
        return Some((Why::ReadDifferently, issuing_message(certificate, reason)));
    }
    if let Some(reason) = reasons.iter().find(|reason| states::is_secret_trouble(reason)) {
        return Some((Why::SecretChanged, issuing_message(certificate, reason)));
    }
    // The condition may have come and gone while a watch was cut; the revision stays.
    let grew = certificate.status.revision > before.revision;
    let due = before.renewal.zip(seen.server_time).is_none_or(|(renewal, now)| renewal <= now);
    let told = || format!("revision {:?}, and no renewal was due", certificate.status.revision.unwrap_or(0));
    (grew && reasons.is_empty() && !due).then(|| (Why::Unseen, told()))
}

fn issuing_message(certificate: &Certificate, reason: &str) -> String {
    let message = condition(&certificate.status.conditions, "Issuing")
        .filter(|issuing: &&Condition| issuing.reason == reason);
    message.map_or_else(|| reason.to_owned(), |issuing| format!("{reason}: {}", issuing.message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::tests::{World, attributed, certificate, with_status};
    use crate::gate::verdict::{Cause, Verdict};
    use serde_json::json;

    /// `count` of `of` certificates are seen to be issued for `reason`.
    fn judged(count: usize, of: usize, reason: &str) -> Judgement {
        let mut world = World::new(vec![]);
        let mut seen = Seen::default();
        let mut now = Vec::new();
        for index in 0..of {
            let uid = format!("c{index}");
            world
                .baseline
                .certificates
                .insert(uid.clone(), CertificateState::of(&certificate(&uid, Some(1))));
            let issuing = json!({"revision": 1, "conditions": [{"type": "Issuing", "status": "True", "reason": reason}]});
            if index < count {
                seen.sightings.note(&with_status(certificate(&uid, Some(1)), &issuing));
            }
            // The condition is gone again when the judge looks.
            now.push(certificate(&uid, Some(2)));
        }
        seen.certificates = now.into_iter().collect();
        attributed(&world, "reissue", &seen, judge)
    }

    #[test]
    fn two_or_more_than_one_percent_are_a_mass() {
        let table = [
            (0, 10, "RequestChanged", Verdict::Passed),
            (1, 10, "RequestChanged", Verdict::Failed),
            (1, 100, "RequestChanged", Verdict::Passed),
            (2, 1000, "IncorrectIssuer", Verdict::Failed),
            (9, 10, "Renewing", Verdict::Passed),
            (9, 10, "ManuallyTriggered", Verdict::Passed),
        ];
        for (count, of, reason, expected) in table {
            assert_eq!(judged(count, of, reason).verdict(), expected, "{count} of {of}: {reason}");
        }
        assert_eq!(judged(2, 3, "SecretMismatch").opinions[0].cause, Cause::Environment);
    }

    #[test]
    fn what_the_version_reads_in_another_way_is_counted_within_the_budget_too() {
        let mut world = World::new(vec![]);
        let mut seen = Seen::default();
        for (uid, reason) in [("a", "RequestChanged"), ("b", "MissingData"), ("c", "Renewing")] {
            let before = with_names(certificate(uid, Some(1)), uid);
            world.baseline.certificates.insert(uid.to_owned(), CertificateState::of(&before));
            let issuing = json!({"revision": 1, "conditions": [{"type": "Issuing", "status": "True", "reason": reason}]});
            seen.sightings.note(&with_status(before, &issuing));
        }
        let now = ["a", "b", "c"].map(|uid| with_names(certificate(uid, Some(2)), uid));
        seen.certificates = now.into_iter().collect();
        let found = counted(&seen, &world.context()).unwrap();
        assert_eq!(found.to_string(), "1 of 3 Certificates; names: 1 of example.com");
    }

    fn with_names(mut certificate: Certificate, name: &str) -> Certificate {
        certificate.spec.dns_names = vec![format!("{name}.example.com")];
        certificate
    }

    #[test]
    fn a_changed_spec_explains_an_issuance() {
        let mut world = World::new(vec![]);
        world.baseline.certificates.insert(
            "c".to_owned(),
            CertificateState { generation: Some(1), ..CertificateState::of(&certificate("c", Some(1))) },
        );
        let issuing = json!({"revision": 1, "conditions": [{"type": "Issuing", "status": "True", "reason": "RequestChanged"}]});
        let mut changed = with_status(certificate("c", Some(1)), &issuing);
        changed.metadata.generation = Some(2);
        let mut seen = Seen::default();
        seen.sightings.note(&changed);
        seen.certificates = [changed].into_iter().collect();
        assert_eq!(attributed(&world, "reissue", &seen, judge).verdict(), Verdict::Passed);
    }

    /// `count` of 10 Certificates have a newer revision, and nobody saw why.
    fn unseen(count: usize, renewal: &str, meanwhile: Meanwhile) -> Judgement {
        let mut world = World::new(vec![]);
        let mut now = Vec::new();
        for index in 0..10 {
            let uid = format!("c{index}");
            let before = CertificateState {
                renewal: Some(renewal.parse().unwrap()),
                ..CertificateState::of(&certificate(&uid, Some(1)))
            };
            world.baseline.certificates.insert(uid.clone(), before);
            now.push(certificate(&uid, Some(if index < count { 2 } else { 1 })));
        }
        let seen = Seen {
            certificates: now.into_iter().collect(),
            server_time: Some("2026-06-01T00:00:00Z".parse().unwrap()),
            meanwhile,
            ..Seen::default()
        };
        attributed(&world, "reissue", &seen, judge)
    }

    #[test]
    fn of_what_nobody_saw_only_many_are_the_versions_doing() {
        let (due, later) = ("2026-05-31T23:59:00Z", "2026-07-01T00:00:00Z");
        let table = [
            (9, due, Meanwhile::Known, Verdict::Passed),
            (5, later, Meanwhile::Known, Verdict::Passed),
            (5, later, Meanwhile::Unknown, Verdict::Passed),
            (6, later, Meanwhile::Unknown, Verdict::Failed),
            (6, later, Meanwhile::Known, Verdict::Failed),
            (1, later, Meanwhile::Asked, Verdict::Waiting),
            (6, later, Meanwhile::Asked, Verdict::Waiting),
        ];
        for (count, renewal, meanwhile, expected) in table {
            let found = unseen(count, renewal, meanwhile).verdict();
            assert_eq!(found, expected, "{count}, {renewal}, {meanwhile:?}");
        }
    }

    #[test]
    fn what_was_broken_or_under_way_before_may_be_issued_again() {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let issuing = json!([{"type": "Ready", "status": "False"}, {"type": "Issuing", "status": "True"}]);
        let table = [
            ("healthy", json!({"revision": 1, "conditions": ready}), Verdict::Failed),
            (
                "renewal failed",
                json!({"revision": 1, "conditions": ready, "lastFailureTime": "2026-01-01T00:00:00Z"}),
                Verdict::Passed,
            ),
            ("not Ready", json!({"revision": 1, "conditions": []}), Verdict::Passed),
            ("under way", json!({"revision": 1, "conditions": issuing}), Verdict::Passed),
        ];
        for (name, before, expected) in table {
            let mut world = World::new(vec![]);
            let before = CertificateState::of(&with_status(certificate("c", None), &before));
            world.baseline.certificates.insert("c".to_owned(), before);
            let issuing = json!({"revision": 1, "conditions": [{"type": "Issuing", "status": "True", "reason": "IncorrectIssuer"}]});
            let now = with_status(certificate("c", None), &issuing);
            let mut seen = Seen::default();
            seen.sightings.note(&now);
            seen.certificates = [now].into_iter().collect();
            assert_eq!(attributed(&world, "reissue", &seen, judge).verdict(), expected, "{name}");
        }
    }
}
