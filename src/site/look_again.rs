//! A second look at a cluster whose plan is old when its turn comes, after a soak or in a run that is taken up. Reads
//! only.

use crate::action::verb;
use crate::cluster::discovery::Kinds;
use crate::failure::Failure;
use crate::plan::Action;
use crate::plan::preflight::UNHEALTHY;

use super::kubernetes_site::KubernetesSite;
use super::own::Own;

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
        let (release, profile) = (&self.run.release, self.run.plan.terms.profile);
        let own = Own { cluster: &self.cluster, kinds: &kinds, release, objects: &objects, profile };
        own.red_for_long().await
    }
}
