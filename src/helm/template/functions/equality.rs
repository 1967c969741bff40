//! Go's `reflect.DeepEqual`: the types count, so `int` 1 is not `float64` 1, and a nil list is not an empty
//! one.

use super::DEEPEST;
use crate::helm::template::value::{ListKind, Map, Value};

/// Whether both are of one type and hold the same.
pub(super) fn deep_equal(one: &Value, other: &Value) -> bool {
    equal(one, other, 0)
}

fn equal(one: &Value, other: &Value, depth: usize) -> bool {
    // As in Go, what holds itself is equal as far as one can see.
    if depth > DEEPEST {
        return true;
    }
    match (one, other) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Int(one), Value::Int(other)) | (Value::Int64(one), Value::Int64(other)) => one == other,
        #[expect(clippy::float_cmp, reason = "Go compares exactly")]
        (Value::Float(one), Value::Float(other)) => one == other,
        (Value::Str(one), Value::Str(other)) | (Value::Bytes(one), Value::Bytes(other)) => one == other,
        (Value::List(one), Value::List(other)) => {
            one.kind.type_name() == other.kind.type_name()
                && is_nil_list(one.kind) == is_nil_list(other.kind)
                && one.items.len() == other.items.len()
                && one.items.iter().zip(other.items.iter()).all(|(one, other)| equal(one, other, depth + 1))
        }
        (Value::Map(one), Value::Map(other)) => {
            one.kind.type_name() == other.kind.type_name()
                && one.kind.is_nil() == other.kind.is_nil()
                && (one.is(other) || (one.len() == other.len() && same_entries(one, other, depth)))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.type_name() == other.type_name() && equal(&one.plain(), &other.plain(), depth + 1)
        }
        _ => false,
    }
}

fn same_entries(one: &Map, other: &Map, depth: usize) -> bool {
    let mut entries = one.entries().into_iter().zip(other.entries());
    entries.all(|((left, one), (right, other))| left == right && equal(&one, &other, depth + 1))
}

fn is_nil_list(kind: ListKind) -> bool {
    matches!(kind, ListKind::Nil | ListKind::NilStrings)
}
