//! Values in messages, as Go's `%v` and `%t` print them.

use serde_json::Value;

use crate::helm::yaml::number::shortest;

/// `%v`: maps as `map[a:1]`, lists as `[a b]`.
pub(super) fn plain(value: &Value) -> String {
    formatted(value, &|value| match value {
        Value::Null => "<nil>".to_owned(),
        other => scalar(other),
    })
}

/// `%t`, which is meant for booleans and marks everything else but nil inside of other values.
pub(super) fn truth(value: &Value) -> String {
    if value.is_null() {
        return "%!t(<nil>)".to_owned();
    }
    formatted(value, &|value| match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::String(text) => format!("%!t(string={text})"),
        Value::Number(number) if number.is_f64() => format!("%!t(float64={})", scalar(value)),
        other => format!("%!t(int64={})", scalar(other)),
    })
}

fn formatted(value: &Value, one: &dyn Fn(&Value) -> String) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| formatted(item, one)).collect::<Vec<_>>().join(" "))
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_bytes());
            let key = |key: &str| one(&Value::from(key));
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(name, value)| format!("{}:{}", key(name), formatted(value, one)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
        scalar => one(scalar),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_f64().filter(|_| number.is_f64()).map_or_else(|| number.to_string(), shortest)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn as_go_prints_them() {
        assert_eq!(
            plain(&json!({"b": [1.0, "x", null], "a": {"n": 1_000_000.0, "i": 1_000_000}})),
            "map[a:map[i:1000000 n:1e+06] b:[1 x <nil>]]"
        );
        for (value, text) in [
            (json!(null), "%!t(<nil>)"),
            (json!(true), "true"),
            (json!("x"), "%!t(string=x)"),
            (json!(5.0), "%!t(float64=5)"),
            (json!(["a"]), "[%!t(string=a)]"),
            (json!([null, {"a": 1.0}]), "[<nil> map[%!t(string=a):%!t(float64=1)]]"),
        ] {
            assert_eq!(truth(&value), text);
        }
    }
}
