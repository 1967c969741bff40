//! The journal of one cluster while a run writes it: in the cluster first, fenced by its version, then in the run's
//! directory. What a disk cannot keep is a note and never stops a run.

use crate::cluster::Cluster;
use crate::cluster::journal::{self, JournalVersion, JournalWriteError, StoredJournal};
use crate::config::ReleaseId;
use crate::evidence::event::{Event, Record};
use crate::evidence::journal::Journal;
use crate::failure::{Failure, Kind};

/// The journal as it was read, if there is one that can be read.
pub async fn read(cluster: &Cluster, release: &ReleaseId) -> Result<Option<Journal>, Failure> {
    decode(cluster, release, &journal::read(cluster, release).await?)
}

fn decode(
    cluster: &Cluster,
    release: &ReleaseId,
    stored: &StoredJournal,
) -> Result<Option<Journal>, Failure> {
    let decoded = stored.text.as_deref().map(Journal::decode).transpose();
    decoded.map_err(|error| {
        let (name, place) = (&cluster.name, journal::place(release));
        let failure = Failure::refused(Unreadable { cluster: name.clone(), place: place.clone(), error });
        failure.hint(format!(
            "a newer version of this program may have written it; when nobody needs it any more, delete the {place}"
        ))
    })
}

/// A journal that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{cluster}: the journal of the last rollout, {place}, cannot be read")]
struct Unreadable {
    cluster: String,
    place: String,
    #[source]
    error: crate::evidence::journal::JournalError,
}

/// The journal of a run on one cluster.
#[derive(Debug)]
pub struct JournalKeeper {
    journal: Journal,
    version: JournalVersion,
}

impl JournalKeeper {
    /// A run that begins here; answers what the run before left, too.
    pub async fn begin(
        cluster: &Cluster,
        release: &ReleaseId,
        journal: Journal,
    ) -> Result<(Self, Option<Journal>), Failure> {
        let stored = journal::read(cluster, release).await?;
        let previous = decode(cluster, release, &stored)?;
        Ok((Self { journal, version: stored.version }, previous))
    }

    /// A run that is taken up: its journal under the lock must be the one that was looked at before.
    pub async fn take_up(
        cluster: &Cluster,
        release: &ReleaseId,
        run: &str,
        records: usize,
        process: &str,
    ) -> Result<Self, Failure> {
        let stored = journal::read(cluster, release).await?;
        match decode(cluster, release, &stored)? {
            Some(journal) if journal.run == run && journal.records.len() == records => {
                let journal = Journal { process: process.to_owned(), ..journal };
                Ok(Self { journal, version: stored.version })
            }
            Some(_) | None => {
                let told = format!("{}: run {run} went on in the meantime", cluster.name);
                Err(Failure::new(Kind::Locked, told)
                    .hint("look again: `release resume` says where it stands"))
            }
        }
    }

    /// What was written so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// To add what is not an event; it is stored with the next one.
    pub fn journal_mut(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Writes one more record; answers what to tell about it. An intent has to be in the cluster before the act.
    pub async fn append(
        &mut self,
        cluster: &Cluster,
        release: &ReleaseId,
        record: &Record,
    ) -> Result<Option<String>, Failure> {
        self.journal.records.push(record.clone());
        let text = self.journal.encode();
        match self.write(cluster, release, &text).await {
            Ok(()) => Ok(None),
            Err(JournalWriteError::Api(error)) if !is_intent(&record.event) => {
                let (name, told) = (record.event.name(), Failure::from(error).chain().join(": "));
                Ok(Some(format!("the journal in the cluster lacks `{name}`: {told}")))
            }
            Err(JournalWriteError::Api(error)) => {
                self.journal.records.pop();
                Err(error.into())
            }
            Err(moved @ JournalWriteError::Moved(_)) => Err(overtaken(moved)),
        }
    }

    /// A write that was given up on can arrive later: then the version has moved by ourselves.
    async fn write(
        &mut self,
        cluster: &Cluster,
        release: &ReleaseId,
        text: &str,
    ) -> Result<(), JournalWriteError> {
        let written = match journal::write(cluster, release, text, &self.version).await {
            Err(JournalWriteError::Moved(place)) => {
                let now = journal::read(cluster, release).await.map_err(JournalWriteError::Api)?;
                let own = now.text.as_deref().and_then(|text| Journal::decode(text).ok());
                match own.filter(|journal| journal.process == self.journal.process) {
                    Some(_) => journal::write(cluster, release, text, &now.version).await,
                    None => Err(JournalWriteError::Moved(place)),
                }
            }
            written => written,
        };
        self.version = written?;
        Ok(())
    }
}

fn overtaken(moved: JournalWriteError) -> Failure {
    let hint = "this run has stopped and writes nothing more; whoever took the lock goes on with the cluster";
    Failure::new(Kind::Locked, moved).hint(hint)
}

/// Without it in the cluster, nobody could tell what was being done.
fn is_intent(event: &Event) -> bool {
    matches!(event, Event::Locked | Event::ChangeStarted { .. } | Event::RollbackStarted { .. })
}
