//! Is a Lease free? Judged by whether it changes while we watch, never by the times that are written in it.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

/// Whether we may try to take a Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody's, or its holder has not renewed it for its whole duration.
    Free,
    /// Somebody's who renews it, or may do so.
    Held,
}

/// The version of the Lease that was seen last, and since when it has not changed.
#[derive(Debug, Default)]
pub(super) struct Watched(Option<(String, Instant)>);

/// Whether the Lease names a holder.
pub(super) fn is_taken(lease: &Lease) -> bool {
    lease
        .spec
        .as_ref()
        .and_then(|spec| spec.holder_identity.as_ref())
        .is_some_and(|identity| !identity.is_empty())
}

/// Whether the Lease names this holder.
pub(super) fn is_held_by(lease: &Lease, identity: &str) -> bool {
    lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()) == Some(identity)
}

impl Watched {
    /// Judges what is seen at a moment. A first look never finds a holder expired.
    pub(super) fn standing(&mut self, seen: Option<&Lease>, now: Instant) -> Standing {
        let Some(lease) = seen.filter(|lease| is_taken(lease)) else { return Standing::Free };
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        match &self.0 {
            Some((known, since)) if *known == version => {
                if now.duration_since(*since) > duration(lease) {
                    Standing::Free
                } else {
                    Standing::Held
                }
            }
            Some(_) | None => {
                self.0 = Some((version, now));
                Standing::Held
            }
        }
    }
}

/// What the holder promised; at least our own duration, so that a damaged Lease is not taken at once.
fn duration(lease: &Lease) -> Duration {
    let promised = lease
        .spec
        .as_ref()
        .and_then(|spec| spec.lease_duration_seconds)
        .and_then(|seconds| u64::try_from(seconds).ok());
    promised.map_or(super::DURATION, Duration::from_secs).max(super::DURATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(version: &str, holder: &str, seconds: i32) -> Lease {
        serde_json::from_value(serde_json::json!({"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": holder, "leaseDurationSeconds": seconds}})).unwrap()
    }

    #[test]
    fn a_lease_is_free_when_it_did_not_change_for_its_duration() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watched = Watched::default();
        let table = [
            (Some(lease("1", "a", 30)), 0, Standing::Held),
            (Some(lease("1", "a", 30)), 30, Standing::Held),
            (Some(lease("2", "a", 30)), 31, Standing::Held),
            (Some(lease("2", "a", 30)), 61, Standing::Held),
            (Some(lease("2", "a", 30)), 62, Standing::Free),
            (Some(lease("3", "b", 30)), 63, Standing::Held),
            (Some(lease("3", "", 30)), 64, Standing::Free),
            (None, 65, Standing::Free),
            (Some(lease("4", "c", 120)), 66, Standing::Held),
            (Some(lease("4", "c", 120)), 186, Standing::Held),
            (Some(lease("4", "c", 120)), 187, Standing::Free),
        ];
        for (seen, seconds, expected) in table {
            assert_eq!(watched.standing(seen.as_ref(), at(seconds)), expected, "at {seconds} s");
        }
    }

    #[test]
    fn a_promise_of_no_time_is_not_believed() {
        let mut watched = Watched::default();
        let start = Instant::now();
        assert_eq!(watched.standing(Some(&lease("1", "a", 0)), start), Standing::Held);
        assert_eq!(
            watched.standing(Some(&lease("1", "a", 0)), start + Duration::from_secs(5)),
            Standing::Held
        );
    }
}
