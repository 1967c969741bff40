//! What a verb refuses before it changes anything, in Helm's words where Helm has them.

use thiserror::Error;

use crate::cluster::release_secrets::MAX_RECORD;
use crate::helm::release::{Release, Revision, SYSTEM_LABELS, Status};

/// Why a verb is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// An install under a text that is no name.
    #[error(
        "release name check failed: release name {0:?}: invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
    )]
    Name(String),
    /// A text that no release can be called.
    #[error("release name is invalid: {0}")]
    NoName(String),
    /// An install under a name that is taken.
    #[error("release name check failed: cannot reuse a name that is still in use")]
    NameInUse,
    /// No such release.
    #[error("release: not found")]
    NotFound,
    /// No such release to uninstall.
    #[error("uninstall: Release not loaded: {0}: release: not found")]
    NotLoaded(String),
    /// An upgrade of nothing.
    #[error("{0:?} has no deployed releases")]
    NothingDeployed(String),
    /// Somebody works on the release, or was killed in the middle.
    #[error(
        "another operation (install/upgrade/rollback) is in progress: revision {revision} is {status}{since}; if nobody works on it any more, {help}"
    )]
    Pending {
        /// The newest revision.
        revision: Revision,
        /// Its status.
        status: Status,
        /// ` since` and a time.
        since: String,
        /// What helps.
        help: String,
    },
    /// Somebody stored the same revision at the same moment.
    #[error(
        "another operation (install/upgrade/rollback) is in progress: revision {0} was stored by somebody else just now"
    )]
    Raced(Revision),
    /// There is no such revision.
    #[error("release has no {0} version")]
    NoRevision(Revision),
    /// The release is kept where this program does not look.
    #[error(
        "release {name} is kept in ConfigMaps ({config_map}), and only releases in Secrets are supported; a deployment now would give it a second history. Use the helm that installed it with HELM_DRIVER=configmap, or uninstall it with that first"
    )]
    Elsewhere {
        /// The release.
        name: String,
        /// Its newest record.
        config_map: String,
    },
    /// A label of the user that Helm sets itself.
    #[error("user supplied labels contains system reserved label name. System labels: [{}]", SYSTEM_LABELS.join(" "))]
    SystemLabel,
    /// A record that no Secret can hold.
    #[error(
        "the record of the release takes {bytes} bytes, and a Secret holds {MAX_RECORD}; nothing was changed. Make the chart smaller: templates, files, values and CRDs count"
    )]
    TooLarge {
        /// Its size as it would be stored.
        bytes: usize,
    },
    /// The namespace of an install.
    #[error("namespaces {0:?} not found; create it, or use --create-namespace")]
    NoNamespace(String),
    /// Uninstalled with its history kept.
    #[error("the release named {0:?} is already deleted")]
    AlreadyDeleted(String),
    /// More text than the history is made for.
    #[error("description must be 256 characters or less, got {0}")]
    LongDescription(usize),
}

/// A pending revision, with what helps against it. `history`: oldest first.
pub(super) fn pending(pending: &Release, history: &[Release]) -> Refusal {
    let good = |record: &&Release| matches!(record.status(), Status::Deployed | Status::Superseded);
    let name = pending.name();
    let help = match history.iter().rev().find(good) {
        Some(good) => format!("`helm rollback {name} {}` returns to the last good revision", good.revision()),
        None => format!("`helm uninstall {name}` removes what is there of it"),
    };
    let since = pending.last_deployed_text().map(|time| format!(" since {time}")).unwrap_or_default();
    Refusal::Pending { revision: pending.revision(), status: pending.status(), since, help }
}

/// The size of a record, which must fit into a Secret.
pub(super) fn check_size(bytes: usize) -> Result<(), Refusal> {
    if bytes > MAX_RECORD { Err(Refusal::TooLarge { bytes }) } else { Ok(()) }
}

/// A user's labels must not hide Helm's.
pub(super) fn check_labels<'l>(mut names: impl Iterator<Item = &'l String>) -> Result<(), Refusal> {
    if names.any(|name| SYSTEM_LABELS.contains(&name.as_str())) { Err(Refusal::SystemLabel) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(version: u32, status: &str) -> Release {
        let json = format!(
            r#"{{"name":"r","info":{{"status":"{status}","last_deployed":"2026-01-02T03:04:05Z"}},"version":{version}}}"#
        );
        Release::from_json(&json).unwrap()
    }

    #[test]
    fn a_pending_revision_says_what_helps() {
        let history = [release(1, "superseded"), release(2, "failed"), release(3, "pending-upgrade")];
        insta::assert_snapshot!(pending(&history[2], &history), @"another operation (install/upgrade/rollback) is in progress: revision 3 is pending-upgrade since 2026-01-02T03:04:05Z; if nobody works on it any more, `helm rollback r 1` returns to the last good revision");
        let first = [release(1, "pending-install")];
        assert!(
            pending(&first[0], &first)
                .to_string()
                .ends_with("`helm uninstall r` removes what is there of it")
        );
    }

    #[test]
    fn sizes_and_labels() {
        assert_eq!(
            (check_size(MAX_RECORD), check_size(MAX_RECORD + 1)),
            (Ok(()), Err(Refusal::TooLarge { bytes: MAX_RECORD + 1 }))
        );
        assert_eq!(check_labels(["team".to_owned()].iter()), Ok(()));
        assert_eq!(check_labels(["status".to_owned()].iter()), Err(Refusal::SystemLabel));
    }
}
