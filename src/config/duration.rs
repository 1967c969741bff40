//! Durations as people write them in `release.yaml` and on the command line: `90s`, `10m`, `1h30m`.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serializer};

/// What a text has to look like; `release.yaml`'s schema carries it.
pub(crate) const PATTERN: &str = "^([0-9]{1,9}(h|ms|m|s))+$";

/// A duration in the schema: a text of a certain form.
#[derive(JsonSchema)]
#[schemars(inline, with = "String", title = "a duration such as `90s`, `10m` or `1h30m`")]
#[schemars(extend("pattern" = PATTERN))]
pub(super) enum DurationText {}

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration; write it like `90s`, `10m` or `1h30m`")]
pub struct DurationError(String);

/// Reads `1h30m`, `10m`, `90s`, `500ms`: the largest unit first, no spaces, nothing negative.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_digit() || "hms".contains(c)) {
        return Err(wrong());
    }
    let signed: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| wrong())
}

/// Writes a duration the way [`parse`] reads it.
pub fn format(duration: Duration) -> String {
    let printer = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None);
    SignedDuration::try_from(duration)
        .map_or_else(|_| format!("{}s", duration.as_secs()), |signed| printer.duration_to_string(&signed))
}

/// For `#[serde(with = "duration")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// For `#[serde(with = "duration")]`.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// For `#[serde(default, with = "duration::optional")]`.
pub mod optional {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    /// A duration, where one is written.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::parse(&text)).transpose().map_err(serde::de::Error::custom)
    }

    /// Nothing where there is none.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for (text, millis) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("2m", 120_000),
            ("500ms", 500),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(
                parse(&format(Duration::from_millis(millis))),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
        assert_eq!(format(Duration::from_mins(90)), "1h30m");
        assert_eq!(format(Duration::ZERO), "0s");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "10", "10 m", "-1m", "m", "10 minutes", "1d", "30m1h", "PT10M", "1.5h"] {
            assert_eq!(parse(text), Err(DurationError(text.to_owned())), "{text}");
        }
    }
}
