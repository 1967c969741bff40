//! Functions that ask whether a value is empty: nil, false, 0, "", and lists and maps without items.

use super::fixed;
use super::variadic;
use crate::helm::template::function::{
    Function,
    Parameter::{Any, Bool},
};
use crate::helm::template::value::Value;

/// The family.
pub(super) const ALL: &[Function] = &[
    variadic("default", &[Any], Any, |_, a| {
        let given = a.value(1);
        Ok(if is_empty(given) { a.value(0) } else { given }.clone())
    }),
    fixed("empty", &[Any], |_, a| Ok(is_empty(a.value(0)).into())),
    variadic("coalesce", &[], Any, |_, a| {
        Ok(a.0.iter().find(|value| !is_empty(value)).cloned().unwrap_or(Value::Nil))
    }),
    variadic("all", &[], Any, |_, a| Ok((!a.0.iter().any(is_empty)).into())),
    variadic("any", &[], Any, |_, a| Ok(a.0.iter().any(|value| !is_empty(value)).into())),
    fixed("ternary", &[Any, Any, Bool], |_, a| Ok(a.value(usize::from(!a.bool(2))).clone())),
];

/// Whether a value counts as not given. A struct never does.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::Bool(truth) => !truth,
        Value::Int(number) | Value::Int64(number) => *number == 0,
        Value::Float(number) => *number == 0.0,
        Value::Str(text) | Value::Bytes(text) => text.bytes().is_empty(),
        Value::List(list) => list.items.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Object(object) => match object.kind() {
            "struct" | "ptr" => false,
            _ => is_empty(&object.plain()),
        },
    }
}
