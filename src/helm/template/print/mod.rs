//! Go's `fmt`: `print`, `println`, `printf` and what `{{ }}` writes. Never fails: a wrong verb is written as
//! Go writes it.

mod flags;
mod float;
mod format;
mod quote;

use flags::Flags;
pub use format::printf;
pub use quote::{is_print, quote};

use super::text::Text;
use super::value::{List, Map, Value};

/// Deeper than any real value; a map that holds itself is deeper than that, and is cut.
const MAX_DEPTH: usize = 200;

/// Nothing more is written after this many bytes: more than the executor accepts, so that it sees what was
/// cut.
const MAX_SIZE: usize = 65 * 1024 * 1024;

/// `%v` of a value: `map[a:1 b:[x y]]`, `1e+06`, `<nil>`.
pub fn display(value: &Value) -> Text {
    match value {
        Value::Str(text) => text.clone(),
        other => {
            let mut out = Vec::new();
            write(&mut out, other);
            Text::from(out)
        }
    }
}

/// Writes `%v` of a value.
pub fn write(out: &mut Vec<u8>, value: &Value) {
    Printer::new(out, Flags::default()).argument(value, 'v');
}

/// `print`: a space between two values of which neither is a string.
pub fn print(values: &[Value]) -> Text {
    let mut out = Vec::new();
    let mut after_string = true;
    for (index, value) in values.iter().enumerate() {
        if out.len() > MAX_SIZE {
            break;
        }
        let string = matches!(value, Value::Str(_));
        if index > 0 && !string && !after_string {
            out.push(b' ');
        }
        write(&mut out, value);
        after_string = string;
    }
    Text::from(out)
}

/// `println`: a space between all values, and a line break.
pub fn println(values: &[Value]) -> Text {
    let mut out = Vec::new();
    for (index, value) in values.iter().enumerate() {
        if out.len() > MAX_SIZE {
            break;
        }
        if index > 0 {
            out.push(b' ');
        }
        write(&mut out, value);
    }
    out.push(b'\n');
    Text::from(out)
}

/// Writes one argument under one verb.
struct Printer<'a> {
    out: &'a mut Vec<u8>,
    flags: Flags,
    /// Where to stop.
    end: usize,
}

impl<'a> Printer<'a> {
    fn new(out: &'a mut Vec<u8>, flags: Flags) -> Self {
        let end = out.len() + MAX_SIZE;
        Self { out, flags, end }
    }

    fn argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.flags.pad(self.out, b"<nil>"),
            (_, 'T') => self.flags.text(self.out, value.type_name().as_bytes()),
            _ => self.value(value, verb, 0),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > MAX_DEPTH || self.out.len() > self.end {
            return;
        }
        match value {
            Value::Nil if verb == 'v' && self.flags.sharp_v => self.push("interface {}(nil)"),
            Value::Nil if verb == 'v' || depth > 0 => self.push("<nil>"),
            Value::Nil => self.bad_verb(value, verb),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.flags.pad(self.out, if *truth { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(number) | Value::Int64(number) => self.integer(value, *number, verb),
            Value::Float(number) => self.float(value, *number, verb),
            Value::Str(text) => self.text(value, text.bytes(), verb),
            Value::Bytes(bytes) => self.bytes(value, bytes.bytes(), verb),
            Value::List(list) => self.list(list, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Object(object) => match verb {
                'v' | 's' | 'x' | 'X' | 'q' => {
                    self.text(&Value::Nil, object.print().bytes(), if verb == 'v' { 's' } else { verb });
                }
                _ => self.bad_verb(value, verb),
            },
        }
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn integer(&mut self, value: &Value, number: i64, verb: char) {
        match verb {
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => {
                self.flags.integer(self.out, number.unsigned_abs(), number < 0, verb);
            }
            'c' => self.flags.character(self.out, number.cast_unsigned(), false),
            'q' => self.flags.character(self.out, number.cast_unsigned(), true),
            'U' => self.flags.unicode(self.out, number.cast_unsigned()),
            _ => self.bad_verb(value, verb),
        }
    }

    fn float(&mut self, value: &Value, number: f64, verb: char) {
        match verb {
            'v' => self.flags.float(self.out, number, 'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.flags.float(self.out, number, verb, None),
            'f' | 'e' | 'E' => self.flags.float(self.out, number, verb, Some(6)),
            'F' => self.flags.float(self.out, number, 'f', Some(6)),
            _ => self.bad_verb(value, verb),
        }
    }

    fn text(&mut self, value: &Value, text: &[u8], verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.flags.quoted(self.out, text),
            'v' | 's' => self.flags.text(self.out, text),
            'x' | 'X' => self.flags.hex(self.out, text, verb == 'X'),
            'q' => self.flags.quoted(self.out, text),
            _ => self.bad_verb(value, verb),
        }
    }

    fn bytes(&mut self, value: &Value, bytes: &[u8], verb: char) {
        match verb {
            's' | 'x' | 'X' | 'q' => self.text(value, bytes, verb),
            'v' if self.flags.sharp_v => {
                let items: Vec<String> = bytes.iter().map(|byte| format!("{byte:#x}")).collect();
                self.push(&format!("[]byte{{{}}}", items.join(", ")));
            }
            _ => {
                let items: Vec<Value> = bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect();
                self.items(&items, verb, 0);
            }
        }
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) {
        if self.flags.sharp_v && verb == 'v' {
            self.push(list.kind.type_name());
        }
        self.items(&list.items, verb, depth);
    }

    fn items(&mut self, items: &[Value], verb: char, depth: usize) {
        let (open, between, close) = if self.flags.sharp_v { ("{", ", ", "}") } else { ("[", " ", "]") };
        self.push(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.push(between);
            }
            self.value(item, verb, depth + 1);
        }
        self.push(close);
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) {
        let sharp = self.flags.sharp_v;
        let open = if sharp { format!("{}{{", map.kind.type_name()) } else { "map[".to_owned() };
        self.push(&open);
        for (index, (key, value)) in map.entries().into_iter().enumerate() {
            if index > 0 {
                self.push(if sharp { ", " } else { " " });
            }
            self.value(&Value::Str(key), verb, depth + 1);
            self.push(":");
            self.value(&value, verb, depth + 1);
        }
        self.push(if sharp { "}" } else { "]" });
    }

    /// `%!d(string=x)`: a verb that the value does not have.
    fn bad_verb(&mut self, value: &Value, verb: char) {
        self.push(&format!("%!{verb}("));
        if let Value::Nil = value {
            self.push("<nil>");
        } else {
            self.push(&format!("{}=", value.type_name()));
            self.value(value, 'v', 0);
        }
        self.push(")");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(json: &serde_json::Value) -> Vec<Value> {
        json.as_array().unwrap().iter().map(Value::from).collect()
    }

    #[test]
    fn values_as_braces_write_them() {
        let value =
            Value::from(&json!({"b": [1.0, "x", null, true], "a": {"n": 1_000_000.0}, "i": 1_000_000}));
        assert_eq!(display(&value).lossy(), "map[a:map[n:1e+06] b:[1 x <nil> true] i:1000000]");
        assert_eq!(display(&Value::Nil).lossy(), "<nil>");
        assert_eq!(display(&Value::Bytes("hi".into())).lossy(), "[104 105]");
    }

    #[test]
    fn spaces_of_print_and_println() {
        assert_eq!(
            print(&list(&json!(["a", 1, 2, "b", "c", 3.5, true]))).lossy(),
            "a1 2b c3.5 true".replace("b c", "bc")
        );
        assert_eq!(println(&list(&json!(["a", 1, null]))).lossy(), "a 1 <nil>\n");
    }

    #[test]
    fn a_map_that_holds_itself_ends() {
        let map = Map::default();
        map.set("self".into(), Value::Map(map.clone()));
        assert!(display(&Value::Map(map)).bytes().starts_with(b"map[self:map[self:"));
    }
}
