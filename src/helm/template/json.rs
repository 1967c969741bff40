//! Values to and from JSON. A JSON float is Go's `float64` (every number of YAML and JSON), a JSON integer is
//! Go's `int64` (`--set`).

use serde_json::{Map as JsonMap, Number, Value as Json};

use super::text::Text;
use super::value::{List, ListKind, Map, Value};

/// Deeper than any real document; a map that holds itself is deeper than that.
const MAX_DEPTH: usize = 200;

impl From<&Json> for Value {
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(truth) => Self::Bool(*truth),
            Json::Number(number) => {
                number.as_i64().map_or_else(|| Self::Float(number.as_f64().unwrap_or(f64::NAN)), Self::Int64)
            }
            Json::String(text) => Self::from(text.as_str()),
            Json::Array(items) => Self::List(List::new(items.iter().map(Self::from).collect())),
            Json::Object(entries) => Self::Map(Map::from(entries)),
        }
    }
}

impl From<&JsonMap<String, Json>> for Map {
    fn from(entries: &JsonMap<String, Json>) -> Self {
        entries.iter().map(|(key, value)| (Text::from(key.as_str()), Value::from(value))).collect()
    }
}

impl Value {
    /// The value as JSON, as Go's encoder sees it: bytes that are not UTF-8 become U+FFFD, `[]byte` becomes
    /// base64.
    /// The error is Go's own text: a number that JSON does not have, or a map that holds itself.
    pub fn to_json(&self) -> Result<Json, String> {
        encode(self, 0)
    }
}

fn encode(value: &Value, depth: usize) -> Result<Json, String> {
    if depth > MAX_DEPTH {
        return Err("json: unsupported value: encountered a cycle via map[string]interface {}".to_owned());
    }
    Ok(match value {
        Value::Nil => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) | Value::Int64(number) => Json::Number((*number).into()),
        Value::Float(number) => Json::Number(Number::from_f64(*number).ok_or_else(|| no_number(*number))?),
        Value::Str(text) => Json::String(text.lossy().into_owned()),
        Value::Bytes(bytes) => {
            Json::String(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes.bytes()))
        }
        Value::List(list) if matches!(list.kind, ListKind::Nil | ListKind::NilStrings) => Json::Null,
        Value::Map(map) if map.kind.is_nil() => Json::Null,
        Value::List(list) => {
            list.items.iter().map(|item| encode(item, depth + 1)).collect::<Result<_, _>>()?
        }
        Value::Map(map) => encode_map(map, depth)?,
        Value::Object(object) => encode(&object.plain(), depth + 1)?,
    })
}

fn encode_map(map: &Map, depth: usize) -> Result<Json, String> {
    let entry = |(key, value): (Text, Value)| Ok((key.lossy().into_owned(), encode(&value, depth + 1)?));
    map.entries().into_iter().map(entry).collect::<Result<JsonMap<_, _>, String>>().map(Json::Object)
}

/// What Go says of a number that JSON cannot hold.
pub(in crate::helm::template) fn no_number(number: f64) -> String {
    let name = if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    };
    format!("json: unsupported value: {name}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_their_go_type() {
        let value = Value::from(&json!({"file": 1.0, "set": 1, "list": [null, true, "x"]}));
        let Value::Map(map) = &value else { panic!("{value:?}") };
        assert!(matches!(map.get(b"file"), Some(Value::Float(_))));
        assert!(matches!(map.get(b"set"), Some(Value::Int64(1))));
        assert_eq!(value.to_json().unwrap(), json!({"file": 1.0, "list": [null, true, "x"], "set": 1}));
    }

    #[test]
    fn what_json_does_not_have() {
        assert_eq!(Value::Float(f64::NAN).to_json().unwrap_err(), "json: unsupported value: NaN");
        assert_eq!(Value::Float(f64::NEG_INFINITY).to_json().unwrap_err(), "json: unsupported value: -Inf");
        assert_eq!(Value::Bytes(Text::from("hi")).to_json().unwrap(), json!("aGk="));
        assert_eq!(Value::Str(Text::from(b"h\xc3".as_slice())).to_json().unwrap(), json!("h\u{fffd}"));
    }

    #[test]
    fn a_map_that_holds_itself_is_an_error() {
        let map = Map::default();
        map.set("self".into(), Value::Map(map.clone()));
        assert!(Value::Map(map).to_json().unwrap_err().contains("cycle"));
    }
}
