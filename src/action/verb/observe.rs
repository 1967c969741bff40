//! What a verb looks at before it decides: the history, and what the cluster serves.

use super::{ActionContext, Refusal};
use crate::action::ActionError;
use crate::action::permit::Entered;
use crate::cluster::discovery::Kinds;
use crate::cluster::release_secrets::History;
use crate::cluster::{capabilities, release_secrets};
use crate::helm::capabilities::KubeVersion;
use crate::helm::manifest::{self, Object};
use crate::helm::release::{Release, Status, is_name};

/// What there is to know before a revision is made.
#[derive(Debug, Clone)]
pub struct Observed {
    /// All revisions, oldest first.
    pub history: Vec<Release>,
    /// The kinds that the cluster serves.
    pub kinds: Kinds,
    /// Its version.
    pub version: KubeVersion,
}

/// The history, and what the cluster is; all asked for at once. A run reads it once before it holds the lock,
/// to plan, and once under the lock, to write.
pub async fn observe(verb: ActionContext<'_>) -> Result<Observed, ActionError> {
    let version = async { Ok(capabilities::version(verb.cluster).await?) };
    let ((history, kinds), version) = tokio::try_join!(history_and_kinds(verb), version)?;
    Ok(Observed { history, kinds, version })
}

/// All revisions, oldest first; empty = there is no such release. Those that cannot be read are told.
pub(super) async fn history(verb: ActionContext<'_>) -> Result<Vec<Release>, ActionError> {
    let History { records, unreadable } = read(verb).await?;
    for line in &unreadable {
        (verb.talk)(line);
    }
    Ok(records)
}

/// The same once the lock is held; nothing is told twice.
pub(super) async fn history_again(verb: ActionContext<'_>) -> Result<Vec<Release>, ActionError> {
    Ok(read(verb).await?.records)
}

async fn read(verb: ActionContext<'_>) -> Result<History, ActionError> {
    let ActionContext { cluster, release, .. } = verb;
    if !is_name(&release.name) {
        return Err(Refusal::NoName(release.name.clone()).into());
    }
    let history = release_secrets::read(cluster, release).await?;
    if history.records.is_empty()
        && let Some(config_map) = release_secrets::kept_elsewhere(cluster, release).await?
    {
        return Err(Refusal::Elsewhere { name: release.name.clone(), config_map }.into());
    }
    Ok(history)
}

/// The history, and the kinds that the cluster serves.
pub(super) async fn history_and_kinds(verb: ActionContext<'_>) -> Result<(Vec<Release>, Kinds), ActionError> {
    let kinds = async { Ok(Kinds::load(verb.cluster).await?) };
    tokio::try_join!(history(verb), kinds)
}

/// Enters, and answers what is there now if that may be something else than was seen before.
pub(super) async fn enter(verb: ActionContext<'_>, seen: &Observed) -> Result<Option<Observed>, ActionError> {
    match verb.permit.enter().await? {
        Entered::Before => Ok(None),
        // What the other one did to the objects is in no record.
        Entered::AfterWaiting => Ok(Some(observe(verb).await?)),
        Entered::AtOnce => {
            let history = history_again(verb).await?;
            Ok((!is_same(&history, &seen.history)).then(|| Observed { history, ..seen.clone() }))
        }
    }
}

/// Pure: whether nobody has written into the history.
fn is_same(now: &[Release], seen: &[Release]) -> bool {
    now.len() == seen.len() && now.iter().zip(seen).all(|(now, seen)| now.is_same_record(seen))
}

/// The revision that an upgrade replaces: the newest deployed one, else the newest one; `None` = it is an
/// install. One that a killed run left pending counts as failed, which it is before anything is written.
pub fn replaced(history: &[Release]) -> Option<&Release> {
    let last = history.last().filter(|last| last.status() != Status::Uninstalled)?;
    Some(history.iter().rfind(|record| record.status() == Status::Deployed).unwrap_or(last))
}

/// The objects of a stored manifest.
pub fn objects(record: &Release) -> Result<Vec<Object>, ActionError> {
    manifest::split(record.manifest())
        .map_err(|source| ActionError::Manifest { release: record.name().to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_the_same_only_to_the_last_record_and_label() {
        let record = |version: u32| {
            Release::from_json(&format!(
                r#"{{"name":"r","info":{{"status":"deployed"}},"version":{version}}}"#
            ))
            .unwrap()
        };
        let seen = [record(1), record(2)];
        assert!(is_same(&[record(1), record(2)], &seen));
        let failed = record(2).with_status(Status::Failed, "gates failed").unwrap();
        let written = record(2).with_labels([("modifiedAt".to_owned(), "1".to_owned())].into());
        let others = [
            vec![record(1)],
            vec![record(1), record(2), record(3)],
            vec![record(1), failed],
            vec![record(1), written],
        ];
        for now in others {
            assert!(!is_same(&now, &seen), "{now:?}");
        }
    }
}
