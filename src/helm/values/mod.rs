//! The values of a chart: how they are read, and how the user's are laid over the chart's. No network, no
//! cluster.
//!
//! Numbers keep Go's types: a JSON *float* is a `float64`, which every number of YAML and JSON is (whole ones
//! too); a JSON *integer* is an `int64`, which only `--set` makes. `helm::json` writes both as Go does.

pub mod coalesce;
pub mod dependencies;
mod go_text;
pub mod options;
pub mod read;
pub mod schema;
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

/// Go's name of a value's type.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
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
    fn every_number_becomes_a_float() {
        let mut value = json!({"b": [1, 2.5], "a": 1_000_000});
        make_floats(&mut value);
        assert_eq!(value, json!({"b": [1.0, 2.5], "a": 1_000_000.0}));
    }

    #[test]
    fn maps_merge_and_all_else_is_replaced() {
        let Value::Object(mut base) = json!({"a": {"x": 1, "y": 2}, "b": [1], "c": {"z": 1}}) else {
            unreachable!()
        };
        let Value::Object(over) = json!({"a": {"y": null}, "b": [], "c": "text"}) else { unreachable!() };
        merge(&mut base, over);
        assert_eq!(Value::Object(base), json!({"a": {"x": 1, "y": null}, "b": [], "c": "text"}));
    }
}
