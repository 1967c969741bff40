//! `helm install`: the first revision of a release.

use super::draft::RevisionDraft;
use super::observe::Observed;
use super::render::{NextRevision, check_size, objects, prepared, record, rendered};
use super::stage::Stage;
use super::{
    ActionContext, ActionOptions, Deployment, DryRun, Refusal, UninstallRequest, Wait, crds, observe,
    uninstall,
};
use crate::action::ActionError;
use crate::action::apply::{self, ApplyOptions, Prepared};
use crate::action::records::with_status;
use crate::cluster::discovery::Kinds;
use crate::cluster::namespace;
use crate::failure::in_one_line;
use crate::helm::manifest::Object;
use crate::helm::release::{Release, Revision, Status};
use crate::helm::rendering::{self, Rendering};

/// A first revision that the server would take.
struct Ready {
    observed: Observed,
    rendering: Rendering,
    record: Release,
    objects: Vec<Object>,
    prepared: Prepared,
}

/// Installs a chart; answers the deployed revision. `draft`: see [`super::deploy`].
pub async fn install(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    observed: Observed,
    draft: Option<&RevisionDraft>,
) -> Result<Release, ActionError> {
    check_name(&observed.history, deployment.replace)?;
    let chart = prepared(deployment.chart.clone(), deployment.values.clone())?;
    let brings_crds = !deployment.skip_crds && !chart.crds().is_empty();
    let (observed, draft) = if brings_crds {
        (install_crds(verb, deployment, &chart, observed).await?, None)
    } else {
        (observed, draft)
    };
    let mut ready = get_ready(verb, deployment, observed, draft).await?;
    if let Some(now) = enter(verb, deployment, &ready.observed).await? {
        ready = get_ready(verb, deployment, now, draft).await?;
    }
    tell_all(verb, &ready.rendering.warnings);
    Box::pin(write(verb, deployment, ready)).await
}

async fn get_ready(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    observed: Observed,
    draft: Option<&RevisionDraft>,
) -> Result<Ready, ActionError> {
    let Observed { history, kinds, version } = &observed;
    check_name(history, deployment.replace)?;
    let next = next(history.last().map_or(1, |last| last.revision() + 1), "Initial install underway");
    let rendering = match draft.and_then(|draft| draft.rendering_on(history)) {
        Some(rendering) => rendering,
        None => {
            let chart = prepared(deployment.chart.clone(), deployment.values.clone())?;
            rendered(verb, deployment, chart, (kinds, version.clone()), &next, DryRun::Server).await?
        }
    };
    let record = record(verb.release, deployment, &rendering, &next)?;
    check_size(&record)?;
    let objects = objects(&rendering, &verb.release.name)?;
    let options = options(deployment.conduct, &record);
    let prepared =
        apply::prepare(verb.cluster, kinds, verb.release, &[], &objects, &options).await?.accept()?;
    Ok(Ready { observed, rendering, record, objects, prepared })
}

async fn write(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    ready: Ready,
) -> Result<Release, ActionError> {
    let Ready { observed: Observed { history, kinds, .. }, record, objects, prepared, .. } = ready;
    replace(verb, &history).await?;
    let mut stage = Stage::new(verb, waiting(deployment), &kinds, record, objects);
    // As with Helm, an install makes no room in the history.
    stage.begin(&[], None).await?;
    match stage.carry_out("install", Some(&prepared)).await {
        Ok(()) => {
            let description = deployment.description.as_deref().unwrap_or("Install complete");
            stage.finish(&[], description).await?;
            Ok(stage.record)
        }
        Err(error) => Err(Box::pin(fail(stage, deployment, error)).await),
    }
}

/// What an install would do. A name that is taken does not matter, as with Helm.
pub async fn dry_run_install(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    observed: Observed,
) -> Result<RevisionDraft, ActionError> {
    let Observed { kinds, version, .. } = observed;
    let chart = prepared(deployment.chart.clone(), deployment.values.clone())?;
    if !deployment.skip_crds && !chart.crds().is_empty() {
        (verb.talk)(
            "This chart or one of its subcharts contains CRDs. Rendering may fail or contain inaccuracies.",
        );
    }
    let next = next(1, "Dry run complete");
    let rendering = rendered(verb, deployment, chart, (&kinds, version), &next, DryRun::Server).await?;
    let objects = objects(&rendering, &verb.release.name)?;
    let record = record(verb.release, deployment, &rendering, &next)?;
    let options = options(deployment.conduct, &record);
    apply::prepare(verb.cluster, &kinds, verb.release, &[], &objects, &options).await?.accept()?;
    RevisionDraft::new(rendering, record, &[])
}

fn next(revision: Revision, description: &str) -> NextRevision<'_> {
    NextRevision {
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
    chart: &rendering::Prepared,
    observed: Observed,
) -> Result<Observed, ActionError> {
    let observed = enter(verb, deployment, &observed).await?.unwrap_or(observed);
    check_name(&observed.history, deployment.replace)?;
    crds::install(verb, &observed.kinds, &chart.crds(), deployment.conduct.force_conflicts).await?;
    Ok(Observed { kinds: Kinds::load(verb.cluster).await?, ..observed })
}

/// The lock lives in the namespace, which is made for it if that is wanted.
async fn enter(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    seen: &Observed,
) -> Result<Option<Observed>, ActionError> {
    let name = &verb.release.namespace;
    if deployment.create_namespace {
        namespace::ensure(verb.cluster, name).await?;
    } else if namespace::is_missing(verb.cluster, name).await {
        return Err(Refusal::NoNamespace(name.clone()).into());
    }
    observe::enter(verb, seen).await
}

/// A failed revision keeps its status.
async fn replace(verb: ActionContext<'_>, history: &[Release]) -> Result<(), ActionError> {
    if let Some(last) = history.last().filter(|last| last.status() != Status::Failed) {
        let superseded = with_status(last, Status::Superseded, "superseded by new release")?;
        verb.records().put(&superseded).await?;
    }
    Ok(())
}

/// Stores the failure, or takes everything away again.
async fn fail(mut stage: Stage<'_>, deployment: &Deployment, error: ActionError) -> ActionError {
    let name = &stage.verb.release.name;
    let failed = format!("Release {name:?} failed: {}", in_one_line(&error));
    let stored = stage.end(Status::Failed, &failed).await;
    if !deployment.rollback_on_failure {
        stored.unwrap_or_else(|problem| {
            (stage.verb.talk)(&format!("the failure could not be stored: {}", in_one_line(&problem)));
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
            second: in_one_line(&second),
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
