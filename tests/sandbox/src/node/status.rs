//! Pure: the status of a pod, from what is seen of its containers, by the kubelet's rules. It reads no clock.

use std::fmt::Write;

use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodSpec, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use sha2::{Digest, Sha256};

/// The address of the node.
pub(super) const HOST_IP: &str = "127.0.0.1";

/// What is seen of the containers of one pod, in the order of its spec.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) init: Vec<ContainerStatus>,
    pub(super) main: Vec<ContainerStatus>,
    /// The pod was told to end and all containers have.
    pub(super) ended: bool,
}

impl Seen {
    /// What is known before anything is started; after a restart of the node, what the API server remembers.
    pub(super) fn first(pod: &Pod) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let status = pod.status.clone().unwrap_or_default();
        let resumed = |containers: &[Container], known: Option<Vec<ContainerStatus>>, waits: &str| {
            let known = known.unwrap_or_default();
            let of = |container: &Container| known.iter().find(|status| status.name == container.name);
            containers.iter().map(|container| resumed(container, of(container), waits)).collect()
        };
        let has_init = spec.init_containers.as_ref().is_some_and(|init| !init.is_empty());
        let waits = if has_init { "PodInitializing" } else { "ContainerCreating" };
        Self {
            init: resumed(
                spec.init_containers.as_deref().unwrap_or_default(),
                status.init_container_statuses,
                "PodInitializing",
            ),
            main: resumed(&spec.containers, status.container_statuses, waits),
            ended: false,
        }
    }

    /// The container of a name.
    pub(super) fn find(&self, container: &str) -> Option<&ContainerStatus> {
        self.init.iter().chain(&self.main).find(|status| status.name == container)
    }

    /// The container of a name, to write what is seen of it.
    pub(super) fn find_mut(&mut self, container: &str) -> Option<&mut ContainerStatus> {
        self.init.iter_mut().chain(&mut self.main).find(|status| status.name == container)
    }
}

/// A container that ran under an earlier agent has ended with it: the kubelet's `ContainerStatusUnknown`.
fn resumed(container: &Container, known: Option<&ContainerStatus>, waits: &str) -> ContainerStatus {
    let image = container.image.clone().unwrap_or_default();
    let mut status = known.cloned().unwrap_or_else(|| ContainerStatus {
        name: container.name.clone(),
        image,
        image_id: String::new(),
        state: Some(waiting(waits, None)),
        started: Some(false),
        ..ContainerStatus::default()
    });
    if let Some(running) = status.state.as_ref().and_then(|state| state.running.clone()) {
        status.state = Some(terminated(ContainerStateTerminated {
            container_id: status.container_id.clone(),
            exit_code: 137,
            reason: Some("ContainerStatusUnknown".into()),
            message: Some("The container could not be located when the node started again".into()),
            started_at: running.started_at.clone(),
            finished_at: running.started_at,
            signal: None,
        }));
        (status.ready, status.started) = (false, Some(false));
    }
    status
}

/// A container that waits.
pub(super) fn waiting(reason: &str, message: Option<String>) -> ContainerState {
    ContainerState {
        waiting: Some(ContainerStateWaiting { reason: Some(reason.into()), message }),
        ..ContainerState::default()
    }
}

/// A container that runs.
pub(super) fn running(since: Timestamp) -> ContainerState {
    ContainerState {
        running: Some(ContainerStateRunning { started_at: Some(Time(since)) }),
        ..ContainerState::default()
    }
}

/// A container that ended.
pub(super) fn terminated(end: ContainerStateTerminated) -> ContainerState {
    ContainerState { terminated: Some(end), ..ContainerState::default() }
}

/// A made-up image id: the digest of the reference, so that the same image always has the same id.
pub(super) fn image_id(reference: &str) -> String {
    let slash = reference.rfind('/').map_or(0, |slash| slash + 1);
    let end = reference[slash..].find([':', '@']).map_or(reference.len(), |end| slash + end);
    let digest = Sha256::digest(reference.as_bytes());
    let mut id = format!("{}@sha256:", &reference[..end]);
    for byte in digest {
        let _ = write!(id, "{byte:02x}"); // a String takes everything
    }
    id
}

/// The whole status; what is told by others (the scheduler's conditions) stays theirs.
pub(super) fn pod_status(pod: &Pod, pod_ip: &str, seen: &Seen, now: Timestamp) -> PodStatus {
    let spec = pod.spec.clone().unwrap_or_default();
    let before = pod.status.clone().unwrap_or_default();
    let phase = phase(&spec, seen);
    let conditions = conditions(pod, seen, phase);
    PodStatus {
        phase: Some(phase.into()),
        observed_generation: pod.metadata.generation,
        conditions: Some(conditions.into_iter().map(|condition| dated(condition, &before, now)).collect()),
        init_container_statuses: (!seen.init.is_empty()).then(|| seen.init.clone()),
        container_statuses: Some(seen.main.clone()),
        start_time: before.start_time.clone().or(Some(Time(now))),
        host_ip: Some(HOST_IP.into()),
        host_ips: Some(vec![HostIP { ip: HOST_IP.into() }]),
        pod_ip: Some(pod_ip.into()),
        pod_ips: Some(vec![PodIP { ip: pod_ip.into() }]),
        ..PodStatus::default()
    }
}

fn end_of(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    status.state.as_ref()?.terminated.as_ref()
}

fn succeeded(status: &ContainerStatus) -> bool {
    end_of(status).is_some_and(|end| end.exit_code == 0)
}

fn has_run(status: &ContainerStatus) -> bool {
    status.last_state.as_ref().is_some_and(|last| last.terminated.is_some())
}

fn runs(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|state| state.running.is_some())
}

fn phase(spec: &PodSpec, seen: &Seen) -> &'static str {
    let policy = spec.restart_policy.as_deref().unwrap_or("Always");
    let failed_init = seen.init.iter().any(|status| end_of(status).is_some_and(|end| end.exit_code != 0));
    if seen.ended {
        return if seen.main.iter().all(succeeded) { "Succeeded" } else { "Failed" };
    }
    if !seen.init.iter().all(succeeded) {
        return if failed_init && policy == "Never" { "Failed" } else { "Pending" };
    }
    if seen.main.iter().all(|status| end_of(status).is_some()) {
        let all_succeeded = seen.main.iter().all(succeeded);
        return match policy {
            "Always" => "Running",
            _ if all_succeeded => "Succeeded",
            "Never" => "Failed",
            _ => "Running",
        };
    }
    let not_started =
        |status: &ContainerStatus| !runs(status) && end_of(status).is_none() && !has_run(status);
    if seen.main.iter().any(not_started) { "Pending" } else { "Running" }
}

fn conditions(pod: &Pod, seen: &Seen, phase: &str) -> Vec<PodCondition> {
    let done = matches!(phase, "Succeeded" | "Failed");
    let initialized = unready(
        "Initialized",
        "ContainersNotInitialized",
        "incomplete",
        &names(&seen.init, |status| !succeeded(status)),
    );
    let containers = unready(
        "ContainersReady",
        "ContainersNotReady",
        "unready",
        &names(&seen.main, |status| !status.ready),
    );
    let containers = if done { completed(containers, phase) } else { containers };
    let mut ready = containers.clone();
    ready.type_ = "Ready".into();
    let started = condition("PodReadyToStartContainers", !done);
    let conditions = [started, initialized, ready, containers];
    conditions
        .map(|condition| PodCondition { observed_generation: pod.metadata.generation, ..condition })
        .into()
}

fn names(statuses: &[ContainerStatus], wanted: impl Fn(&ContainerStatus) -> bool) -> Vec<&str> {
    statuses.iter().filter(|status| wanted(status)).map(|status| status.name.as_str()).collect()
}

fn condition(type_: &str, is: bool) -> PodCondition {
    PodCondition {
        type_: type_.into(),
        status: if is { "True" } else { "False" }.into(),
        ..PodCondition::default()
    }
}

fn unready(type_: &str, reason: &str, word: &str, names: &[&str]) -> PodCondition {
    if names.is_empty() {
        return condition(type_, true);
    }
    let message = format!("containers with {word} status: [{}]", names.join(" "));
    PodCondition { reason: Some(reason.into()), message: Some(message), ..condition(type_, false) }
}

fn completed(condition: PodCondition, phase: &str) -> PodCondition {
    let reason = if phase == "Succeeded" { "PodCompleted" } else { "PodFailed" };
    PodCondition { status: "False".into(), reason: Some(reason.into()), message: None, ..condition }
}

/// A condition keeps the time of its last change.
fn dated(condition: PodCondition, before: &PodStatus, now: Timestamp) -> PodCondition {
    let same = |old: &&PodCondition| old.type_ == condition.type_ && old.status == condition.status;
    let since =
        before.conditions.iter().flatten().find(same).and_then(|old| old.last_transition_time.clone());
    PodCondition { last_transition_time: since.or(Some(Time(now))), ..condition }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: &str = "2026-01-01T00:01:00Z";

    fn now() -> Timestamp {
        NOW.parse().expect("a time")
    }

    fn pod(policy: &str, init: bool) -> Pod {
        let init = if init { json!([{"name": "prepare", "image": "p:1"}]) } else { json!([]) };
        serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "n", "generation": 3},
            "spec": {"restartPolicy": policy, "initContainers": init, "containers": [{"name": "c", "image": "i:1"}]}
        }))
        .expect("a pod")
    }

    fn container(name: &str, state: &Value, crashed: bool, ready: bool) -> ContainerStatus {
        let last = if crashed { json!({"terminated": {"exitCode": 1}}) } else { json!({}) };
        serde_json::from_value(json!({
            "name": name, "image": "i:1", "imageID": "", "ready": ready, "restartCount": 0, "state": state, "lastState": last
        }))
        .expect("a status")
    }

    fn waits() -> Value {
        json!({"waiting": {"reason": "ContainerCreating"}})
    }

    fn exited(code: i32) -> Value {
        json!({"terminated": {"exitCode": code}})
    }

    fn status(policy: &str, main: ContainerStatus) -> PodStatus {
        pod_status(&pod(policy, false), "10.1.0.1", &Seen { main: vec![main], ..Seen::default() }, now())
    }

    fn told(status: &PodStatus, type_: &str) -> String {
        let found = status
            .conditions
            .iter()
            .flatten()
            .find(|condition| condition.type_ == type_)
            .expect("the condition");
        format!("{} {}", found.status, found.reason.as_deref().unwrap_or("-"))
    }

    #[test]
    fn the_phase_follows_the_containers_and_the_restart_policy() {
        let running = json!({"running": {}});
        let cases = [
            ("Always", waits(), false, "Pending"),
            ("Always", waits(), true, "Running"), // CrashLoopBackOff
            ("Always", running.clone(), false, "Running"),
            ("Always", exited(0), false, "Running"),
            ("OnFailure", exited(0), false, "Succeeded"),
            ("OnFailure", exited(1), false, "Running"),
            ("Never", exited(0), false, "Succeeded"),
            ("Never", exited(1), false, "Failed"),
        ];
        for (policy, state, crashed, expected) in cases {
            let status = status(policy, container("c", &state, crashed, false));
            assert_eq!(status.phase.as_deref(), Some(expected), "{policy} {state}");
        }
    }

    #[test]
    fn init_containers_come_first() {
        let seen = |init: &Value| Seen {
            init: vec![container("prepare", init, false, false)],
            main: vec![container("c", &waits(), false, false)],
            ended: false,
        };
        let status =
            |policy: &str, init: &Value| pod_status(&pod(policy, true), "10.1.0.1", &seen(init), now());
        let pending = status("Always", &json!({"running": {}}));
        assert_eq!(pending.phase.as_deref(), Some("Pending"));
        assert_eq!(told(&pending, "Initialized"), "False ContainersNotInitialized");
        assert_eq!(status("Never", &exited(1)).phase.as_deref(), Some("Failed"));
        assert_eq!(told(&status("Always", &exited(0)), "Initialized"), "True -");
    }

    #[test]
    fn ready_means_that_every_container_is() {
        let ready = status("Always", container("c", &json!({"running": {}}), false, true));
        assert_eq!(
            (told(&ready, "Ready").as_str(), told(&ready, "ContainersReady").as_str()),
            ("True -", "True -")
        );
        let not = status("Always", container("c", &json!({"running": {}}), false, false));
        assert_eq!(told(&not, "Ready"), "False ContainersNotReady");
        let message = not.conditions.iter().flatten().find_map(|condition| condition.message.clone());
        assert_eq!(message.as_deref(), Some("containers with unready status: [c]"));
        assert_eq!(
            told(&status("Never", container("c", &exited(0), false, false)), "Ready"),
            "False PodCompleted"
        );
    }

    #[test]
    fn a_pod_that_was_told_to_end_has_a_final_phase() {
        let ended = |code| Seen {
            main: vec![container("c", &exited(code), false, false)],
            ended: true,
            ..Seen::default()
        };
        let phase = |code| pod_status(&pod("Always", false), "10.1.0.1", &ended(code), now()).phase;
        assert_eq!((phase(0).as_deref(), phase(143).as_deref()), (Some("Succeeded"), Some("Failed")));
    }

    #[test]
    fn a_condition_keeps_the_time_of_its_last_change() {
        let mut pod = pod("Always", false);
        let seen = |ready| Seen {
            main: vec![container("c", &json!({"running": {}}), false, ready)],
            ..Seen::default()
        };
        pod.status =
            Some(pod_status(&pod, "10.1.0.1", &seen(false), "2026-01-01T00:00:00Z".parse().expect("a time")));
        let times = |status: PodStatus| -> Vec<String> {
            let conditions = status.conditions.into_iter().flatten();
            conditions
                .map(|condition| condition.last_transition_time.expect("a time").0.to_string())
                .collect()
        };
        assert_eq!(times(pod_status(&pod, "10.1.0.1", &seen(false), now())), ["2026-01-01T00:00:00Z"; 4]);
        let changed = times(pod_status(&pod, "10.1.0.1", &seen(true), now()));
        assert_eq!(changed, ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", NOW, NOW]);
    }

    #[test]
    fn what_ran_under_an_earlier_agent_is_over() {
        let mut pod = pod("Always", false);
        let mut known = container("c", &json!({"running": {"startedAt": NOW}}), false, true);
        known.container_id = Some("sandbox://u/c/4".into());
        pod.status = Some(PodStatus { container_statuses: Some(vec![known]), ..PodStatus::default() });
        let seen = Seen::first(&pod);
        let end = end_of(&seen.main[0]).expect("it ended");
        assert_eq!((end.exit_code, end.container_id.as_deref()), (137, Some("sandbox://u/c/4")));
        assert!(!seen.main[0].ready);
    }

    #[test]
    fn image_ids_name_the_repository_and_a_digest() {
        let id = image_id("localhost:5000/team/app:v1");
        assert!(id.starts_with("localhost:5000/team/app@sha256:"), "{id}");
        assert_eq!(id, image_id("localhost:5000/team/app:v1"));
        assert_ne!(id, image_id("localhost:5000/team/app:v2"));
    }
}
