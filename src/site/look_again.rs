//! A second look at a cluster whose plan is old when its turn comes, after a soak or in a run that is taken up. Reads
//! only.

use serde_json::Value;

use crate::action::verb;
use crate::cluster::ApiError;
use crate::cluster::discovery::Kinds;
use crate::failure::Failure;
use crate::gate::baseline;
use crate::helm::manifest::Object;
use crate::plan::Action;
use crate::plan::preflight::UNHEALTHY;

use super::kubernetes_site::KubernetesSite;

impl KubernetesSite {
    /// Refuses to upgrade what has broken since it was planned: an upgrade on top of it would prove nothing.
    pub(super) async fn look_again(&self) -> Result<(), Failure> {
        let planned_now = self.connected.looked.as_ref().is_some_and(|looked| looked.is_fresh());
        let allowed = self.run.plan.terms.allowed.allows(UNHEALTHY);
        if self.plan.action != Action::Upgrade || planned_now || allowed {
            return Ok(());
        }
        let red = self.red().await?;
        if red.is_empty() {
            return Ok(());
        }
        let told = format!("unhealthy since it was planned: {}", red.join(", "));
        Err(Failure::refused(told).hint(format!("repair it first, or --allow {UNHEALTHY}")))
    }

    async fn red(&self) -> Result<Vec<String>, Failure> {
        let (_, history) = self.own_newest().await?;
        let objects = history.last().map(verb::objects).transpose()?.unwrap_or_default();
        let kinds = Kinds::load(&self.cluster).await?;
        let mut live = Vec::new();
        for object in &objects {
            if baseline::can_be_red(object) {
                live.extend(self.live(&kinds, object).await?);
            }
        }
        Ok(baseline::red(&live, self.run.plan.terms.profile))
    }

    async fn live(&self, kinds: &Kinds, object: &Object) -> Result<Option<Value>, Failure> {
        let namespace = &self.run.release.namespace;
        let Some(api) = kinds.api(&self.cluster, object, namespace) else { return Ok(None) };
        let live = api.get_opt(object.name()).await;
        let doing = || format!("read {}", kinds.key(object, namespace));
        let live = live.map_err(|error| ApiError::new(&self.cluster, doing(), &error))?;
        Ok(live.and_then(|live| serde_json::to_value(live).ok()))
    }
}
