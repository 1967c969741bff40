//! `helm rollback`: a new revision that does what an older one did, from its stored manifest and hooks.

use super::observe::Observed;
use super::render::check_size;
use super::stage::{Stage, now};
use super::{ActionContext, ActionOptions, Refusal, RollbackRequest, observe};
use crate::action::ActionError;
use crate::action::apply::{self, ApplyOptions, Crds, Prepared};
use crate::action::records::{unwritable, with_status};
use crate::failure::in_one_line;
use crate::helm::manifest::Object;
use crate::helm::release::{self, Release, Revision, Status};
use crate::helm::semver;

/// Helm's own limit for a rollback's description, in characters.
const DESCRIPTION_LENGTH: usize = 256;

/// A return that the server would take.
struct Ready {
    observed: Observed,
    record: Release,
    objects: Vec<Object>,
    prepared: Prepared,
    /// The revision that is returned to.
    target: Revision,
}

/// Returns to an older revision; answers the new one. No CRD is deleted or replaced by an older one.
pub async fn rollback(
    verb: ActionContext<'_>,
    back: &RollbackRequest,
    observed: Observed,
) -> Result<Release, ActionError> {
    check_description(back.description.as_deref())?;
    let mut ready = get_ready(verb, back, observed).await?;
    if let Some(now) = observe::enter(verb, &ready.observed).await? {
        ready = get_ready(verb, back, now).await?;
    }
    let Ready { observed: Observed { history, kinds, .. }, record, objects, prepared, target } = ready;
    let mut stage = Stage::new(verb, back.conduct, &kinds, record, objects);
    stage.begin(&history, Some(target)).await?;
    match Box::pin(stage.carry_out("rollback", Some(&prepared))).await {
        Ok(()) => {
            let description = stage.record.description().to_owned();
            stage.finish(&history, &description).await?;
            Ok(stage.record)
        }
        Err(error) => Err(Box::pin(fail(stage, back, history.last(), error)).await),
    }
}

async fn get_ready(
    verb: ActionContext<'_>,
    back: &RollbackRequest,
    observed: Observed,
) -> Result<Ready, ActionError> {
    let Observed { history, kinds, .. } = &observed;
    let (current, older) = current_and_older(history, back.to)?;
    let target = older.revision();
    let default = format!("Rollback to {target}");
    let new = release::RollbackRecord {
        revision: current.revision() + 1,
        description: back.description.as_deref().unwrap_or(&default),
        first_deployed: current.first_deployed_text(),
        last_deployed: &now(),
    };
    let record = older.returned_to(&new).map_err(|source| unwritable(older, source))?;
    check_size(&record)?;
    let (old, objects) = (observe::objects(current)?, observe::objects(&record)?);
    let options = options(back.conduct, older, current);
    let prepared =
        apply::prepare(verb.cluster, kinds, verb.release, &old, &objects, &options).await?.accept()?;
    Ok(Ready { observed, record, objects, prepared, target })
}

/// Whether a rollback could begin; nothing is written.
pub async fn dry_run_rollback(verb: ActionContext<'_>, back: &RollbackRequest) -> Result<(), ActionError> {
    check_description(back.description.as_deref())?;
    let history = observe::history(verb).await?;
    current_and_older(&history, back.to)?;
    Ok(())
}

fn check_description(description: Option<&str>) -> Result<(), Refusal> {
    match description.map(|text| text.chars().count()) {
        Some(length) if length > DESCRIPTION_LENGTH => Err(Refusal::LongDescription(length)),
        Some(_) | None => Ok(()),
    }
}

/// Pure: the newest revision, whatever its status, and the one to return to.
fn current_and_older(history: &[Release], to: Option<Revision>) -> Result<(&Release, &Release), Refusal> {
    let current = history.last().ok_or(Refusal::NotFound)?;
    let to = to.filter(|to| *to != 0).unwrap_or_else(|| current.revision().saturating_sub(1));
    let older = history.iter().find(|record| record.revision() == to).ok_or(Refusal::NoRevision(to))?;
    Ok((current, older))
}

/// How the objects of an older revision are applied again. What its manifest has was ours once: Helm does not
/// ask again whose it is.
pub fn options(conduct: ActionOptions, older: &Release, current: &Release) -> ApplyOptions {
    let hook = apply::awaited("pre-rollback", older.hooks()).filter(|_| conduct.hooks);
    let (force_conflicts, crds) = (conduct.force_conflicts, crds(older, current));
    ApplyOptions { force_conflicts, take_ownership: true, crds, hook, ..ApplyOptions::default() }
}

/// Which CRDs a rollback leaves alone. An "older" revision may hold the newer chart; its CRDs are wanted
/// then, unless they would take something away.
fn crds(older: &Release, current: &Release) -> Crds {
    if semver::is_newer(older.chart_version(), current.chart_version()) {
        Crds::LoseNothing
    } else {
        Crds::NeverBack
    }
}

/// Stores the failure. A revision that ran is superseded by then, unless only waiting or a hook failed; one
/// that failed stays failed.
async fn fail(
    mut stage: Stage<'_>,
    back: &RollbackRequest,
    current: Option<&Release>,
    error: ActionError,
) -> ActionError {
    let name = stage.verb.release.name.clone();
    let waited = matches!(error, ActionError::NotReady(_));
    let verb = if waited { "Release" } else { "Rollback" };
    let halfway = matches!(error, ActionError::Failed(_));
    if let Err(problem) = store_failure(
        &mut stage,
        current,
        halfway,
        &format!("{verb} {name:?} failed: {}", in_one_line(&error)),
    )
    .await
    {
        (stage.verb.talk)(&format!("the failure could not be stored: {}", in_one_line(&problem)));
    }
    if back.conduct.cleanup_on_fail
        && let Err(second) = stage.clean_up().await
    {
        let told = "an error occurred while cleaning up resources. original rollback error";
        return ActionError::NotUndone {
            told,
            error: Box::new(error),
            second: format!("unable to cleanup resources: {}", in_one_line(&second)),
        };
    }
    if waited {
        ActionError::Undone { told: format!("release {name} failed"), error: Box::new(error) }
    } else {
        error
    }
}

async fn store_failure(
    stage: &mut Stage<'_>,
    current: Option<&Release>,
    halfway: bool,
    failed: &str,
) -> Result<(), ActionError> {
    if let Some(current) = current.filter(|current| halfway && current.status() == Status::Deployed) {
        let superseded = with_status(current, Status::Superseded, current.description())?;
        stage.verb.records().put(&superseded).await?;
    }
    stage.end(Status::Failed, failed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> Vec<Release> {
        let release = |version: u32, chart: &str| {
            let chart = format!(r#"{{"metadata":{{"name":"c","version":"{chart}"}}}}"#);
            Release::from_json(&format!(
                r#"{{"name":"r","info":{{"status":"failed"}},"chart":{chart},"version":{version}}}"#
            ))
            .unwrap()
        };
        vec![release(3, "1.0.0"), release(4, "2.0.0"), release(5, "1.1.0")]
    }

    #[test]
    fn which_revision_is_returned_to() {
        let history = history();
        let older = |to| {
            current_and_older(&history, to).map(|(current, older)| (current.revision(), older.revision()))
        };
        assert_eq!((older(None), older(Some(0)), older(Some(3))), (Ok((5, 4)), Ok((5, 4)), Ok((5, 3))));
        assert_eq!(older(Some(1)), Err(Refusal::NoRevision(1)));
        assert_eq!(current_and_older(&[], None).unwrap_err(), Refusal::NotFound);
        assert_eq!(
            (crds(&history[0], &history[2]), crds(&history[1], &history[2])),
            (Crds::NeverBack, Crds::LoseNothing)
        );
    }

    #[test]
    fn a_description_is_one_line_of_the_history() {
        assert_eq!(check_description(Some(&"é".repeat(256))), Ok(()));
        assert_eq!(check_description(Some(&"é".repeat(257))), Err(Refusal::LongDescription(257)));
    }
}
