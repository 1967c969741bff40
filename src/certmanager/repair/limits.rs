//! When a CA takes requests again, how often a public one is asked, and when cert-manager tries by itself.
//!
//! Sources: letsencrypt.org/docs/rate-limits for the windows; cert-manager's
//! `pkg/controller/certificates/trigger/trigger_controller.go` for the pause.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What a CA says about a limit, in lower case, and in which time it counts.
const WINDOWS: [(&str, SignedDuration); 4] = [
    ("too many failed authorizations", HOUR),
    ("too many new orders", SignedDuration::from_hours(3)),
    ("too many registrations", SignedDuration::from_hours(3)),
    ("too many certificates", SignedDuration::from_hours(168)),
];

/// A CA refuses a name after five failed proofs in an hour; the last ones are left to cert-manager.
const FAILED_AN_HOUR: usize = 3;
/// A CA issues the same set of names five times in seven days; the last one is left for a need.
const SAME_SET_A_WEEK: usize = 4;
/// So many failures in a row say that the cause is still there.
const IN_A_ROW: i64 = 3;

/// cert-manager's longest pause.
const LONGEST: SignedDuration = SignedDuration::from_hours(32);

/// When a CA that has refused for its rate takes requests again: as it says itself, else after the time in
/// which it counts. Without the time of the failure nobody knows.
pub fn opens(message: &str, failed: Option<Timestamp>) -> Option<Timestamp> {
    told(message).or_else(|| {
        let lower = message.to_lowercase();
        let window = WINDOWS.iter().find(|(words, _)| lower.contains(words));
        failed?.checked_add(window.map_or(HOUR, |(_, window)| *window)).ok()
    })
}

/// `retry after 2026-01-01 00:00:00 UTC`, or with `T` and `Z`.
fn told(message: &str) -> Option<Timestamp> {
    let (_, rest) = message.split_once("retry after ")?;
    let date = rest.get(..10)?;
    let clock = rest.get(11..19)?;
    format!("{date}T{clock}Z").parse().ok()
}

/// When cert-manager tries again by itself after so many failures in a row.
pub fn next_try(failed: Timestamp, attempts: i64) -> Timestamp {
    let doublings = u32::try_from(attempts.clamp(1, 6) - 1).unwrap_or(0);
    let pause = HOUR * 2_i32.pow(doublings);
    failed.checked_add(pause.min(LONGEST)).unwrap_or(Timestamp::MAX)
}

/// How often the production of a public CA was asked for the names of a Certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries {
    /// Failures in a row.
    pub attempts: i64,
    /// The last of them.
    pub failed: Option<Timestamp>,
    /// Orders with one of its names that failed in the last hour.
    pub failed_orders: usize,
    /// Orders with exactly its names that were issued in the last seven days.
    pub issued_orders: usize,
}

impl Tries {
    /// Why one more would be too much, and until when.
    pub fn too_many(&self, now: Timestamp) -> Option<(String, Option<Timestamp>)> {
        let recent = self.failed.filter(|failed| now.duration_since(*failed) < HOUR);
        if let Some(failed) = recent.filter(|_| self.attempts >= IN_A_ROW) {
            let told =
                format!("it has failed {} times in a row, so that the cause is still there", self.attempts);
            return Some((told, failed.checked_add(HOUR).ok()));
        }
        if self.failed_orders >= FAILED_AN_HOUR {
            let told = format!("{} Orders for its names failed within the last hour", self.failed_orders);
            return Some((told, now.checked_add(HOUR).ok()));
        }
        let issued = self.issued_orders;
        let told = format!("exactly its names were issued {issued} times within the last seven days");
        (issued >= SAME_SET_A_WEEK).then_some((told, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_ca_opens_again_when_it_says_so_or_after_its_window() {
        let failed = Some(at("2026-03-01T00:00:00Z"));
        let table = [
            ("429: too many certificates, retry after 2026-03-02 03:04:05 UTC: see", "2026-03-02T03:04:05Z"),
            ("retry after 2026-03-02T03:04:05Z", "2026-03-02T03:04:05Z"),
            ("rateLimited: too many failed authorizations recently", "2026-03-01T01:00:00Z"),
            ("rateLimited: too many new orders recently", "2026-03-01T03:00:00Z"),
            ("too many certificates (5) already issued for this exact set", "2026-03-08T00:00:00Z"),
            ("429 Too Many Requests, retry after a while", "2026-03-01T01:00:00Z"),
        ];
        for (message, expected) in table {
            assert_eq!(opens(message, failed), Some(at(expected)), "{message}");
        }
        assert_eq!(opens("rateLimited", None), None);
    }

    #[test]
    fn the_pause_doubles_up_to_32_hours() {
        for (attempts, hours) in [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 32), (99, 32)] {
            let failed = at("2026-03-01T00:00:00Z");
            let pause = next_try(failed, attempts).duration_since(failed);
            assert_eq!(pause, SignedDuration::from_hours(hours), "{attempts}");
        }
    }

    #[test]
    fn a_public_ca_is_not_asked_again_and_again() {
        let now = at("2026-03-01T12:00:00Z");
        let tries = |attempts, failed: &str, failed_orders, issued_orders| Tries {
            attempts,
            failed: Some(at(failed)),
            failed_orders,
            issued_orders,
        };
        let (just, long_ago) = ("2026-03-01T11:30:00Z", "2026-03-01T10:00:00Z");
        let table = [
            (tries(1, just, 1, 1), None),
            (tries(2, just, 2, 3), None),
            (tries(3, just, 0, 0), Some("it has failed 3 times in a row")),
            (tries(9, long_ago, 0, 0), None),
            (tries(1, just, 3, 0), Some("3 Orders for its names failed")),
            (tries(1, just, 0, 4), Some("issued 4 times within the last seven days")),
        ];
        for (tries, expected) in table {
            let told = tries.too_many(now).map(|(told, _)| told);
            assert_eq!(told.is_some(), expected.is_some(), "{tries:?} {told:?}");
            assert!(told.unwrap_or_default().contains(expected.unwrap_or_default()), "{tries:?}");
        }
        assert_eq!(tries(3, just, 0, 0).too_many(now).unwrap().1, Some(at("2026-03-01T12:30:00Z")));
    }
}
