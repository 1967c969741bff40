//! From what a release looks like to what is done about it: one total match. Pure.

use crate::helm::release::Status;

use super::Action;

/// The newest revision of the release, as far as deciding needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Status of the newest revision.
    pub status: Status,
    /// Whether this tool's journal says that it wrote this revision and nobody holds its lock any more.
    pub ours_and_abandoned: bool,
    /// Whether the newest revision already is the target: same chart, values and objects.
    pub on_target: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Do this.
    Do(Action),
    /// A revision that a killed run of ours left pending is marked failed first, then upgraded.
    RepairThenUpgrade,
    /// Nothing may be done.
    Refuse(Refusal),
}

/// Why nothing may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Another Helm operation is in progress or was killed in the middle.
    OperationInProgress,
    /// The release is being uninstalled.
    Uninstalling,
    /// Helm itself does not know the status.
    UnknownStatus,
}

/// Decides from the newest revision; `None` = the release has no revision at all.
pub fn decide(seen: Option<Seen>) -> Next {
    let Some(seen) = seen else { return Next::Do(Action::Install) };
    match seen.status {
        Status::Deployed if seen.on_target => Next::Do(Action::Nothing),
        Status::Deployed | Status::Superseded | Status::Failed => Next::Do(Action::Upgrade),
        Status::Uninstalled => Next::Do(Action::Install),
        Status::PendingInstall | Status::PendingUpgrade | Status::PendingRollback
            if seen.ours_and_abandoned =>
        {
            Next::RepairThenUpgrade
        }
        Status::PendingInstall | Status::PendingUpgrade | Status::PendingRollback => {
            Next::Refuse(Refusal::OperationInProgress)
        }
        Status::Uninstalling => Next::Refuse(Refusal::Uninstalling),
        Status::Unknown => Next::Refuse(Refusal::UnknownStatus),
    }
}

/// The revision that a rollback returns to: the newest one before `failed` that was good and has other
/// content.
///
/// `history` is (revision, status, content) in any order, where content identifies what the revision deploys.
pub fn rollback_target(history: &[(u32, Status, String)], failed: u32) -> Option<u32> {
    let bad = history.iter().find(|(revision, ..)| *revision == failed).map(|(.., content)| content);
    history
        .iter()
        .filter(|(revision, status, content)| {
            *revision < failed
                && matches!(status, Status::Deployed | Status::Superseded)
                && Some(content) != bad
        })
        .map(|(revision, ..)| *revision)
        .max()
}

/// One revision number that was asked for on several clusters must mean the same chart everywhere: `None`, or
/// what it is on each. `targets` are cluster and `chart version`.
pub fn differing_targets(revision: u32, targets: &[(String, String)]) -> Option<String> {
    let (_, first) = targets.first()?;
    if targets.iter().all(|(_, chart)| chart == first) {
        return None;
    }
    let each: Vec<String> = targets.iter().map(|(cluster, chart)| format!("{chart} on {cluster}")).collect();
    Some(format!(
        "revision {revision} is not the same everywhere: {}; name the clusters of one chart, or leave --to-revision out",
        each.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_means_one_chart_on_all_clusters() {
        let on = |cluster: &str, chart: &str| (cluster.to_owned(), chart.to_owned());
        let same = [on("a", "app 1.0.0"), on("b", "app 1.0.0")];
        assert_eq!((differing_targets(3, &[]), differing_targets(3, &same)), (None, None));
        assert_eq!(
            differing_targets(3, &[on("a", "app 1.0.0"), on("b", "app 2.0.0")]).unwrap(),
            "revision 3 is not the same everywhere: app 1.0.0 on a, app 2.0.0 on b; name the clusters of one chart, or leave --to-revision out"
        );
    }

    fn seen(status: Status, ours_and_abandoned: bool, on_target: bool) -> Seen {
        Seen { status, ours_and_abandoned, on_target }
    }

    #[test]
    fn every_status_is_decided() {
        let table = [
            (None, Next::Do(Action::Install)),
            (Some(seen(Status::Deployed, false, true)), Next::Do(Action::Nothing)),
            (Some(seen(Status::Deployed, false, false)), Next::Do(Action::Upgrade)),
            (Some(seen(Status::Failed, false, true)), Next::Do(Action::Upgrade)),
            (Some(seen(Status::Superseded, false, true)), Next::Do(Action::Upgrade)),
            (Some(seen(Status::Uninstalled, false, true)), Next::Do(Action::Install)),
            (Some(seen(Status::PendingUpgrade, true, false)), Next::RepairThenUpgrade),
            (Some(seen(Status::PendingUpgrade, false, false)), Next::Refuse(Refusal::OperationInProgress)),
            (Some(seen(Status::PendingRollback, false, true)), Next::Refuse(Refusal::OperationInProgress)),
            (Some(seen(Status::PendingInstall, false, true)), Next::Refuse(Refusal::OperationInProgress)),
            (Some(seen(Status::Uninstalling, true, true)), Next::Refuse(Refusal::Uninstalling)),
            (Some(seen(Status::Unknown, true, true)), Next::Refuse(Refusal::UnknownStatus)),
        ];
        for (input, expected) in table {
            assert_eq!(decide(input), expected, "{input:?}");
        }
    }

    #[test]
    fn a_rollback_skips_failed_revisions_and_equal_content() {
        let history = |rows: &[(u32, Status, &str)]| {
            rows.iter().map(|(n, s, c)| (*n, *s, (*c).to_owned())).collect::<Vec<_>>()
        };
        let rows = history(&[
            (1, Status::Superseded, "a"),
            (2, Status::Superseded, "b"),
            (3, Status::Failed, "c"),
            (4, Status::Superseded, "d"),
            (5, Status::Deployed, "d"),
        ]);
        assert_eq!(rollback_target(&rows, 5), Some(2));
        assert_eq!(rollback_target(&rows, 2), Some(1));
        assert_eq!(rollback_target(&rows, 1), None);
    }
}
