//! YAML as Helm reads it: YAML 1.1 with Go's rules for plain scalars, turned into JSON.
//!
//! `yes` is a boolean, `0644` is 420, `1_000` is 1000, a date stays a string, the last of two equal keys wins.
//! Only the first document of a text is read. Writing YAML is not done here.

use std::collections::HashMap;

use libyaml_safer::{Event, EventData, Mark, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

/// Nesting deeper than any real manifest or values file; a guard for the stack.
const MAX_DEPTH: usize = 256;
/// Nodes after the expansion of aliases; a guard against aliases of aliases of aliases.
const MAX_NODES: usize = 2_000_000;

/// Why a text is not YAML that Helm can use.
#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    /// The text is not well-formed.
    #[error("{0}")]
    Syntax(#[from] libyaml_safer::Error),
    /// Well-formed, but not to be expressed in JSON or too large.
    #[error("line {line}: {problem}")]
    Unusable {
        /// 1-based line.
        line: u64,
        /// What is wrong there.
        problem: String,
    },
}

impl YamlError {
    /// The 1-based line of the problem, where it is known.
    pub fn line(&self) -> Option<u64> {
        match self {
            YamlError::Syntax(error) => error.problem_mark().map(|mark| mark.line + 1),
            YamlError::Unusable { line, .. } => Some(*line),
        }
    }
}

/// The first document of the text; an empty text is `null`.
pub fn from_str(text: &str) -> Result<Value, YamlError> {
    let mut bytes = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut bytes);
    let mut reader = Reader { parser, anchors: HashMap::new(), nodes: 0 };
    loop {
        let event = reader.parser.parse()?;
        match event.data {
            EventData::StreamStart { .. } => {}
            EventData::DocumentStart { .. } => {
                let first = reader.parser.parse()?;
                return Ok(reader.node(first, 0)?.value);
            }
            _ => return Ok(Value::Null),
        }
    }
}

/// A value, and whether it came from a plain `<<` (the merge key).
#[derive(Clone)]
struct Node {
    value: Value,
    merge: bool,
    size: usize,
}

struct Reader<'r, 'b> {
    parser: Parser<&'b mut &'r [u8]>,
    anchors: HashMap<String, Node>,
    nodes: usize,
}

impl Reader<'_, '_> {
    fn node(&mut self, event: Event, depth: usize) -> Result<Node, YamlError> {
        let mark = event.start_mark;
        if depth > MAX_DEPTH {
            return Err(unusable(mark, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let before = self.nodes;
        self.count(1, mark)?;
        let (anchor, mut node) = match event.data {
            EventData::Alias { anchor } => return self.alias(&anchor, mark),
            EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => {
                (anchor, scalar(tag.as_deref(), value, plain_implicit && style == ScalarStyle::Plain, mark)?)
            }
            EventData::SequenceStart { anchor, .. } => (anchor, whole(self.sequence(depth)?)),
            EventData::MappingStart { anchor, .. } => (anchor, whole(self.mapping(depth)?)),
            other => return Err(unusable(mark, format!("unexpected {other:?}"))),
        };
        node.size = self.nodes - before;
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: &str, mark: Mark) -> Result<Node, YamlError> {
        let node = self.anchors.get(anchor).cloned().ok_or_else(|| unusable(mark, format!("unknown anchor `{anchor}`")))?;
        self.count(node.size, mark)?;
        Ok(node)
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), YamlError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES { Err(unusable(mark, "document contains excessive aliasing".to_owned())) } else { Ok(()) }
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            let event = self.parser.parse()?;
            if event.data == EventData::SequenceEnd {
                return Ok(Value::Array(items));
            }
            items.push(self.node(event, depth + 1)?.value);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut fields = Map::new();
        loop {
            let event = self.parser.parse()?;
            if event.data == EventData::MappingEnd {
                return Ok(Value::Object(fields));
            }
            let mark = event.start_mark;
            let key = self.node(event, depth + 1)?;
            let event = self.parser.parse()?;
            let value = self.node(event, depth + 1)?.value;
            if key.merge {
                merge(&mut fields, value, mark)?;
            } else {
                fields.insert(key_text(&key.value, mark)?, value);
            }
        }
    }
}

fn whole(value: Value) -> Node {
    Node { value, merge: false, size: 0 }
}

fn unusable(mark: Mark, problem: String) -> YamlError {
    YamlError::Unusable { line: mark.line + 1, problem }
}

/// `<<: *base` or `<<: [*a, *b]`: the values are set in place, earlier items of the list win.
fn merge(fields: &mut Map<String, Value>, value: Value, mark: Mark) -> Result<(), YamlError> {
    match value {
        Value::Object(base) => fields.extend(base),
        Value::Array(bases) => {
            for base in bases.into_iter().rev() {
                merge(fields, base, mark)?;
            }
        }
        _ => return Err(unusable(mark, "map merge requires map or sequence of maps as the value".to_owned())),
    }
    Ok(())
}

fn key_text(key: &Value, mark: Mark) -> Result<String, YamlError> {
    match key {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(key.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(unusable(mark, format!("`{key}` cannot be a key"))),
    }
}

fn scalar(tag: Option<&str>, text: String, plain: bool, mark: Mark) -> Result<Node, YamlError> {
    let tag = tag.map(|tag| tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag));
    let merge = text == "<<" && (plain || tag == Some("merge"));
    let value = match tag {
        None if plain => resolve(text),
        Some("int" | "float" | "bool" | "null") => resolve(text),
        None | Some(_) => Scalar::Json(Value::String(text)),
    };
    match value {
        Scalar::Json(value) => Ok(Node { value, merge, size: 0 }),
        Scalar::NotFinite(text) => Err(unusable(mark, format!("`{text}` is not a number that JSON has"))),
    }
}

enum Scalar {
    Json(Value),
    NotFinite(String),
}

/// Go's table for plain scalars; a date and everything else that is not in the table stays text.
fn resolve(text: String) -> Scalar {
    Scalar::Json(match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => {
            return Scalar::NotFinite(text);
        }
        _ if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => return number(text),
        _ => Value::String(text),
    })
}

fn number(text: String) -> Scalar {
    let plain = text.replace('_', "");
    if let Some(integer) = integer(&plain) {
        return Scalar::Json(Value::Number(integer));
    }
    match is_float(&plain).then(|| plain.parse::<f64>().ok()).flatten() {
        Some(float) if float.is_finite() => Scalar::Json(Value::Number(json_number(float))),
        Some(_) => Scalar::NotFinite(text),
        None => Scalar::Json(Value::String(text)),
    }
}

/// Decimal, `0x`, `0o`, `0b` and the old octal `0644`, with a sign.
fn integer(plain: &str) -> Option<Number> {
    let (negative, digits) = match plain.strip_prefix(['+', '-']) {
        Some(digits) => (plain.starts_with('-'), digits),
        None => (false, plain),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        Some(_) if lower.starts_with('0') => (&lower[1..], 8),
        _ => (lower.as_str(), 10),
    };
    if !digits.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative { 0_i64.checked_sub_unsigned(magnitude).map(Number::from) } else { Some(Number::from(magnitude)) }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(plain: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa_fits && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// Go writes a float without a fraction as an integer; the API server insists on that for integer fields.
fn json_number(float: f64) -> Number {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Number::from(float as i64);
    }
    Number::from_f64(float).unwrap_or_else(|| Number::from(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        from_str(text).unwrap()
    }

    #[test]
    fn plain_scalars_follow_go() {
        let table = [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!(true)),
            ("yEs", json!("yEs")),
            ("~", json!(null)),
            ("", json!(null)),
            ("0644", json!(420)),
            ("0o644", json!(420)),
            ("08", json!(8)),
            ("0", json!(0)),
            ("-0x1F", json!(-31)),
            ("0b101", json!(5)),
            ("1_000", json!(1000)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1e3", json!(1000)),
            ("1.10", json!(1.1)),
            (".5", json!(0.5)),
            ("1.", json!(1)),
            ("2020-01-01", json!("2020-01-01")),
            ("1:30", json!("1:30")),
            ("v1.11.5", json!("v1.11.5")),
            ("1.2.3", json!("1.2.3")),
            ("-", json!([null])),
            ("+-1", json!("+-1")),
            ("!!str 5", json!("5")),
            ("!!int \"5\"", json!(5)),
            ("!custom 5", json!("5")),
            ("\"yes\"", json!("yes")),
            ("'0644'", json!("0644")),
        ];
        for (text, value) in table {
            assert_eq!(read(text), value, "{text:?}");
        }
    }

    #[test]
    fn keys_become_text_and_the_last_of_two_equal_keys_wins() {
        assert_eq!(read("on: 1\n1: 2\nn: 3\na: 4\na: 5"), json!({"true": 1, "1": 2, "false": 3, "a": 5}));
    }

    #[test]
    fn anchors_and_merge_keys_are_expanded() {
        let text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nlist: [*b]\n\"<<\": text";
        let expected = json!({"base": {"x": 1, "true": 2}, "use": {"x": 1, "true": 3}, "list": [{"x": 1, "true": 2}], "<<": "text"});
        assert_eq!(read(text), expected);
        assert_eq!(read("a: &a {k: 1}\nb: &b {k: 2}\nc: {<<: [*a, *b]}")["c"], json!({"k": 1}));
    }

    #[test]
    fn only_the_first_document_is_read() {
        assert_eq!(read("a: 1\n---\nb: 2\n"), json!({"a": 1}));
        assert_eq!(read("# nothing\n"), json!(null));
    }

    #[test]
    fn what_cannot_be_used_names_its_line() {
        let bomb = (0..30).fold("x0: &x0 [1, 1]\n".to_owned(), |text, i| format!("{text}x{}: &x{} [*x{i}, *x{i}]\n", i + 1, i + 1));
        let deep = "[".repeat(MAX_DEPTH + 2);
        let table = [
            ("a: 1\nb: [1, 2", Some(3)),
            ("a: 1\nb: .inf", Some(2)),
            ("a: *nope", Some(1)),
            ("a: 1\n? [x]\n: 1", Some(2)),
            (&bomb, None),
            (&deep, Some(1)),
        ];
        for (text, line) in table {
            let error = from_str(text).unwrap_err();
            assert!(line.is_none() || error.line() == line, "{text:?}: {error}, {:?}", error.line());
        }
    }

    #[test]
    fn block_scalars_keep_their_text() {
        assert_eq!(read("a: |\n  x\n  y\nb: >-\n  x\n  y\n"), json!({"a": "x\ny\n", "b": "x y"}));
    }
}
