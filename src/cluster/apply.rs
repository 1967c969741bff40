//! What the API server would make of a manifest: every object sent as a server-side apply that is only a dry run.

use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::Value;

use crate::helm::manifest::Object;

use super::discovery::Kinds;
use super::error::Cause;
use super::{ApiError, Cluster};

/// Helm's own field manager, in Helm 3 and 4 alike; another name would conflict with Helm on every field.
pub const FIELD_MANAGER: &str = "helm";

/// How many requests are on their way at once.
const CONCURRENCY: usize = 16;

/// One object on both sides of a change.
#[derive(Debug, Clone)]
pub struct Sides {
    /// `Kind namespace/name`.
    pub object: String,
    /// The live object; `None` when it does not exist.
    pub before: Option<Value>,
    /// What the server would store; `None` when it would be deleted, or cannot be asked yet.
    pub after: Option<Value>,
    /// The fields that other managers own and the manifest sets, in the server's words.
    pub conflict: Option<String>,
}

/// The live object that a manifest's object stands for, if there is one.
pub async fn get(cluster: &Cluster, object: &Object) -> Result<Option<Value>, ApiError> {
    let kinds = Kinds::load(cluster).await?;
    read(cluster, &kinds, object, object.namespace().unwrap_or_default()).await
}

/// Sends every object as a dry run; objects of a kind that is not served yet are new. `namespace` is the release's own.
pub async fn dry_run(cluster: &Cluster, objects: &[Object], namespace: &str, force: bool) -> Result<Vec<Sides>, ApiError> {
    let kinds = Kinds::load(cluster).await?;
    let sides = objects.iter().map(|object| dry_run_one(cluster, &kinds, object, namespace, force));
    stream::iter(sides).buffered(CONCURRENCY).try_collect().await
}

/// The live objects that the old manifest has and the new one has not, and that Helm would delete.
///
/// `helm.sh/resource-policy: keep` on the live object keeps it (Helm's `pkg/kube/client.go`).
pub async fn deletions(cluster: &Cluster, old: &[Object], new: &[Object], namespace: &str) -> Result<Vec<Sides>, ApiError> {
    let kinds = Kinds::load(cluster).await?;
    let mut gone = Vec::new();
    for object in old.iter().filter(|object| !new.iter().any(|kept| same(kept, object, namespace))) {
        let live = read(cluster, &kinds, object, namespace).await?;
        let kept = live.as_ref().is_some_and(|live| live["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep");
        if live.is_some() && !kept {
            gone.push(Sides { object: title(object, &kinds, namespace), before: live, after: None, conflict: None });
        }
    }
    Ok(gone)
}

fn same(left: &Object, right: &Object, namespace: &str) -> bool {
    let place = |object: &Object| object.namespace().unwrap_or(namespace).to_owned();
    (left.group(), left.kind(), left.name(), place(left)) == (right.group(), right.kind(), right.name(), place(right))
}

async fn dry_run_one(cluster: &Cluster, kinds: &Kinds, object: &Object, namespace: &str, force: bool) -> Result<Sides, ApiError> {
    let title = title(object, kinds, namespace);
    let before = read(cluster, kinds, object, namespace).await?;
    let Some(api) = api(cluster, kinds, object, namespace) else {
        return Ok(Sides { object: title, before, after: Some(object.value.clone()), conflict: None });
    };
    let params = PatchParams { dry_run: true, force, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    match api.patch(object.name(), &params, &Patch::Apply(&object.value)).await {
        Ok(after) => Ok(Sides { object: title, before, after: serde_json::to_value(after).ok(), conflict: None }),
        Err(error) => refused(cluster, title, before, object, &error),
    }
}

/// A conflict is a finding; an object in a namespace that the release creates itself is new; anything else is an error.
fn refused(cluster: &Cluster, title: String, before: Option<Value>, object: &Object, error: &kube::Error) -> Result<Sides, ApiError> {
    match Cause::of(error) {
        Cause::Conflict(words) => Ok(Sides { conflict: Some(format!("{title}: {words}")), object: title, after: before.clone(), before }),
        Cause::NotFound(_) => Ok(Sides { object: title, before, after: Some(object.value.clone()), conflict: None }),
        cause => Err(ApiError::with_cause(&cluster.name, format!("ask what would become of {title}"), cause)),
    }
}

async fn read(cluster: &Cluster, kinds: &Kinds, object: &Object, namespace: &str) -> Result<Option<Value>, ApiError> {
    let Some(api) = api(cluster, kinds, object, namespace) else { return Ok(None) };
    let live = api.get_opt(object.name()).await;
    let live = live.map_err(|error| ApiError::new(cluster, format!("read {}", title(object, kinds, namespace)), &error))?;
    Ok(live.and_then(|live| serde_json::to_value(live).ok()))
}

fn api(cluster: &Cluster, kinds: &Kinds, object: &Object, namespace: &str) -> Option<Api<DynamicObject>> {
    let (resource, namespaced) = kinds.find(object)?;
    let client = cluster.client.clone();
    Some(if namespaced {
        Api::namespaced_with(client, object.namespace().unwrap_or(namespace), resource)
    } else {
        Api::all_with(client, resource)
    })
}

fn title(object: &Object, kinds: &Kinds, namespace: &str) -> String {
    match kinds.find(object) {
        Some((_, false)) => format!("{} {}", object.kind(), object.name()),
        Some((_, true)) | None => format!("{} {}/{}", object.kind(), object.namespace().unwrap_or(namespace), object.name()),
    }
}
