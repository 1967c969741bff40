//! Why hooks could not be run to their end, in Helm's words where it has them.

use thiserror::Error;

use super::{HookLog, Stranger};
use crate::action::permit::NoLeave;
use crate::action::records::RecordError;
use crate::action::wait::{NotGone, NotReady};
use crate::cluster::error::Cause;
use crate::helm::manifest::ManifestError;

/// Hooks could not be run to their end.
#[derive(Debug, Error)]
#[error("{}{why}", prefix(event))]
pub struct HookError {
    /// For example `pre-install`.
    pub event: String,
    /// The logs that the hooks' policies ask for, and those of the hook that failed.
    pub logs: Vec<HookLog>,
    /// Why.
    pub why: WhyHook,
}

/// Why a hook could not be run to its end.
#[derive(Debug, Error)]
pub enum WhyHook {
    /// What the record holds is no object.
    #[error("unable to build kubernetes object for hook {path}: {error}")]
    Manifest {
        /// The template of the hook.
        path: String,
        /// Why.
        error: ManifestError,
    },
    /// The kind of a hook is not served.
    #[error(
        "unable to build kubernetes object for hook {path}: no matches for kind {kind:?} in version {api_version:?}"
    )]
    Unserved {
        /// The template of the hook.
        path: String,
        /// The kind.
        kind: String,
        /// Its API version.
        api_version: String,
    },
    /// The server did not take the object.
    #[error("warning: Hook {event} {path} failed: {object}: {cause}")]
    Create {
        /// For example `pre-install`.
        event: String,
        /// The template of the hook.
        path: String,
        /// `Kind namespace/name`.
        object: String,
        /// Why.
        cause: Cause,
    },
    /// An object of this name is there that no earlier run of the hook left.
    #[error(
        "warning: Hook {event} {path} failed: {object} already exists, and {why}; delete it, or give the hook the annotation helm.sh/hook-delete-policy: before-hook-creation"
    )]
    Exists {
        /// For example `pre-install`.
        event: String,
        /// The template of the hook.
        path: String,
        /// `Kind namespace/name`.
        object: String,
        /// Why it is not taken over.
        why: Stranger,
    },
    /// It failed, or took too long.
    #[error("{0}")]
    NotReady(NotReady),
    /// An object that was deleted has not gone.
    #[error("{0}")]
    NotGone(NotGone),
    /// An object could not be deleted.
    #[error("delete {object}: {cause}")]
    Delete {
        /// `Kind namespace/name`.
        object: String,
        /// Why.
        cause: Cause,
    },
    /// The record could not be stored.
    #[error(transparent)]
    Store(RecordError),
    /// Nothing more may be written: the lock is lost.
    #[error(transparent)]
    NoLeave(NoLeave),
}

/// Helm 4's words before the failure of an event's hooks.
fn prefix(event: &str) -> String {
    match event {
        "pre-install" | "post-install" => format!("failed {event}: "),
        "pre-upgrade" | "post-upgrade" => format!("{event} hooks failed: "),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_begins_with_helms_words() {
        let told = |event: &str| {
            let why = WhyHook::Unserved {
                path: "c/templates/h.yaml".into(),
                kind: "A".into(),
                api_version: "g/v1".into(),
            };
            HookError { event: event.into(), logs: Vec::new(), why }.to_string()
        };
        let text = "unable to build kubernetes object for hook c/templates/h.yaml: no matches for kind \"A\" in version \"g/v1\"";
        assert_eq!(told("pre-install"), format!("failed pre-install: {text}"));
        assert_eq!(told("post-upgrade"), format!("post-upgrade hooks failed: {text}"));
        assert_eq!(told("pre-rollback"), text);
    }
}
