//! Objects are written again as they are, so that etcd holds them in the version that their CRD stores today;
//! then the CRD's status may say so. Knows no release.
//!
//! A patch that names only uid and resource version changes nothing, but the server stores the object again where
//! its bytes are in another version. What is in the object never comes here.

use futures::StreamExt as _;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams};
use serde_json::json;
use thiserror::Error;
use tokio::time::{Duration, sleep};

use super::permit::{NoLeave, Permit, Unwritten, permitted};
use crate::cluster::live_crd::{self, StoredCrd};
use crate::cluster::objects::in_parallel;
use crate::cluster::paging::Paging;
use crate::cluster::{ApiError, Cluster};

/// How often a write is sent again that ran into another one, or that the server was too busy for.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(50);

/// Why a CRD is not migrated.
#[derive(Debug, Error)]
pub enum NotMigrated {
    /// The server does not take an object, or does not answer.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Nothing may be written any more.
    #[error(transparent)]
    NoLeave(#[from] NoLeave),
    /// No version of the CRD is served, so that its objects cannot be read.
    #[error("CRD {0} serves no version, so its objects cannot be read; serve one of them first")]
    Unserved(String),
    /// Somebody has changed which versions there are.
    #[error("CRD {0} has been changed meanwhile; run it again")]
    Changed(String),
}

/// It stopped on its way.
#[derive(Debug)]
pub struct Stopped {
    /// So many objects had been written again.
    pub rewritten: usize,
    /// Why.
    pub cause: NotMigrated,
}

/// The objects of one CRD.
pub struct Migration<'m> {
    cluster: &'m Cluster,
    crd: &'m StoredCrd,
    /// `None`: every write is a dry run.
    permit: Option<&'m dyn Permit>,
}

impl<'m> Migration<'m> {
    /// Nothing is stored: the server is only asked whether it would take every object.
    pub fn rehearsal(cluster: &'m Cluster, crd: &'m StoredCrd) -> Self {
        Self { cluster, crd, permit: None }
    }

    /// With leave to write.
    pub fn new(cluster: &'m Cluster, crd: &'m StoredCrd, permit: &'m dyn Permit) -> Self {
        Self { cluster, crd, permit: Some(permit) }
    }

    /// Writes every object again; answers how many there are. Stops at the first that the server does not take.
    pub async fn rewrite(&self) -> Result<usize, Stopped> {
        let (mut paging, mut rewritten) = (Paging::default(), 0);
        let stopped = |rewritten: usize, cause: NotMigrated| Stopped { rewritten, cause };
        let resource = self.crd.resource().ok_or_else(|| NotMigrated::Unserved(self.crd.name().to_owned()));
        let resource = resource.map_err(|cause| stopped(0, cause))?;
        let all: Api<DynamicObject> = Api::all_with(self.cluster.client.clone(), &resource);
        while let Some(params) = paging.next() {
            let page = match all.list_metadata(&params).await {
                // The server has forgotten where the list was; what is rewritten stays so.
                Err(kube::Error::Api(status)) if status.code == 410 => {
                    (paging, rewritten) = (Paging::default(), 0);
                    continue;
                }
                page => page.map_err(|error| stopped(rewritten, self.failed("list its objects", &error)))?,
            };
            paging.turn(&page.metadata);
            let mut written = in_parallel(page.items, |object| self.again(&all, &resource, object.metadata));
            while let Some(one) = written.next().await {
                rewritten += usize::from(one.map_err(|cause| stopped(rewritten, cause))?);
            }
        }
        Ok(rewritten)
    }

    /// Whether the object was there to be written.
    async fn again(
        &self,
        all: &Api<DynamicObject>,
        resource: &ApiResource,
        metadata: ObjectMeta,
    ) -> Result<bool, NotMigrated> {
        let api = match &metadata.namespace {
            Some(namespace) => Api::namespaced_with(self.cluster.client.clone(), namespace, resource),
            None => all.clone(),
        };
        let (name, uid) = (metadata.name.clone().unwrap_or_default(), metadata.uid.clone());
        let (mut live, mut pause) = (Some(metadata), PAUSE);
        for attempt in 1.. {
            let Some(current) = live.filter(|live| live.uid == uid) else { return Ok(false) };
            match self.write(&api, &name, &current).await {
                Ok(()) => return Ok(true),
                Err(Unwritten::Failed(kube::Error::Api(status))) if status.is_not_found() => {
                    return Ok(false);
                }
                Err(Unwritten::Failed(error)) if attempt < ATTEMPTS && passes(&error) => sleep(pause).await,
                Err(Unwritten::Failed(error)) => return Err(self.refused(&current, &error)),
                Err(Unwritten::NotSent(no) | Unwritten::CutOff(no)) => return Err(no.into()),
            }
            pause *= 2;
            let read = api.get_metadata_opt(&name).await;
            live = read.map_err(|error| self.refused(&current, &error))?.map(|live| live.metadata);
        }
        Ok(false)
    }

    /// The version makes the server refuse it when somebody else has written meanwhile.
    async fn write(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        live: &ObjectMeta,
    ) -> Result<(), Unwritten<kube::Error>> {
        let parameters = PatchParams { dry_run: self.permit.is_none(), ..PatchParams::default() };
        let patch =
            Patch::Merge(json!({"metadata": {"uid": live.uid, "resourceVersion": live.resource_version}}));
        let request = async { api.patch_metadata(name, &parameters, &patch).await.map(drop) };
        match self.permit {
            Some(permit) => permitted(permit, request).await,
            None => request.await.map_err(Unwritten::Failed),
        }
    }

    /// Says in the CRD's status that etcd holds only the version that is stored today. Only after
    /// [`Migration::rewrite`] is it so.
    pub async fn close(&self) -> Result<(), NotMigrated> {
        let name = self.crd.name();
        let crds = live_crd::api(self.cluster);
        let mut crd = self.crd.clone();
        for attempt in 1.. {
            let storage = crd.storage_version().unwrap_or_default();
            let is_same = storage == self.crd.storage_version().unwrap_or_default()
                && crd.status.stored_versions == self.crd.status.stored_versions;
            if !is_same {
                return Err(NotMigrated::Changed(name.to_owned()));
            }
            let version = &crd.metadata.resource_version;
            let patch = Patch::Merge(
                json!({"metadata": {"resourceVersion": version}, "status": {"storedVersions": [storage]}}),
            );
            let parameters = PatchParams { dry_run: self.permit.is_none(), ..PatchParams::default() };
            let request = async { crds.patch_status(name, &parameters, &patch).await.map(drop) };
            let answer = match self.permit {
                Some(permit) => permitted(permit, request).await,
                None => request.await.map_err(Unwritten::Failed),
            };
            match answer {
                Ok(()) => return Ok(()),
                Err(Unwritten::Failed(error)) if attempt < ATTEMPTS && passes(&error) => sleep(PAUSE).await,
                Err(Unwritten::Failed(error)) => {
                    return Err(self.failed("set its status.storedVersions", &error));
                }
                Err(Unwritten::NotSent(no) | Unwritten::CutOff(no)) => return Err(no.into()),
            }
            let read = live_crd::read(self.cluster, name).await;
            let read = read.map_err(|error| self.failed("read it", &error))?;
            crd = read.ok_or_else(|| NotMigrated::Changed(name.to_owned()))?;
        }
        Ok(())
    }

    fn failed(&self, doing: &str, error: &kube::Error) -> NotMigrated {
        ApiError::new(self.cluster, format!("migrate CRD {}: {doing}", self.crd.name()), error).into()
    }

    fn refused(&self, live: &ObjectMeta, error: &kube::Error) -> NotMigrated {
        let name = live.name.as_deref().unwrap_or_default();
        let place = live.namespace.as_deref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        self.failed(&format!("write {} {place}{name} again as it is", self.crd.spec.names.kind), error)
    }
}

/// Another write came in between, or the server is too busy.
fn passes(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 409 | 429 | 503 | 504))
}
