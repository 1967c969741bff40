//! JSON as Go's `encoding/json` writes it: no blanks, `<`, `>` and `&` escaped, floats with their shortest
//! digits. Reads nothing.
//!
//! The order of members is kept as given; Go sorts the keys of maps, which [`sorted`] does.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The text that Go would write.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    append(&mut text, value);
    text
}

/// The same value with the keys of every map in the order of their bytes.
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(sorted_map(map)),
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// A map with its keys, and those of every map below, in the order of their bytes.
pub fn sorted_map(map: &Map<String, Value>) -> Map<String, Value> {
    let mut members: Vec<(&String, &Value)> = map.iter().collect();
    members.sort_by_key(|(key, _)| key.as_bytes());
    members.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
}

fn append(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number_text(number)),
        Value::String(string) => append_string(text, string),
        Value::Array(items) => {
            let open =
                items.iter().enumerate().map(|(index, item)| (if index == 0 { '[' } else { ',' }, item));
            open.for_each(|(separator, item)| {
                text.push(separator);
                append(text, item);
            });
            text.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(map) => {
            for (index, (key, value)) in map.iter().enumerate() {
                text.push(if index == 0 { '{' } else { ',' });
                append_string(text, key);
                text.push(':');
                append(text, value);
            }
            text.push_str(if map.is_empty() { "{}" } else { "}" });
        }
    }
}

/// An integer as it is; a float with an exponent only below 1e-6 and from 1e21 on.
fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            let size = float.abs();
            if size != 0.0 && !(1e-6..1e21).contains(&size) { scientific(float) } else { float.to_string() }
        }
        _ => number.to_string(),
    }
}

/// Rust writes `1e21`, Go `1e+21`.
fn scientific(float: f64) -> String {
    let text = format!("{float:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

fn append_string(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '<' | '>' | '&' | '\u{0}'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        let table = [
            (json!(1.0), "1"),
            (json!(-0.5), "-0.5"),
            (json!(1e20), "100000000000000000000"),
            (json!(1e21), "1e+21"),
            (json!(0.000_001), "0.000001"),
            (json!(0.000_000_15), "1.5e-7"),
            (json!(0.0), "0"),
            (json!(i64::MIN), "-9223372036854775808"),
        ];
        for (value, expected) in table {
            assert_eq!(write(&value), expected);
        }
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        assert_eq!(
            write(&json!("<a href=\"x\">&\u{1}\u{8}\n\t\\é\u{2028}\u{7f}")),
            "\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u0001\\b\\n\\t\\\\é\\u2028\u{7f}\""
        );
    }

    #[test]
    fn order_is_kept_or_sorted() {
        let value = json!({"b": [1, {}], "a": {"z": null, "Z": []}});
        assert_eq!(write(&value), r#"{"b":[1,{}],"a":{"z":null,"Z":[]}}"#);
        assert_eq!(write(&sorted(&value)), r#"{"a":{"Z":[],"z":null},"b":[1,{}]}"#);
    }
}
