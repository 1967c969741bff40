//! The runbook's daily check of one cluster: the newest revision, as it is now. Issues nothing, changes nothing, and
//! what was broken before does not count.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{GateSettings, Profile, ReleaseId};
use crate::failure::Failure;
use crate::gate::baseline::Baseline;
use crate::gate::{self, GateOutcome, GateRequest, NoLock};
use crate::rollout::Observer;

use super::connect::Connected;
use super::history;
use super::judge::Watched;

/// What is checked, and how.
pub struct DailyCheck<'c> {
    /// The release whose newest revision is judged.
    pub release: &'c ReleaseId,
    /// Which objects of the chart the gates know.
    pub profile: Profile,
    /// How the gates judge.
    pub gates: &'c GateSettings,
    /// The run's id.
    pub run: &'c str,
    /// How long at most; see [`GateRequest::timeout`].
    pub timeout: Option<Duration>,
    /// Who is told what the gates say.
    pub observer: &'c dyn Observer,
}

impl DailyCheck<'_> {
    /// The verdict; `None` when the cluster does not have the release.
    ///
    /// # Errors
    /// The cluster cannot be read, or the stored revision is not what Helm writes.
    pub async fn judge(&self, one: &Connected) -> Result<Option<GateOutcome>, Failure> {
        let history = history::read(&one.cluster, self.release).await?;
        let Some(newest) = history.last() else { return Ok(None) };
        let subject = history::subject(newest, self.release, self.profile, false)?;
        let baseline = Baseline::of_release(&one.cluster, self.release, self.profile).await?;
        let progress = Watched { cluster: &one.cluster.name, observer: self.observer };
        let request = GateRequest {
            subject: &subject,
            baseline: &baseline,
            settings: self.gates,
            run: self.run,
            canary: false,
            timeout: self.timeout,
            lock: Arc::new(NoLock),
        };
        Ok(Some(gate::run(&one.cluster, &request, &progress).await?))
    }
}
