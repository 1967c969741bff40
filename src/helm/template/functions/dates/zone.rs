//! Time zones as Go has them: the local one, UTC, those of the database, and fixed offsets.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneTransition};
use jiff::{SignedDuration, Timestamp};

/// A time zone.
#[derive(Clone, Debug)]
pub(in crate::helm::template::functions) enum Zone {
    /// UTC.
    Utc,
    /// The machine's, or one of the database.
    Known(TimeZone),
    /// A name, which may be empty, and seconds east of UTC.
    Fixed(String, i32),
}

impl Zone {
    /// `time.LoadLocation`.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "" | "UTC" => Some(Self::Utc),
            "Local" => Some(Self::local()),
            name => TimeZone::get(name).ok().map(Self::Known),
        }
    }

    /// The machine's.
    pub(super) fn local() -> Self {
        TimeZone::try_system().map_or(Self::Utc, Self::Known)
    }

    /// The abbreviation, which may be empty, and the seconds east of UTC at a time.
    pub(super) fn at(&self, time: Timestamp) -> (String, i32) {
        match self {
            Self::Utc => ("UTC".to_owned(), 0),
            Self::Known(zone) => {
                let info = zone.to_offset_info(time);
                (info.abbreviation().to_owned(), info.offset().seconds())
            }
            Self::Fixed(name, offset) => (name.clone(), *offset),
        }
    }

    /// The point in time that the zone's clocks show as this. Where the clocks go forward it is Go's choice
    /// of the two: an hour back.
    pub(super) fn timestamp(&self, civil: DateTime) -> Option<Timestamp> {
        let shown = Offset::UTC.to_timestamp(civil).ok()?;
        let before = |seconds: i32| shown.checked_sub(SignedDuration::from_secs(i64::from(seconds))).ok();
        let guess = before(self.at(shown).1)?;
        before(self.at(guess).1)
    }

    /// The offset that the zone has under this name: at the time that its clocks show as this, or else at any
    /// other.
    pub(super) fn offset_of(&self, name: &str, civil: DateTime) -> Option<i32> {
        let time = self.timestamp(civil)?;
        let (here, offset) = self.at(time);
        if here == name {
            return Some(offset);
        }
        let Self::Known(zone) = self else { return None };
        let found = |transition: TimeZoneTransition<'_>| {
            (transition.abbreviation() == name).then(|| transition.offset().seconds())
        };
        // More transitions than any zone has had.
        zone.preceding(time)
            .take(1000)
            .find_map(found)
            .or_else(|| zone.following(time).take(1000).find_map(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_york() -> Zone {
        Zone::named("America/New_York").unwrap()
    }

    #[test]
    fn where_clocks_change_the_time_is_gos() {
        let seconds = |civil: DateTime| new_york().timestamp(civil).unwrap().as_second();
        // Neither hour is shown by the clocks, or both are.
        assert_eq!(seconds(jiff::civil::date(2024, 3, 10).at(2, 30, 0, 0)), 1_710_052_200);
        assert_eq!(seconds(jiff::civil::date(2024, 11, 3).at(1, 30, 0, 0)), 1_730_611_800);
    }

    #[test]
    fn names_of_another_season() {
        let winter = jiff::civil::date(2024, 1, 4).at(10, 0, 0, 0);
        assert_eq!(new_york().offset_of("EST", winter), Some(-18_000));
        assert_eq!(new_york().offset_of("EDT", winter), Some(-14_400));
        assert_eq!(new_york().offset_of("CET", winter), None);
    }
}
