//! What the API server would make of a manifest: every object sent as a server-side apply that is only a dry
//! run.

use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{DynamicObject, Patch, PatchParams, ValidationDirective};
use kube::core::Status;
use serde_json::Value;

use crate::config::ReleaseId;
use crate::helm::manifest::{Key, Object};

use super::conflict::owned_fields;
use super::discovery::Kinds;
use super::error::Cause;
use super::helm_marks::marked;
use super::objects::{AT_ONCE, FIELD_MANAGER, KEEP, RESOURCE_POLICY, without_secrets};
use super::{ApiError, Cluster, managed_fields};

/// One object on both sides of a change.
#[derive(Debug, Clone)]
pub struct Sides {
    /// `Kind namespace/name`.
    pub object: String,
    /// The live object; `None` when it does not exist.
    pub before: Option<Value>,
    /// What the server would store; `None` when it would be deleted. The manifest's own object where the
    /// server cannot be asked yet.
    pub after: Option<Value>,
    /// The fields that the manifest sets and others own, with their managers. Set only where they would stop
    /// the upgrade.
    pub conflict: Option<String>,
}

/// The live object that a manifest's object stands for, if there is one. `namespace` is the release's own.
pub async fn live(
    cluster: &Cluster,
    kinds: &Kinds,
    object: &Object,
    namespace: &str,
) -> Result<Option<Value>, ApiError> {
    let Some(api) = kinds.api(cluster, object, namespace) else { return Ok(None) };
    let live = api.get_opt(object.name()).await;
    let live = live
        .map_err(|error| ApiError::new(cluster, format!("read {}", kinds.key(object, namespace)), &error))?;
    Ok(live.and_then(|live| serde_json::to_value(live).ok()))
}

/// Sends every object as Helm would, as a dry run. Objects whose kind or namespace only comes with the
/// release are new.
pub async fn dry_run(
    cluster: &Cluster,
    kinds: &Kinds,
    objects: &[Object],
    release: &ReleaseId,
    force: bool,
) -> Result<Vec<Sides>, ApiError> {
    let request = Request { cluster, kinds, release, force };
    stream::iter(objects).map(|object| request.sides(object)).buffered(AT_ONCE).try_collect().await
}

/// The live objects that the old manifest has and the new one has not, and that the upgrade would delete.
///
/// `helm.sh/resource-policy: keep` on the live object keeps it (Helm's `pkg/kube/client.go`); CRDs are never
/// deleted.
pub async fn deletions(
    cluster: &Cluster,
    kinds: &Kinds,
    old: &[Object],
    new: &[Object],
    release: &ReleaseId,
) -> Result<Vec<Sides>, ApiError> {
    let key = |object: &Object| kinds.key(object, &release.namespace);
    let stays: Vec<Key> = new.iter().map(key).collect();
    let mut gone = Vec::new();
    for object in old.iter().filter(|object| !object.is_crd() && !stays.contains(&key(object))) {
        let live = live(cluster, kinds, object, &release.namespace).await?;
        if live.as_ref().is_some_and(|live| live["metadata"]["annotations"][RESOURCE_POLICY] != KEEP) {
            gone.push(Sides { object: key(object).to_string(), before: live, after: None, conflict: None });
        }
    }
    Ok(gone)
}

struct Request<'a> {
    cluster: &'a Cluster,
    kinds: &'a Kinds,
    release: &'a ReleaseId,
    force: bool,
}

impl Request<'_> {
    async fn sides(&self, object: &Object) -> Result<Sides, ApiError> {
        let title = self.kinds.key(object, &self.release.namespace).to_string();
        let before = live(self.cluster, self.kinds, object, &self.release.namespace).await?;
        let owned = marked(&object.value, self.release);
        let (mut after, conflict) =
            self.after(object, &owned, &title).await.map_err(|error| self.failed(&title, &error))?;
        if let Some(before) = &before {
            managed_fields::remove_abandoned(&mut after, before, &owned, FIELD_MANAGER);
        }
        Ok(Sides { object: title, before, after: Some(after), conflict })
    }

    async fn after(
        &self,
        object: &Object,
        owned: &Value,
        title: &str,
    ) -> Result<(Value, Option<String>), kube::Error> {
        match self.send(object, owned, self.force).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                Ok((self.send(object, owned, true).await?, conflict(title, &status)))
            }
            // The namespace comes with the release, or is made by Helm.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok((owned.clone(), None)),
            answer => answer.map(|after| (after, None)),
        }
    }

    /// What the server answers; the object itself when it does not serve the kind yet.
    async fn send(&self, object: &Object, owned: &Value, force: bool) -> Result<Value, kube::Error> {
        let Some(api) = self.kinds.api(self.cluster, object, &self.release.namespace) else {
            return Ok(owned.clone());
        };
        let parameters = PatchParams {
            dry_run: true,
            force,
            field_manager: Some(FIELD_MANAGER.to_owned()),
            field_validation: Some(ValidationDirective::Strict),
        };
        let after: Result<DynamicObject, kube::Error> =
            api.patch(object.name(), &parameters, &Patch::Apply(owned)).await;
        let after = after.map_err(|error| without_secrets(error, owned))?;
        serde_json::to_value(after).map_err(kube::Error::SerdeError)
    }

    fn failed(&self, title: &str, error: &kube::Error) -> ApiError {
        ApiError::with_cause(
            &self.cluster.name,
            format!("ask what would become of {title}"),
            Cause::of(error),
        )
    }
}

/// The fields with their managers. Those of `helm` itself are of a release that Helm 3 wrote: Helm 4 takes
/// them over without asking.
fn conflict(title: &str, status: &Status) -> Option<String> {
    let fields = owned_fields(status).into_iter().filter(|field| field.manager != FIELD_MANAGER);
    let fields: Vec<String> = fields.map(|field| field.to_string()).collect();
    (!fields.is_empty()).then(|| format!("{title}: {}", fields.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conflict_names_field_and_manager_and_none_is_told_about_helm_itself() {
        let status = |managers: &[&str]| -> Status {
            let causes: Vec<Value> = managers
                .iter()
                .map(|manager| json!({"reason": "FieldManagerConflict", "message": format!("conflict with \"{manager}\" using apps/v1"), "field": ".spec.replicas"}))
                .collect();
            serde_json::from_value(json!({"code": 409, "details": {"causes": causes}})).unwrap()
        };
        assert_eq!(
            conflict("Deployment ns/x", &status(&["kubectl-edit", "helm"])).unwrap(),
            "Deployment ns/x: .spec.replicas (owned by kubectl-edit)"
        );
        assert_eq!(conflict("Deployment ns/x", &status(&["helm"])), None);
    }
}
