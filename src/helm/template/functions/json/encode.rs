//! Values as JSON text, in the form that Go's encoder gives them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::helm::template::json::no_number;
use crate::helm::template::value::{List, ListKind, Map, Value};

/// Deeper than any real document; a map that holds itself is deeper than that.
const DEEPEST: usize = 1000;

/// How the text looks.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Style {
    /// `<`, `>` and `&` as escapes.
    Escaped,
    /// Escaped, and one line for each item, indented by two spaces.
    Pretty,
    /// Those three as they are.
    Raw,
}

/// The text of a value; the error is Go's.
pub(super) fn encode(value: &Value, style: Style) -> Result<Vec<u8>, String> {
    let mut encoder = Encoder { out: Vec::new(), style, depth: 0 };
    encoder.value(value)?;
    Ok(encoder.out)
}

struct Encoder {
    out: Vec<u8>,
    style: Style,
    depth: usize,
}

impl Encoder {
    fn value(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Nil => self.push("null"),
            Value::Bool(truth) => self.push(if *truth { "true" } else { "false" }),
            Value::Int(number) | Value::Int64(number) => self.push(&number.to_string()),
            Value::Float(number) => self.push(&float(*number)?),
            Value::Str(text) => self.text(text.bytes()),
            Value::Bytes(bytes) => self.push(&format!("\"{}\"", STANDARD.encode(bytes.bytes()))),
            Value::List(list) => self.list(list)?,
            Value::Map(map) => self.map(map)?,
            Value::Object(object) => self.value(&object.plain())?,
        }
        Ok(())
    }

    fn list(&mut self, list: &List) -> Result<(), String> {
        if matches!(list.kind, ListKind::Nil | ListKind::NilStrings) {
            self.push("null");
            return Ok(());
        }
        self.open(b'[', "[]interface {}")?;
        for (index, item) in list.items.iter().enumerate() {
            self.separate(index);
            self.value(item)?;
        }
        self.close(b']', list.items.is_empty());
        Ok(())
    }

    fn map(&mut self, map: &Map) -> Result<(), String> {
        if map.kind.is_nil() {
            self.push("null");
            return Ok(());
        }
        self.open(b'{', map.kind.type_name())?;
        let entries = map.entries();
        for (index, (key, value)) in entries.iter().enumerate() {
            self.separate(index);
            self.text(key.bytes());
            self.push(if self.style == Style::Pretty { ": " } else { ":" });
            self.value(value)?;
        }
        self.close(b'}', entries.is_empty());
        Ok(())
    }

    fn open(&mut self, bracket: u8, kind: &str) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("json: unsupported value: encountered a cycle via {kind}"));
        }
        self.out.push(bracket);
        Ok(())
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.out.push(b',');
        }
        self.new_line();
    }

    fn close(&mut self, bracket: u8, is_empty: bool) {
        self.depth -= 1;
        if !is_empty {
            self.new_line();
        }
        self.out.push(bracket);
    }

    fn new_line(&mut self) {
        if self.style == Style::Pretty {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + 2 * self.depth, b' ');
        }
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                self.character(c);
            }
            chunk.invalid().iter().for_each(|_| self.push("\u{fffd}"));
        }
        self.out.push(b'"');
    }

    fn character(&mut self, c: char) {
        match c {
            '"' => self.push("\\\""),
            '\\' => self.push("\\\\"),
            '\n' => self.push("\\n"),
            '\r' => self.push("\\r"),
            '\t' => self.push("\\t"),
            '\u{8}' => self.push("\\b"),
            '\u{c}' => self.push("\\f"),
            '<' | '>' | '&' if self.style != Style::Raw => self.push(&format!("\\u{:04x}", u32::from(c))),
            '\0'..' ' | '\u{2028}' | '\u{2029}' => self.push(&format!("\\u{:04x}", u32::from(c))),
            c => self.push(c.encode_utf8(&mut [0; 4])),
        }
    }
}

/// Digits only, unless the number is below 1e-6 or from 1e21 on.
fn float(number: f64) -> Result<String, String> {
    if !number.is_finite() {
        return Err(no_number(number));
    }
    if number == 0.0 || (1e-6..1e21).contains(&number.abs()) {
        return Ok(format!("{number}"));
    }
    let text = format!("{number:e}");
    Ok(if text.contains("e-") { text } else { text.replace('e', "e+") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn encoded(value: &Value, style: Style) -> String {
        String::from_utf8(encode(value, style).unwrap()).unwrap()
    }

    #[test]
    fn three_styles() {
        let value = Value::from(&json!({"b": ["<&>", 1, 1.5, null, true], "a": {}, "c": []}));
        assert_eq!(
            encoded(&value, Style::Escaped),
            r#"{"a":{},"b":["\u003c\u0026\u003e",1,1.5,null,true],"c":[]}"#
        );
        assert_eq!(encoded(&value, Style::Raw), r#"{"a":{},"b":["<&>",1,1.5,null,true],"c":[]}"#);
        assert_eq!(
            encoded(&Value::from(&json!({"a": [1, {}], "b": {"c": 2}})), Style::Pretty),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": 2\n  }\n}"
        );
    }

    #[test]
    fn numbers() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1e6, "1000000"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (-1.5e300, "-1.5e+300"),
        ];
        for (number, expected) in cases {
            assert_eq!(float(number).unwrap(), expected);
        }
        assert_eq!(float(f64::INFINITY).unwrap_err(), "json: unsupported value: +Inf");
    }

    #[test]
    fn texts() {
        let text = Value::Str(b"\"\\\n\x01\x7f\xe2\x82\xe2\x80\xa8\xc3\xa9".as_slice().into());
        assert_eq!(encoded(&text, Style::Raw), "\"\\\"\\\\\\n\\u0001\x7f\u{fffd}\u{fffd}\\u2028é\"");
    }

    #[test]
    fn nil_is_not_empty() {
        assert_eq!(
            encoded(&List::new(Vec::new()).with_kind(ListKind::NilStrings).into(), Style::Raw),
            "null"
        );
    }
}
