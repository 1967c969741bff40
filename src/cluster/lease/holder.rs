//! Who holds a lock, and how that is written into the Lease.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use serde::{Deserialize, Serialize};

use crate::cluster::events::timestamp;

const ANNOTATION: &str = "release/holder";

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user that runs the program.
    pub user: String,
    /// The machine that it runs on.
    pub host: String,
    /// Where the CI job can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// The run's id, unique.
    pub run_id: String,
    /// When the lock was taken, by the holder's clock.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}@{} (run {}) since {}",
            self.user,
            self.host,
            self.run_id,
            self.since.strftime("%Y-%m-%d %H:%M:%S UTC")
        )?;
        self.run_url.iter().try_for_each(|url| write!(f, ", {url}"))
    }
}

impl Holder {
    /// A name that no other holder has, not even another process of the same run.
    pub(super) fn identity(&self) -> String {
        format!("{}@{}/{}/{:08x}", self.user, self.host, self.run_id, rand::random::<u32>())
    }

    /// The Lease that says so; on top of what was seen, so that the API server refuses it when that has
    /// changed.
    pub(super) fn lease(&self, identity: &str, duration: Duration, seen: Option<&Lease>) -> Lease {
        let mut lease = seen.cloned().unwrap_or_default();
        let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
        let now = now();
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: i32::try_from(duration.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions.map_or(0, |count| count.saturating_add(1))),
            ..LeaseSpec::default()
        });
        let text = serde_json::to_string(self).unwrap_or_default();
        lease.metadata.annotations.get_or_insert_default().insert(ANNOTATION.to_owned(), text);
        lease
    }

    /// Who a Lease names. One that another program wrote names at least its identity.
    pub(super) fn of(lease: &Lease) -> Self {
        let written = lease
            .metadata
            .annotations
            .as_ref()
            .and_then(|all| serde_json::from_str(all.get(ANNOTATION)?).ok());
        written.unwrap_or_else(|| {
            let spec = lease.spec.clone().unwrap_or_default();
            let since = spec.acquire_time.and_then(|time| timestamp(time.0)).unwrap_or_default();
            let identity = spec.holder_identity.unwrap_or_default();
            Self {
                user: identity,
                host: "unknown".to_owned(),
                run_url: None,
                run_id: "unknown".to_owned(),
                since,
            }
        })
    }
}

/// This machine's time as the API wants it. Nobody judges by it.
pub(super) fn now() -> MicroTime {
    MicroTime(k8s_openapi::jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        let since = "2026-11-24T09:00:00Z".parse().unwrap();
        Holder {
            user: "ci".into(),
            host: "runner-1".into(),
            run_url: Some("https://ci/1".into()),
            run_id: "r1".into(),
            since,
        }
    }

    #[test]
    fn what_a_lease_says_reads_back() {
        let lease = holder().lease("id", Duration::from_secs(30), None);
        assert_eq!(Holder::of(&lease), holder());
        assert_eq!(holder().to_string(), "ci@runner-1 (run r1) since 2026-11-24 09:00:00 UTC, https://ci/1");
        let again = holder().lease("id2", Duration::from_secs(30), Some(&lease));
        assert_eq!(again.spec.unwrap().lease_transitions, Some(1));
    }

    #[test]
    fn two_processes_of_one_run_are_two_holders() {
        assert_ne!(holder().identity(), holder().identity());
    }

    #[test]
    fn a_lease_of_another_program_still_names_somebody() {
        let spec = LeaseSpec { holder_identity: Some("someone".into()), ..LeaseSpec::default() };
        let lease = Lease { spec: Some(spec), ..Lease::default() };
        assert!(Holder::of(&lease).to_string().starts_with("someone@unknown"));
    }
}
