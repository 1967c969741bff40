//! The issuers are Ready: each one that was before still is, for the spec that it has now.

use std::time::Duration;

use super::chain;
use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::seen::Seen;
use super::verdict::Cause;
use super::whose::Whose;
use crate::certmanager::resources::{Certificate, Condition, Issuer, Object, condition, of_title};

/// A namespace that is deleted loses its issuers before the Certificates that refer to them.
const WITH_ITS_NAMESPACE: Duration = Duration::from_secs(30);

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    if !seen.issuers.is_listed() || !seen.cluster_issuers.is_listed() {
        return judgement;
    }
    let mut ready = 0;
    let ours = |issuer: &&Issuer| !chain::is_canary(&issuer.metadata);
    let issuers = seen.issuers.iter().filter(ours).map(|issuer| state(issuer, &issuer.status.conditions));
    let cluster_issuers = seen.cluster_issuers.iter().map(|issuer| state(issuer, &issuer.status.conditions));
    for (target, generation, condition) in issuers.chain(cluster_issuers) {
        match judge_one(target, generation, condition, context) {
            None => ready += 1,
            Some(opinion) => judgement.say(opinion),
        }
    }
    judgement.opinions.extend(vanished(seen, context));
    judgement.fact(format!("{ready} issuers are Ready"));
    judgement
}

/// An issuer that was Ready and that somebody still refers to: its certificates fail at their next renewal.
fn vanished(seen: &Seen, context: &Context) -> Vec<Opinion> {
    let is_here = |uid: &str| seen.issuers.get(uid).is_some() || seen.cluster_issuers.get(uid).is_some();
    let before = context.baseline.issuers.iter().filter(|(uid, before)| before.ready && !is_here(uid));
    let gone = before.filter_map(|(_, before)| {
        let (kind, namespace, name) = of_title(&before.title);
        let again = match namespace {
            Some(namespace) => seen.issuers.find(Some(namespace), name).is_some(),
            None => seen.cluster_issuers.find(None, name).is_some(),
        };
        let users = users(seen, kind, namespace, name);
        let message = format!("is gone; it was Ready before, and {users} certificates refer to it");
        let target = Target::named(kind, namespace, name);
        (users > 0 && !again).then(|| match namespace {
            None => Opinion::failed("vanished", target, message),
            Some(_) => Opinion::waiting("vanished", target, message).grace(WITH_ITS_NAMESPACE),
        })
    });
    gone.collect()
}

fn users(seen: &Seen, kind: &str, namespace: Option<&str>, name: &str) -> usize {
    let refers = |certificate: &&Certificate| {
        let issuer = &certificate.spec.issuer_ref;
        let is_beside = namespace.is_none() || certificate.metadata.namespace.as_deref() == namespace;
        issuer.is_internal() && issuer.kind() == kind && issuer.name == name && is_beside
    };
    seen.certificates.iter().filter(refers).count()
}

fn state<'i, K: Object>(
    issuer: &K,
    conditions: &'i [Condition],
) -> (Target, Option<i64>, Option<&'i Condition>) {
    (Target::of(issuer), issuer.metadata().generation, condition(conditions, "Ready"))
}

fn judge_one(
    target: Target,
    generation: Option<i64>,
    ready: Option<&Condition>,
    context: &Context,
) -> Option<Opinion> {
    let stale = ready
        .and_then(|ready| ready.observed_generation)
        .is_some_and(|observed| generation.is_some_and(|now| observed < now));
    if ready.is_some_and(Condition::is_true) && !stale {
        return None;
    }
    let (message, cause) = match ready {
        None => ("has no condition Ready".to_owned(), Cause::Unknown),
        Some(_) if stale => ("its condition Ready is about an older generation".to_owned(), Cause::Unknown),
        Some(ready) => {
            (format!("Ready={} ({}): {}", ready.status, ready.reason, ready.message), cause(&ready.reason))
        }
    };
    let before = target.uid.as_ref().and_then(|uid| context.baseline.issuers.get(uid));
    if context.strict() {
        return Some(Opinion::waiting("ready", target, message).of(Whose::Now).points_to(cause));
    }
    match before {
        Some(before) if before.ready => {
            let message = format!("{message}; it was Ready before");
            Some(Opinion::waiting("ready", target, message).of(Whose::Known).points_to(cause))
        }
        Some(_) => Some(Opinion::in_baseline("ready", target, message)),
        // Made by somebody during the upgrade: not ours to judge.
        None => Some(Opinion::remark("new", target, message).of(Whose::New)),
    }
}

/// An account that cannot be verified is the CA's or the network's trouble; a spec that is refused now and
/// was not before, the new version's.
fn cause(reason: &str) -> Cause {
    match reason {
        "InvalidConfig" | "InvalidURL" | "InvalidSolver" => Cause::Release,
        "ErrRegisterACMEAccount"
        | "ErrVerifyACMEAccount"
        | "ErrUpdateACMEAccount"
        | "VaultError"
        | "ErrorSetup"
        | "AuthFailed" => Cause::Environment,
        _ => Cause::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::resources::ClusterIssuer;
    use crate::gate::baseline::IssuerState;
    use crate::gate::tests::{World, attributed, certificate};
    use crate::gate::verdict::{Cause, Verdict};
    use serde_json::json;

    fn issuer(status: &str, reason: &str) -> ClusterIssuer {
        serde_json::from_value(json!({
            "metadata": {"name": "letsencrypt", "uid": "i", "generation": 1},
            "status": {"conditions": [{"type": "Ready", "status": status, "reason": reason, "message": "m", "observedGeneration": 1}]},
        }))
        .unwrap()
    }

    fn judged(now: ClusterIssuer, before: Option<bool>, fresh: bool) -> Judgement {
        let mut world = World::new(vec![]);
        world.subject.fresh = fresh;
        if let Some(ready) = before {
            world
                .baseline
                .issuers
                .insert("i".to_owned(), IssuerState { title: String::new(), ready, message: String::new() });
        }
        let seen = Seen {
            cluster_issuers: [now].into_iter().collect(),
            issuers: Vec::<Issuer>::new().into_iter().collect(),
            ..Seen::default()
        };
        attributed(&world, "issuer", &seen, judge)
    }

    #[test]
    fn only_an_issuer_that_was_ready_holds_the_gate() {
        let bad = || issuer("False", "ErrVerifyACMEAccount");
        let mut stale = issuer("True", "ACMEAccountRegistered");
        stale.metadata.generation = Some(2);
        let table = [
            (issuer("True", "ACMEAccountRegistered"), Some(true), true, Verdict::Passed),
            (bad(), Some(true), true, Verdict::Waiting),
            (bad(), Some(false), true, Verdict::Passed),
            (bad(), None, true, Verdict::Passed),
            (bad(), Some(false), false, Verdict::Waiting),
            (stale, Some(true), true, Verdict::Waiting),
        ];
        for (now, before, fresh, expected) in table {
            assert_eq!(judged(now.clone(), before, fresh).verdict(), expected, "{now:?} {before:?} {fresh}");
        }
        assert_eq!(judged(bad(), Some(true), true).opinions[0].cause, Cause::Environment);
        assert_eq!(
            judged(issuer("False", "InvalidSolver"), Some(true), true).opinions[0].cause,
            Cause::Release
        );
        assert!(judged(bad(), Some(false), true).opinions[0].is_baseline());
    }

    #[test]
    fn an_issuer_that_goes_with_its_namespace_is_given_the_time_for_that() {
        let table = [
            ("Issuer web/ca", "Issuer", Verdict::Waiting),
            ("ClusterIssuer ca", "ClusterIssuer", Verdict::Failed),
        ];
        for (title, kind, expected) in table {
            let mut world = World::new(vec![]);
            let state = IssuerState { title: title.to_owned(), ready: true, message: String::new() };
            world.baseline.issuers.insert("i".to_owned(), state);
            let mut certificate = certificate("c", Some(1));
            certificate.spec.issuer_ref.name = "ca".to_owned();
            certificate.spec.issuer_ref.kind = kind.to_owned();
            let seen = Seen {
                cluster_issuers: Vec::new().into_iter().collect(),
                issuers: Vec::new().into_iter().collect(),
                certificates: [certificate].into_iter().collect(),
                ..Seen::default()
            };
            let judgement = attributed(&world, "issuer", &seen, judge);
            assert_eq!((judgement.opinions.len(), judgement.verdict()), (1, expected), "{title}");
        }
    }

    #[test]
    fn nothing_listed_is_not_passed() {
        assert_eq!(judge(&Seen::default(), &World::new(vec![]).context()).verdict(), Verdict::Waiting);
    }
}
