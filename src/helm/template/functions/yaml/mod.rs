//! YAML as Helm's functions read and write it.
//!
//! `toYaml` gives nothing for what cannot be written and `fromYaml` a map with the error; `mustToYaml` fails.

use serde_json::Value as Json;

use super::json::{error_list, error_map, mismatch};
use super::{Answer, fixed, text};
use crate::helm::template::function::{
    Function, FunctionError,
    Parameter::{Any, Str},
};
use crate::helm::template::text::Text;
use crate::helm::template::value::{List, Map, Value};
use crate::helm::yaml;

mod pretty;

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("toYaml", &[Any], |_, a| text(written(a.value(0)).unwrap_or_default())),
    fixed("mustToYaml", &[Any], |_, a| {
        text(
            written(a.value(0))
                .map_err(|error| FunctionError::said(format!("error marshaling into JSON: {error}")))?,
        )
    }),
    fixed("toYamlPretty", &[Any], |_, a| pretty(a.value(0))),
    fixed("fromYaml", &[Str], |_, a| {
        Ok(match read(a.text(0)) {
            Ok(Value::Map(map)) => map.into(),
            Ok(Value::Nil) => Map::default().into(),
            Ok(other) => error_map(&wrong_type(&other, "map[string]interface {}")),
            Err(error) => error_map(&error),
        })
    }),
    fixed("fromYamlArray", &[Str], |_, a| {
        Ok(match read(a.text(0)) {
            Ok(Value::List(list)) => list.into(),
            Ok(Value::Nil) => List::new(Vec::new()).into(),
            Ok(other) => error_list(&wrong_type(&other, "[]interface {}")),
            Err(error) => error_list(&error),
        })
    }),
];

fn written(value: &Value) -> Result<String, String> {
    Ok(without_last_break(yaml::write(&value.to_json()?)))
}

fn without_last_break(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

fn pretty(value: &Value) -> Answer {
    let tree = pretty::tree(value).map_err(FunctionError::said)?;
    text(without_last_break(yaml::write_pretty(&tree)))
}

fn read(bytes: &[u8]) -> Result<Value, String> {
    yaml::read(bytes).map(|json| from_yaml(&json)).map_err(|error| error.in_helms_words())
}

/// Every number of YAML becomes a float on its way through JSON.
fn from_yaml(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => List::new(items.iter().map(from_yaml).collect()).into(),
        Json::Object(entries) => Value::Map(
            entries.iter().map(|(key, value)| (Text::from(key.as_str()), from_yaml(value))).collect(),
        ),
    }
}

fn wrong_type(found: &Value, wanted: &str) -> String {
    format!("error unmarshaling JSON: while decoding JSON: {}", mismatch(found, wanted))
}
