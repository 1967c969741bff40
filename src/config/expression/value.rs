//! JSON as CEL sees it: whole numbers are `int`, as in Kubernetes' own expressions.

use std::collections::HashMap;

use serde_json::Value;

/// The same value.
pub(super) fn of(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(large)) => large.into(),
            (None, None) => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        Value::Array(items) => items.iter().map(of).collect::<Vec<_>>().into(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), of(value)));
            fields.collect::<HashMap<String, cel::Value>>().into()
        }
    }
}
