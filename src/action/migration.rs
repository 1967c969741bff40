//! Objects are written again as they are, so that etcd holds them in the version that their CRD stores today;
//! then the CRD's status may say so. Knows no release.
//!
//! A patch that names only uid and resource version changes nothing, but the server stores the object again where
//! its bytes are in another version. What is in the object never comes here.

use futures::StreamExt as _;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams};
use kube::core::ListMeta;
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
    pub async fn rewrite(&self) -> Result<usize, NotMigrated> {
        let (mut paging, mut rewritten) = (Paging::default(), 0);
        let unserved = || NotMigrated::Unserved(self.crd.name().to_owned());
        let resource = self.crd.resource().ok_or_else(unserved)?;
        let all: Api<DynamicObject> = Api::all_with(self.cluster.client.clone(), &resource);
        while let Some(params) = paging.next() {
            let page = all.list_metadata(&params).await;
            if let Some(place) = page.as_ref().err().and_then(goes_on) {
                paging.turn(place);
                continue;
            }
            let page = page.map_err(|error| self.failed("list its objects", &error))?;
            paging.turn(&page.metadata);
            let mut written = in_parallel(page.items, |object| self.again(&all, &resource, object.metadata));
            while let Some(one) = written.next().await {
                rewritten += usize::from(one?);
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
        let (mut live, mut pause, mut attempt) = (Some(metadata), PAUSE, 0);
        loop {
            attempt += 1;
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
    }

    /// The version makes the server refuse it when somebody else has written meanwhile.
    async fn write(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        live: &ObjectMeta,
    ) -> Result<(), Unwritten<kube::Error>> {
        let parameters = self.parameters();
        let patch =
            Patch::Merge(json!({"metadata": {"uid": live.uid, "resourceVersion": live.resource_version}}));
        self.sent(async { api.patch_metadata(name, &parameters, &patch).await.map(drop) }).await
    }

    /// Says in the CRD's status that etcd holds only the version that is stored today. Only after
    /// [`Migration::rewrite`] is it so.
    pub async fn close(&self) -> Result<(), NotMigrated> {
        let (name, mut crd, mut attempt) = (self.crd.name(), self.crd.clone(), 0);
        loop {
            attempt += 1;
            if crd.storage_version() != self.crd.storage_version()
                || crd.status.stored_versions != self.crd.status.stored_versions
            {
                return Err(NotMigrated::Changed(name.to_owned()));
            }
            match self.set_stored(&crd).await {
                Ok(()) => return Ok(()),
                Err(Unwritten::Failed(error)) if attempt < ATTEMPTS && passes(&error) => sleep(PAUSE).await,
                Err(Unwritten::Failed(error)) => {
                    return Err(self.failed("set its status.storedVersions", &error));
                }
                Err(Unwritten::NotSent(no) | Unwritten::CutOff(no)) => return Err(no.into()),
            }
            let read = live_crd::read(self.cluster, name).await;
            let read = read.map_err(|error| self.failed("read it again", &error))?;
            crd = read.ok_or_else(|| NotMigrated::Changed(name.to_owned()))?;
        }
    }

    async fn set_stored(&self, crd: &StoredCrd) -> Result<(), Unwritten<kube::Error>> {
        let (crds, parameters) = (live_crd::api(self.cluster), self.parameters());
        let (version, storage) = (&crd.metadata.resource_version, crd.storage_version());
        let patch = Patch::Merge(
            json!({"metadata": {"resourceVersion": version}, "status": {"storedVersions": [storage]}}),
        );
        self.sent(async { crds.patch_status(crd.name(), &parameters, &patch).await.map(drop) }).await
    }

    fn parameters(&self) -> PatchParams {
        PatchParams { dry_run: self.permit.is_none(), ..PatchParams::default() }
    }

    async fn sent(
        &self,
        request: impl Future<Output = kube::Result<()>>,
    ) -> Result<(), Unwritten<kube::Error>> {
        match self.permit {
            Some(permit) => permitted(permit, request).await,
            None => request.await.map_err(Unwritten::Failed),
        }
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

/// Where the list goes on when the server has forgotten the state that was read so far: in today's, and what
/// is new since then is stored in the version of today. Without such a place nobody knows what is left.
fn goes_on(error: &kube::Error) -> Option<&ListMeta> {
    let kube::Error::Api(status) = error else { return None };
    let place = status.metadata.as_ref().filter(|_| status.code == 410)?;
    place.continue_.as_ref().is_some_and(|token| !token.is_empty()).then_some(place)
}

/// Another write came in between, or the server is too busy.
fn passes(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 409 | 429 | 503 | 504))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_list_goes_on_only_where_the_server_says_where() {
        let expired = |code: u16, token: Option<&str>| {
            let metadata = ListMeta { continue_: token.map(str::to_owned), ..ListMeta::default() };
            let status = Status { metadata: Some(metadata), ..Status::failure("too old", "Expired") };
            kube::Error::Api(Box::new(status.with_code(code)))
        };
        let place = |error: &kube::Error| goes_on(error).and_then(|place| place.continue_.clone());
        assert_eq!(place(&expired(410, Some("there"))).as_deref(), Some("there"));
        assert_eq!((place(&expired(410, Some(""))), place(&expired(410, None))), (None, None));
        assert_eq!(place(&expired(500, Some("there"))), None);
    }
}
