//! Helm's verbs, carried out by ourselves: install, upgrade, roll back, uninstall, with Helm 4's statuses,
//! descriptions and order of writes.
//!
//! A verb reads, renders and checks everything first, each object by a dry run; then it asks for leave to
//! write and stores the pending record, which is the lock that both Helms know. A verb that is killed at any
//! point leaves a state from which Helm and this program go on.
//! Better than Helm: a revision that failed stays failed, and a rollback whose hook fails is stored as failed
//! instead of staying pending. No policy.

mod crds;
mod install;
mod observe;
mod permit;
mod refusal;
mod render;
mod request;
mod reuse;
mod rollback;
mod stage;
mod uninstall;
mod upgrade;

pub use install::{dry_run_install, install, options as options_of_install};
pub use observe::{Observed, objects, observe, replaced};
pub use permit::{LockOnWrite, Permit, ReadOnly};
pub use refusal::Refusal;
pub use render::{RevisionPreview, render, render_offline};
pub use request::{
    ActionContext, ActionOptions, Deployment, DryRun, Reuse, RollbackRequest, UninstallRequest, Wait,
};
pub use rollback::{dry_run_rollback, options as options_of_rollback, rollback};
pub use uninstall::{Uninstalled, uninstall, what_would_stay};
pub use upgrade::{dry_run_upgrade, options as options_of_upgrade, upgrade};

use std::error::Error;

use crate::helm::release::{Release, Status};

use super::ActionError;

/// Installs where there is no release, or only an uninstalled one; upgrades otherwise
/// (`helm upgrade --install`).
pub async fn deploy(verb: ActionContext<'_>, deployment: &Deployment) -> Result<Release, ActionError> {
    let history = observe::history(verb).await?;
    match history.last().map(Release::status) {
        None => Box::pin(install(verb, deployment)).await,
        Some(Status::Uninstalled) => {
            Box::pin(install(verb, &Deployment { replace: true, ..deployment.clone() })).await
        }
        Some(_) => Box::pin(upgrade(verb, deployment)).await,
    }
}

/// An error and its causes in one line, each once.
fn words(error: &ActionError) -> String {
    let mut messages = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !messages.iter().any(|earlier| earlier.contains(&message)) {
            messages.push(message);
        }
        cause = error.source();
    }
    messages.join(": ")
}
