//! Helm's records of a release, written under its lock. A revision whose end is not stored stops every later
//! verb, so a write that may succeed later is tried again as long as the lock stands.
//! Never decides which status a revision has.

use std::time::Duration;

use thiserror::Error;
use tokio::time::{Instant, sleep};

use super::permit::{NoLeave, Permit, Unwritten, permitted};
use crate::cluster::error::Cause;
use crate::cluster::{ApiError, Cluster, release_secrets};
use crate::config::ReleaseId;
use crate::helm::release::{CodecError, Release, Revision, Status};

/// How long a restart of an API server may take.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

/// A record could not be stored or deleted.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It cannot be written down.
    #[error("read the release record of {release}")]
    Codec {
        /// The release.
        release: String,
        /// Why.
        #[source]
        source: CodecError,
    },
    /// The cluster did not answer as it should.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Nothing may be written.
    #[error(transparent)]
    NoLeave(#[from] NoLeave),
}

impl From<Unwritten<ApiError>> for RecordError {
    fn from(unwritten: Unwritten<ApiError>) -> Self {
        match unwritten {
            Unwritten::NotSent(why) | Unwritten::CutOff(why) => why.into(),
            Unwritten::Failed(error) => error.into(),
        }
    }
}

/// Where records are written, and by whose leave.
#[derive(Clone, Copy)]
pub struct Records<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The release.
    pub release: &'a ReleaseId,
    /// The lock.
    pub permit: &'a dyn Permit,
}

impl Records<'_> {
    /// Stores the first record of a revision; false when there is one already.
    pub async fn create(self, record: &Release) -> Result<bool, RecordError> {
        let created = release_secrets::create(self.cluster, self.release, record);
        Ok(permitted(self.permit, created).await?)
    }

    /// Stores a changed record of a revision that is stored already.
    pub async fn put(self, record: &Release) -> Result<(), RecordError> {
        let start = Instant::now();
        loop {
            let stored = release_secrets::put(self.cluster, self.release, record);
            match permitted(self.permit, stored).await {
                Err(Unwritten::Failed(error)) if may_pass(error.cause()) && start.elapsed() < PATIENCE => {
                    sleep(PAUSE).await;
                }
                stored => return Ok(stored?),
            }
        }
    }

    /// Stores all revisions that are known as deployed as superseded; one that is gone is left at that. Every
    /// one is tried, and the first failure is told.
    pub async fn supersede(self, history: &[Release]) -> Result<(), RecordError> {
        let mut first = Ok(());
        for record in history.iter().filter(|record| record.status() == Status::Deployed) {
            let superseded = with_status(record, Status::Superseded, record.description())?;
            match self.put(&superseded).await {
                Err(RecordError::Api(error)) if matches!(error.cause(), Cause::NotFound(_)) => {}
                stored => first = first.and(stored),
            }
        }
        first
    }

    /// Makes room for one more record within `max` (0 = no limit); `target` stays, whatever its age.
    pub async fn prune(
        self,
        history: &[Release],
        max: u32,
        target: Option<Revision>,
    ) -> Result<(), RecordError> {
        for revision in release_secrets::superfluous(history, max, target) {
            self.delete(revision).await?;
        }
        Ok(())
    }

    /// Deletes the record of a revision; one that is gone is left at that.
    pub async fn delete(self, revision: Revision) -> Result<(), RecordError> {
        let deleted = release_secrets::delete(self.cluster, self.release, revision);
        Ok(permitted(self.permit, deleted).await?)
    }

    /// Deletes every record up to this revision, also those that cannot be read. Oldest first: what is left
    /// by a kill is still the release that is being uninstalled.
    pub async fn purge(self, newest: Revision) -> Result<(), RecordError> {
        let stored = release_secrets::stored_revisions(self.cluster, self.release).await?;
        for revision in stored.into_iter().filter(|revision| *revision <= newest) {
            self.delete(revision).await?;
        }
        Ok(())
    }
}

/// The same record with another status.
pub fn with_status(record: &Release, status: Status, description: &str) -> Result<Release, RecordError> {
    record.with_status(status, description).map_err(|source| unwritable(record, source))
}

/// A record that cannot be written down.
pub fn unwritable(record: &Release, source: CodecError) -> RecordError {
    RecordError::Codec { release: record.name().to_owned(), source }
}

/// Pure: whether the same write may succeed later. It names no version, so sent again it makes the same.
fn may_pass(cause: &Cause) -> bool {
    match cause {
        Cause::Unreachable(_) | Cause::Conflict(_) => true,
        Cause::Refused { code, .. } => matches!(code, 429 | 500 | 502 | 503 | 504),
        Cause::Tls(_)
        | Cause::WrongCredentials(_)
        | Cause::Forbidden(_)
        | Cause::NotFound(_)
        | Cause::Credentials(_)
        | Cause::Other(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again() {
        let refused = |code| Cause::Refused { code, message: String::new() };
        let table = [
            (Cause::Unreachable(String::new()), true),
            (Cause::Conflict(String::new()), true),
            (refused(500), true),
            (refused(503), true),
            (refused(422), false),
            (Cause::Forbidden(String::new()), false),
            (Cause::NotFound(String::new()), false),
        ];
        for (cause, expected) in table {
            assert_eq!(may_pass(&cause), expected, "{cause}");
        }
    }
}
