//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`: only values of one basic kind can be compared, and a float is never an
//! int.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::helm::template::print;
use crate::helm::template::text::Text;
use crate::helm::template::typed::Typed;
use crate::helm::template::value::{ListKind, Value};

const BAD_TYPE: &str = "invalid type for comparison";

/// Go's basic kinds of what templates have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Int,
    Float,
    Text,
    None,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(_) | Value::Int64(_) => Basic::Int,
        Value::Float(_) => Basic::Float,
        Value::Str(_) => Basic::Text,
        Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Object(_) => Basic::None,
    }
}

/// Whether the first argument equals any of the others.
pub(super) fn eq(arguments: &[Typed]) -> Result<bool, String> {
    let Some((first, others)) = arguments.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err("missing argument for comparison".to_owned());
    };
    for other in others {
        if equal(&first.value, &other.value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(one: &Value, other: &Value) -> Result<bool, String> {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Ok(one == other),
        (Value::Int(one) | Value::Int64(one), Value::Int(other) | Value::Int64(other)) => Ok(one == other),
        #[expect(clippy::float_cmp, reason = "Go compares floats exactly")]
        (Value::Float(one), Value::Float(other)) => Ok(one == other),
        (Value::Str(one), Value::Str(other)) => Ok(one == other),
        _ if basic(one) == Basic::None && basic(other) == Basic::None => same(one, other),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        _ => Err(incompatible(one, other)),
    }
}

fn incompatible(one: &Value, other: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", one.type_name(), other.type_name())
}

/// Two values that are nil, a slice, a map or an object.
fn same(one: &Value, other: &Value) -> Result<bool, String> {
    let nils = (is_nil(one), is_nil(other));
    if !matches!(one, Value::Nil) && !matches!(other, Value::Nil) && one.kind() != other.kind() {
        let (shown, other_shown) = (as_text(one), print::display(other));
        let (kind, other_kind) = (one.type_name(), other.type_name());
        return Err(format!(
            "non-comparable types {}: {kind}, {other_kind}: {}",
            shown.lossy(),
            other_shown.lossy()
        ));
    }
    if nils.0 || nils.1 {
        return Ok(nils.0 == nils.1);
    }
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if one.kind() == "ptr" => Ok(Rc::ptr_eq(one, other)),
        _ => Err(format!("non-comparable type {}: {}", as_text(other).lossy(), other.type_name())),
    }
}

/// Go prints the value with `%s`, whatever it is.
fn as_text(value: &Value) -> Text {
    print::printf(b"%s", std::slice::from_ref(value))
}

fn is_nil(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(list) => matches!(list.kind, ListKind::Nil | ListKind::NilStrings),
        Value::Map(map) => map.kind.is_nil(),
        _ => false,
    }
}

/// Whether the first is below the second.
pub(super) fn lt(arguments: &[Typed]) -> Result<bool, String> {
    let [one, other] = arguments else { return Err("missing argument for comparison".to_owned()) };
    let (one, other) = (&one.value, &other.value);
    if basic(one) == Basic::None || basic(other) == Basic::None {
        return Err(BAD_TYPE.to_owned());
    }
    match (one, other) {
        (Value::Int(one) | Value::Int64(one), Value::Int(other) | Value::Int64(other)) => Ok(one < other),
        (Value::Float(one), Value::Float(other)) => Ok(one.partial_cmp(other) == Some(Ordering::Less)),
        (Value::Str(one), Value::Str(other)) => Ok(one < other),
        (Value::Bool(_), Value::Bool(_)) => Err(BAD_TYPE.to_owned()),
        _ => Err(incompatible(one, other)),
    }
}

/// Whether the first is below or equal to the second.
pub(super) fn le(arguments: &[Typed]) -> Result<bool, String> {
    Ok(lt(arguments)? || eq(arguments)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::helm::template::builtin::tests::run;

    #[test]
    fn as_go_compares() {
        let cases = [
            ("eq", json!([1, 1]), "true"),
            ("eq", json!(["a", "b", "a"]), "true"),
            ("eq", json!([1.0, 1]), "error: incompatible types for comparison: float64 and int64"),
            ("eq", json!([null, "x"]), "false"),
            ("eq", json!(["x", null]), "false"),
            ("eq", json!([null, null]), "true"),
            ("eq", json!([null, [1]]), "false"),
            ("eq", json!(["x"]), "error: missing argument for comparison"),
            ("eq", json!([[1], [1]]), "error: non-comparable type [%!s(int64=1)]: []interface {}"),
            (
                "eq",
                json!([{}, [1]]),
                "error: non-comparable types map[]: map[string]interface {}, []interface {}: [1]",
            ),
            (
                "eq",
                json!([{}, "x"]),
                "error: incompatible types for comparison: map[string]interface {} and string",
            ),
            ("ne", json!(["a", "b"]), "true"),
            ("lt", json!([1, 2]), "true"),
            ("lt", json!(["a", "b"]), "true"),
            ("lt", json!([null, 2]), "error: invalid type for comparison"),
            ("lt", json!([true, false]), "error: invalid type for comparison"),
            ("gt", json!([2.0, 1]), "error: incompatible types for comparison: float64 and int64"),
            ("le", json!([1.5, 1.5]), "true"),
            ("ge", json!([1, 2]), "false"),
        ];
        for (name, arguments, text) in cases {
            assert_eq!(run(name, &arguments), text, "{name} {arguments}");
        }
    }
}
