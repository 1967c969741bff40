//! Reading Helm's records from YAML the way Go's JSON decoder does: keys in any case, unknown keys passed
//! over, null leaves a field as it is.

use serde_json::Value;

use crate::helm::yaml::number::shortest_32;

/// A value that does not fit its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` must be {wanted}, not {found}")]
pub struct FieldError {
    field: String,
    wanted: &'static str,
    found: &'static str,
}

impl FieldError {
    pub(super) fn new(field: &str, wanted: &'static str, found: &Value) -> Self {
        Self { field: field.to_owned(), wanted, found: kind(found) }
    }

    /// The same error, with the record that the field belongs to.
    pub(super) fn within(mut self, record: &str) -> Self {
        self.field = format!("{record}.{}", self.field);
        self
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// The entries of a record, keys in lower case; of keys that differ only in case the last in byte order
/// counts.
pub(super) fn entries<'a>(record: &str, value: &'a Value) -> Result<Vec<(String, &'a Value)>, FieldError> {
    let map = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Object(map) => map,
        other => return Err(FieldError::new(record, "a map", other)),
    };
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    Ok(entries.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect())
}

/// Text; numbers and booleans become text as Helm prints them.
pub(super) fn text(target: &mut String, field: &str, value: &Value) -> Result<(), FieldError> {
    match value {
        Value::Null => {}
        Value::String(text) => target.clone_from(text),
        Value::Bool(value) => *target = value.to_string(),
        Value::Number(number) if number.is_f64() => {
            *target = shortest_32(number.as_f64().unwrap_or_default());
        }
        Value::Number(number) => *target = number.to_string(),
        Value::Array(_) | Value::Object(_) => return Err(FieldError::new(field, "text", value)),
    }
    Ok(())
}

/// `true` or `false`.
pub(super) fn boolean(target: &mut bool, field: &str, value: &Value) -> Result<(), FieldError> {
    match value {
        Value::Null => Ok(()),
        Value::Bool(value) => {
            *target = *value;
            Ok(())
        }
        other => Err(FieldError::new(field, "true or false", other)),
    }
}

/// A list; null empties it.
pub(super) fn list<'a>(field: &str, value: &'a Value) -> Result<&'a [Value], FieldError> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        other => Err(FieldError::new(field, "a list", other)),
    }
}

/// A list of texts.
pub(super) fn texts(field: &str, value: &Value) -> Result<Vec<String>, FieldError> {
    let items = list(field, value)?.iter().map(|item| {
        let mut target = String::new();
        text(&mut target, field, item).map(|()| target)
    });
    items.collect()
}

/// Unicode spaces become one space each, what cannot be printed is dropped.
pub(super) fn sanitize(text: &mut String) {
    let clean = text
        .chars()
        .filter_map(|c| if c.is_whitespace() { Some(' ') } else { Some(c).filter(|c| is_printable(*c)) })
        .collect();
    *text = clean;
}

fn is_printable(c: char) -> bool {
    // As the second character, so that a combining mark counts as what it is: printable.
    matches!(c, '"' | '\'' | '\\') || format!("a{c}").escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_become_text() {
        for (value, expected) in [
            (json!(8), "8"),
            (json!(1.10), "1.1"),
            (json!(true), "true"),
            (json!("x"), "x"),
            (Value::Null, "as it was"),
        ] {
            let mut target = "as it was".to_owned();
            text(&mut target, "version", &value).unwrap();
            assert_eq!(target, expected);
        }
        let error = text(&mut String::new(), "name", &json!([1])).unwrap_err().within("maintainers");
        assert_eq!(error.to_string(), "`maintainers.name` must be text, not a list");
    }

    #[test]
    fn keys_differ_only_in_case() {
        let value = json!({"Name": "first", "name": "last"});
        let keys: Vec<_> = entries("Chart.yaml", &value)
            .unwrap()
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(keys, ["name=\"first\"", "name=\"last\""]);
        assert!(entries("Chart.yaml", &json!(["x"])).is_err());
    }

    #[test]
    fn sanitizing() {
        for (dirty, clean) in [
            ("a\tb\nc", "a b c"),
            ("a\u{200b}b\u{7}", "ab"),
            ("\"it's\" é e\u{301} 🎉", "\"it's\" é e\u{301} 🎉"),
            ("a\u{a0}b", "a b"),
        ] {
            let mut text = dirty.to_owned();
            sanitize(&mut text);
            assert_eq!(text, clean);
        }
    }
}
