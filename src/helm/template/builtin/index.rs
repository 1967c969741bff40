//! `index` and `len`.

use crate::helm::template::typed::Typed;
use crate::helm::template::value::Value;

/// `index item keys…`: an element of an element of an item.
pub(super) fn index(arguments: &[Typed]) -> Result<Typed, String> {
    let Some((item, keys)) = arguments.split_first() else { return Err("index of untyped nil".to_owned()) };
    if matches!(item.value, Value::Nil) {
        return Err("index of untyped nil".to_owned());
    }
    keys.iter().try_fold(item.clone(), |item, key| element(&item.value, &key.value))
}

fn element(item: &Value, key: &Value) -> Result<Typed, String> {
    match item {
        Value::Nil => Err("index of nil pointer".to_owned()),
        Value::List(list) => {
            let item = list.items.get(position(key, list.items.len())?);
            item.map(|item| Typed::in_list(item.clone(), list.kind))
                .ok_or_else(|| "reflect: slice index out of range".to_owned())
        }
        Value::Str(text) => {
            let byte = text.bytes().get(position(key, text.bytes().len())?);
            byte.map(|byte| byte_value(*byte)).ok_or_else(|| "reflect: string index out of range".to_owned())
        }
        Value::Bytes(bytes) => {
            let byte = bytes.bytes().get(position(key, bytes.bytes().len())?);
            byte.map(|byte| byte_value(*byte)).ok_or_else(|| "reflect: slice index out of range".to_owned())
        }
        Value::Map(map) => {
            let key = text_key(key)?;
            Ok(map
                .get(key.bytes())
                .map_or_else(|| Typed::absent_from(map.kind), |value| Typed::in_map(value, map.kind)))
        }
        Value::Object(object) => match (object.kind(), object.entries()) {
            ("slice", Some(entries)) => {
                let entry = entries.get(position(key, entries.len())?);
                entry
                    .map(|(_, value)| Typed::concrete(value.clone()))
                    .ok_or_else(|| "reflect: slice index out of range".to_owned())
            }
            ("map", Some(_)) => {
                let key = text_key(key)?;
                Ok(Typed::concrete(object.field(&key.lossy()).unwrap_or(Value::Nil)))
            }
            _ => Err(format!("can't index item of type {}", object.type_name().trim_start_matches('*'))),
        },
        Value::Bool(_) | Value::Int(_) | Value::Int64(_) | Value::Float(_) => {
            Err(format!("can't index item of type {}", item.type_name()))
        }
    }
}

/// Go's `uint8`, which templates print as a number.
fn byte_value(byte: u8) -> Typed {
    Typed::concrete(Value::Int(i64::from(byte)))
}

fn position(key: &Value, length: usize) -> Result<usize, String> {
    match key {
        Value::Int(number) | Value::Int64(number) => usize::try_from(*number)
            .ok()
            .filter(|index| *index <= length)
            .ok_or_else(|| format!("index out of range: {number}")),
        Value::Nil => Err("cannot index slice/array with nil".to_owned()),
        other => Err(format!("cannot index slice/array with type {}", other.type_name())),
    }
}

fn text_key(key: &Value) -> Result<&crate::helm::template::text::Text, String> {
    match key {
        Value::Str(text) => Ok(text),
        Value::Nil => Err("value is nil; should be of type string".to_owned()),
        other => Err(format!("value has type {}; should be string", other.type_name())),
    }
}

/// `len`.
pub(super) fn len(arguments: &[Typed]) -> Result<Typed, String> {
    let Some(item) = arguments.first() else { return Err("len of nil pointer".to_owned()) };
    let length = match &item.value {
        Value::Str(text) | Value::Bytes(text) => text.bytes().len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.len(),
        Value::Nil if item.interface => return Err("len of nil pointer".to_owned()),
        // What Go's reflection panics with.
        Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
        Value::Object(object) => match object.entries() {
            Some(entries) => entries.len(),
            None => return Err(format!("len of type {}", object.type_name().trim_start_matches('*'))),
        },
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Typed::concrete(Value::Int(i64::try_from(length).unwrap_or(i64::MAX))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::helm::template::builtin::tests::run;

    #[test]
    fn as_go_indexes() {
        let cases = [
            ("index", json!([{"a": [1, 2]}, "a", 1]), "2"),
            ("index", json!([{"a": 1}, "b"]), "<nil>"),
            ("index", json!([{"a": 1}, "b", "c"]), "error: index of nil pointer"),
            ("index", json!([null, "b"]), "error: index of untyped nil"),
            ("index", json!([["a"], 1]), "error: reflect: slice index out of range"),
            ("index", json!([["a"], 2]), "error: index out of range: 2"),
            ("index", json!([["a"], -1]), "error: index out of range: -1"),
            ("index", json!([["a"], 0.0]), "error: cannot index slice/array with type float64"),
            ("index", json!([["a"], null]), "error: cannot index slice/array with nil"),
            ("index", json!([{"a": 1}, 1]), "error: value has type int64; should be string"),
            ("index", json!([{"a": 1}, null]), "error: value is nil; should be of type string"),
            ("index", json!([1, 1]), "error: can't index item of type int64"),
            ("index", json!(["abc", 1]), "98"),
            ("len", json!(["h\u{e9}"]), "3"),
            ("len", json!([[1, 2]]), "2"),
            ("len", json!([null]), "error: len of nil pointer"),
            ("len", json!([1]), "error: len of type int64"),
        ];
        for (name, arguments, text) in cases {
            assert_eq!(run(name, &arguments), text, "{name} {arguments}");
        }
    }
}
