//! The new pods are up: every workload of the manifest runs exactly its new revision, available, and without
//! restarts.

mod image;
mod rollout;

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use image::is_same_image;
use rollout::Rollout;
pub(super) use rollout::of_deployment;

use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::pod;
use super::scope::Scope;
use super::seen::Seen;
use super::source::Source;
use super::subject::Workload;
use super::verdict::{Cause, Verdict};
use crate::config::Profile;

/// A quota may be freed, and a policy engine restarts, within this time.
const CREATED: Duration = Duration::from_mins(1);

/// The workloads of every namespace that has some, with their pods.
pub(super) fn sources(scope: &Scope) -> Vec<Source> {
    let of = |namespace: &str| {
        [
            Source::within(namespace, |seen| &mut seen.deployments),
            Source::within(namespace, |seen| &mut seen.stateful_sets),
            Source::within(namespace, |seen| &mut seen.daemon_sets),
            Source::within(namespace, |seen| &mut seen.replica_sets),
            Source::within(namespace, |seen| &mut seen.pods),
        ]
    };
    scope.expected.namespaces().into_iter().flat_map(of).collect()
}

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    for workload in &context.expected.workloads {
        match rollout::find(seen, workload) {
            None => {
                judgement.say(Opinion::waiting("missing", workload.target(), "is not there"));
            }
            Some(rollout) => judge_one(&mut judgement, workload, &rollout, context, seen),
        }
    }
    if context.expected.workloads.is_empty() {
        judgement.fact("the chart has no workloads");
    }
    judgement
}

fn judge_one(
    judgement: &mut Judgement,
    workload: &Workload,
    rollout: &Rollout,
    context: &Context,
    seen: &Seen,
) {
    // Until the controller has seen the new generation, all that it says is about the old one.
    if let Some(opinion) = not_observed(rollout) {
        return judgement.say(opinion);
    }
    let before = judgement.opinions.len();
    let patience = patience(context);
    let pods = rollout.current.iter().flat_map(|pod| pod::problems_within(pod, context.baseline, patience));
    judgement.opinions.extend(pods);
    let said = judgement.opinions[before..].iter().any(|opinion| opinion.verdict > Verdict::Passed);
    // A pod that says what is wrong is a better cause than a count that does not fit.
    if said {
        return;
    }
    let found = blocked(rollout)
        .or_else(|| not_rolled_out(workload, rollout, context))
        .or_else(|| other_images(workload, rollout))
        .or_else(|| old_pods(rollout, context, seen));
    match found {
        Some(opinion) => judgement.say(opinion),
        None => judgement.fact(proven(rollout)),
    }
}

/// cert-manager's parts start without each other; a web that crashes until its database is up is normal.
fn patience(context: &Context) -> pod::Patience {
    match context.subject.profile {
        Profile::CertManager => pod::Patience::None,
        Profile::Generic => pod::Patience::Dependencies,
    }
}

fn not_observed(rollout: &Rollout) -> Option<Opinion> {
    let Rollout { generation, observed, .. } = rollout;
    let message = format!("generation {generation} is not observed yet (observedGeneration {observed})");
    (observed < generation).then(|| Opinion::waiting("rollout", rollout.target.clone(), message))
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
        Opinion::failed("progress", rollout.target.clone(), text)
    } else {
        let opinion = Opinion::waiting("replica-failure", rollout.target.clone(), text);
        opinion.grace(CREATED).points_to(Cause::Release)
    };
    Some(opinion)
}

/// How many pods there are is an autoscaler's business where the manifest does not say it: once this revision was up,
/// one that is added or removed breaks nothing.
fn not_rolled_out(workload: &Workload, rollout: &Rollout, context: &Context) -> Option<Opinion> {
    let waiting = |rule, message: String| Some(Opinion::waiting(rule, rollout.target.clone(), message));
    let Rollout { desired, total, updated, available, .. } = rollout;
    if rollout.paused {
        return waiting("rollout", "its rollout is paused (spec.paused)".to_owned());
    }
    if *desired == 0 && workload.replicas.is_some_and(|replicas| replicas > 0) {
        return waiting("rollout", "is scaled to 0; the manifest does not say so".to_owned());
    }
    if rollout.complete && *available > 0 && workload.replicas != Some(*desired) {
        return None;
    }
    if updated < desired {
        return waiting("rollout", format!("{updated} of {desired} pods are updated"));
    }
    if total > desired {
        return waiting("rollout", format!("{} pods of an older revision are left", total - desired));
    }
    if available + missing_before(rollout, context) < *desired {
        let not_ready = not_ready(&rollout.current);
        // Pods of the new revision that are there and do not get ready are evidence; none is not.
        let rule = if not_ready.is_empty() { "rollout" } else { "not-ready" };
        return waiting(rule, format!("{available} of {desired} pods are available{not_ready}"));
    }
    None
}

/// A `DaemonSet` never completes on a node that is down; that was so before.
fn missing_before(rollout: &Rollout, context: &Context) -> i32 {
    let before = context.baseline.workloads.get(&rollout.target.to_string());
    let is_daemon_set = rollout.target.kind == "DaemonSet";
    before.filter(|_| is_daemon_set).map_or(0, |before| (before.desired - before.available).max(0))
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
            return Some(Opinion::waiting("other-image", rollout.target.clone(), message));
        }
        for pod in &rollout.current {
            let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
            let running = containers
                .filter(|running| running.name == *container)
                .find_map(|running| running.image.as_deref());
            if let Some(running) = running.filter(|running| !is_same_image(image, running)) {
                let message = format!("container {container} runs {running}; the manifest says {image}");
                return Some(Opinion::waiting("other-image", Target::of(*pod), message));
            }
        }
    }
    None
}

fn old_pods(rollout: &Rollout, context: &Context, seen: &Seen) -> Option<Opinion> {
    // Other charts may let old pods finish for hours; cert-manager's old leader has to be gone.
    let matters = |pod: &&&Pod| !pod::is_terminating(pod) || context.subject.profile == Profile::CertManager;
    let pod = rollout.older.iter().find(matters)?;
    let target = Target::of(*pod);
    if pod::hangs(pod, seen.server_time) {
        // Its node is down; whether a new pod leads is the lease's business.
        return Some(Opinion::remark("old-pod", target, "should have ended long ago; is its node down?"));
    }
    let message = if pod::is_terminating(pod) {
        "of the older revision still ends"
    } else {
        "of the older revision still runs"
    };
    Some(Opinion::waiting("old-pod", target, message))
}

#[cfg(test)]
mod tests;
