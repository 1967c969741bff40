//! `helm install`: the first revision of a release.

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;

use super::observe::Observed;
use super::render::{
    RevisionDraft, RevisionPreview, check_size, dry_run, objects, prepared, record, rendered,
};
use super::stage::{Stage, put, with_status};
use super::{
    ActionContext, ActionOptions, Deployment, DryRun, Refusal, UninstallRequest, Wait, crds, observe,
    uninstall, words,
};
use crate::action::ActionError;
use crate::action::apply::{self, ApplyOptions, Prepared};
use crate::cluster::discovery::Kinds;
use crate::cluster::namespace;
use crate::helm::release::{Release, Revision, Status};

/// Installs a chart; answers the deployed revision.
pub async fn install(verb: ActionContext<'_>, deployment: &Deployment) -> Result<Release, ActionError> {
    let Observed { history, kinds, version } = observe::observe(verb).await?;
    check_name(&history, deployment.replace)?;
    let chart = prepared(deployment.chart.clone(), deployment.values.clone())?;
    let kinds = install_crds(verb, deployment, &chart, kinds).await?;
    let making = making(history.last().map_or(1, |last| last.revision() + 1), "Initial install underway");
    let rendering = rendered(verb, deployment, chart, (&kinds, version), &making, DryRun::Server).await?;
    tell_all(verb, &rendering.warnings);
    let record = record(verb.release, deployment, &rendering, &making)?;
    check_size(&record)?;
    let objects = objects(&rendering, &verb.release.name)?;
    let options = options(deployment.conduct, &record);
    let prepared =
        apply::prepare(verb.cluster, &kinds, verb.release, &[], &objects, &options).await?.accept()?;
    enter(verb, deployment.create_namespace).await?;
    replace(verb, &history).await?;
    let conduct = waiting(deployment);
    let mut stage =
        Stage { verb, conduct, kinds: kinds.with_crds(&objects), record, objects, created: Vec::new() };
    stage.begin(&[]).await?;
    match Stage::until_interrupted(verb.interrupted, perform(&mut stage, &prepared)).await {
        Ok(()) => {
            stage
                .end(Status::Deployed, deployment.description.as_deref().unwrap_or("Install complete"))
                .await?;
            Ok(stage.record)
        }
        Err(error) => Err(fail(stage, deployment, error).await),
    }
}

/// What an install would do. A name that is taken does not matter, as with Helm.
pub async fn dry_run_install(
    verb: ActionContext<'_>,
    deployment: &Deployment,
) -> Result<RevisionPreview, ActionError> {
    let Observed { kinds, version, .. } = observe::observe(verb).await?;
    let chart = prepared(deployment.chart.clone(), deployment.values.clone())?;
    if !deployment.skip_crds && !chart.crds().is_empty() {
        (verb.talk)(
            "This chart or one of its subcharts contains CRDs. Rendering may fail or contain inaccuracies.",
        );
    }
    let making = making(1, "Dry run complete");
    let rendering = rendered(verb, deployment, chart, (&kinds, version), &making, DryRun::Server).await?;
    let objects = objects(&rendering, &verb.release.name)?;
    let record = record(verb.release, deployment, &rendering, &making)?;
    let options = options(deployment.conduct, &record);
    apply::prepare(verb.cluster, &kinds, verb.release, &[], &objects, &options).await?.accept()?;
    dry_run(&rendering, &record)
}

fn making(revision: Revision, description: &str) -> RevisionDraft<'_> {
    RevisionDraft {
        revision,
        shown_revision: 1,
        upgrade: false,
        status: Status::PendingInstall,
        description,
        first_deployed: None,
    }
}

/// Says every warning.
pub(super) fn tell_all(verb: ActionContext<'_>, warnings: &[String]) {
    for warning in warnings {
        (verb.talk)(warning);
    }
}

/// Undoing on failure is for what failed to become ready, too.
pub(super) fn waiting(deployment: &Deployment) -> ActionOptions {
    let mut conduct = deployment.conduct;
    if deployment.rollback_on_failure && conduct.wait == Wait::Hooks {
        conduct.wait = Wait::Ready;
    }
    conduct
}

/// How the objects of a first revision are applied.
pub fn options(conduct: ActionOptions, record: &Release) -> ApplyOptions {
    let ActionOptions { hooks, force_conflicts, take_ownership, .. } = conduct;
    let hook = apply::awaited("pre-install", record.hooks()).filter(|_| hooks);
    ApplyOptions { force_conflicts, take_ownership, installing: true, hook, ..ApplyOptions::default() }
}

/// Pure: a name is free when it has no history, or when it is to be replaced and nothing runs under it.
fn check_name(history: &[Release], replace: bool) -> Result<(), Refusal> {
    match history.last().map(Release::status) {
        None => Ok(()),
        Some(Status::Uninstalled | Status::Failed) if replace => Ok(()),
        Some(_) => Err(Refusal::NameInUse),
    }
}

/// The CRDs come before the capabilities are asked for: templates may ask for their kinds.
async fn install_crds(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    chart: &crate::helm::rendering::Prepared,
    kinds: Kinds,
) -> Result<Kinds, ActionError> {
    let files = chart.crds();
    if deployment.skip_crds || files.is_empty() {
        return Ok(kinds);
    }
    enter(verb, deployment.create_namespace).await?;
    crds::install(verb, &kinds, &files, deployment.conduct.force_conflicts).await?;
    Ok(Kinds::load(verb.cluster).await?)
}

/// The lock lives in the namespace, which is made for it if that is wanted.
async fn enter(verb: ActionContext<'_>, create_namespace: bool) -> Result<(), ActionError> {
    let name = &verb.release.namespace;
    if create_namespace {
        namespace::ensure(verb.cluster, name).await?;
    } else {
        // Who may not read it may write into it all the same.
        let found = Api::<Namespace>::all(verb.cluster.client.clone()).get_metadata_opt(name).await;
        if matches!(found, Ok(None)) {
            return Err(Refusal::NoNamespace(name.clone()).into());
        }
    }
    verb.permit.enter().await
}

/// A failed revision keeps its status.
async fn replace(verb: ActionContext<'_>, history: &[Release]) -> Result<(), ActionError> {
    match history.last().filter(|last| last.status() != Status::Failed) {
        Some(last) => put(verb, &with_status(last, Status::Superseded, "superseded by new release")?).await,
        None => Ok(()),
    }
}

async fn perform(stage: &mut Stage<'_>, prepared: &Prepared) -> Result<(), ActionError> {
    stage.hooks("pre-install").await?;
    stage.apply(prepared).await?;
    stage.wait().await?;
    stage.hooks("post-install").await
}

/// Stores the failure, or takes everything away again.
async fn fail(mut stage: Stage<'_>, deployment: &Deployment, error: ActionError) -> ActionError {
    let name = &stage.verb.release.name;
    let failed = format!("Release {name:?} failed: {}", words(&error));
    let stored = stage.end(Status::Failed, &failed).await;
    if !deployment.rollback_on_failure {
        stored.unwrap_or_else(|problem| {
            (stage.verb.talk)(&format!("the failure could not be stored: {}", words(&problem)))
        });
        return error;
    }
    let removal = UninstallRequest { conduct: stage.conduct, ..UninstallRequest::default() };
    match uninstall(stage.verb, &removal).await {
        Ok(_) => ActionError::Undone {
            told: format!(
                "release {name} failed, and has been uninstalled due to rollback-on-failure being set"
            ),
            error: Box::new(error),
        },
        Err(second) => ActionError::NotUndone {
            told: "an error occurred while uninstalling the release. original install error",
            error: Box::new(error),
            second: words(&second),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_names_are_free() {
        let release = |status: &str| {
            Release::from_json(&format!(r#"{{"name":"r","info":{{"status":"{status}"}},"version":1}}"#))
                .unwrap()
        };
        assert_eq!(check_name(&[], false), Ok(()));
        for status in Status::ALL {
            let free = matches!(status, Status::Uninstalled | Status::Failed);
            let history = [release(status.as_str())];
            assert_eq!(check_name(&history, true).is_ok(), free, "{status}");
            assert_eq!(check_name(&history, false), Err(Refusal::NameInUse), "{status}");
        }
    }
}
