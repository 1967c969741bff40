//! The files below a chart's `crds/`: applied before everything else of an install, then waited for. Never
//! upgraded, never taken back.

use std::time::Duration;

use super::ActionContext;
use crate::action::ActionError;
use crate::action::apply::{Applied, Failed, Problem, Why};
use crate::action::permit::{Unwritten, permitted};
use crate::action::wait::{self, Until, WaitTerms};
use crate::cluster::discovery::Kinds;
use crate::cluster::error::Cause;
use crate::cluster::objects::{self, Apply};
use crate::failure::in_one_line;
use crate::helm::crds::Crd;
use crate::helm::manifest::{self, Object};
use crate::plan::crd;

/// How long they may take to be established; Helm's own limit.
const ESTABLISHED: Duration = Duration::from_mins(1);

/// Applies the files one after the other. A live CRD that would lose a version or a field stays as it is.
pub(super) async fn install(
    verb: ActionContext<'_>,
    kinds: &Kinds,
    crds: &[Crd<'_>],
    force: bool,
) -> Result<(), ActionError> {
    let mut applied = Vec::new();
    for file in crds {
        for object in objects_of(file)? {
            if apply(verb, kinds, &object, force).await.map_err(|error| in_file(file, &error))? {
                applied.push(object);
            }
        }
    }
    let ActionContext { cluster, release, talk, .. } = verb;
    let terms = WaitTerms { until: Until::Ready { jobs: false }, limit: ESTABLISHED, fail_fast: true };
    Ok(wait::ready(cluster, kinds, &applied, &release.namespace, terms, talk).await?)
}

async fn apply(
    verb: ActionContext<'_>,
    kinds: &Kinds,
    object: &Object,
    force: bool,
) -> Result<bool, ActionError> {
    let ActionContext { cluster, release, permit, talk, .. } = verb;
    let key = kinds.key(object, &release.namespace);
    let problem = |why| {
        let problems = vec![Problem { key: key.clone(), why }];
        ActionError::Failed(Failed::new(Applied::default(), problems))
    };
    let Some(api) = kinds.api(cluster, object, &release.namespace) else {
        return Err(problem(Why::Unserved { api_version: object.api_version().to_owned() }));
    };
    let live = api.get_opt(object.name()).await.map_err(|error| problem(Why::Api(Cause::of(&error))))?;
    let live = live.and_then(|live| serde_json::to_value(live).ok());
    if let Some(lost) = live
        .filter(|_| object.is_crd())
        .map(|live| crd::lost(&live, &object.value))
        .filter(|lost| !lost.is_empty())
    {
        talk(&format!("{key} stays as it is: the chart's would take away {}", lost.join(", ")));
        return Ok(false);
    }
    let how = Apply { dry_run: false, force };
    match permitted(permit, objects::apply(&api, object.name(), &object.value, how)).await {
        Ok(_) => Ok(true),
        Err(Unwritten::NotSent(lost) | Unwritten::CutOff(lost)) => Err(lost.into()),
        Err(Unwritten::Failed(error)) => Err(problem(Why::Api(Cause::of(&error)))),
    }
}

fn objects_of(file: &Crd<'_>) -> Result<Vec<Object>, ActionError> {
    let text = String::from_utf8_lossy(file.data);
    let objects = manifest::split(&text)
        .map_err(|error| ActionError::Crd { path: file.path.clone(), told: error.to_string() })?;
    if objects.is_empty() {
        return Err(ActionError::Crd { path: file.path.clone(), told: "resources are empty".to_owned() });
    }
    Ok(objects)
}

fn in_file(file: &Crd<'_>, error: &ActionError) -> ActionError {
    ActionError::Crd { path: file.path.clone(), told: in_one_line(error) }
}
