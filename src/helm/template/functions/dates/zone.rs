//! Time zones as Go has them: the local one, UTC, those of the database, and fixed offsets.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

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

    /// The point in time that the zone's clocks show as this.
    pub(super) fn timestamp(&self, civil: jiff::civil::DateTime) -> Option<Timestamp> {
        match self {
            Self::Utc => Offset::UTC.to_timestamp(civil).ok(),
            Self::Known(zone) => zone.to_timestamp(civil).ok(),
            Self::Fixed(_, offset) => Offset::from_seconds(*offset).ok()?.to_timestamp(civil).ok(),
        }
    }
}
