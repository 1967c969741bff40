//! Whether a return to an older revision is possible at all. Reads only.

use super::ActionError;
use super::apply::{self, ApplyOptions, Effect, Prepared};
use super::verb::{ActionOptions, objects, options_of_rollback};
use crate::cluster::discovery::Kinds;
use crate::cluster::{ApiError, Cluster, objects as live};
use crate::config::ReleaseId;
use crate::helm::manifest::Object;
use crate::helm::release::Release;
use crate::plan::crd;

/// Why a return to `older` would not succeed after `prepared` was written; empty = it is feasible.
///
/// What the older manifest has and the new one has not in the same words is sent as a dry run now. Newer CRDs
/// are kept by a rollback, so they must serve every version that the older revision needs.
pub async fn obstacles(
    cluster: &Cluster,
    kinds: &Kinds,
    release: &ReleaseId,
    older: &Release,
    prepared: &Prepared,
    conduct: ActionOptions,
) -> Result<Vec<String>, ActionError> {
    let mut found = lost_versions(cluster, kinds, older, prepared).await?;
    let objects = objects(older)?;
    let kinds = kinds.with_crds(&objects);
    let asked: Vec<Object> =
        objects.into_iter().filter(|object| !object.is_crd() && !has_same(prepared, object)).collect();
    let options = options_of_rollback(conduct, older, older);
    let options = ApplyOptions { crds: apply::Crds::AsRendered, ..options };
    let answers = apply::prepare(cluster, &kinds, release, &[], &asked, &options).await?;
    let revision = older.revision();
    found.extend(
        answers
            .problems()
            .map(|problem| format!("revision {revision} could not be written again: {problem}")),
    );
    Ok(found)
}

/// The versions of CRDs that `older` needs and that are not served once `prepared` is written: with
/// [`apply::Detail::Sides`].
pub async fn lost_versions(
    cluster: &Cluster,
    kinds: &Kinds,
    older: &Release,
    prepared: &Prepared,
) -> Result<Vec<String>, ActionError> {
    let (mut found, revision) = (Vec::new(), older.revision());
    for object in objects(older)?.into_iter().filter(Object::is_crd) {
        let step = prepared.steps.iter().find(|step| step.key == object.key());
        let stays = match step.and_then(|step| step.sides.as_ref()?.after.clone()) {
            Some(after) => Some(after),
            None => read(cluster, kinds, &object).await?,
        };
        let missing = stays.map(|stays| crd::unserved_versions(&stays, &object.value)).unwrap_or_default();
        if !missing.is_empty() {
            let (missing, name) = (missing.join(", "), object.name());
            found
                .push(format!("revision {revision} needs {missing} of CRD {name}, which is not served then"));
        }
    }
    Ok(found)
}

async fn read(
    cluster: &Cluster,
    kinds: &Kinds,
    object: &Object,
) -> Result<Option<serde_json::Value>, ApiError> {
    let Some(api) = kinds.api(cluster, object, "") else { return Ok(None) };
    let read = live::whole(&api, object.name()).await;
    let read = read.map_err(|error| ApiError::new(cluster, format!("read {}", object.key()), &error))?;
    Ok(read.and_then(|live| serde_json::to_value(live).ok()))
}

/// The new manifest has the object in the same words, so it was asked for already.
fn has_same(prepared: &Prepared, object: &Object) -> bool {
    let same = |step: &&apply::Step| step.object.value == object.value;
    prepared.steps.iter().find(same).is_some_and(|step| step.effect != Effect::Refused)
}
