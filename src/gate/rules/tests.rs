use serde_json::{Value, json};

use super::*;
use crate::certmanager::resources::Object as _;
use crate::config::RuleSettings;
use crate::gate::attribution::attribute;
use crate::gate::baseline::RuledState;
use crate::gate::clock::Clock;
use crate::gate::corroboration::Corroboration;
use crate::gate::names::{OBJECTS, RULES};
use crate::gate::tests::{World, attributed};
use crate::gate::verdict::Verdict;
use std::time::Duration;

const NAMESPACE: &str = "cert-manager";

fn rule(more: &Value) -> RuleSettings {
    let mut rule = json!({
        "name": "widgets", "watch": "example.com/v1/Widget",
        "ready": "object.status.phase == 'Up'", "failed": "object.status.phase == 'Broken'",
        "message": "'phase ' + object.status.phase", "cause": "release",
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        rule[key] = value.clone();
    }
    serde_json::from_value(rule).unwrap()
}

/// `Widget cert-manager/<name>` at generation 2, with this status.
fn widget(name: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "example.com/v1", "kind": "Widget", "status": status,
        "metadata": {"namespace": NAMESPACE, "name": name, "uid": name, "generation": 2},
    })
}

fn seen(objects: &[Value]) -> Seen {
    let objects = objects.iter().map(|object| serde_json::from_value::<RuledObject>(object.clone()).unwrap());
    let seen = RuleSeen { objects: objects.collect(), unserved: false };
    Seen { rules: [("widgets".to_owned(), seen)].into(), ..Seen::default() }
}

/// A release that promises the Widget `ours`.
fn world(more: &Value) -> World {
    let ours = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "ours"}});
    World::new(vec![ours]).with_rules(vec![rule(more)])
}

fn before(world: &mut World, uid: &str, why: &str, generation: i64) {
    let state = RuledState { title: uid.into(), why: why.into(), generation: Some(generation) };
    world.baseline.rules.entry("widgets".into()).or_default().insert(uid.into(), state);
}

/// The rule, verdict and cause of what is said of the object of this name.
fn said(world: &World, seen: &Seen, name: &str) -> Option<(&'static str, Verdict, Cause)> {
    let judgement = attributed(world, RULES, seen, judge);
    let of = |opinion: &Opinion| (opinion.rule, opinion.verdict, opinion.cause);
    judgement.opinions.iter().find(|opinion| opinion.target.name == name).map(of)
}

#[test]
fn an_object_is_judged_by_its_state_and_by_what_it_was_before() {
    use Cause::{Environment, Release, Unknown};
    use Verdict::{Failed, Passed, Waiting};
    let (up, broken, moving) =
        (json!({"phase": "Up"}), json!({"phase": "Broken"}), json!({"phase": "Moving"}));
    let old = json!({"phase": "Up", "observedGeneration": 1});
    let old_text = json!({"phase": "Broken", "observedGeneration": "1"});
    let (was_ready, was_broken, was_older) = (Some(("", 2)), Some(("has failed", 2)), Some(("", 1)));
    let (strict, outside, unknown) =
        (json!({"baseline": "strict"}), json!({"cause": "environment"}), json!({"cause": "unknown"}));
    let report = json!({});
    let table = [
        (&report, "ours", &up, None, None),
        (&report, "ours", &broken, None, Some(("failed", Failed, Release))),
        (&report, "ours", &broken, was_ready, Some(("failed", Failed, Release))),
        (&outside, "ours", &broken, was_ready, Some(("failed", Failed, Environment))),
        (&unknown, "ours", &broken, was_ready, Some(("failed", Failed, Unknown))),
        (&report, "ours", &broken, was_broken, Some(("failed", Passed, Unknown))),
        (&strict, "ours", &broken, was_broken, Some(("failed", Failed, Unknown))),
        (&report, "ours", &moving, None, Some(("not-ready", Waiting, Release))),
        (&report, "ours", &moving, was_broken, Some(("not-ready", Passed, Unknown))),
        (&report, "ours", &old, was_ready, Some(("generation", Waiting, Release))),
        (&report, "ours", &old_text, was_ready, Some(("generation", Waiting, Release))),
        (&report, "ours", &json!({}), None, Some(("unknown", Waiting, Unknown))),
        (&report, "theirs", &up, None, None),
        (&report, "theirs", &broken, None, Some(("failed", Passed, Unknown))),
        (&strict, "theirs", &broken, None, Some(("failed", Failed, Unknown))),
        (&report, "theirs", &broken, was_ready, Some(("failed", Failed, Release))),
        (&report, "theirs", &broken, was_older, Some(("failed", Passed, Unknown))),
        (&report, "theirs", &broken, was_broken, Some(("failed", Passed, Unknown))),
        (&report, "theirs", &moving, was_ready, Some(("not-ready", Waiting, Release))),
    ];
    for (more, name, status, earlier, expected) in table {
        let mut world = world(more);
        if let Some((why, generation)) = earlier {
            before(&mut world, name, why, generation);
        }
        let mut objects = vec![widget(name, status)];
        objects.extend((name != "ours").then(|| widget("ours", &up)));
        assert_eq!(said(&world, &seen(&objects), name), expected, "{more} {name} {status} {earlier:?}");
    }
}

#[test]
fn nothing_passes_without_evidence() {
    let world = world(&json!({}));
    let verdict = |seen: &Seen| attributed(&world, RULES, seen, judge).verdict();
    assert_eq!(verdict(&seen(&[widget("ours", &json!({"phase": "Up"}))])), Verdict::Passed);
    assert_eq!(said(&world, &seen(&[]), "ours"), Some(("missing", Verdict::Waiting, Cause::Unknown)));
    assert_eq!(said(&world, &Seen::default(), "widgets"), Some(("listed", Verdict::Waiting, Cause::Unknown)));
    let mut unserved = seen(&[]);
    unserved.rules.get_mut("widgets").unwrap().unserved = true;
    assert_eq!(said(&world, &unserved, "widgets"), Some(("not-served", Verdict::Waiting, Cause::Unknown)));
    let elsewhere = World::new(vec![]).with_rules(vec![rule(&json!({}))]);
    assert_eq!(said(&elsewhere, &seen(&[]), "widgets"), Some(("no-object", Verdict::Passed, Cause::Unknown)));
}

#[test]
fn what_cannot_be_told_or_lasts_too_long_ends_as_what_it_is() {
    let ends = |status: &Value, expected: &'static str| {
        let world = world(&json!({"within": "1m"}));
        let mut clock = Clock::default();
        let mut weighed = |seconds: u64| {
            let judgement = judge(&seen(&[widget("ours", status)]), &world.context());
            clock.weigh(RULES, judgement, Duration::from_secs(seconds), None).judgement
        };
        assert_eq!(weighed(0).verdict(), Verdict::Waiting);
        let mut late = weighed(60);
        attribute(RULES, &mut late.opinions, &Corroboration::default());
        assert!(late.opinions[0].message.starts_with(expected), "{}", late.opinions[0].message);
        (late.verdict(), late.opinions[0].cause)
    };
    assert_eq!(
        ends(&json!({"phase": "Moving"}), "is not ready: phase Moving (rule widgets)"),
        (Verdict::Failed, Cause::Release)
    );
    assert_eq!(
        ends(&json!({}), "`failed` cannot be told: the object has no field `phase` there"),
        (Verdict::Inconclusive, Cause::Unknown)
    );
}

#[test]
fn two_rules_on_one_object_have_their_own_time() {
    let (quick, slow) = (json!({"within": "1m"}), json!({"within": "1h", "name": "slow"}));
    let world = World::new(vec![]).with_rules(vec![rule(&quick), rule(&slow)]);
    let status = json!({"phase": "Moving"});
    let mut all = seen(&[widget("w", &status)]);
    all.rules.extend(seen(&[widget("w", &status)]).rules.into_values().map(|seen| ("slow".to_owned(), seen)));
    let mut clock = Clock::default();
    clock.weigh(RULES, judge(&all, &world.context()), Duration::ZERO, None);
    let late = clock.weigh(RULES, judge(&all, &world.context()), Duration::from_mins(1), None);
    let verdicts: Vec<Verdict> = late.judgement.opinions.iter().map(|opinion| opinion.verdict).collect();
    assert_eq!(verdicts, [Verdict::Failed, Verdict::Waiting]);
}

#[test]
fn a_condition_of_an_older_generation_is_no_evidence() {
    let conditions = |generation: i64| {
        json!({"parents": [{"conditions": [
            {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "observedGeneration": generation},
            {"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs", "message": "", "observedGeneration": generation},
        ]}]})
    };
    for (generation, expected) in [(2, None), (1, Some(("not-ready", Verdict::Waiting, Cause::Unknown)))] {
        assert_eq!(shipped("HTTPRoute", &conditions(generation)), expected, "{generation}");
    }
}

/// What a shipped rule says of the only object of the release, at generation 2.
fn shipped(kind: &str, status: &Value) -> Option<(&'static str, Verdict, Cause)> {
    let watch = shipped_rules().into_iter().map(|shipped| shipped.rule).find(|rule| rule.watch.kind == kind);
    let rule = watch.unwrap();
    let object = json!({
        "apiVersion": rule.watch.api_version(), "kind": kind, "status": status,
        "metadata": {"namespace": NAMESPACE, "name": "x", "uid": "x", "generation": 2},
    });
    let world = World::new(vec![object.clone()]).with_rules(vec![]);
    let mut all = seen(&[object]);
    let seen_by = all.rules.remove("widgets").unwrap();
    all.rules.insert(rule.name, seen_by);
    said(&world, &all, "x")
}

#[test]
fn every_shipped_rule_knows_a_good_and_a_bad_state() {
    use Verdict::{Failed, Waiting};
    let conditions = |all: &[(&str, &str)]| -> Value {
        let condition = |(kind, status): &(&str, &str)| json!({"type": kind, "status": status, "reason": "R", "message": "M"});
        json!({"observedGeneration": 2, "conditions": all.iter().map(condition).collect::<Vec<_>>()})
    };
    let synced = |version: &str| {
        let mut status = conditions(&[("Ready", "True")]);
        status["syncedResourceVersion"] = version.into();
        status
    };
    let ready = conditions(&[("Ready", "True")]);
    let not_ready = conditions(&[("Ready", "False")]);
    let stalled = conditions(&[("Ready", "False"), ("Stalled", "True")]);
    let busy = conditions(&[("Ready", "True"), ("Reconciling", "True"), ("Stalled", "True")]);
    let route =
        |refs: &str| json!({"parents": [conditions(&[("Accepted", "True"), ("ResolvedRefs", refs)])]});
    let table = [
        ("Rollout", json!({"phase": "Healthy", "observedGeneration": "2"}), None),
        ("Rollout", json!({"phase": "Degraded", "message": "aborted"}), Some(("failed", Failed))),
        ("Rollout", json!({"phase": "Paused"}), Some(("not-ready", Waiting))),
        ("Rollout", json!({"phase": "Healthy", "observedGeneration": "1"}), Some(("generation", Waiting))),
        ("ExternalSecret", synced("2-abc"), None),
        ("ExternalSecret", synced("1-abc"), Some(("not-ready", Waiting))),
        ("ExternalSecret", not_ready.clone(), Some(("not-ready", Waiting))),
        ("SecretStore", ready.clone(), None),
        ("SecretStore", not_ready.clone(), Some(("not-ready", Waiting))),
        ("ClusterSecretStore", ready.clone(), None),
        ("ClusterSecretStore", json!({}), Some(("not-ready", Waiting))),
        ("Kafka", ready.clone(), None),
        ("Kafka", conditions(&[("NotReady", "True")]), Some(("not-ready", Waiting))),
        ("Kustomization", ready.clone(), None),
        ("Kustomization", stalled.clone(), Some(("failed", Failed))),
        ("Kustomization", busy.clone(), Some(("not-ready", Waiting))),
        ("HelmRelease", ready, None),
        ("HelmRelease", not_ready, Some(("not-ready", Waiting))),
        ("HelmRelease", stalled, Some(("failed", Failed))),
        ("Gateway", conditions(&[("Accepted", "True"), ("Programmed", "True")]), None),
        (
            "Gateway",
            conditions(&[("Accepted", "True"), ("Programmed", "False")]),
            Some(("not-ready", Waiting)),
        ),
        ("HTTPRoute", route("True"), None),
        ("HTTPRoute", route("False"), Some(("not-ready", Waiting))),
        ("HTTPRoute", json!({}), Some(("not-ready", Waiting))),
    ];
    let known = |rule: &ShippedRule| table.iter().any(|(kind, ..)| *kind == rule.rule.watch.kind);
    assert!(shipped_rules().iter().all(known), "a shipped rule is not in the table");
    for (kind, status, expected) in table {
        let expected = expected.map(|(rule, verdict)| (rule, verdict, Cause::Unknown));
        assert_eq!(shipped(kind, &status), expected, "{kind} {status}");
    }
}

#[test]
fn shipped_rules_apply_to_what_the_release_brings_and_yield_to_those_of_the_same_name() {
    let route = |version: &str| {
        json!({"apiVersion": format!("gateway.networking.k8s.io/{version}"), "kind": "HTTPRoute",
            "metadata": {"name": "r", "namespace": "web"}})
    };
    assert!(World::new(vec![]).context().rules.iter().next().is_none());
    let world = World::new(vec![route("v1beta1")]);
    let rule = world.context().rules.iter().next().unwrap();
    assert_eq!(rule.settings.watch.to_string(), "gateway.networking.k8s.io/v1beta1/HTTPRoute");
    assert_eq!(rule.namespaces, [Some("web".to_owned())].into());
    let stranger = serde_json::from_value::<RuledObject>(widget("else", &json!({}))).unwrap();
    assert!(rule.own_only && !rule.promises(&stranger) && !stranger.uid().is_empty());
    let own =
        World::new(vec![route("v1")]).with_rules(vec![super::tests::rule(&json!({"name": "http-route"}))]);
    let kinds: Vec<String> =
        own.context().rules.written().map(|rule| rule.settings.watch.to_string()).collect();
    assert_eq!(kinds, ["example.com/v1/Widget"]);
}

/// A release that promises this Job, and claims of a class.
fn kinds(ttl: bool) -> World {
    let spec = if ttl { json!({"ttlSecondsAfterFinished": 0}) } else { json!({}) };
    World::new(vec![
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "ours"}, "spec": spec}),
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim"}}),
    ])
}

fn listed_objects(rule: &str, objects: &[Value]) -> (String, RuleSeen) {
    let objects = objects.iter().map(|object| serde_json::from_value::<RuledObject>(object.clone()).unwrap());
    (rule.to_owned(), RuleSeen { objects: objects.collect(), unserved: false })
}

/// As a list has them: without their kind.
fn in_a_list(name: &str, rest: &Value) -> Value {
    let mut object = json!({"metadata": {"namespace": NAMESPACE, "name": name, "uid": name}});
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    object
}

#[test]
fn kinds_that_nobody_wrote_a_rule_for_are_judged_by_what_kubernetes_says() {
    use Verdict::{Failed, Passed, Waiting};
    let ended = |kind: &str| json!({"status": {"conditions": [{"type": kind, "status": "True", "reason": "BackoffLimitExceeded"}]}});
    let job = |rest: &Value| vec![in_a_list("ours", rest), in_a_list("theirs", &ended("Failed"))];
    let table = [
        (false, job(&ended("Complete")), "", None),
        (false, job(&json!({})), "", Some(("not-ready", Waiting))),
        (false, job(&json!({})), "is not ready: Job in progress", Some(("not-ready", Passed))),
        (false, job(&ended("Failed")), "", Some(("failed", Failed))),
        (false, vec![], "", Some(("missing", Waiting))),
        (true, vec![], "", Some(("ended", Passed))),
    ];
    for (ttl, jobs, was, expected) in table {
        let mut world = kinds(ttl);
        let claim = in_a_list("claim", &json!({"status": {"phase": "Bound"}}));
        let rules = [listed_objects("Job.batch", &jobs), listed_objects("PersistentVolumeClaim", &[claim])];
        let seen = Seen { rules: rules.into(), ..Seen::default() };
        if !was.is_empty() {
            let state = RuledState { title: "Job".into(), why: was.into(), generation: None };
            world.baseline.rules.entry("Job.batch".into()).or_default().insert("ours".into(), state);
        }
        let judgement = attributed(&world, OBJECTS, &seen, judge_kinds);
        let said: Vec<_> = judgement.opinions.iter().map(|said| (said.rule, said.verdict)).collect();
        assert_eq!(said, expected.into_iter().collect::<Vec<_>>(), "{jobs:?}");
        assert!(judge(&seen, &world.context()).opinions.is_empty(), "the gate of written rules says nothing");
    }
}

#[test]
fn a_claim_that_waits_for_a_pod_is_not_waited_for() {
    let world = kinds(false);
    let complete = json!({"status": {"conditions": [{"type": "Complete", "status": "True"}]}});
    let claim = json!({"spec": {"storageClassName": "late"}, "status": {"phase": "Pending"}});
    let rules = [
        listed_objects("Job.batch", &[in_a_list("ours", &complete)]),
        listed_objects("PersistentVolumeClaim", &[in_a_list("claim", &claim)]),
    ];
    let mut seen = Seen { rules: rules.into(), ..Seen::default() };
    let rule = |seen: &Seen| judge_kinds(seen, &world.context()).opinions[0].rule;
    assert_eq!(rule(&seen), "not-ready");
    seen.late_classes.insert("late".into());
    assert_eq!(rule(&seen), "first-consumer");
}
