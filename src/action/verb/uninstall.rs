//! `helm uninstall`: the objects of a release go, and its history with them unless it is kept.

use super::stage::{Stage, now, put, unwritable, with_status};
use super::{ActionContext, Refusal, UninstallRequest, Wait, observe, words};
use crate::action::ActionError;
use crate::action::removal::{self, Removed};
use crate::cluster::release_secrets;
use crate::helm::release::{Release, Status};

/// What an uninstall did.
#[derive(Debug, Clone)]
pub struct Uninstalled {
    /// The newest revision.
    pub release: Release,
    /// What stayed and why, in Helm's words; empty when nothing did.
    pub stayed: String,
}

/// Uninstalls a release.
pub async fn uninstall(
    verb: ActionContext<'_>,
    removal: &UninstallRequest,
) -> Result<Uninstalled, ActionError> {
    let (history, kinds) = observe::history_and_kinds(verb).await?;
    let newest = history.last().ok_or(Refusal::NotFound)?;
    if newest.status() == Status::Uninstalled {
        return already(verb, removal, &history, newest).await;
    }
    let objects = observe::objects(newest)?;
    let record = with_status(newest, Status::Uninstalling, "Deletion in progress (or silently failed)")?;
    let record = record.with_deleted(&now()).map_err(|source| unwritable(newest, source))?;
    verb.permit.enter().await?;
    let kinds = kinds.with_crds(&objects);
    let mut stage = Stage { verb, conduct: removal.conduct, kinds, record, objects, created: Vec::new() };
    let (removed, mut problems) =
        Stage::until_interrupted(verb.interrupted, perform(&mut stage, removal)).await?;
    let description = removal.description.as_deref().unwrap_or("Uninstallation complete");
    if removal.keep_history {
        stage.end(Status::Uninstalled, description).await?;
        stage.supersede(&history[..history.len() - 1]).await?;
    } else {
        stage.record = with_status(&stage.record, Status::Uninstalled, description)?;
        let purged = purge(verb, &history).await;
        problems.extend(
            purged.err().map(|error| format!("uninstall: Failed to purge the release: {}", words(&error))),
        );
    }
    if problems.is_empty() {
        return Ok(Uninstalled { release: stage.record, stayed: removed.told() });
    }
    Err(ActionError::Uninstall { count: problems.len(), told: problems.join("; ") })
}

/// What would stay of a release, in Helm's words; for a dry run. Nothing is written.
pub async fn what_would_stay(verb: ActionContext<'_>) -> Result<String, ActionError> {
    let (history, kinds) = observe::history_and_kinds(verb).await?;
    let newest = history.last().ok_or(Refusal::NotFound)?;
    Ok(removal::kept(&kinds, verb.release, &observe::objects(newest)?).told())
}

/// An uninstalled release whose history was kept loses that too.
async fn already(
    verb: ActionContext<'_>,
    removal: &UninstallRequest,
    history: &[Release],
    newest: &Release,
) -> Result<Uninstalled, ActionError> {
    if removal.keep_history {
        return Err(Refusal::AlreadyDeleted(verb.release.name.clone()).into());
    }
    verb.permit.enter().await?;
    purge(verb, history).await?;
    Ok(Uninstalled { release: newest.clone(), stayed: String::new() })
}

/// From the pre-delete hooks to the post-delete ones; what fails after the deletion is told at the end.
async fn perform(
    stage: &mut Stage<'_>,
    removal: &UninstallRequest,
) -> Result<(Removed, Vec<String>), ActionError> {
    stage.hooks("pre-delete").await?;
    put(stage.verb, &stage.record).await?;
    let ActionContext { cluster, release, .. } = stage.verb;
    stage.verb.permit.check()?;
    let removed =
        removal::uninstall_objects(cluster, &stage.kinds, release, &stage.objects, removal.cascade).await?;
    let mut problems = Vec::new();
    if removal.conduct.wait != Wait::Hooks {
        let gone = removed.gone(cluster, &stage.kinds, release, removal.conduct.timeout).await;
        problems.extend(gone.err().map(|error| error.to_string()));
    }
    problems.extend(stage.hooks("post-delete").await.err().map(|error| words(&error)));
    Ok((removed, problems))
}

/// Oldest first: what is left by a kill is still the release that is being uninstalled.
async fn purge(verb: ActionContext<'_>, history: &[Release]) -> Result<(), ActionError> {
    for record in history {
        verb.permit.check()?;
        release_secrets::delete(verb.cluster, verb.release, record.revision()).await?;
    }
    Ok(())
}
