//! What is said about every object that is waited for: how far it is, and what keeps it from going on. Pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::seen::{Seen, Sight};
use super::{Until, WaitTerms, legacy};
use crate::cluster::container_statuses;
use crate::gate::{Holds, Judgement, Limit, Opinion, Target, Verdict, problems};
use crate::health::{self, Health, HealthState, cannot_create, condition, kind, text};
use crate::helm::manifest::Key;

/// A quota or a webhook may give way in this time.
const CREATED: Duration = Duration::from_secs(20);

/// A database that is started together with what needs it is up within this time.
const CRASHING: Duration = Duration::from_mins(3);

/// A container that has run for so long has stopped crashing.
const STABLE: Duration = Duration::from_mins(1);

/// What is said about one object.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) key: Key,
    pub(super) status: Health,
    /// What keeps it from going on, with the time that it may last.
    pub(super) opinions: Vec<Opinion>,
}

impl Judged {
    pub(super) fn is_ready(&self) -> bool {
        self.status.state == HealthState::Ready
    }

    /// It does not become ready any more.
    pub(super) fn has_failed(&self) -> bool {
        self.status.state == HealthState::Failed
            || self.opinions.iter().any(|opinion| opinion.verdict == Verdict::Failed)
    }
}

/// Every object that is waited for, in the order of `wanted`.
pub(super) fn judge(wanted: &[Key], seen: &Seen, terms: WaitTerms) -> Vec<Judged> {
    wanted.iter().map(|key| judge_one(key, seen, terms)).collect()
}

fn judge_one(key: &Key, seen: &Seen, terms: WaitTerms) -> Judged {
    let status = match seen.objects.get(key) {
        None => Health::in_progress("not seen yet"),
        Some(Sight::Missing) => Health::in_progress("Resource not found"),
        Some(Sight::Hidden(why)) => Health::in_progress(format!("it cannot be read: {why}")),
        Some(Sight::Here(object))
            if seen.conditioned.contains(key) && condition(object, "Ready").is_none() =>
        {
            Health::in_progress("its controller has not said yet whether it is ready")
        }
        Some(Sight::Here(object)) => {
            let status = rule(object, terms.until);
            let opinions = if status.state == HealthState::InProgress {
                obstacles(key, object, seen, terms)
            } else {
                Vec::new()
            };
            return Judged { key: key.clone(), status, opinions };
        }
    };
    Judged { key: key.clone(), status, opinions: Vec::new() }
}

fn rule(object: &Value, until: Until) -> Health {
    match until {
        Until::Ready { jobs } => health::of(object, jobs),
        Until::Legacy { jobs } => legacy::of(object, jobs),
        Until::Finished => health::of_hook(object),
    }
}

/// Until the controller has seen the new generation, its pods are those of the old one.
fn obstacles(key: &Key, object: &Value, seen: &Seen, terms: WaitTerms) -> Vec<Opinion> {
    if !is_observed(object) {
        return Vec::new();
    }
    let itself: Option<Pod> =
        (kind(object) == ("", "Pod")).then(|| serde_json::from_value(object.clone()).ok()).flatten();
    let pods = seen.pods_of(object).into_iter().chain(&itself);
    let mut opinions: Vec<Opinion> = pods.flat_map(|pod| of_pod(pod, seen)).collect();
    // A container that runs again may still become ready; a Job decides by itself how often its pods may
    // fail.
    opinions.retain(|opinion| opinion.verdict > Verdict::Passed);
    opinions.retain(|opinion| opinion.rule != "crash" || kind(object).1 != "Job");
    if let Some(message) = cannot_create(object).or_else(|| seen.failed_create(object)) {
        let uid = Some(text(object, "/metadata/uid").to_owned());
        let target = Target { uid, ..Target::named(&key.kind, key.namespace.as_deref(), &key.name) };
        opinions.push(Opinion::waiting("replica-failure", target, message).grace(CREATED));
    }
    // Only the time ends the wait, as with Helm; what is wrong is told at its end.
    if !terms.fail_fast || matches!(terms.until, Until::Legacy { .. }) {
        for opinion in &mut opinions {
            (opinion.verdict, opinion.limit) = (Verdict::Waiting, Limit::Run);
        }
    }
    opinions
}

/// What a container needs may start beside it: a crash loop is final only when it lasts, and what had restarted
/// before the wait began is no news. Between two crashes a container runs, and may be called ready.
fn of_pod(pod: &Pod, seen: &Seen) -> Vec<Opinion> {
    let mut opinions = problems(pod, &seen.restarts);
    opinions.retain(|opinion| !is_crash(opinion) || crashes(pod, opinion, seen));
    for opinion in opinions.iter_mut().filter(|opinion| is_crash(opinion)) {
        let holds = if opinion.rule == "crash" { Holds::Gate } else { Holds::Nothing };
        // One rule for both, so that the time goes on.
        (opinion.rule, opinion.verdict, opinion.holds) = ("crash", Verdict::Waiting, holds);
        opinion.limit = Limit::Grace(CRASHING);
    }
    opinions
}

fn is_crash(opinion: &Opinion) -> bool {
    opinion.verdict == Verdict::Failed && matches!(opinion.rule, "crash" | "restarts")
}

/// The container has restarted twice since the wait began, and has not been ready for long.
fn crashes(pod: &Pod, opinion: &Opinion, seen: &Seen) -> bool {
    let named = |container: &&ContainerStatus| Some(&container.name) == opinion.target.container.as_ref();
    container_statuses(pod).find(named).is_some_and(|container| {
        let earlier = seen.restarts.restarts(pod.metadata.uid.as_deref(), &container.name);
        container.restart_count - earlier >= 2 && !(container.ready && is_stable(container, seen.now))
    })
}

/// One without a readiness probe is called ready as soon as it runs, between two crashes, too. Where the time is not
/// known, its word counts.
fn is_stable(container: &ContainerStatus, now: Option<Timestamp>) -> bool {
    let running = container.state.as_ref().and_then(|state| state.running.as_ref());
    let began = running.and_then(|running| running.started_at.as_ref());
    now.zip(began).is_none_or(|(now, began)| now.duration_since(began.0).unsigned_abs() >= STABLE)
}

/// The controller has seen the generation that the object has. Jobs and Pods have no generation that is observed.
fn is_observed(object: &Value) -> bool {
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    match (number("/metadata/generation"), number("/status/observedGeneration")) {
        (Some(generation), Some(observed)) => observed >= generation,
        (Some(_), None) => kind(object).0 != "apps",
        (None, _) => true,
    }
}

/// All opinions as one judgement, for the clock.
pub(super) fn together(judged: &[Judged]) -> Judgement {
    Judgement {
        opinions: judged.iter().flat_map(|judged| judged.opinions.clone()).collect(),
        facts: Vec::new(),
    }
}

/// The opinions as the clock left them, put back where they came from.
pub(super) fn apart(judged: &mut [Judged], judgement: Judgement) {
    let mut weighed = judgement.opinions.into_iter();
    for judged in judged {
        judged.opinions = weighed.by_ref().take(judged.opinions.len()).collect();
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher;
    use serde_json::json;

    use super::*;

    fn key(kind: &str) -> Key {
        Key { group: String::new(), kind: kind.into(), namespace: Some("ns".into()), name: "x".into() }
    }

    fn terms(until: Until) -> WaitTerms {
        WaitTerms { until, limit: Duration::from_mins(5), fail_fast: true }
    }

    fn pod(uid: &str, owner: &str, waiting: &str, restarts: i32) -> watcher::Event<Pod> {
        let pod = json!({
            "metadata": {"name": uid, "namespace": "ns", "uid": uid, "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": owner, "controller": true}]},
            "status": {"containerStatuses": [{"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": restarts,
                "state": {"waiting": {"reason": waiting, "message": "because"}}}]}});
        watcher::Event::Apply(serde_json::from_value(pod).unwrap())
    }

    fn judged(kind: &str, waiting: &str, restarts: i32) -> Judged {
        let mut seen = Seen::default();
        let object = json!({"apiVersion": if kind == "Job" { "batch/v1" } else { "apps/v1" }, "kind": kind, "metadata": {"uid": "u"}});
        seen.objects.insert(key(kind), Sight::Here(object));
        seen.pods.take(pod("p", "u", waiting, restarts));
        judge(&[key(kind)], &seen, terms(Until::Ready { jobs: true })).remove(0)
    }

    #[test]
    fn what_keeps_the_pods_of_a_workload_back_is_said_with_its_time() {
        let table = [
            ("StatefulSet", "ContainerCreating", 0, None, false),
            ("StatefulSet", "ImagePullBackOff", 0, Some("container c: ImagePullBackOff: because"), false),
            ("StatefulSet", "InvalidImageName", 0, Some("container c: InvalidImageName: because"), true),
            (
                "StatefulSet",
                "CrashLoopBackOff",
                3,
                // Final only after a time that a dependency may take.
                Some("container c: CrashLoopBackOff after 3 restarts"),
                false,
            ),
            ("Job", "CrashLoopBackOff", 3, None, false),
            ("Job", "ErrImagePull", 0, Some("container c: ErrImagePull: because"), false),
        ];
        for (kind, waiting, restarts, message, failed) in table {
            let judged = judged(kind, waiting, restarts);
            assert_eq!(
                judged.opinions.first().map(|opinion| opinion.message.as_str()),
                message,
                "{kind} {waiting}"
            );
            assert_eq!(judged.has_failed(), failed, "{kind} {waiting}");
        }
    }

    #[test]
    fn a_container_between_two_crashes_is_not_well_again() {
        let mut seen = Seen { now: "2026-01-01T00:10:00Z".parse().ok(), ..Seen::default() };
        let crashes = |ready: bool, started: &str, seen: &Seen| {
            let watcher::Event::Apply(mut pod) = pod("p", "u", "", 2) else { panic!("a pod") };
            let container = &mut pod.status.as_mut().unwrap().container_statuses.as_mut().unwrap()[0];
            container.ready = ready;
            container.state = serde_json::from_value(json!({"running": {"startedAt": started}})).unwrap();
            !of_pod(&pod, seen).is_empty()
        };
        let table = [
            (true, "2026-01-01T00:09:58Z", true),
            (true, "2026-01-01T00:09:00Z", false),
            (false, "2026-01-01T00:00:00Z", true),
        ];
        for (ready, started, expected) in table {
            assert_eq!(crashes(ready, started, &seen), expected, "{ready} {started}");
        }
        seen.now = None;
        assert!(!crashes(true, "2026-01-01T00:09:58Z", &seen), "its word counts");
    }

    #[test]
    fn without_fail_fast_only_the_time_ends_a_wait() {
        let mut seen = Seen::default();
        let object = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"uid": "u"}});
        seen.objects.insert(key("StatefulSet"), Sight::Here(object));
        seen.pods.take(pod("p", "u", "InvalidImageName", 0));
        let patient = WaitTerms { fail_fast: false, ..terms(Until::Ready { jobs: true }) };
        let judged = judge(&[key("StatefulSet")], &seen, patient).remove(0);
        assert!(!judged.has_failed() && judged.opinions[0].limit == Limit::Run);
        assert_eq!(judged.opinions[0].message, "container c: InvalidImageName: because");
    }

    #[test]
    fn a_pod_of_the_manifest_says_what_is_wrong_with_itself() {
        let watcher::Event::Apply(pod) = pod("p", "u", "ErrImagePull", 0) else { panic!("a pod") };
        let mut object = serde_json::to_value(pod).unwrap();
        (object["apiVersion"], object["kind"]) = (json!("v1"), json!("Pod"));
        let mut seen = Seen::default();
        seen.objects.insert(key("Pod"), Sight::Here(object));
        let judged = judge(&[key("Pod")], &seen, terms(Until::Finished)).remove(0);
        assert_eq!(judged.opinions[0].message, "container c: ErrImagePull: because");
    }

    #[test]
    fn what_was_not_seen_is_not_ready() {
        let mut seen = Seen::default();
        let state =
            |seen: &Seen| judge(&[key("Deployment")], seen, terms(Until::Finished))[0].status.message.clone();
        assert_eq!(state(&seen), "not seen yet");
        seen.objects.insert(key("Deployment"), Sight::Missing);
        assert_eq!(state(&seen), "Resource not found");
    }

    #[test]
    fn a_custom_resource_without_a_status_is_not_ready_while_it_may_get_one() {
        let mut seen = Seen::default();
        seen.objects
            .insert(key("Custom"), Sight::Here(json!({"apiVersion": "g.example.com/v1", "kind": "Custom"})));
        let is_ready =
            |seen: &Seen| judge(&[key("Custom")], seen, terms(Until::Ready { jobs: false }))[0].is_ready();
        assert!(is_ready(&seen));
        seen.conditioned.insert(key("Custom"));
        assert!(!is_ready(&seen));
    }

    #[test]
    fn nothing_is_said_of_the_pods_of_an_older_generation() {
        let object = |kind: &str, status: Value| {
            let api_version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"generation": 2}, "status": status})
        };
        let table = [
            (object("Deployment", json!({"observedGeneration": 1})), false),
            (object("Deployment", json!({"observedGeneration": 2})), true),
            (object("Deployment", json!({})), false),
            (object("Job", json!({})), true),
        ];
        for (object, observed) in table {
            assert_eq!(is_observed(&object), observed, "{object}");
        }
    }

    #[test]
    fn a_quota_is_a_reason_that_may_not_last() {
        let mut seen = Seen::default();
        let conditions = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: q"}]);
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"uid": "u"}, "status": {"conditions": conditions}});
        seen.objects.insert(key("Deployment"), Sight::Here(object));
        let judged = judge(&[key("Deployment")], &seen, terms(Until::Ready { jobs: false })).remove(0);
        assert_eq!(judged.opinions[0].message, "FailedCreate: exceeded quota: q");
        assert!(!judged.has_failed() && !judged.is_ready());
    }
}
