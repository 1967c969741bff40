//! Certificates that have expired, that soon will, or whose renewal is overdue. Pure; the time is given.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::resources::{Certificate, Object as _};

/// cert-manager's queue and a CA need a moment; after this long nobody is renewing it.
const OVERDUE: Duration = Duration::from_hours(1);

/// How near its end a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// It ends soon; its renewal may be due later.
    Soon,
    /// Its renewal was due more than an hour ago.
    Overdue,
    /// It is not valid any more.
    Expired,
}

/// A Certificate that is near its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiring {
    /// `Certificate namespace/name`.
    pub title: String,
    /// How near.
    pub nearness: Nearness,
    /// When it ends, and when its renewal is due, in words.
    pub message: String,
}

/// What `certificate` says at `now`; nothing while its end is farther away than `within` and its renewal is not due.
pub fn expiring(certificate: &Certificate, now: Timestamp, within: Duration) -> Option<Expiring> {
    let end = certificate.status.not_after.as_ref()?.0;
    let renewal = certificate.status.renewal_time.as_ref().map(|time| time.0);
    let is_past = |time: Timestamp, by: Duration| {
        Duration::try_from(now.duration_since(time)).is_ok_and(|past| past > by)
    };
    let left = Duration::try_from(end.duration_since(now)).unwrap_or_default();
    let nearness = match renewal {
        _ if end <= now => Nearness::Expired,
        Some(renewal) if is_past(renewal, OVERDUE) => Nearness::Overdue,
        _ if left <= within => Nearness::Soon,
        _ => return None,
    };
    let told = match nearness {
        Nearness::Expired => format!("expired at {end}"),
        Nearness::Overdue | Nearness::Soon => format!("expires at {end}"),
    };
    let renewal = renewal.map(|renewal| {
        format!("; its renewal {} due at {renewal}", if renewal <= now { "was" } else { "is" })
    });
    let message = format!("{told}{}", renewal.unwrap_or_default());
    Some(Expiring { title: certificate.title(), nearness, message })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_certificate_is_told_by_its_end_and_its_renewal() {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let table = [
            ("2026-09-01T00:00:00Z", Some("2026-08-01T00:00:00Z"), None),
            ("2026-06-08T00:00:00Z", Some("2026-06-05T00:00:00Z"), Some(Nearness::Soon)),
            ("2026-06-08T00:00:00Z", None, Some(Nearness::Soon)),
            ("2026-09-01T00:00:00Z", Some("2026-05-31T23:30:00Z"), None),
            ("2026-09-01T00:00:00Z", Some("2026-05-31T22:59:00Z"), Some(Nearness::Overdue)),
            ("2026-06-01T00:00:00Z", Some("2026-05-01T00:00:00Z"), Some(Nearness::Expired)),
        ];
        for (end, renewal, expected) in table {
            let status = json!({"notAfter": end, "renewalTime": renewal});
            let certificate = serde_json::from_value(
                json!({"metadata": {"namespace": "web", "name": "c"}, "status": status}),
            );
            let found = expiring(&certificate.unwrap(), now, Duration::from_hours(14 * 24));
            assert_eq!(found.as_ref().map(|found| found.nearness), expected, "{end} {renewal:?}");
        }
    }

    #[test]
    fn the_words_name_both_times() {
        let status = json!({"notAfter": "2026-06-08T00:00:00Z", "renewalTime": "2026-05-01T00:00:00Z"});
        let certificate =
            serde_json::from_value(json!({"metadata": {"namespace": "web", "name": "c"}, "status": status}));
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        let found = expiring(&certificate.unwrap(), now, Duration::from_hours(1)).unwrap();
        assert_eq!(found.title, "Certificate web/c");
        assert_eq!(
            found.message,
            "expires at 2026-06-08T00:00:00Z; its renewal was due at 2026-05-01T00:00:00Z"
        );
    }
}
