//! Requests about single objects of a release: what the server holds, applies, creates and deletes.
//!
//! Where nobody wants to see the objects only metadata is asked for: it tells everything that applying needs
//! (does it exist, whose is it, what would change), and the objects themselves may be large. Never decides
//! what is to be done.

use futures::{Stream, StreamExt, stream};
use http::Request;
use kube::api::{
    Api, DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, Preconditions, PropagationPolicy,
    ValidationDirective,
};
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use super::{Cluster, managed_fields};

/// Helm's own field manager, in Helm 3 and 4 alike; another name would conflict with Helm on every field.
pub const FIELD_MANAGER: &str = "helm";

/// Helm's mark on an object that it must not delete (Helm's `pkg/kube/resource_policy.go`).
pub const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// What the mark says then.
pub const KEEP: &str = "keep";

/// How many requests are on their way at once.
pub const AT_ONCE: usize = 16;

/// How often a write is sent again that ran into another one; both pass on their own.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// How an object is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apply {
    /// Ask only; nothing is stored.
    pub dry_run: bool,
    /// Take fields away from other field managers.
    pub force: bool,
}

/// Does something with every item, up to [`AT_ONCE`] at a time; the results come in the order of the items.
pub fn in_parallel<I, F: Future>(
    items: impl IntoIterator<Item = I>,
    act: impl FnMut(I) -> F,
) -> impl Stream<Item = F::Output> {
    stream::iter(items).map(act).buffered(AT_ONCE)
}

/// The live object, whole; `None` when there is none.
pub async fn whole(api: &Api<DynamicObject>, name: &str) -> Result<Option<DynamicObject>, kube::Error> {
    api.get_opt(name).await
}

/// The metadata of the live object; `None` when there is none.
pub async fn metadata(api: &Api<DynamicObject>, name: &str) -> Result<Option<ObjectMeta>, kube::Error> {
    Ok(api.get_metadata_opt(name).await?.map(|live| live.metadata))
}

/// Applies an object on the server as Helm does, strictly validated; answers the metadata that results.
///
/// The answer of a dry run has a `resourceVersion` only when the object exists: that of the live object.
pub async fn apply(
    api: &Api<DynamicObject>,
    name: &str,
    value: &Value,
    how: Apply,
) -> Result<ObjectMeta, kube::Error> {
    let (parameters, patch) = (parameters(how), Patch::Apply(value));
    let applied = repeated(is_quota_conflict, || api.patch_metadata(name, &parameters, &patch)).await;
    Ok(applied.map_err(|error| without_secrets(error, value))?.metadata)
}

/// The same only as a dry run; answers the whole object that would result.
pub async fn preview(
    api: &Api<DynamicObject>,
    name: &str,
    value: &Value,
    force: bool,
) -> Result<DynamicObject, kube::Error> {
    let (parameters, patch) = (parameters(Apply { dry_run: true, force }), Patch::Apply(value));
    let answer = repeated(is_quota_conflict, || api.patch(name, &parameters, &patch)).await;
    answer.map_err(|error| without_secrets(error, value))
}

fn parameters(how: Apply) -> PatchParams {
    PatchParams {
        dry_run: how.dry_run,
        force: how.force,
        field_manager: Some(FIELD_MANAGER.to_owned()),
        field_validation: Some(ValidationDirective::Strict),
    }
}

/// Turns what Helm owns by updates (a release of Helm 3) into what it applies; answers whether there was
/// anything to do.
pub async fn migrate(api: &Api<DynamicObject>, name: &str) -> Result<bool, kube::Error> {
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    repeated(is_conflict, || async {
        let Some(live) = metadata(api, name).await? else { return Ok(false) };
        let Some(migrated) =
            managed_fields::migrated(live.managed_fields.as_deref().unwrap_or_default(), FIELD_MANAGER)
        else {
            return Ok(false);
        };
        // The version makes the server refuse it when somebody else has written meanwhile.
        let patch =
            json!({"metadata": {"managedFields": migrated, "resourceVersion": live.resource_version}});
        api.patch_metadata(name, &parameters, &Patch::Merge(patch)).await?;
        Ok(true)
    })
    .await
}

/// Whether Helm owns fields of a live object by updates.
pub fn needs_migration(live: &ObjectMeta) -> bool {
    managed_fields::migrated(live.managed_fields.as_deref().unwrap_or_default(), FIELD_MANAGER).is_some()
}

/// Creates an object, strictly validated; it must not exist. Answers its metadata, which names an object that
/// has only `generateName`.
pub async fn create(
    cluster: &Cluster,
    api: &Api<DynamicObject>,
    value: &Value,
    dry_run: bool,
) -> Result<ObjectMeta, kube::Error> {
    let dry_run = if dry_run { "&dryRun=All" } else { "" };
    let uri = format!("{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict{dry_run}", api.resource_url());
    let body = serde_json::to_vec(value).map_err(kube::Error::SerdeError)?;
    let request = || {
        Request::post(&uri)
            .header("content-type", "application/json")
            .body(body.clone())
            .map_err(kube::Error::HttpError)
    };
    let created =
        repeated(is_quota_conflict, || async { cluster.client.request::<DynamicObject>(request()?).await })
            .await;
    Ok(created.map_err(|error| without_secrets(error, value))?.metadata)
}

/// Deletes an object; with `uid` only that one, not one that took its place. Answers whether there was one to
/// delete.
pub async fn delete(
    api: &Api<DynamicObject>,
    name: &str,
    uid: Option<String>,
    propagation: PropagationPolicy,
) -> Result<bool, kube::Error> {
    let preconditions = uid.map(|uid| Preconditions { uid: Some(uid), resource_version: None });
    let parameters =
        DeleteParams { propagation_policy: Some(propagation), preconditions, ..DeleteParams::default() };
    match api.delete(name, &parameters).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
        // Another object of the same name: ours is gone.
        Err(kube::Error::Api(status)) if status.is_conflict() && parameters.preconditions.is_some() => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The server repeats a value that is of the wrong type, for example a password of digits only; that of a
/// Secret must not be seen.
fn without_secrets(error: kube::Error, value: &Value) -> kube::Error {
    match error {
        kube::Error::Api(mut status) if value["kind"] == "Secret" => {
            if let Some(start) = status.message.find("{Value:") {
                status.message.truncate(start);
                status.message.push_str("{…}; quote it");
            }
            kube::Error::Api(status)
        }
        error => error,
    }
}

/// Sends a write again when it ran into another one.
async fn repeated<T, F>(again: fn(&kube::Error) -> bool, send: impl Fn() -> F) -> Result<T, kube::Error>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match send().await {
            Err(error) if again(&error) => sleep(pause).await,
            answer => return answer,
        }
        pause *= 2;
    }
    send().await
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// Two objects that count against one quota at the same moment; the only conflict that Helm repeats.
fn is_quota_conflict(error: &kube::Error) -> bool {
    let text = |message: &str| {
        message.contains("Operation cannot be fulfilled on resourcequotas")
            && message.contains("has been modified")
    };
    matches!(error, kube::Error::Api(status) if status.code == 409 && text(&status.message))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use kube::core::Status;

    use super::*;

    fn conflict(message: &str) -> kube::Error {
        kube::Error::Api(Box::new(Status::failure(message, "Conflict").with_code(409)))
    }

    #[test]
    fn the_value_of_a_secret_is_not_repeated() {
        let told = |kind: &str| {
            let text = "failed to create typed patch object: .stringData.x: expected string, got &value.valueUnstructured{Value:12345}";
            let error = kube::Error::Api(Box::new(Status::failure(text, "").with_code(500)));
            let kube::Error::Api(status) = without_secrets(error, &json!({"kind": kind})) else {
                panic!("an answer")
            };
            status.message
        };
        assert!(
            told("Secret")
                .ends_with(".stringData.x: expected string, got &value.valueUnstructured{…}; quote it")
        );
        assert!(told("ConfigMap").ends_with("{Value:12345}"));
    }

    #[tokio::test]
    async fn only_what_passes_on_its_own_is_sent_again() {
        let quota = "Operation cannot be fulfilled on resourcequotas \"q\": the object has been modified; please apply your changes";
        for (message, expected) in [(quota, ATTEMPTS), ("Apply failed with 1 conflict", 1)] {
            let sent = AtomicU32::new(0);
            let answer = repeated(is_quota_conflict, || async {
                sent.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(conflict(message))
            });
            assert!(answer.await.is_err());
            assert_eq!(sent.into_inner(), expected, "{message}");
        }
    }
}
