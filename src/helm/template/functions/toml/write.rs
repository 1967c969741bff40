//! Writes TOML: single values of a table first, then its tables, indented by two spaces, keys in byte order.

use crate::helm::template::functions::DEEPEST;
use crate::helm::template::functions::dates::Moment;
use crate::helm::template::functions::durations::Span;
use crate::helm::template::functions::lists::items;
use crate::helm::template::text::Text;
use crate::helm::template::value::{ListKind, Map, MapKind, Value};
use crate::helm::yaml::number::shortest;

/// Why a value is not written.
pub(super) enum WriteError {
    /// An error of the encoder.
    Returned(String),
    /// A panic in Go, which `toToml` does not swallow.
    Panicked(String),
}

/// The document of a map; any other value alone.
pub(super) fn write(value: &Value) -> Result<Vec<u8>, WriteError> {
    let mut writer = Writer { out: Vec::new() };
    match value {
        Value::Nil => {
            return Err(WriteError::Panicked("reflect: call of reflect.Value.Type on zero Value".to_owned()));
        }
        Value::Map(map) => writer.table(&[], map)?,
        value => match Kind::of(value, 0)? {
            Kind::Tables => {
                return Err(WriteError::Returned(
                    "toml: top-level values must be Go maps or structs".to_owned(),
                ));
            }
            _ => writer.element(value)?,
        },
    }
    Ok(writer.out)
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Left out of tables.
    Nil,
    Table,
    Tables,
    Single,
}

impl Kind {
    fn of(value: &Value, depth: usize) -> Result<Self, WriteError> {
        if depth > DEEPEST {
            return Err(WriteError::Panicked(format!("the value is nested deeper than {DEEPEST}")));
        }
        Ok(match value {
            Value::Nil => Self::Nil,
            Value::Map(map) if map.kind == MapKind::Nil => Self::Nil,
            Value::Map(_) => Self::Table,
            Value::Object(object) if object.kind() == "map" || object.type_name() == "sprig.certificate" => {
                Self::Table
            }
            Value::List(list) if matches!(list.kind, ListKind::Nil | ListKind::NilStrings) => Self::Nil,
            value => match items(value) {
                Some(items) => Self::of_items(&items, depth)?,
                None => Self::Single,
            },
        })
    }

    /// A list of nothing but tables is written as tables. A nil item is an error.
    fn of_items(items: &[Value], depth: usize) -> Result<Self, WriteError> {
        let mut only_tables = !items.is_empty();
        for item in items {
            match Self::of(item, depth + 1)? {
                Self::Nil => {
                    return Err(WriteError::Returned(
                        "toml: cannot encode array with nil element".to_owned(),
                    ));
                }
                Self::Table => {}
                Self::Tables | Self::Single => only_tables = false,
            }
        }
        Ok(if only_tables { Self::Tables } else { Self::Single })
    }
}

struct Writer {
    out: Vec<u8>,
}

impl Writer {
    fn push(&mut self, text: impl AsRef<[u8]>) {
        self.out.extend_from_slice(text.as_ref());
    }

    fn new_line(&mut self) {
        if !self.out.is_empty() {
            self.push("\n");
        }
    }

    fn indent(&mut self, path: &[Text]) {
        self.push("  ".repeat(path.len().saturating_sub(1)));
    }

    /// The content of a table.
    fn table(&mut self, path: &[Text], map: &Map) -> Result<(), WriteError> {
        if path.len() > DEEPEST {
            return Err(WriteError::Panicked(format!("the value is nested deeper than {DEEPEST}")));
        }
        let entries = kinds(map)?;
        for (key, value, kind) in &entries {
            if *kind == Kind::Single {
                let path = [path, std::slice::from_ref(key)].concat();
                self.indent(&path);
                self.push(quoted_key(key));
                self.push(" = ");
                self.element(value)?;
                self.new_line();
            }
        }
        for (key, value, kind) in entries {
            let path = [path, &[key]].concat();
            match kind {
                Kind::Table => self.named_table(&path, &value)?,
                Kind::Tables => {
                    for item in items(&value).unwrap_or_default().iter() {
                        self.new_line();
                        self.header(&path, "[[", "]]");
                        self.table(&path, &map_of(item))?;
                    }
                }
                Kind::Nil | Kind::Single => {}
            }
        }
        Ok(())
    }

    fn named_table(&mut self, path: &[Text], value: &Value) -> Result<(), WriteError> {
        if path.len() == 1 {
            self.new_line();
        }
        self.header(path, "[", "]");
        self.table(path, &map_of(value))
    }

    fn header(&mut self, path: &[Text], open: &str, close: &str) {
        self.indent(path);
        self.push(open);
        self.push(path.iter().map(quoted_key).collect::<Vec<_>>().join(b".".as_slice()));
        self.push(close);
        self.new_line();
    }

    fn element(&mut self, value: &Value) -> Result<(), WriteError> {
        match value {
            Value::Nil => {}
            Value::Bool(truth) => self.push(truth.to_string()),
            Value::Int(number) | Value::Int64(number) => self.push(number.to_string()),
            Value::Float(number) => self.push(float(*number)),
            Value::Str(text) => self.push(quoted(text.bytes())),
            Value::Map(map) => self.inline_table(map)?,
            Value::Object(object) if items(value).is_none() => match object.as_any().downcast_ref::<Moment>()
            {
                Some(moment) => self.push(moment.in_toml()),
                None if object.as_any().is::<Span>() => self.push(quoted(object.print().bytes())),
                None => self.element(&object.plain())?,
            },
            Value::Bytes(_) | Value::List(_) | Value::Object(_) => {
                self.array(&items(value).unwrap_or_default())?;
            }
        }
        Ok(())
    }

    fn array(&mut self, items: &[Value]) -> Result<(), WriteError> {
        self.push("[");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.element(item)?;
        }
        self.push("]");
        Ok(())
    }

    /// Single values first here, too.
    fn inline_table(&mut self, map: &Map) -> Result<(), WriteError> {
        let (tables, single): (Vec<_>, Vec<_>) =
            kinds(map)?.into_iter().partition(|(.., kind)| matches!(kind, Kind::Table | Kind::Tables));
        self.push("{");
        for (entries, goes_on) in [(&single, !tables.is_empty()), (&tables, false)] {
            for (index, (key, value, _)) in
                entries.iter().enumerate().filter(|(_, entry)| entry.2 != Kind::Nil)
            {
                self.push(quoted_key(key));
                self.push(" = ");
                self.element(value)?;
                if goes_on || index + 1 < entries.len() {
                    self.push(", ");
                }
            }
        }
        self.push("}");
        Ok(())
    }
}

fn kinds(map: &Map) -> Result<Vec<(Text, Value, Kind)>, WriteError> {
    map.entries().into_iter().map(|(key, value)| Kind::of(&value, 0).map(|kind| (key, value, kind))).collect()
}

fn map_of(value: &Value) -> Map {
    match value {
        Value::Map(map) => map.clone(),
        Value::Object(object) => match object.plain() {
            Value::Map(map) => map,
            _ => Map::default(),
        },
        _ => Map::default(),
    }
}

fn float(number: f64) -> String {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if number.is_nan() {
        return format!("{sign}nan");
    }
    if number.is_infinite() {
        return format!("{sign}inf");
    }
    let text = shortest(number);
    if text.contains(['e', '.']) { text } else { format!("{text}.0") }
}

fn quoted_key(key: &Text) -> Vec<u8> {
    let is_bare = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !key.bytes().is_empty() && key.bytes().iter().all(is_bare) {
        key.bytes().to_vec()
    } else {
        quoted(key.bytes())
    }
}

fn quoted(bytes: &[u8]) -> Vec<u8> {
    let escaped = |byte: &u8| match byte {
        b'"' => b"\\\"".to_vec(),
        b'\\' => b"\\\\".to_vec(),
        8 => b"\\b".to_vec(),
        b'\t' => b"\\t".to_vec(),
        b'\n' => b"\\n".to_vec(),
        0xc => b"\\f".to_vec(),
        b'\r' => b"\\r".to_vec(),
        0..=0x1f | 0x7f => format!("\\u{byte:04x}").into_bytes(),
        byte => vec![*byte],
    };
    [b"\"".to_vec(), bytes.iter().flat_map(escaped).collect(), b"\"".to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(json: &serde_json::Value) -> String {
        match write(&Value::from(json)) {
            Ok(text) => String::from_utf8(text).unwrap(),
            Err(WriteError::Returned(text) | WriteError::Panicked(text)) => text,
        }
    }

    #[test]
    fn tables_come_after_values() {
        let value = json!({"a": {"l": [{"x": 1, "m": {"y": 2}}], "v": []}, "z": [1, {"q": "w", "t": {}}], "a b": 1.0, "n": null});
        let expected = "\"a b\" = 1.0\nz = [1, {q = \"w\", t = {}}]\n\n[a]\n  v = []\n\n  [[a.l]]\n    x = 1\n    [a.l.m]\n      y = 2\n";
        assert_eq!(written(&value), expected);
    }

    #[test]
    fn what_cannot_be_written() {
        assert_eq!(written(&json!({"l": [null]})), "toml: cannot encode array with nil element");
        assert_eq!(written(&json!([{"a": 1}])), "toml: top-level values must be Go maps or structs");
        assert_eq!(written(&json!(null)), "reflect: call of reflect.Value.Type on zero Value");
    }

    #[test]
    fn a_map_that_holds_itself_ends() {
        let map = Map::default();
        map.set("self".into(), Value::Map(map.clone()));
        assert!(write(&Value::Map(map)).is_err());
    }
}
