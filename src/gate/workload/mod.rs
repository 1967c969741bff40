//! The new pods are up: every workload of the manifest runs exactly its new revision, available, and without
//! restarts.

mod rollout;

use k8s_openapi::api::core::v1::Pod;

use rollout::Rollout;
pub(super) use rollout::of_deployment;

use super::context::Context;
use super::opinion::{Judgement, Opinion};
use super::pod;
use super::seen::Seen;
use super::subject::Workload;
use super::verdict::{Cause, Verdict};
use crate::config::Profile;

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    for workload in &context.expected.workloads {
        match rollout::find(seen, workload) {
            None => {
                judgement.say(Opinion::waiting("missing", workload.target(), "is not there", Cause::Release));
            }
            Some(rollout) => judge_one(&mut judgement, workload, &rollout, context),
        }
    }
    if context.expected.workloads.is_empty() {
        judgement.fact("the chart has no workloads");
    }
    judgement
}

fn judge_one(judgement: &mut Judgement, workload: &Workload, rollout: &Rollout, context: &Context) {
    let before = judgement.opinions.len();
    let pods = rollout.current.iter().flat_map(|pod| pod::problems(pod, context.baseline));
    judgement.opinions.extend(pods);
    let said = judgement.opinions[before..].iter().any(|opinion| opinion.verdict > Verdict::Passed);
    // A pod that says what is wrong is a better cause than a count that does not fit.
    let counts = if said { None } else { not_rolled_out(workload, rollout) };
    let counts = counts.or_else(|| other_images(workload, rollout)).or_else(|| old_pods(rollout, context));
    match counts.or_else(|| blocked(rollout)) {
        Some(opinion) => judgement.say(opinion),
        None if !said => judgement.fact(proven(rollout)),
        None => {}
    }
}

fn proven(rollout: &Rollout) -> String {
    let images: Vec<&str> = rollout.images.iter().map(|(_, image)| image.as_str()).collect();
    let revision =
        rollout.revision.as_ref().map(|revision| format!(" of revision {revision}")).unwrap_or_default();
    format!(
        "{}: {} of {} pods{revision} available ({})",
        rollout.target,
        rollout.available,
        rollout.desired,
        images.join(", ")
    )
}

/// The controller itself says that it cannot go on.
fn blocked(rollout: &Rollout) -> Option<Opinion> {
    let (kind, reason, message) = rollout.blocked.as_ref()?;
    let text = format!("{kind}: {reason}: {message}");
    let opinion = if kind == "Progressing" {
        Opinion::failed("progress", rollout.target.clone(), text, Cause::Release)
    } else {
        Opinion::waiting("replica-failure", rollout.target.clone(), text, Cause::Release)
            .grace(std::time::Duration::from_secs(15))
    };
    Some(opinion)
}

fn not_rolled_out(workload: &Workload, rollout: &Rollout) -> Option<Opinion> {
    let waiting =
        |message: String| Some(Opinion::waiting("rollout", rollout.target.clone(), message, Cause::Release));
    let Rollout { generation, observed, desired, total, updated, available, .. } = rollout;
    if let Some(blocked) = blocked(rollout) {
        return Some(blocked);
    }
    if observed < generation {
        return waiting(format!(
            "generation {generation} is not observed yet (observedGeneration {observed})"
        ));
    }
    if rollout.paused {
        return waiting("its rollout is paused (spec.paused)".to_owned());
    }
    if *desired == 0 && workload.replicas != Some(0) && workload.kind != "DaemonSet" {
        return waiting("is scaled to 0; the manifest does not say so".to_owned());
    }
    if updated < desired {
        return waiting(format!("{updated} of {desired} pods are updated"));
    }
    if total > desired {
        return waiting(format!("{} pods of an older revision are left", total - desired));
    }
    if available < desired {
        return waiting(format!(
            "{available} of {desired} pods are available{}",
            not_ready(&rollout.current)
        ));
    }
    None
}

/// The containers that keep pods from being available.
fn not_ready(pods: &[&Pod]) -> String {
    let statuses = pods.iter().filter_map(|pod| pod.status.as_ref()?.container_statuses.as_ref());
    let names: Vec<&str> = statuses
        .flatten()
        .filter(|container| !container.ready)
        .map(|container| container.name.as_str())
        .collect();
    if names.is_empty() { String::new() } else { format!("; not ready: {}", names.join(", ")) }
}

/// The live template, then the pods, run the images of the manifest. A registry mirror may change the
/// registry, not the image.
fn other_images(workload: &Workload, rollout: &Rollout) -> Option<Opinion> {
    for (container, image) in &workload.images {
        let live = rollout
            .images
            .iter()
            .find(|(name, _)| name == container)
            .map_or("nothing", |(_, image)| image.as_str());
        if !is_same_image(image, live) {
            let message = format!("container {container} is to run {live}; the manifest says {image}");
            return Some(Opinion::waiting("image", rollout.target.clone(), message, Cause::Release));
        }
        for pod in &rollout.current {
            let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
            let running = containers
                .filter(|running| running.name == *container)
                .find_map(|running| running.image.as_deref());
            if let Some(running) = running.filter(|running| !is_same_image(image, running)) {
                let message = format!("container {container} runs {running}; the manifest says {image}");
                return Some(Opinion::waiting(
                    "image",
                    super::opinion::Target::of(*pod),
                    message,
                    Cause::Release,
                ));
            }
        }
    }
    None
}

fn is_same_image(a: &str, b: &str) -> bool {
    a.rsplit('/').next() == b.rsplit('/').next()
}

fn old_pods(rollout: &Rollout, context: &Context) -> Option<Opinion> {
    // Other charts may let old pods finish for hours; cert-manager's old leader has to be gone.
    let matters = |pod: &&&Pod| !pod::is_terminating(pod) || context.subject.profile == Profile::CertManager;
    let pod = rollout.older.iter().find(matters)?;
    let message = if pod::is_terminating(pod) {
        "of the older revision still ends"
    } else {
        "of the older revision still runs"
    };
    Some(Opinion::waiting("old-pod", super::opinion::Target::of(*pod), message, Cause::Release))
}

#[cfg(test)]
mod tests;
