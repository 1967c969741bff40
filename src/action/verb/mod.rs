//! Helm's verbs, carried out by ourselves: install, upgrade, roll back, uninstall, with Helm 4's statuses,
//! descriptions and order of writes.
//!
//! A verb reads, renders and checks everything first, each object by a dry run; then it asks for leave to
//! write. Whatever changed until then is read, rendered and checked again. Then it stores the pending record,
//! which is the lock that both Helms know. A verb that is killed at any point leaves a state from which Helm
//! and this program go on.
//! Better than Helm: a revision that failed stays failed, and a rollback whose hook fails is stored as failed
//! instead of staying pending. No policy.

mod crds;
mod draft;
mod install;
mod lock_on_write;
mod observe;
mod refusal;
mod render;
mod request;
mod reuse;
mod rollback;
mod stage;
mod uninstall;
mod upgrade;

pub use super::permit::{Permit, ReadOnly};
pub use draft::{RevisionDraft, draft, render_offline};
pub use install::{dry_run_install, install, options as options_of_install};
pub use lock_on_write::LockOnWrite;
pub use observe::{Observed, objects, observe, replaced};
pub use refusal::Refusal;
pub use request::{
    ActionContext, ActionOptions, Deployment, DryRun, Reuse, RollbackRequest, UninstallRequest, Wait,
};
pub use rollback::{dry_run_rollback, options as options_of_rollback, rollback};
pub use uninstall::{Uninstalled, uninstall, what_would_stay};
pub use upgrade::{dry_run_upgrade, options as options_of_upgrade, upgrade};

use crate::helm::release::{Release, Status};

use super::ActionError;

/// Installs where there is no release, or only an uninstalled one; upgrades otherwise
/// (`helm upgrade --install`).
///
/// `draft`: what was rendered for the same deployment before. One that was made on another base revision is
/// made anew, as is that of an install that brings CRDs: templates may ask for their kinds.
pub async fn deploy(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    observed: Observed,
    draft: Option<&RevisionDraft>,
) -> Result<Release, ActionError> {
    match observed.history.last().map(Release::status) {
        None => Box::pin(install(verb, deployment, observed, draft)).await,
        Some(Status::Uninstalled) => {
            let again = Deployment { replace: true, ..deployment.clone() };
            Box::pin(install(verb, &again, observed, draft)).await
        }
        Some(_) => Box::pin(upgrade(verb, deployment, observed, draft)).await,
    }
}
