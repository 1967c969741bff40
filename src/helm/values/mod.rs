//! The values of a chart: how they are read, and how the user's are laid over the chart's. No network, no cluster.
//!
//! Numbers keep Go's types: a JSON *float* is a `float64`, which every number of YAML and JSON is (whole ones too); a JSON *integer* is
//! an `int64`, which only `--set` makes.

pub mod options;
pub mod read;
pub mod strvals;

pub use options::{OptionsError, ValuesOptions};
pub use read::{ValuesError, read};

/// Values: a map by key.
pub type Values = serde_json::Map<String, serde_json::Value>;

use serde_json::{Number, Value};

/// Makes every number the `float64` that Go's JSON decoder makes of it.
pub fn make_floats(value: &mut Value) {
    match value {
        Value::Number(number) if !number.is_f64() => {
            if let Some(float) = number.as_f64().and_then(Number::from_f64) {
                *number = float;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_floats),
        Value::Object(entries) => entries.values_mut().for_each(make_floats),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The values as Go's JSON encoder writes them: keys in byte order, a whole `float64` below 1e21 as an integer.
///
/// One beyond 64 bits stays a float; no chart has one.
pub fn to_json(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(number)),
        Value::Array(items) => Value::Array(items.iter().map(to_json).collect()),
        Value::Object(entries) => {
            let mut keys: Vec<&String> = entries.keys().collect();
            keys.sort_unstable();
            Value::Object(keys.into_iter().map(|key| (key.clone(), to_json(&entries[key]))).collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "whole, and within 64 bits")]
fn whole(number: &Number) -> Number {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < i64::MAX as f64 => Number::from(float as i64),
        _ => number.clone(),
    }
}

/// Merges a map over another: maps recursively, anything else is replaced, null stays.
pub fn merge(base: &mut Values, over: Values) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_floats_inside_and_whole_outside() {
        let mut value = json!({"b": [1, 2.5], "a": 1_000_000});
        make_floats(&mut value);
        assert_eq!(value, json!({"b": [1.0, 2.5], "a": 1_000_000.0}));
        assert_eq!(to_json(&value).to_string(), r#"{"a":1000000,"b":[1,2.5]}"#);
        assert_eq!(to_json(&json!(1e300)), json!(1e300));
    }

    #[test]
    fn maps_merge_and_all_else_is_replaced() {
        let Value::Object(mut base) = json!({"a": {"x": 1, "y": 2}, "b": [1], "c": {"z": 1}}) else { unreachable!() };
        let Value::Object(over) = json!({"a": {"y": null}, "b": [], "c": "text"}) else { unreachable!() };
        merge(&mut base, over);
        assert_eq!(Value::Object(base), json!({"a": {"x": 1, "y": null}, "b": [], "c": "text"}));
    }
}
