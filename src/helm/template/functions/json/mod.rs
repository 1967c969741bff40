//! JSON as Go reads and writes it.
//!
//! Helm's `toJson` gives nothing for what JSON cannot hold and `fromJson` a map with the error; the `must`
//! functions fail.

use super::{Answer, fixed, text};
use crate::helm::template::function::{
    Function, FunctionError,
    Parameter::{Any, Str},
};
use crate::helm::template::value::{List, ListKind, Map, MapKind, Value};

mod decode;
mod encode;

use encode::{Style, encode};

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("toJson", &[Any], |_, a| text(encode(a.value(0), Style::Escaped).unwrap_or_default())),
    fixed("mustToJson", &[Any], |_, a| written(a.value(0), Style::Escaped)),
    fixed("toPrettyJson", &[Any], |_, a| text(encode(a.value(0), Style::Pretty).unwrap_or_default())),
    fixed("mustToPrettyJson", &[Any], |_, a| written(a.value(0), Style::Pretty)),
    fixed("toRawJson", &[Any], |_, a| written(a.value(0), Style::Raw)),
    fixed("mustToRawJson", &[Any], |_, a| written(a.value(0), Style::Raw)),
    fixed("fromJson", &[Str], |_, a| Ok(map_or_error(decode::decode(a.text(0))))),
    fixed("fromJsonArray", &[Str], |_, a| Ok(list_or_error(decode::decode(a.text(0))))),
    fixed("mustFromJson", &[Str], |_, a| match decode::decode(a.text(0)) {
        (value, None) => Ok(value),
        (_, Some(error)) => Err(FunctionError::said(error)),
    }),
];

fn written(value: &Value, style: Style) -> Answer {
    text(encode(value, style).map_err(FunctionError::said)?)
}

/// A map with what could be read, and the error where there is one.
fn map_or_error((value, error): (Value, Option<String>)) -> Value {
    match (value, error) {
        (Value::Map(map), None) => map.into(),
        (Value::Nil, None) => Map::default().with_kind(MapKind::Nil).into(),
        (Value::Map(map), Some(error)) => {
            map.set("Error".into(), Value::from(error));
            map.into()
        }
        (Value::Nil, Some(error)) => error_map(&error),
        (other, _) => error_map(&mismatch(&other, "map[string]interface {}")),
    }
}

fn list_or_error((value, error): (Value, Option<String>)) -> Value {
    match (value, error) {
        (Value::List(list), None) => list.into(),
        (Value::Nil, None) => List::new(Vec::new()).with_kind(ListKind::Nil).into(),
        (Value::List(_) | Value::Nil, Some(error)) => error_list(&error),
        (other, _) => error_list(&mismatch(&other, "[]interface {}")),
    }
}

/// The map that stands for an error.
pub(super) fn error_map(error: &str) -> Value {
    Value::Map(std::iter::once(("Error".into(), Value::from(error))).collect())
}

/// The list that stands for an error.
pub(super) fn error_list(error: &str) -> Value {
    List::new(vec![Value::from(error)]).into()
}

/// Go's words for a document of the wrong type.
pub(super) fn mismatch(found: &Value, wanted: &str) -> String {
    let found = match found {
        Value::Map(_) | Value::Nil | Value::Object(_) => "object",
        Value::List(_) => "array",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Int64(_) | Value::Float(_) => "number",
        Value::Str(_) | Value::Bytes(_) => "string",
    };
    format!("json: cannot unmarshal {found} into Go value of type {wanted}")
}
