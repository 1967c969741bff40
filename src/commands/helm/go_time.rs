//! Times of a release as helm prints them. A time that cannot be read is shown as it was written.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ZonedDateTime};

/// Go's zero time, where a record has no date.
pub(super) const NEVER: &str = "Mon Jan  1 00:00:00 0001";

/// As in `helm list`: `2026-11-24 12:30:25.6 +0100 CET`. The zone's name is known only where it is this
/// machine's.
pub(super) fn full(text: &str) -> String {
    let Some(time) = read(text) else { return text.to_owned() };
    let offset = time.strftime("%z").to_string();
    let zone = if text.ends_with('Z') {
        "UTC".to_owned()
    } else {
        local_zone(&time).unwrap_or_else(|| offset.clone())
    };
    format!("{} {offset} {zone}", time.strftime("%Y-%m-%d %H:%M:%S%.f"))
}

/// As in `helm status`: `Tue Nov 24 12:30:25 2026`.
pub(super) fn short(text: &str) -> String {
    read(text).map_or_else(|| text.to_owned(), |time| time.strftime("%a %b %e %H:%M:%S %Y").to_string())
}

/// Whole seconds, as in `helm get metadata`: `2026-11-24T12:30:25Z`.
pub(super) fn seconds(text: &str) -> String {
    let whole = |time: ZonedDateTime| {
        let text = time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        text.strip_suffix("+00:00").map_or(text.clone(), |utc| format!("{utc}Z"))
    };
    read(text).map_or_else(|| text.to_owned(), whole)
}

/// The time in the zone that it was written in.
fn read(text: &str) -> Option<ZonedDateTime> {
    let instant: Timestamp = text.parse().ok()?;
    let offset = if text.ends_with('Z') {
        Offset::UTC
    } else {
        BrokenDownTime::parse("%Y-%m-%dT%H:%M:%S%.f%:z", text).ok()?.offset()?
    };
    Some(instant.to_zoned_datetime(TimeZone::fixed(offset)))
}

fn local_zone(time: &ZonedDateTime) -> Option<String> {
    let local = time.timestamp().to_zoned_datetime(TimeZone::system());
    (local.offset() == time.offset()).then(|| local.strftime("%Z").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        let table = [
            (
                "2026-11-04T02:30:25.610Z",
                "2026-11-04 02:30:25.61 +0000 UTC",
                "Wed Nov  4 02:30:25 2026",
                "2026-11-04T02:30:25Z",
            ),
            (
                "2026-11-24T12:30:25-09:30",
                "2026-11-24 12:30:25 -0930 -0930",
                "Tue Nov 24 12:30:25 2026",
                "2026-11-24T12:30:25-09:30",
            ),
            ("x", "x", "x", "x"),
        ];
        for (text, expected_full, expected_short, expected_seconds) in table {
            assert_eq!(
                (full(text), short(text), seconds(text)),
                (expected_full.into(), expected_short.into(), expected_seconds.into())
            );
        }
    }
}
