//! What a look at a cluster found, handed to the run that follows at once, so that kinds are discovered once and the
//! chart is rendered once.

use std::time::Duration;

use tokio::time::Instant;

use crate::action::verb::{Observed, RevisionDraft};
use crate::cluster::discovery::Kinds;
use crate::helm::capabilities::KubeVersion;
use crate::helm::release::Release;

/// After a soak the cluster may serve other kinds, and `lookup` may find something else.
const FRESH: Duration = Duration::from_mins(5);

/// What was found, and when.
#[derive(Debug)]
pub struct Looked {
    kinds: Kinds,
    version: KubeVersion,
    draft: RevisionDraft,
    at: Instant,
}

impl Looked {
    /// What has just been found.
    pub fn now(observed: Observed, draft: RevisionDraft) -> Self {
        let Observed { kinds, version, .. } = observed;
        Self { kinds, version, draft, at: Instant::now() }
    }

    /// Whether what was found can still be relied on.
    pub fn is_fresh(&self) -> bool {
        self.at.elapsed() < FRESH
    }

    /// With the history as it is read again under the lock; `None` when it was too long ago.
    pub fn on(&self, history: Vec<Release>) -> Option<(Observed, &RevisionDraft)> {
        let observed = Observed { history, kinds: self.kinds.clone(), version: self.version.clone() };
        self.is_fresh().then_some((observed, &self.draft))
    }
}
