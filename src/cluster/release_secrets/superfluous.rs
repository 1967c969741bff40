//! Which revisions make room for a new one. Pure.

use crate::helm::release::{Release, Revision, Status};

/// Pure: which of the oldest revisions go before one more is stored, so that `max` are left (0 = no limit);
/// the history is sorted, oldest first.
///
/// The last deployed revision stays, as with Helm; so do the newest good one, which is what a rollback returns
/// to when none is deployed, and `target`, which a rollback is on its way to.
pub fn superfluous(history: &[Release], max: u32, target: Option<Revision>) -> Vec<Revision> {
    let Some(keep) = usize::try_from(max).ok().and_then(|max| max.checked_sub(1)) else { return Vec::new() };
    let newest = |statuses: &[Status]| {
        history.iter().rfind(|record| statuses.contains(&record.status())).map(Release::revision)
    };
    let deployed = newest(&[Status::Deployed]);
    let good = newest(&[Status::Deployed, Status::Superseded]);
    let stays = |revision: &Revision| [deployed, good, target].contains(&Some(*revision));
    let revisions = history.iter().map(Release::revision).filter(|revision| !stays(revision));
    revisions.take(history.len().saturating_sub(keep)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(version: u32, status: &str) -> Release {
        Release::from_json(&format!(r#"{{"name":"a","info":{{"status":"{status}"}},"version":{version}}}"#))
            .unwrap()
    }

    fn history(statuses: &[(u32, &str)]) -> Vec<Release> {
        statuses.iter().map(|(version, status)| release(*version, status)).collect()
    }

    #[test]
    fn the_oldest_go_but_the_last_deployed_stays() {
        let history = history(&[
            (1, "superseded"),
            (2, "deployed"),
            (3, "failed"),
            (4, "failed"),
            (5, "pending-upgrade"),
        ]);
        let table: [(u32, &[u32]); 5] =
            [(0, &[]), (6, &[]), (5, &[1]), (2, &[1, 3, 4, 5]), (1, &[1, 3, 4, 5])];
        for (max, expected) in table {
            assert_eq!(superfluous(&history, max, None), expected, "at most {max}");
        }
        assert_eq!(superfluous(&[], 10, None), Vec::<Revision>::new());
    }

    #[test]
    fn the_last_good_revision_and_the_target_of_a_rollback_stay() {
        let failed = |from: u32| (from..=10).map(|version| (version, "failed"));
        let one_good: Vec<(u32, &str)> = std::iter::once((1, "superseded")).chain(failed(2)).collect();
        assert_eq!(superfluous(&history(&one_good), 10, None), [2]);
        let two_good: Vec<(u32, &str)> =
            [(1, "superseded"), (2, "superseded")].into_iter().chain(failed(3)).collect();
        assert_eq!(superfluous(&history(&two_good), 10, None), [1]);
        assert_eq!(superfluous(&history(&two_good), 10, Some(1)), [3]);
    }
}
