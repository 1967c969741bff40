//! `Chart.lock`: which versions of the dependencies were chosen.

use serde_json::{Value, json};

use super::decode::{FieldError, entries, text};
use super::dependency::{self, Dependency};

/// Go's zero time, which an empty lock has.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// The content of a lock file.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// When it was made, RFC 3339 as written.
    pub generated: String,
    /// `sha256:` and the digest of what `Chart.yaml` asked for.
    pub digest: String,
    /// The chosen versions; `None` where the file has none.
    pub dependencies: Option<Vec<Dependency>>,
}

impl Default for Lock {
    fn default() -> Self {
        Self { generated: NEVER.to_owned(), digest: String::new(), dependencies: None }
    }
}

impl Lock {
    pub(super) fn decode(value: &Value) -> Result<Self, FieldError> {
        let mut lock = Self::default();
        for (key, value) in entries("Chart.lock", value)? {
            match key.as_str() {
                "generated" => lock.set_generated(value)?,
                "digest" => text(&mut lock.digest, "digest", value)?,
                "dependencies" if value.is_null() => lock.dependencies = None,
                "dependencies" => lock.dependencies = Some(dependency::decode_all("dependencies", value)?),
                _ => {}
            }
        }
        Ok(lock)
    }

    fn set_generated(&mut self, value: &Value) -> Result<(), FieldError> {
        match value {
            Value::Null => Ok(()),
            Value::String(time) => {
                self.generated = rewritten(time)
                    .ok_or_else(|| FieldError::new("generated", "a time as in RFC 3339", value))?;
                Ok(())
            }
            other => Err(FieldError::new("generated", "a time as in RFC 3339", other)),
        }
    }

    /// Helm's stamp for `SOURCE_DATE_EPOCH`: the lock counts as generated at that second (Unix time).
    pub(super) fn stamp(&mut self, seconds: i64) {
        if let Ok(time) = jiff::Timestamp::from_second(seconds) {
            self.generated = time.to_string();
        }
    }

    /// The record that Helm writes.
    pub(super) fn encode(&self) -> Value {
        let dependencies =
            self.dependencies.as_ref().map(|all| all.iter().map(Dependency::encode).collect::<Vec<_>>());
        json!({"dependencies": dependencies, "digest": self.digest, "generated": self.generated})
    }
}

/// A time as Go writes it again: the zone kept (`Z` where it is zero), trailing zeros of the fraction
/// dropped.
fn rewritten(time: &str) -> Option<String> {
    let separated = time.as_bytes().get(10) == Some(&b'T');
    let zoned = time.ends_with('Z') || time.get(time.len().checked_sub(6)?..)?.starts_with(['+', '-']);
    if !separated || !zoned || time.parse::<jiff::Timestamp>().is_err() {
        return None;
    }
    let zone_at = if time.ends_with('Z') { time.len() - 1 } else { time.len() - 6 };
    let (clock, zone) = time.split_at(zone_at);
    let clock = clock.split_once('.').map_or(clock.to_owned(), |(clock, fraction)| {
        let nanoseconds: String = fraction.chars().take(9).collect();
        let fraction = nanoseconds.trim_end_matches('0');
        if fraction.is_empty() { clock.to_owned() } else { format!("{clock}.{fraction}") }
    });
    let zone = if matches!(zone, "+00:00" | "-00:00") { "Z" } else { zone };
    Some(format!("{clock}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::yaml;

    #[test]
    fn a_lock_is_written_as_helm_writes_it() {
        let text = "generated: \"2021-03-04T05:06:07.1230+01:00\"\ndigest: sha256:abc\ndependencies: [{name: a, version: 1.0.0, repository: https://example.com}]";
        let mut lock = Lock::decode(&yaml::read(text.as_bytes()).unwrap()).unwrap();
        insta::assert_snapshot!(yaml::write(&lock.encode()), @r#"
        dependencies:
        - name: a
          repository: https://example.com
          version: 1.0.0
        digest: sha256:abc
        generated: "2021-03-04T05:06:07.123+01:00"
        "#);
        lock.stamp(0);
        assert_eq!(lock.generated, "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_lock_without_anything() {
        let lock = Lock::decode(&json!({})).unwrap();
        assert_eq!(
            yaml::write(&lock.encode()),
            "dependencies: null\ndigest: \"\"\ngenerated: \"0001-01-01T00:00:00Z\"\n"
        );
    }

    #[test]
    fn times_that_are_none() {
        for time in ["yesterday", "2021-03-04", "2021-03-04 05:06:07Z", "2021-03-04T05:06:07", "", "é"] {
            assert_eq!(rewritten(time), None, "{time}");
        }
    }
}
