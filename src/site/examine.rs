//! Looks at what is about to be written to one cluster, whichever way: forward to a chart, or back to an older
//! revision. Reads only, and decides nothing.

use super::permissions::{self, Wanted};
use crate::action::apply::{self, ApplyOptions, Detail, Prepared, Problem, Step, Why};
use crate::cluster::discovery::Kinds;
use crate::cluster::{Cluster, access, gitops, namespace};
use crate::failure::Failure;
use crate::gate::HealthRules;
use crate::helm::release::Release;
use crate::plan::change::{self, Change};
use crate::plan::preflight::Observed;

/// Asks for permissions, and then what would become of every object; `None` when permissions are missing, since
/// nothing more can be asked then. What is found is added to `seen`. `newest` is the newest revision.
pub(super) async fn examine(
    cluster: &Cluster,
    kinds: &Kinds,
    wanted: &Wanted<'_>,
    newest: Option<&Release>,
    options: ApplyOptions,
    seen: &mut Observed,
) -> Result<Option<Prepared>, Failure> {
    let release = &wanted.subject.release;
    seen.dead_apis = kinds.dead().map(apply::dead).collect();
    let rules = HealthRules::of(wanted.subject, wanted.gates);
    seen.hints.extend(rules.unserved(&kinds.with_crds(&wanted.subject.objects).with_crds(wanted.first)));
    seen.other_owner = gitops::find(newest, []).map(|owner| owner.to_string());
    let is_missing =
        wanted.makes_namespace && namespace::exists(cluster, &release.namespace).await? == Some(false);
    let missing = access::missing(cluster, &permissions::all(kinds, wanted, is_missing)?).await?;
    seen.missing_permissions = missing.iter().map(ToString::to_string).collect();
    if !missing.is_empty() {
        return Ok(None);
    }
    let options = ApplyOptions { detail: Detail::Sides, ..options };
    let objects = &wanted.subject.objects;
    let prepared = apply::prepare(cluster, kinds, release, wanted.old, objects, &options).await?;
    take(&prepared, seen);
    seen.other_owner = gitops::find(newest, prepared.live()).map(|owner| owner.to_string());
    Ok(Some(prepared))
}

/// Every problem is one line.
fn take(prepared: &Prepared, seen: &mut Observed) {
    for problem in prepared.problems() {
        let list = match problem.why {
            Why::Foreign(_) => &mut seen.foreign,
            Why::Conflict(_) => &mut seen.conflicts,
            _ => &mut seen.refused,
        };
        list.push(problem.to_string());
    }
    seen.known_later = known_later(prepared);
    seen.paused =
        prepared.steps.iter().filter(|step| is_paused(step)).map(|step| step.key.to_string()).collect();
}

/// A Deployment that somebody has paused rolls nothing out, unless the manifest itself ends the pause.
fn is_paused(step: &Step) -> bool {
    let live = step.sides.as_ref().and_then(|sides| sides.before.as_ref());
    let is_deployment = step.object.group() == "apps" && step.object.kind() == "Deployment";
    is_deployment
        && live.is_some_and(|live| live["spec"]["paused"] == true)
        && step.object.value["spec"]["paused"] != false
}

/// What only the hooks can tell.
pub(super) fn known_later(prepared: &Prepared) -> Vec<String> {
    let told = |(event, problem): (&str, &Problem)| format!("known after the {event} hook: {problem}");
    prepared.known_later().map(told).collect()
}

/// Every object that would change, as far as that is known.
pub(super) fn changes(prepared: &Prepared) -> Vec<Change> {
    prepared.changes().filter_map(|(object, before, after)| change::between(&object, before, after)).collect()
}
