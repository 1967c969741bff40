//! What leaves a release: live objects of the old manifest that the new one has not. Reads only.

use futures::StreamExt;
use kube::api::ObjectMeta;
use serde_json::Value;

use super::ask::Ask;
use super::problem::{Problem, Why};
use super::{Detail, Step};
use crate::cluster::objects::{self, in_parallel};
use crate::helm::manifest::{Key, Object};

/// A live object that the old manifest has and the new one has not.
#[derive(Debug)]
pub struct Deletion {
    /// The object as the old manifest has it.
    pub object: Object,
    /// Its identity, with its real namespace.
    pub key: Key,
    /// The live object, with [`Detail::Sides`].
    pub live: Option<Value>,
    /// Why it cannot be told whether it is there and may go.
    pub problem: Option<Problem>,
    pub(super) uid: Option<String>,
}

/// All of them, in the old manifest's order. CRDs are never deleted.
pub(super) async fn all(ask: &Ask<'_>, old: &[Object], steps: &[Step]) -> Vec<Deletion> {
    let stays = |key: &Key| steps.iter().any(|step| step.key == *key);
    let keyed = old.iter().filter(|object| !object.is_crd() && !object.name().is_empty());
    let gone = keyed
        .map(|object| (ask.kinds.key(object, &ask.release.namespace), object))
        .filter(|(key, _)| !stays(key));
    let found: Vec<Option<Deletion>> =
        in_parallel(gone, |(key, object)| one(ask, key, object)).collect().await;
    found.into_iter().flatten().collect()
}

/// `None` when it is gone, is to be kept, or is of a kind that is no longer served.
async fn one(ask: &Ask<'_>, key: Key, object: &Object) -> Option<Deletion> {
    let api = ask.kinds.api(ask.cluster, object, &ask.release.namespace)?;
    let read = match ask.options.detail {
        Detail::Effects => {
            objects::metadata(&api, object.name()).await.map(|live| live.map(|live| (live, None)))
        }
        Detail::Sides => objects::whole(&api, object.name())
            .await
            .map(|live| live.map(|live| (live.metadata.clone(), serde_json::to_value(live).ok()))),
    };
    let object = object.clone();
    match read {
        Ok(None) => None,
        Ok(Some((metadata, _))) if is_kept(&metadata) => None,
        Ok(Some((metadata, live))) => Some(Deletion { object, key, live, problem: None, uid: metadata.uid }),
        Err(error) => {
            let problem = Some(Problem { key: key.clone(), why: Why::of(&error) });
            Some(Deletion { object, key, live: None, problem, uid: None })
        }
    }
}

/// `helm.sh/resource-policy: keep` on the live object keeps it (Helm's `pkg/kube/client.go`).
fn is_kept(live: &ObjectMeta) -> bool {
    let policy = live.annotations.as_ref().and_then(|annotations| annotations.get(objects::RESOURCE_POLICY));
    policy.is_some_and(|policy| policy == objects::KEEP)
}
