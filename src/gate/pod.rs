//! What is wrong with one pod, as its containers say.

use crate::cluster::container_statuses;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;

use super::baseline::Baseline;
use super::opinion::{Opinion, Target};

/// A registry or a ConfigMap may be late once; the second try comes within this time.
const SECOND_TRY: Duration = Duration::from_secs(20);
/// What an operator or another chart has to make first comes within this time.
const MADE_BY_OTHERS: Duration = Duration::from_mins(2);
/// So many restarts are no accident.
const CRASHES: i32 = 2;
/// So many restarts take about three minutes: a dependency is up by then.
const CRASHES_WITH_DEPENDENCIES: i32 = 5;

/// Whether containers may crash until what they need is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// They need nothing of each other.
    None,
    /// They may need another part of the same chart.
    Dependencies,
}

impl Patience {
    fn crashes(self) -> i32 {
        match self {
            Self::None => CRASHES,
            Self::Dependencies => CRASHES_WITH_DEPENDENCIES,
        }
    }
}

/// Everything that is wrong with `pod`; restarts count from the baseline.
pub(crate) fn problems(pod: &Pod, baseline: &Baseline) -> Vec<Opinion> {
    problems_within(pod, baseline, Patience::None)
}

/// The same, of containers that may crash for a while.
pub(crate) fn problems_within(pod: &Pod, baseline: &Baseline, patience: Patience) -> Vec<Opinion> {
    let problems =
        container_statuses(pod).filter_map(|container| problem(pod, container, baseline, patience));
    problems.chain(unschedulable(pod)).collect()
}

fn problem(
    pod: &Pod,
    container: &ContainerStatus,
    baseline: &Baseline,
    patience: Patience,
) -> Option<Opinion> {
    let target = Target::of(pod).container(&container.name);
    let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
    let reason = waiting.and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default();
    let said = waiting.and_then(|waiting| waiting.message.as_deref()).unwrap_or_default();
    let message = format!("container {}: {reason}: {said}", container.name);
    match reason {
        "InvalidImageName" | "ErrImageNeverPull" => Some(Opinion::failed("image", target, message)),
        "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" => {
            Some(Opinion::waiting("image", target, message).grace(SECOND_TRY))
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(Opinion::waiting("container", target, message).grace(MADE_BY_OTHERS))
        }
        "CrashLoopBackOff" if container.restart_count >= CRASHES => {
            let message =
                format!("container {}: CrashLoopBackOff after {}", container.name, restarts(container));
            let final_ = container.restart_count - baseline.restarts(target.uid.as_deref(), &container.name)
                >= patience.crashes();
            let opinion =
                if final_ || patience == Patience::None { Opinion::failed } else { Opinion::waiting };
            Some(opinion("crash", target, message))
        }
        _ => restarted(target, container, baseline, patience),
    }
}

fn restarted(
    target: Target,
    container: &ContainerStatus,
    baseline: &Baseline,
    patience: Patience,
) -> Option<Opinion> {
    let message = format!("container {}: {}", container.name, restarts(container));
    match container.restart_count - baseline.restarts(target.uid.as_deref(), &container.name) {
        ..=0 => None,
        1 => Some(Opinion::remark("restart", target, message)),
        count if count < patience.crashes() => Some(Opinion::remark("restart", target, message)),
        _ => Some(Opinion::failed("restarts", target, message)),
    }
}

/// `2 restarts, the last after exit code 1 (Error)`.
fn restarts(container: &ContainerStatus) -> String {
    let state = container.state.as_ref().and_then(|state| state.terminated.as_ref());
    let last = state.or_else(|| container.last_state.as_ref().and_then(|state| state.terminated.as_ref()));
    let count = container.restart_count;
    let restarts = if count == 1 { "1 restart".to_owned() } else { format!("{count} restarts") };
    last.map_or_else(|| restarts.clone(), |last| format!("{restarts}, the last after {}", exit(last)))
}

fn exit(ended: &ContainerStateTerminated) -> String {
    let reason = ended.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let message = ended.message.as_deref().map(|message| format!(": {}", message.trim())).unwrap_or_default();
    format!("exit code {}{reason}{message}", ended.exit_code)
}

fn unschedulable(pod: &Pod) -> Option<Opinion> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions
        .iter()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    let message = format!("cannot be scheduled: {}", scheduled.message.as_deref().unwrap_or_default());
    Some(Opinion::waiting("schedule", Target::of(pod), message))
}

/// The pod is over, or about to be.
pub(crate) fn is_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// The pod is being deleted.
pub(crate) fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// The pod should have ended long ago: twice the time that it was given is over.
pub(crate) fn hangs(pod: &Pod, now: Option<Timestamp>) -> bool {
    let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(30).max(30);
    let deleted = pod.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    // The timestamp is the time by which it has to be gone.
    now.zip(deleted).is_some_and(|(now, deleted)| now.as_second() - deleted.as_second() > grace)
}

/// The controller of `pod`.
pub(crate) fn controller(pod: &Pod) -> Option<&str> {
    pod.metadata
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true))
        .map(|owner| owner.uid.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::opinion::Limit;
    use crate::gate::verdict::Verdict;
    use serde_json::{Value, json};

    fn pod(container: &Value) -> Pod {
        let mut container = container.clone();
        for (field, value) in
            [("name", json!("main")), ("ready", json!(false)), ("image", json!("x")), ("imageID", json!(""))]
        {
            container[field] = value;
        }
        serde_json::from_value(json!({
            "metadata": {"namespace": "cert-manager", "name": "cert-manager-1", "uid": "pod"},
            "status": {"containerStatuses": [container]},
        }))
        .unwrap()
    }

    fn waiting(reason: &str, restarts: i32) -> Value {
        json!({
            "restartCount": restarts, "state": {"waiting": {"reason": reason, "message": "because"}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
        })
    }

    #[test]
    fn every_state_of_a_container_has_its_verdict() {
        let running = |restarts: i32| json!({"restartCount": restarts, "state": {"running": {}}});
        let table = [
            (running(0), None),
            (running(1), Some((Verdict::Passed, Limit::Run))),
            (running(2), Some((Verdict::Failed, Limit::Run))),
            (waiting("ContainerCreating", 0), None),
            (waiting("ErrImagePull", 0), Some((Verdict::Waiting, Limit::Grace(SECOND_TRY)))),
            (waiting("ImagePullBackOff", 0), Some((Verdict::Waiting, Limit::Grace(SECOND_TRY)))),
            (waiting("InvalidImageName", 0), Some((Verdict::Failed, Limit::Run))),
            (
                waiting("CreateContainerConfigError", 0),
                Some((Verdict::Waiting, Limit::Grace(MADE_BY_OTHERS))),
            ),
            (waiting("CrashLoopBackOff", 1), Some((Verdict::Passed, Limit::Run))),
            (waiting("CrashLoopBackOff", 2), Some((Verdict::Failed, Limit::Run))),
        ];
        for (container, expected) in table {
            let opinions = problems(&pod(&container), &Baseline::default());
            assert_eq!(
                opinions.first().map(|opinion| (opinion.verdict, opinion.limit)),
                expected,
                "{container}"
            );
        }
    }

    #[test]
    fn the_message_names_container_restarts_and_exit() {
        let opinions = problems(&pod(&waiting("CrashLoopBackOff", 3)), &Baseline::default());
        assert_eq!(
            opinions[0].message,
            "container main: CrashLoopBackOff after 3 restarts, the last after exit code 137 (OOMKilled)"
        );
        assert_eq!(opinions[0].target.container.as_deref(), Some("main"));
    }

    #[test]
    fn restarts_from_before_the_upgrade_do_not_count() {
        let running = pod(&json!({"restartCount": 7, "state": {"running": {}}}));
        let mut baseline = Baseline::default();
        baseline.pods.insert("pod".to_owned(), crate::gate::baseline::PodState::of(&running));
        assert!(problems(&running, &baseline).is_empty());
        assert_eq!(problems(&pod(&waiting("CrashLoopBackOff", 7)), &baseline)[0].verdict, Verdict::Failed);
    }
}
