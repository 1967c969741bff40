//! A value as `toYamlPretty` sees it: go-yaml v3 looks at Go's values directly, so bytes are numbers and nil
//! lists are lists.

use serde_json::{Map as JsonMap, Number, Value as Json};

use crate::helm::template::functions::DEEPEST;
use crate::helm::template::functions::dates::Moment;
use crate::helm::template::functions::durations::Span;
use crate::helm::template::functions::lists::items;
use crate::helm::template::text::Text;
use crate::helm::template::value::Value;

/// What is to be written; an error for the few values whose YAML is not written here.
pub(super) fn tree(value: &Value) -> Result<Json, String> {
    at_depth(value, 0)
}

fn at_depth(value: &Value, depth: usize) -> Result<Json, String> {
    if depth > DEEPEST {
        return Err(format!("toYamlPretty cannot write a value that is nested deeper than {DEEPEST}"));
    }
    if let Some(items) = items(value) {
        return items.iter().map(|item| at_depth(item, depth + 1)).collect::<Result<_, _>>().map(Json::Array);
    }
    Ok(match value {
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) | Value::Int64(number) => Json::Number((*number).into()),
        Value::Float(number) => Json::Number(
            Number::from_f64(*number)
                .ok_or_else(|| format!("toYamlPretty cannot write the number {number} here"))?,
        ),
        Value::Str(text) => Json::String(utf8(text)?),
        Value::Map(map) => {
            entries(map.entries().into_iter().map(|(key, value)| (Value::Str(key), value)), depth)?
        }
        Value::Object(object) => match (object.kind(), object.entries(), object.plain()) {
            _ if object.as_any().is::<Span>() => Json::String(utf8(&object.print())?),
            ("map", Some(pairs), _) => entries(pairs.into_iter(), depth)?,
            ("struct" | "ptr", _, plain @ Value::Str(_)) if !object.as_any().is::<Moment>() => {
                at_depth(&plain, depth + 1)?
            }
            ("struct" | "ptr", ..) => {
                return Err(format!("toYamlPretty cannot write a {} here", object.type_name()));
            }
            (.., plain) => at_depth(&plain, depth + 1)?,
        },
        Value::Nil | Value::Bytes(_) | Value::List(_) => Json::Null,
    })
}

fn entries(entries: impl Iterator<Item = (Value, Value)>, depth: usize) -> Result<Json, String> {
    let entry = |(key, value): (Value, Value)| match key {
        Value::Str(key) => Ok((utf8(&key)?, at_depth(&value, depth + 1)?)),
        other => Err(format!("toYamlPretty cannot write a key of type {} here", other.type_name())),
    };
    entries.map(entry).collect::<Result<JsonMap<_, _>, String>>().map(Json::Object)
}

fn utf8(text: &Text) -> Result<String, String> {
    str::from_utf8(text.bytes())
        .map(str::to_owned)
        .map_err(|_| "toYamlPretty cannot write a text that is not UTF-8 here".to_owned())
}
