//! `helm upgrade`: the next revision of a release.

use std::collections::BTreeMap;

use super::draft::RevisionDraft;
use super::install::{tell_all, waiting};
use super::observe::Observed;
use super::render::{NextRevision, check_size, objects, prepared, record, rendered, values};
use super::rollback::rollback;
use super::stage::Stage;
use super::{
    ActionContext, ActionOptions, Deployment, DryRun, Refusal, RollbackRequest, observe, refusal, reuse,
};
use crate::action::ActionError;
use crate::action::apply::{self, ApplyOptions, Crds, Prepared};
use crate::action::records::with_status;
use crate::failure::in_one_line;
use crate::helm::manifest::Object;
use crate::helm::release::{Release, Revision, Status};
use crate::helm::rendering::Rendering;
use crate::helm::semver;

/// A revision that the server would take.
struct Ready {
    observed: Observed,
    rendering: Rendering,
    record: Release,
    objects: Vec<Object>,
    /// `None` when the server was not asked.
    prepared: Option<Prepared>,
}

/// Upgrades a release; answers the deployed revision. `draft`: see [`super::deploy`].
pub async fn upgrade(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    observed: Observed,
    draft: Option<&RevisionDraft>,
) -> Result<Release, ActionError> {
    let mut ready = Box::pin(get_ready(verb, deployment, observed, draft, DryRun::Server)).await?;
    check_size(&ready.record)?;
    if let Some(now) = observe::enter(verb, &ready.observed).await? {
        ready = Box::pin(get_ready(verb, deployment, now, draft, DryRun::Server)).await?;
        check_size(&ready.record)?;
    }
    tell_all(verb, &ready.rendering.warnings);
    let Ready { observed: Observed { history, kinds, .. }, record, objects, prepared, .. } = ready;
    let mut stage = Stage::new(verb, waiting(deployment), &kinds, record, objects);
    stage.begin(&history, None).await?;
    match stage.carry_out("upgrade", prepared.as_ref()).await {
        Ok(()) => {
            let description = deployment.description.as_deref().unwrap_or("Upgrade complete");
            stage.finish(&history, description).await?;
            Ok(stage.record)
        }
        Err(error) => Err(fail(stage, deployment, &history, error).await),
    }
}

/// What an upgrade would do.
pub async fn dry_run_upgrade(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    how: DryRun,
    observed: Observed,
) -> Result<RevisionDraft, ActionError> {
    let ready = Box::pin(get_ready(verb, deployment, observed, None, how)).await?;
    let description = deployment.description.as_deref().unwrap_or("Dry run complete");
    let record = with_status(&ready.record, ready.record.status(), description)?;
    RevisionDraft::new(ready.rendering, record, &ready.observed.history)
}

async fn get_ready(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    observed: Observed,
    draft: Option<&RevisionDraft>,
    how: DryRun,
) -> Result<Ready, ActionError> {
    let Observed { history, kinds, version } = &observed;
    let (last, current) = last_and_current(history, &verb.release.name)?;
    let revision = last.revision() + 1;
    let next = NextRevision {
        revision,
        shown_revision: revision,
        upgrade: true,
        status: Status::PendingUpgrade,
        description: "Preparing upgrade",
        first_deployed: current.first_deployed_text(),
    };
    let rendering = match draft.and_then(|draft| draft.rendering_on(history)) {
        Some(rendering) => rendering,
        None => {
            let (chart, given) = (deployment.chart.clone(), deployment.values.clone());
            let (chart, given) = reuse::reused(deployment.reuse, chart, given, current).map_err(values)?;
            let chart = prepared(chart, given)?;
            rendered(verb, deployment, chart, (kinds, version.clone()), &next, how).await?
        }
    };
    let record =
        record(verb.release, deployment, &rendering, &next)?.with_labels(labels(last, &deployment.labels));
    let (old, objects) = (observe::objects(current)?, objects(&rendering, &verb.release.name)?);
    let options = options(deployment.conduct, &record, current);
    let prepared = match how {
        DryRun::Client => None,
        DryRun::Server => Some(
            apply::prepare(verb.cluster, kinds, verb.release, &old, &objects, &options).await?.accept()?,
        ),
    };
    Ok(Ready { observed, rendering, record, objects, prepared })
}

/// Pure: the newest revision, and the one that runs: the newest deployed one, else the newest one if that
/// failed or was superseded.
pub(super) fn last_and_current<'h>(
    history: &'h [Release],
    name: &str,
) -> Result<(&'h Release, &'h Release), Refusal> {
    let nothing = || Refusal::NothingDeployed(name.to_owned());
    let last = history.last().ok_or_else(nothing)?;
    if last.status().is_pending() {
        return Err(refusal::pending(last, history));
    }
    let deployed = history.iter().rfind(|record| record.status() == Status::Deployed);
    let usable = || Some(last).filter(|last| matches!(last.status(), Status::Failed | Status::Superseded));
    Ok((last, deployed.or_else(usable).ok_or_else(nothing)?))
}

/// How the objects of the next revision are applied. `current` is the one that it replaces.
pub fn options(conduct: ActionOptions, record: &Release, current: &Release) -> ApplyOptions {
    let ActionOptions { hooks, force_conflicts, take_ownership, .. } = conduct;
    let hook = apply::awaited("pre-upgrade", record.hooks()).filter(|_| hooks);
    let crds = crds(current, record.chart_version());
    ApplyOptions { force_conflicts, take_ownership, crds, hook, ..ApplyOptions::default() }
}

/// Which CRDs an upgrade leaves alone. Those of a newer chart are what is wanted, also where they leave
/// something out; an older chart puts none in the place of a newer one; and the same version takes nothing
/// away, since a rollback to it may have left newer ones.
fn crds(current: &Release, version: &str) -> Crds {
    if semver::is_newer(version, current.chart_version()) {
        Crds::AsRendered
    } else if semver::is_newer(current.chart_version(), version) {
        Crds::NeverBack
    } else {
        Crds::LoseNothing
    }
}

/// Pure: the old labels with the new ones over them; `null` removes one.
fn labels(last: &Release, new: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels = last.user_labels();
    labels.extend(new.clone());
    labels.retain(|_, value| value != "null");
    labels
}

/// Stores the failure, then cleans up and rolls back as far as that is wanted.
async fn fail(
    mut stage: Stage<'_>,
    deployment: &Deployment,
    history: &[Release],
    error: ActionError,
) -> ActionError {
    let name = &stage.verb.release.name;
    let failed = format!("Upgrade {name:?} failed: {}", in_one_line(&error));
    if let Err(problem) = stage.end(Status::Failed, &failed).await {
        (stage.verb.talk)(&format!("the failure could not be stored: {}", in_one_line(&problem)));
    }
    if deployment.conduct.cleanup_on_fail
        && let Err(second) = stage.clean_up().await
    {
        let told = "an error occurred while cleaning up resources. original upgrade error";
        return ActionError::NotUndone {
            told,
            error: Box::new(error),
            second: format!("unable to cleanup resources: {}", in_one_line(&second)),
        };
    }
    if !deployment.rollback_on_failure {
        return error;
    }
    let Some(to) = last_good(history) else {
        let told = "unable to find a previously successful release when attempting to rollback. original upgrade error".to_owned();
        return ActionError::Undone { told, error: Box::new(error) };
    };
    let back = RollbackRequest {
        to: Some(to),
        description: None,
        conduct: ActionOptions { history_max: 0, ..stage.conduct },
    };
    // A future that contains itself has no size.
    let returned = async { rollback(stage.verb, &back, observe::observe(stage.verb).await?).await };
    match Box::pin(returned).await {
        Ok(_) => {
            let told = format!(
                "release {name} failed, and has been rolled back due to rollback-on-failure being set"
            );
            ActionError::Undone { told, error: Box::new(error) }
        }
        Err(second) => {
            let told = "an error occurred while rolling back the release. original upgrade error";
            ActionError::NotUndone { told, error: Box::new(error), second: in_one_line(&second) }
        }
    }
}

/// Pure: the newest revision that was good.
fn last_good(history: &[Release]) -> Option<Revision> {
    history
        .iter()
        .rfind(|record| matches!(record.status(), Status::Deployed | Status::Superseded))
        .map(Release::revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(statuses: &[&str]) -> Vec<Release> {
        let release = |(index, status): (usize, &&str)| {
            Release::from_json(&format!(
                r#"{{"name":"r","info":{{"status":"{status}"}},"version":{}}}"#,
                index + 1
            ))
            .unwrap()
        };
        statuses.iter().enumerate().map(release).collect()
    }

    #[test]
    fn which_revision_runs() {
        let table: [(&[&str], Option<Revision>); 8] = [
            (&[], None),
            (&["superseded", "deployed"], Some(2)),
            (&["deployed", "failed", "failed"], Some(1)),
            (&["superseded", "failed"], Some(2)),
            (&["superseded", "superseded"], Some(2)),
            (&["deployed", "pending-upgrade"], None),
            (&["uninstalled"], None),
            (&["uninstalling"], None),
        ];
        for (statuses, expected) in table {
            let history = history(statuses);
            assert_eq!(
                last_and_current(&history, "r").ok().map(|(_, current)| current.revision()),
                expected,
                "{statuses:?}"
            );
        }
        assert_eq!(last_good(&history(&["superseded", "deployed", "failed", "failed"])), Some(2));
    }

    #[test]
    fn labels_are_merged_and_null_removes_one() {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let last =
            history(&["deployed"]).remove(0).with_labels(map(&[("a", "1"), ("b", "2"), ("owner", "helm")]));
        assert_eq!(labels(&last, &map(&[("a", "null"), ("c", "3")])), map(&[("b", "2"), ("c", "3")]));
    }
}
