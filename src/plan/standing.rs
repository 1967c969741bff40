//! Where a release stands, seen from a run that was planned on one of its revisions: untouched, written by this
//! very run, or changed by somebody else. Pure. Whoever wrote a revision is who may act on it.

use std::cmp::Ordering;
use std::fmt;

use crate::helm::release::Status;

/// One revision of the release, as far as this question needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRevision {
    /// Its number.
    pub revision: u32,
    /// Its status.
    pub status: Status,
    /// The run that wrote it; `None` = somebody else did.
    pub author: Option<String>,
    /// What its writer said about it.
    pub description: String,
    /// When it was written, as its writer says.
    pub written: String,
}

/// Where the release stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As the plan found it.
    AsPlanned,
    /// Everything after the base was written by this run; this is the newest of it.
    Written(SeenRevision),
    /// Somebody else did something after the plan was made.
    Foreign(Foreign),
}

/// What somebody else did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// A revision that this run did not write.
    Revision(SeenRevision),
    /// The release is gone with all its records.
    Gone,
    /// It is uninstalled, or on its way out.
    Uninstalled(SeenRevision),
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => write!(f, "it was uninstalled, and no record of it is left"),
            Self::Uninstalled(seen) => write!(f, "it was uninstalled: {}", Told(seen)),
            Self::Revision(seen) => {
                let who = seen.author.as_ref().map_or("somebody else".to_owned(), |run| format!("run {run}"));
                write!(f, "{who} wrote {}", Told(seen))
            }
        }
    }
}

struct Told<'s>(&'s SeenRevision);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SeenRevision { revision, status, description, written, .. } = self.0;
        write!(f, "revision {revision} ({status}) at {written}: \"{description}\"")
    }
}

/// Where the release stands for the run `run` that was planned on `base` (0 = there was none). `history` is sorted,
/// oldest first. `installs`: the plan is an install, so that an uninstalled base is what it found.
pub fn standing(history: &[SeenRevision], base: u32, installs: bool, run: &str) -> Standing {
    let foreign = |what| Standing::Foreign(what);
    let Some(newest) = history.last() else {
        return if base == 0 { Standing::AsPlanned } else { foreign(Foreign::Gone) };
    };
    let is_other = |seen: &&SeenRevision| seen.revision > base && seen.author.as_deref() != Some(run);
    if let Some(other) = history.iter().find(is_other) {
        return foreign(Foreign::Revision(other.clone()));
    }
    let ended = matches!(newest.status, Status::Uninstalled | Status::Uninstalling);
    match newest.revision.cmp(&base) {
        Ordering::Less => foreign(Foreign::Gone),
        Ordering::Equal if ended && !installs => foreign(Foreign::Uninstalled(newest.clone())),
        Ordering::Equal => Standing::AsPlanned,
        Ordering::Greater if ended => foreign(Foreign::Uninstalled(newest.clone())),
        Ordering::Greater => Standing::Written(newest.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(revision: u32, status: Status, author: Option<&str>) -> SeenRevision {
        let author = author.map(str::to_owned);
        let written = "2026-11-24T09:00:00Z".to_owned();
        SeenRevision { revision, status, author, description: "Rollback to 1".to_owned(), written }
    }

    #[test]
    fn only_what_this_run_wrote_after_the_base_is_its_own() {
        use Status::{Deployed, PendingUpgrade, Superseded, Uninstalled, Uninstalling};
        let base = || seen(1, Superseded, None);
        let own = |status| seen(2, status, Some("r1"));
        let table = [
            (vec![], 0, true, "as planned"),
            (vec![], 1, false, "gone"),
            (vec![seen(1, Deployed, None)], 1, false, "as planned"),
            (vec![seen(1, Uninstalled, None)], 1, true, "as planned"),
            (vec![seen(1, Uninstalling, None)], 1, false, "uninstalled 1"),
            (vec![base(), own(Deployed)], 1, false, "written 2"),
            (vec![base(), own(PendingUpgrade)], 1, false, "written 2"),
            (vec![base(), own(Uninstalled)], 1, false, "uninstalled 2"),
            (vec![base(), seen(2, PendingUpgrade, None)], 1, false, "foreign 2"),
            (vec![base(), seen(2, Deployed, Some("r0"))], 1, false, "foreign 2"),
            (vec![base(), own(Superseded), seen(3, Deployed, None)], 1, false, "foreign 3"),
            (vec![base()], 4, false, "gone"),
        ];
        for (row, (history, base, installs, expected)) in table.into_iter().enumerate() {
            let found = match standing(&history, base, installs, "r1") {
                Standing::AsPlanned => "as planned".to_owned(),
                Standing::Written(seen) => format!("written {}", seen.revision),
                Standing::Foreign(Foreign::Gone) => "gone".to_owned(),
                Standing::Foreign(Foreign::Uninstalled(seen)) => format!("uninstalled {}", seen.revision),
                Standing::Foreign(Foreign::Revision(seen)) => format!("foreign {}", seen.revision),
            };
            assert_eq!(found, expected, "row {row}");
        }
    }

    #[test]
    fn what_somebody_else_did_is_told_with_its_time_and_words() {
        let told = Foreign::Revision(seen(3, Status::Deployed, None)).to_string();
        let expected = "somebody else wrote revision 3 (deployed) at 2026-11-24T09:00:00Z: \"Rollback to 1\"";
        assert_eq!(told, expected);
    }
}
