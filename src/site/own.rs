//! What of a release is unhealthy right now, from its own live objects. Reads only.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::cluster::discovery::Kinds;
use crate::cluster::{ApiError, Cluster};
use crate::config::{Profile, ReleaseId};
use crate::failure::Failure;
use crate::gate::{self, baseline};
use crate::helm::manifest::Object;

/// A pod that moves, or an autoscaler, is done with it by then.
const PATIENCE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_secs(2);

/// The objects of a release on a cluster.
pub(super) struct Own<'o> {
    pub(super) cluster: &'o Cluster,
    pub(super) kinds: &'o Kinds,
    pub(super) release: &'o ReleaseId,
    pub(super) objects: &'o [Object],
    pub(super) profile: Profile,
}

impl Own<'_> {
    /// Workloads that are not up, and a webhook that does not answer.
    pub(super) async fn red(&self) -> Result<Vec<String>, Failure> {
        let mut live = Vec::new();
        for object in self.objects.iter().filter(|object| baseline::can_be_red(object)) {
            live.extend(self.live(object).await?);
        }
        let mut red = baseline::red(&live, self.profile);
        if self.profile == Profile::CertManager {
            red.extend(gate::webhook::check(self.cluster).await.err());
        }
        Ok(red)
    }

    /// The same, but what gets up within half a minute is not told.
    pub(super) async fn red_for_long(&self) -> Result<Vec<String>, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            let red = self.red().await?;
            if red.is_empty() || Instant::now() >= end {
                return Ok(red);
            }
            sleep(AGAIN).await;
        }
    }

    async fn live(&self, object: &Object) -> Result<Option<Value>, Failure> {
        let namespace = &self.release.namespace;
        let Some(api) = self.kinds.api(self.cluster, object, namespace) else { return Ok(None) };
        let live = api.get_opt(object.name()).await;
        let doing = || format!("read {}", self.kinds.key(object, namespace));
        let live = live.map_err(|error| ApiError::new(self.cluster, doing(), &error))?;
        Ok(live.and_then(|live| serde_json::to_value(live).ok()))
    }
}
