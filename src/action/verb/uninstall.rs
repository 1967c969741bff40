//! `helm uninstall`: the objects of a release go, and its history with them unless it is kept.

use super::stage::{Stage, now};
use super::{ActionContext, Refusal, UninstallRequest, Wait, observe};
use crate::action::ActionError;
use crate::action::permit::Entered;
use crate::action::records::{RecordError, unwritable, with_status};
use crate::action::removal::{self, Removed};
use crate::cluster::error::Cause;
use crate::failure::in_one_line;
use crate::helm::release::{Release, Status};

/// What an uninstall did.
#[derive(Debug, Clone)]
pub struct Uninstalled {
    /// The newest revision.
    pub release: Release,
    /// What stayed and why, in Helm's words; empty when nothing did.
    pub stayed: String,
}

/// Uninstalls a release: the newest revision of it that there is once the lock is held.
pub async fn uninstall(
    verb: ActionContext<'_>,
    removal: &UninstallRequest,
) -> Result<Uninstalled, ActionError> {
    let (mut history, kinds) = observe::history_and_kinds(verb).await?;
    newest(verb, removal, &history)?;
    if verb.permit.enter().await? != Entered::Before {
        history = observe::history_again(verb).await?;
    }
    let newest = newest(verb, removal, &history)?;
    if newest.status() == Status::Uninstalled {
        verb.records().purge(newest.revision()).await?;
        return Ok(Uninstalled { release: newest.clone(), stayed: String::new() });
    }
    let objects = observe::objects(newest)?;
    let record = with_status(newest, Status::Uninstalling, "Deletion in progress (or silently failed)")?;
    let record = record.with_deleted(&now()).map_err(|source| unwritable(newest, source))?;
    let mut stage = Stage::new(verb, removal.conduct, &kinds, record, objects);
    let (removed, mut problems) =
        Stage::until_interrupted(verb.interrupted, perform(&mut stage, removal)).await?;
    let description = removal.description.as_deref().unwrap_or("Uninstallation complete");
    if removal.keep_history {
        stage.end(Status::Uninstalled, description).await?;
        verb.records().supersede(&history[..history.len() - 1]).await?;
    } else {
        stage.record = with_status(&stage.record, Status::Uninstalled, description)?;
        let purged = verb.records().purge(stage.record.revision()).await;
        problems.extend(
            purged
                .err()
                .map(|error| format!("uninstall: Failed to purge the release: {}", in_one_line(&error))),
        );
    }
    if problems.is_empty() {
        return Ok(Uninstalled { release: stage.record, stayed: removed.told() });
    }
    Err(ActionError::Uninstall { count: problems.len(), told: problems.join("; ") })
}

/// Pure: the newest revision, if there is something to uninstall. One that was uninstalled with its history
/// kept can lose only that.
fn newest<'h>(
    verb: ActionContext<'_>,
    removal: &UninstallRequest,
    history: &'h [Release],
) -> Result<&'h Release, Refusal> {
    let newest = history.last().ok_or(Refusal::NotFound)?;
    if removal.keep_history && newest.status() == Status::Uninstalled {
        return Err(Refusal::AlreadyDeleted(verb.release.name.clone()));
    }
    Ok(newest)
}

/// What would stay of a release, in Helm's words; for a dry run. Nothing is written.
pub async fn what_would_stay(verb: ActionContext<'_>) -> Result<String, ActionError> {
    let (history, kinds) = observe::history_and_kinds(verb).await?;
    let newest = history.last().ok_or(Refusal::NotFound)?;
    Ok(removal::kept(&kinds, verb.release, &observe::objects(newest)?).told())
}

/// From the pre-delete hooks to the post-delete ones; what fails after the deletion is told at the end.
async fn perform(
    stage: &mut Stage<'_>,
    removal: &UninstallRequest,
) -> Result<(Removed, Vec<String>), ActionError> {
    stage.hooks("pre-delete").await?;
    match stage.verb.records().put(&stage.record).await {
        // It goes with its namespace, which is being deleted; the objects elsewhere are still to go.
        Err(RecordError::Api(error)) if matches!(error.cause(), Cause::NotFound(_)) => {}
        stored => stored?,
    }
    let ActionContext { cluster, release, permit, .. } = stage.verb;
    let (kinds, objects) = (&stage.kinds, &stage.objects);
    let removed =
        removal::uninstall_objects(cluster, kinds, release, objects, removal.cascade, permit).await?;
    let mut problems = Vec::new();
    if removal.conduct.wait != Wait::Hooks {
        let gone = removed.gone(cluster, &stage.kinds, release, removal.conduct.timeout).await;
        problems.extend(gone.err().map(|error| error.to_string()));
    }
    problems.extend(stage.hooks("post-delete").await.err().map(|error| in_one_line(&error)));
    Ok((removed, problems))
}
