//! YAML text to a JSON value, as `sigs.k8s.io/yaml` over go-yaml v2 does it: the first document, the last of
//! duplicate keys, keys as text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::BufRead;
use std::panic::{self, AssertUnwindSafe};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libyaml_safer::{Event, EventData, Mark, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

use super::number::shortest_32;
use super::scalar::{Resolved, resolve};

/// Deeper nesting than this is refused; no chart comes near it and unlimited nesting would exhaust the stack.
const MAX_DEPTH: usize = 1000;

/// Why a text is not the YAML that Helm reads. Lines and columns start at 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error converting YAML to JSON: yaml: {}{problem}", place(*.line, *.column))]
pub struct YamlError {
    /// The line, where one is known.
    pub line: Option<u64>,
    /// The column, where one is known.
    pub column: Option<u64>,
    /// What is wrong there.
    pub problem: String,
    /// The line that go-yaml names: it counts some from 0, and never names the first.
    helms_line: Option<u64>,
}

fn place(line: Option<u64>, column: Option<u64>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: "),
        (Some(line), None) => format!("line {line}: "),
        (None, _) => String::new(),
    }
}

impl YamlError {
    fn at(mark: Mark, problem: impl Into<String>) -> Self {
        Self {
            line: Some(mark.line + 1),
            column: Some(mark.column + 1),
            problem: problem.into(),
            helms_line: None,
        }
    }

    /// What Helm says: its line is less exact, and it names no column.
    pub fn in_helms_words(&self) -> String {
        let yaml = "error converting YAML to JSON: ";
        if let Some(number) = self.problem.strip_prefix(NO_JSON) {
            let lower = number.trim_matches('`').to_ascii_lowercase();
            let name = if lower.contains("nan") {
                "NaN"
            } else if lower.starts_with('-') {
                "-Inf"
            } else {
                "+Inf"
            };
            return format!("{yaml}json: unsupported value: {name}");
        }
        format!("{yaml}yaml: {}{}", place(self.helms_line, None), self.problem)
    }
}

/// What a number is that JSON does not have.
const NO_JSON: &str = "JSON cannot hold ";

/// go-yaml's line of an error: the scanner's count from 1, the parser's from 0, and the first of those counts
/// as none.
fn helms_line(error: &libyaml_safer::Error) -> Option<u64> {
    let line = |mark: Option<Mark>| mark.map(|mark| mark.line).filter(|line| *line > 0);
    let scanned = u64::from(error.kind() == libyaml_safer::ErrorKind::Scanner);
    line(error.problem_mark()).map(|line| line + scanned).or_else(|| line(error.context_mark()))
}

impl From<libyaml_safer::Error> for YamlError {
    fn from(error: libyaml_safer::Error) -> Self {
        let mark = error.problem_mark();
        Self {
            line: mark.map(|mark| mark.line + 1),
            column: mark.map(|mark| mark.column + 1),
            problem: error.problem().to_owned(),
            helms_line: helms_line(&error),
        }
    }
}

/// Reads the first document of a text as JSON has it: a whole float is an integer, which the API server
/// insists on for integer fields.
pub fn from_str(text: &str) -> Result<Value, YamlError> {
    let mut value = read(text.as_bytes())?;
    whole_floats_become_integers(&mut value);
    Ok(value)
}

fn whole_floats_become_integers(value: &mut Value) {
    // Up to here every whole number is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Array(items) => items.iter_mut().for_each(whole_floats_become_integers),
        Value::Object(entries) => entries.values_mut().for_each(whole_floats_become_integers),
        Value::Number(number) if number.is_f64() => {
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            if let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)
            {
                *number = Number::from(float as i64);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Reads the first document of a text, floats kept apart from integers: where text is wanted, `1e6` is
/// "1e+06". Nothing at all reads as null.
pub fn read(text: &[u8]) -> Result<Value, YamlError> {
    let text = str::from_utf8(text).map_err(|error| invalid_utf8(text, error.valid_up_to()))?;
    let text = Text::new(text);
    let mut input = text.terminated.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let mut composer = Composer::default();
    let mut line = 0;
    loop {
        let mut event = next_event(&mut parser, line)?;
        line = event.end_mark.line;
        if matches!(event.data, EventData::StreamEnd | EventData::DocumentEnd { .. }) {
            return Ok(composer.root.unwrap_or(Value::Null));
        }
        text.without_added_break(&mut event);
        composer.take(event)?;
    }
}

/// The next event. The scanner gives up with a panic where a tag is followed by `,` at once (`[!,`); that is
/// an error of the text like any other.
fn next_event<R: BufRead>(parser: &mut Parser<R>, line: u64) -> Result<Event, YamlError> {
    let gave_up = || YamlError {
        line: Some(line + 1),
        column: None,
        problem: "while scanning a tag, did not find expected whitespace or line break".to_owned(),
        helms_line: Some(line + 1),
    };
    // After a panic the parser is not used again.
    panic::catch_unwind(AssertUnwindSafe(|| parser.parse())).map_err(|_| gave_up())?.map_err(YamlError::from)
}

/// A text that ends with a line break: the parser panics at the end of a block scalar or of a `\` without
/// one.
struct Text<'a> {
    terminated: Cow<'a, str>,
    /// The last line, if the break was added to it.
    completed: Option<&'a str>,
}

impl<'a> Text<'a> {
    fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.is_empty() || text.ends_with('\n') {
            return Self { terminated: Cow::Borrowed(text), completed: None };
        }
        let last = text.rsplit('\n').next().unwrap_or(text);
        Self { terminated: Cow::Owned(format!("{text}\n")), completed: Some(last) }
    }

    /// Takes the added break out of the block scalar that it became part of.
    fn without_added_break(&self, event: &mut Event) {
        let Some(last) = self.completed else { return };
        let EventData::Scalar { value, style: ScalarStyle::Literal | ScalarStyle::Folded, .. } =
            &mut event.data
        else {
            return;
        };
        // A blank last line is content only where it is longer than the indentation, or where all breaks are
        // kept.
        let in_value = if last.trim_matches(' ').is_empty() {
            value.ends_with(" \n") || value.ends_with("\n\n")
        } else {
            value.ends_with('\n')
        };
        if in_value && event.end_mark.index == self.terminated.len() as u64 {
            value.pop();
        }
    }
}

fn invalid_utf8(text: &[u8], valid: usize) -> YamlError {
    let line = text[..valid].split(|byte| *byte == b'\n').count() as u64;
    YamlError { line: Some(line), column: None, problem: "invalid UTF-8".to_owned(), helms_line: None }
}

/// The documents of a stream, cut at lines that hold only `---`, as Helm 4 cuts a values file.
pub fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.strip_prefix("---").is_some_and(|rest| rest.trim().is_empty()) {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
        }
    }
    documents.retain(|document| !document.is_empty());
    documents
}

/// A finished value with what it costs to repeat it.
#[derive(Clone)]
struct Node {
    value: Value,
    count: usize,
    depth: usize,
}

enum Key {
    Awaited,
    Named(String),
    Merge,
}

/// A collection that is still open.
enum Content {
    Sequence(Vec<Value>),
    Mapping(Map<String, Value>, Key),
}

struct Open {
    content: Content,
    anchor: Option<String>,
    count: usize,
    depth: usize,
}

/// Builds the value from events without recursion, so that nesting cannot exhaust the stack.
#[derive(Default)]
struct Composer {
    open: Vec<Open>,
    anchors: HashMap<String, Node>,
    root: Option<Value>,
    nodes: usize,
    repeated: usize,
}

impl Composer {
    fn take(&mut self, event: Event) -> Result<(), YamlError> {
        let mark = event.start_mark;
        match event.data {
            EventData::StreamStart { .. }
            | EventData::StreamEnd
            | EventData::DocumentStart { .. }
            | EventData::DocumentEnd { .. } => Ok(()),
            EventData::Alias { anchor } => self.alias(&anchor, mark),
            EventData::Scalar { anchor, tag, value, plain_implicit, .. } => {
                self.scalar(anchor, tag.as_deref(), value, plain_implicit, mark)
            }
            EventData::SequenceStart { anchor, .. } => self.open(Content::Sequence(Vec::new()), anchor, mark),
            EventData::MappingStart { anchor, .. } => {
                self.open(Content::Mapping(Map::new(), Key::Awaited), anchor, mark)
            }
            EventData::SequenceEnd | EventData::MappingEnd => self.close(mark),
        }
    }

    fn open(&mut self, content: Content, anchor: Option<String>, mark: Mark) -> Result<(), YamlError> {
        self.check_depth(1, mark)?;
        self.open.push(Open { content, anchor, count: 1, depth: 1 });
        Ok(())
    }

    fn close(&mut self, mark: Mark) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.content {
            Content::Sequence(items) => Value::Array(items),
            Content::Mapping(entries, _) => Value::Object(entries),
        };
        self.finish(Node { value, count: open.count, depth: open.depth }, open.anchor, mark)
    }

    fn scalar(
        &mut self,
        anchor: Option<String>,
        tag: Option<&str>,
        text: String,
        plain: bool,
        mark: Mark,
    ) -> Result<(), YamlError> {
        if let Some(Open { content: Content::Mapping(_, key @ Key::Awaited), .. }) = self.open.last_mut()
            && text == "<<"
            && (plain || tag == Some("tag:yaml.org,2002:merge"))
        {
            *key = Key::Merge;
            return Ok(());
        }
        let value = scalar_value(tag, text, plain).map_err(|problem| YamlError::at(mark, problem))?;
        self.nodes += 1;
        self.finish(Node { value, count: 1, depth: 0 }, anchor, mark)
    }

    fn alias(&mut self, anchor: &str, mark: Mark) -> Result<(), YamlError> {
        if self.open.iter().any(|open| open.anchor.as_deref() == Some(anchor)) {
            return Err(YamlError::at(mark, format!("anchor '{anchor}' value contains itself")));
        }
        let Some(node) = self.anchors.get(anchor) else {
            return Err(YamlError::at(mark, format!("unknown anchor '{anchor}' referenced")));
        };
        self.nodes += node.count;
        self.repeated += node.count;
        // Small documents may consist of repetitions almost wholly, large ones hardly: this stops the
        // "billion laughs".
        if self.repeated > 100 && self.nodes > 1000 && exceeds_allowed_share(self.repeated, self.nodes) {
            return Err(YamlError::at(mark, "document contains excessive aliasing"));
        }
        let node = node.clone();
        self.check_depth(node.depth, mark)?;
        self.finish(node, None, mark)
    }

    fn check_depth(&self, more: usize, mark: Mark) -> Result<(), YamlError> {
        if self.open.len() + more > MAX_DEPTH {
            return Err(YamlError::at(mark, format!("exceeded max depth of {MAX_DEPTH}")));
        }
        Ok(())
    }

    /// Puts a finished value where it belongs: into its anchor, and into the collection around it.
    fn finish(&mut self, node: Node, anchor: Option<String>, mark: Mark) -> Result<(), YamlError> {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node.value);
            return Ok(());
        };
        parent.count += node.count;
        parent.depth = parent.depth.max(node.depth + 1);
        match &mut parent.content {
            Content::Sequence(items) => items.push(node.value),
            Content::Mapping(entries, key) => {
                enter(entries, key, node.value).map_err(|problem| YamlError::at(mark, problem))?;
            }
        }
        Ok(())
    }
}

/// Takes a mapping's next node: a key, or the value of the key before it.
fn enter(entries: &mut Map<String, Value>, key: &mut Key, value: Value) -> Result<(), String> {
    match std::mem::replace(key, Key::Awaited) {
        Key::Awaited => *key = Key::Named(key_text(value)?),
        Key::Named(name) => {
            entries.insert(name, value);
        }
        Key::Merge => merge(entries, value)?,
    }
    Ok(())
}

/// Merge keys overwrite what stands before them; of a list, the first map wins.
fn merge(entries: &mut Map<String, Value>, value: Value) -> Result<(), String> {
    match value {
        Value::Object(merged) => entries.extend(merged),
        Value::Array(maps) if maps.iter().all(Value::is_object) => {
            for map in maps.into_iter().rev() {
                merge(entries, map)?;
            }
        }
        _ => return Err("map merge requires map or sequence of maps as the value".to_owned()),
    }
    Ok(())
}

fn key_text(key: Value) -> Result<String, String> {
    match key {
        Value::String(text) => Ok(text),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(number) if number.is_f64() => Ok(shortest_32(number.as_f64().unwrap_or_default())),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Err("null is not a key that JSON can hold".to_owned()),
        Value::Array(_) | Value::Object(_) => Err("invalid map key".to_owned()),
    }
}

/// Explicit tags win; a quoted scalar is text; a plain one is resolved.
fn scalar_value(tag: Option<&str>, text: String, plain: bool) -> Result<Value, String> {
    let short = tag.map(|tag| tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag));
    match short {
        None if plain => plain_value(resolve(&text), text),
        Some("bool" | "int" | "float" | "null" | "timestamp") => {
            tagged_value(short.unwrap_or_default(), text)
        }
        Some("binary") => {
            let bytes = STANDARD
                .decode(text)
                .map_err(|_| "!!binary value contains invalid base64 data".to_owned())?;
            Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        }
        None | Some(_) => Ok(Value::String(text)),
    }
}

fn plain_value(resolved: Resolved, text: String) -> Result<Value, String> {
    Ok(match resolved {
        Resolved::Null => Value::Null,
        Resolved::Bool(value) => Value::Bool(value),
        Resolved::Int(value) => Value::Number(integer(value)),
        Resolved::Float(value) => {
            Value::Number(Number::from_f64(value).ok_or_else(|| format!("{NO_JSON}`{text}`"))?)
        }
        Resolved::Timestamp | Resolved::Text => Value::String(text),
    })
}

fn integer(value: i128) -> Number {
    i64::try_from(value)
        .map(Number::from)
        .or_else(|_| u64::try_from(value).map(Number::from))
        .unwrap_or_else(|_| Number::from(0))
}

fn tagged_value(tag: &str, text: String) -> Result<Value, String> {
    let resolved = resolve(&text);
    let fits = match resolved {
        Resolved::Null => tag == "null",
        Resolved::Bool(_) => tag == "bool",
        Resolved::Int(_) => matches!(tag, "int" | "float"),
        Resolved::Float(_) => tag == "float",
        Resolved::Timestamp => tag == "timestamp",
        Resolved::Text => false,
    };
    if !fits {
        return Err(format!("cannot decode `{text}` as a !!{tag}"));
    }
    match resolved {
        #[expect(clippy::cast_precision_loss, reason = "a float is asked for")]
        Resolved::Int(value) if tag == "float" => plain_value(Resolved::Float(value as f64), text),
        resolved => plain_value(resolved, text),
    }
}

/// go-yaml's limit on the share of a document that may come from repeated anchors.
#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn exceeds_allowed_share(repeated: usize, nodes: usize) -> bool {
    let allowed = match nodes {
        0..=400_000 => 0.99,
        400_001..4_000_000 => 0.99 - 0.89 * ((nodes - 400_000) as f64 / 3_600_000.0),
        _ => 0.10,
    };
    repeated as f64 / nodes as f64 > allowed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        read(text.as_bytes()).unwrap()
    }

    fn problem(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn yaml_1_1_becomes_json() {
        assert_eq!(
            value("on: x\nn: 1\nmode: 0644\nd: 2020-01-01\nq: \"1\"\n1: a\n1.10: b"),
            json!({
                "true": "x", "false": 1, "mode": 420, "d": "2020-01-01", "q": "1", "1": "a", "1.1": "b"
            })
        );
        assert_eq!(value(""), Value::Null);
        assert_eq!(value("# only a comment"), Value::Null);
        assert_eq!(value("a: 1\na: 2"), json!({"a": 2}));
        assert_eq!(
            value("a: !!str 1\nb: !!float 1\nc: !!binary aGk="),
            json!({"a": "1", "b": 1.0, "c": "hi"})
        );
        assert_eq!(value("a: 1\n---\nb: 2"), json!({"a": 1}));
        assert_eq!(
            value("a: |\n  x\n  y\nb: >-\n  x\n  y\n\"<<\": text\nc: !custom 5\nd: [-]"),
            json!({
                "a": "x\ny\n", "b": "x y", "<<": "text", "c": "5", "d": ["-"]
            })
        );
    }

    #[test]
    fn a_text_may_end_without_a_line_break() {
        for (text, expected) in [
            ("a: |\n  x", "x"),
            ("a: |+\n  x", "x"),
            ("a: >\n  x\n  y", "x y"),
            ("a: |\n  x\n  ", "x\n"),
            ("a: |\n  x\n     ", "x\n   "),
            ("a: |+\n  x\n  ", "x\n"),
            ("a: |\n  x\n# comment", "x\n"),
            ("a: |-\n  x", "x"),
            ("a: x", "x"),
        ] {
            assert_eq!(value(text), json!({"a": expected}), "{text:?}");
        }
        assert!(read(b"a: \"x\\").is_err());
    }

    #[test]
    fn whole_floats_are_integers_in_json() {
        assert_eq!(from_str("[1e3, 08, 1.5, 1.]").unwrap(), json!([1000, 8, 1.5, 1]));
        assert_eq!(value("[1e3]"), json!([1000.0]));
    }

    #[test]
    fn anchors_and_merge_keys() {
        let text = "base: &base {a: 1, b: 2}\nother: &other {a: 9, c: 3}\nx:\n  <<: *base\n  b: 3\nz:\n  <<: [*base, *other]\n";
        let value = value(text);
        assert_eq!(value["x"], json!({"a": 1, "b": 3}));
        assert_eq!(value["z"], json!({"a": 1, "b": 2, "c": 3}));
        assert_eq!(
            problem("a: *x"),
            "error converting YAML to JSON: yaml: line 1, column 4: unknown anchor 'x' referenced"
        );
        assert_eq!(
            problem("a: &a [*a]"),
            "error converting YAML to JSON: yaml: line 1, column 8: anchor 'a' value contains itself"
        );
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(
            problem("a: 1\nb: c: d"),
            "error converting YAML to JSON: yaml: line 2, column 5: mapping values are not allowed in this context"
        );
        assert_eq!(
            problem("a:\n\t- b"),
            "error converting YAML to JSON: yaml: line 2, column 1: found character that cannot start any token"
        );
        assert_eq!(
            problem("a: .nan"),
            "error converting YAML to JSON: yaml: line 1, column 4: JSON cannot hold `.nan`"
        );
        assert_eq!(
            problem("? [a]\n: b"),
            "error converting YAML to JSON: yaml: line 1, column 5: invalid map key"
        );
        assert_eq!(
            read(b"a: 1\nb: \xff").unwrap_err().to_string(),
            "error converting YAML to JSON: yaml: line 2: invalid UTF-8"
        );
    }

    #[test]
    fn bombs_and_towers_are_refused() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let previous = format!("*a{}", level - 1);
            laughs = format!("{laughs}a{level}: &a{level} [{}]\n", vec![previous; 10].join(", "));
        }
        assert!(problem(&laughs).contains("excessive aliasing"));
        assert!(problem(&"[".repeat(100_000)).contains("exceeded max depth"));
        let mut tower = "a0: &a0 [x]\n".to_owned();
        for level in 1..2000 {
            tower = format!("{tower}a{level}: &a{level} [*a{}]\n", level - 1);
        }
        let problem = problem(&tower);
        assert!(
            problem.contains("exceeded max depth") || problem.contains("excessive aliasing"),
            "{problem}"
        );
    }

    #[test]
    fn a_tag_that_runs_into_a_comma_is_an_error_with_its_line() {
        let error = read(b"a: 1\nb: [!,").unwrap_err();
        assert_eq!(error.line, Some(2));
        assert!(error.problem.contains("while scanning a tag"), "{}", error.problem);
        assert!(read(b"a: 'no!, really'").is_ok());
    }

    #[test]
    fn documents_are_cut_at_marker_lines() {
        assert_eq!(documents("a: 1\n---  \nb: 2\n--- # no\nc"), ["a: 1\n", "b: 2\n--- # no\nc"]);
        assert_eq!(documents("---\na: 1\n"), ["a: 1\n"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[-a-c:\\[\\]{},&*!|>'\"%@`#? \n\t0-9<~.\u{feff}é🎉]{0,60}") {
            let _ = read(text.as_bytes());
        }
    }
}
