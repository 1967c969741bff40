//! What is done, in the cluster's journal: before it is done, and what came of it.

use jiff::Timestamp;

use super::RepairTerms;
use crate::certmanager::repair::moves::Repair;
use crate::cluster::Cluster;
use crate::cluster::journal::{self, JournalPart, JournalVersion, JournalWriteError};
use crate::evidence::repairs::{RepairEntry, Repairs};
use crate::failure::{Failure, Kind};
use crate::site::identity::Identity;

/// The journal of repairs while one is made.
pub(super) struct RepairsKeeper<'k> {
    cluster: &'k Cluster,
    terms: &'k RepairTerms,
    identity: &'k Identity,
    repairs: Repairs,
    version: JournalVersion,
    /// So many moves were written down, and then made.
    begun: usize,
}

/// A journal that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{cluster}: what was repaired before, in {place}, cannot be read")]
struct UnreadableRepairs {
    cluster: String,
    place: String,
    #[source]
    error: serde_json::Error,
}

impl<'k> RepairsKeeper<'k> {
    /// As it is in the cluster.
    pub(super) async fn read(
        cluster: &'k Cluster,
        terms: &'k RepairTerms,
        identity: &'k Identity,
    ) -> Result<Self, Failure> {
        let stored = journal::read_part(cluster, &terms.release, JournalPart::Repairs).await?;
        let repairs = stored.text.as_deref().map_or_else(|| Ok(Repairs::default()), Repairs::decode);
        let repairs = repairs.map_err(|error| UnreadableRepairs {
            cluster: cluster.name.clone(),
            place: journal::place(&terms.release),
            error,
        })?;
        Ok(Self { cluster, terms, identity, repairs, version: stored.version, begun: 0 })
    }

    /// A move is about to be made; it must not be where this fails.
    pub(super) async fn begin(&mut self, repair: &Repair) -> Result<(), Failure> {
        let Identity { run, run_url, .. } = self.identity.clone();
        self.repairs.begin(RepairEntry {
            at: Timestamp::now(),
            run,
            holder: self.identity.holder(),
            run_url,
            object: repair.object.clone(),
            state: repair.state.clone(),
            planned: repair.planned,
            touches: repair.touches.clone(),
            result: None,
        });
        self.write().await?;
        self.begun += 1;
        Ok(())
    }

    /// A failure after the first move leaves a cluster that was changed.
    pub(super) fn after_what_was_done(&self, failure: Failure) -> Failure {
        if self.begun == 0 || failure.kind() != Kind::Refused {
            return failure;
        }
        Failure::new(Kind::Halted, failure.chain().join(": "))
    }

    /// What came of it; stored with the next write.
    pub(super) fn end(&mut self, repair: &Repair, result: &str) {
        self.repairs.end(&self.identity.run, &repair.object, result);
    }

    /// Stores it.
    pub(super) async fn write(&mut self) -> Result<(), Failure> {
        let (text, release) = (self.repairs.encode(), &self.terms.release);
        let written = journal::write_part(self.cluster, release, JournalPart::Repairs, &text, &self.version);
        self.version = written.await.map_err(|error| match error {
            moved @ JournalWriteError::Moved(_) => Failure::new(Kind::Locked, moved),
            JournalWriteError::Api(error) => error.into(),
        })?;
        Ok(())
    }
}
