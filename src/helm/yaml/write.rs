//! A JSON value as the YAML that Helm writes: go-yaml v2's block style, natural key order, folding at 80
//! columns.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::number::shortest;
use super::scalar::{Resolved, is_base_60, resolve};

/// A space met beyond this column becomes a line break.
const WIDTH: usize = 80;

/// Writes a value as one document without a marker, with a final newline.
pub fn write(value: &Value) -> String {
    write_as(Dialect::Helm, value)
}

/// Writes a value as go-yaml v3 does, without JSON in between: lists indented, lines of any length, floats as
/// `%g` prints them.
pub fn write_pretty(value: &Value) -> String {
    write_as(Dialect::Pretty, value)
}

/// The two ways in which Helm writes.
#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Helm,
    Pretty,
}

fn write_as(dialect: Dialect, value: &Value) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0, fresh: true, dialect };
    emitter.node(value, Place::Root, 0);
    if !emitter.out.ends_with('\n') {
        emitter.out.push('\n');
    }
    emitter.out
}

/// Where a node stands; a list that is a mapping's value is not indented.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Item,
    Value,
}

struct Emitter {
    out: String,
    column: usize,
    /// Only indentation and `- ` so far on this line: a collection may start here.
    fresh: bool,
    dialect: Dialect,
}

impl Emitter {
    /// `indent` is where the lines of a collection start, and one step less than where a scalar's further
    /// lines start.
    fn node(&mut self, value: &Value, place: Place, indent: usize) {
        match value {
            Value::Object(entries) if entries.is_empty() => self.inline("{}"),
            Value::Array(items) if items.is_empty() => self.inline("[]"),
            Value::Object(entries) => {
                let indent = if place == Place::Value { indent + 2 } else { indent };
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by(|a, b| natural(a.0, b.0));
                for (key, value) in entries {
                    self.entry(key, value, indent);
                }
            }
            Value::Array(items) => {
                let indent = if place == Place::Value && self.dialect == Dialect::Pretty {
                    indent + 2
                } else {
                    indent
                };
                for item in items {
                    self.line_at(indent);
                    self.put("-");
                    self.fresh = true;
                    self.node(item, Place::Item, indent + 2);
                }
            }
            Value::String(text) => self.text(text, if place == Place::Item { indent } else { indent + 2 }),
            Value::Null => self.inline("null"),
            Value::Bool(value) => self.inline(&value.to_string()),
            Value::Number(number) => self.inline(&number_text(number, self.dialect)),
        }
    }

    fn entry(&mut self, key: &str, value: &Value, indent: usize) {
        self.line_at(indent);
        let simple = !key.contains(is_break) && key.len() <= 128;
        if simple {
            let style = Style::of(key, true, self.dialect);
            self.scalar(key, style, indent + 2, false);
            self.put(":");
            self.fresh = false;
            self.node(value, Place::Value, indent);
        } else {
            self.put("?");
            self.fresh = false;
            self.text(key, indent + 2);
            self.line_at(indent);
            self.put(":");
            self.fresh = true;
            self.node(value, Place::Item, indent + 2);
        }
        self.fresh = false;
    }

    fn text(&mut self, text: &str, indent: usize) {
        self.scalar(text, Style::of(text, false, self.dialect), indent, self.dialect == Dialect::Helm);
    }

    fn inline(&mut self, text: &str) {
        self.space();
        self.put(text);
        self.fresh = false;
    }

    fn scalar(&mut self, text: &str, style: Style, indent: usize, may_fold: bool) {
        self.space();
        match style {
            Style::Plain => self.folded(text, indent, may_fold, None),
            Style::Single => {
                self.put("'");
                self.folded(text, indent, may_fold, Some('\''));
                self.put("'");
            }
            Style::Double => self.double_quoted(text, indent, may_fold),
            Style::Literal => self.literal(text, indent),
        }
        self.fresh = false;
    }

    /// A plain or single-quoted scalar: a lone space beyond the width becomes a line break, a line break of
    /// the text is doubled.
    fn folded(&mut self, text: &str, indent: usize, may_fold: bool, quote: Option<char>) {
        let (mut spaces, mut breaks) = (false, false);
        let last = text.len().saturating_sub(1);
        for (at, c) in text.char_indices() {
            if c == ' ' {
                let inside = quote.is_none() || (at > 0 && at < last);
                if may_fold && !spaces && self.column > WIDTH && inside && !text[at + 1..].starts_with(' ') {
                    self.new_line(indent);
                } else {
                    self.put(" ");
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.new_line(0);
                }
                self.put_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.pad(indent);
                }
                if quote == Some(c) {
                    self.put_char(c);
                }
                self.put_char(c);
                (spaces, breaks) = (false, false);
            }
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, may_fold: bool) {
        self.put("\"");
        let mut spaces = false;
        // go-yaml takes every character of a text that starts with a byte order mark for one.
        let all_escaped = text.starts_with('\u{feff}');
        let last = text.len().saturating_sub(1);
        for (at, c) in text.char_indices() {
            if all_escaped {
                self.put(&escape(c));
            } else if c == ' ' {
                if may_fold && !spaces && self.column > WIDTH && at > 0 && at < last {
                    self.new_line(indent);
                    if text[at + 1..].starts_with(' ') {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                spaces = true;
            } else {
                self.put(&escaped(c));
                spaces = false;
            }
        }
        self.put("\"");
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.put("2");
        }
        let mut ends = text.chars().rev();
        match (ends.next().is_some_and(is_break), ends.next().is_none_or(is_break)) {
            (false, _) => self.put("-"),
            (true, true) => self.put("+"),
            (true, false) => {}
        }
        self.new_line(0);
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.put_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.pad(indent);
                }
                self.put_char(c);
                breaks = false;
            }
        }
    }

    /// Starts a line of a collection, unless this line has held nothing but indentation so far.
    fn line_at(&mut self, indent: usize) {
        if !self.fresh || self.column > indent {
            if self.column > 0 {
                self.new_line(indent);
            } else {
                self.pad(indent);
            }
        } else {
            self.pad(indent);
        }
        self.fresh = true;
    }

    fn space(&mut self) {
        if self.column > 0 && !self.out.ends_with(' ') {
            self.put(" ");
        }
    }

    fn new_line(&mut self, indent: usize) {
        self.out.push('\n');
        self.column = 0;
        self.pad(indent);
    }

    fn pad(&mut self, indent: usize) {
        while self.column < indent {
            self.put(" ");
        }
    }

    fn put_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }

    fn put_char(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Style {
    /// How go-yaml writes a text: plain where nobody could read it as something else.
    fn of(text: &str, is_key: bool, dialect: Dialect) -> Self {
        let wanted = if text.contains('\n') {
            Self::Literal
        } else if resolve(text) == Resolved::Text && !is_base_60(text) {
            Self::Plain
        } else {
            Self::Double
        };
        let shape = Shape::of(text, dialect);
        match wanted {
            Self::Plain if shape.plain => Self::Plain,
            Self::Plain if shape.single => Self::Single,
            Self::Literal if shape.literal && !is_key => Self::Literal,
            Self::Plain | Self::Single | Self::Double | Self::Literal => Self::Double,
        }
    }
}

/// Which styles can hold a text.
struct Shape {
    plain: bool,
    single: bool,
    literal: bool,
}

impl Shape {
    fn of(text: &str, dialect: Dialect) -> Self {
        if is_word(text) {
            return Self { plain: true, single: true, literal: true };
        }
        let chars: Vec<char> = text.chars().collect();
        let tabs = dialect == Dialect::Pretty && text.contains('\t');
        let special = chars.iter().any(|c| !(is_printable(*c) || tabs && *c == '\t'));
        let pair = |first: fn(char) -> bool, second: fn(char) -> bool| {
            chars.windows(2).any(|pair| first(pair[0]) && second(pair[1]))
        };
        let space_break = pair(is_space, is_break);
        let break_space = pair(is_break, is_space);
        let ends = |is: fn(char) -> bool| {
            (chars.first().copied().is_some_and(is), chars.last().copied().is_some_and(is))
        };
        let ((leading_space, trailing_space), (leading_break, trailing_break)) =
            (ends(is_space), ends(is_break));
        let single = !(break_space || space_break || special || tabs);
        let at_the_ends = leading_space || trailing_space || leading_break || trailing_break;
        let plain =
            single && !at_the_ends && !chars.iter().copied().any(is_break) && !has_indicators(text, &chars);
        Self { plain, single, literal: !(trailing_space || space_break || special) }
    }
}

/// Most texts are words in which nothing means anything to YAML.
fn is_word(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(inside)
}

/// Characters that mean something to YAML where they stand.
fn has_indicators(text: &str, chars: &[char]) -> bool {
    let blank_after = |at: usize| chars.get(at + 1).is_none_or(|c| is_blank(*c));
    let starts = match chars.first() {
        Some(
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`',
        ) => true,
        Some('?' | ':' | '-') => blank_after(0),
        _ => false,
    };
    let inside = |(at, c): (usize, &char)| match c {
        ':' => blank_after(at),
        '#' => is_blank(chars[at - 1]),
        _ => false,
    };
    starts
        || text.starts_with("---")
        || text.starts_with("...")
        || chars.iter().enumerate().skip(1).any(inside)
}

fn is_space(c: char) -> bool {
    c == ' '
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t') || is_break(c)
}

/// go-yaml v2 does not count characters beyond U+FFFF as printable: an emoji is written as an escape.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

fn escaped(c: char) -> String {
    if is_printable(c) && !matches!(c, '"' | '\\' | '\n' | '\u{2028}' | '\u{2029}') {
        c.to_string()
    } else {
        escape(c)
    }
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{a0}' => "\\_",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        c => return numeric_escape(c),
    };
    short.to_owned()
}

fn numeric_escape(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0xff => format!("\\x{code:02X}"),
        code @ 0x100..=0xffff => format!("\\u{code:04X}"),
        code => format!("\\U{code:08X}"),
    }
}

fn number_text(number: &Number, dialect: Dialect) -> String {
    let Some(value) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    if dialect == Dialect::Pretty {
        return shortest(value);
    }
    // Helm's values pass through JSON, where a whole float that fits into 64 bits is an integer again; the
    // sum makes -0 0.
    let whole = format!("{}", value + 0.0);
    if whole.parse::<i64>().is_ok() || whole.parse::<u64>().is_ok() { whole } else { shortest(value) }
}

/// Natural order: digit runs count as numbers, letters come after everything else.
fn natural(a: &str, b: &str) -> Ordering {
    let same =
        a.chars().zip(b.chars()).take_while(|(left, right)| left == right).map(|(c, _)| c.len_utf8()).sum();
    let (before, left, right) = (&a[..same], &a[same..], &b[same..]);
    let (Some(first), Some(second)) = (left.chars().next(), right.chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (first.is_alphabetic(), second.is_alphabetic()) {
        (true, true) => return first.cmp(&second),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // Where the run goes on from digits before it, its leading zeros count.
    let tail = (first == '0' || second == '0') && follows_nonzero_digits(before);
    let (left, right) = (Digits::of(left, tail), Digits::of(right, tail));
    left.value.cmp(&right.value).then(left.count.cmp(&right.count)).then(first.cmp(&second))
}

/// The digits that a text starts with.
struct Digits {
    count: usize,
    value: i64,
}

impl Digits {
    fn of(text: &str, tail: bool) -> Self {
        let digits = text.chars().take_while(|c| c.is_numeric());
        digits.fold(Self { count: 0, value: i64::from(tail) }, |run, digit| {
            let digit = i64::from(u32::from(digit)) - i64::from(u32::from('0'));
            Self { count: run.count + 1, value: run.value.wrapping_mul(10).wrapping_add(digit) }
        })
    }
}

fn follows_nonzero_digits(before: &str) -> bool {
    before.chars().rev().take_while(|c| c.is_numeric()).any(|c| c != '0')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::helm::yaml::read;

    #[test]
    fn block_style_without_indented_lists() {
        let value = json!({"a10": 1, "a2": [1, {"x": "y", "l": [true]}, [1, 2]], "B": {}, "n": null, "e": [], "m": {"k": "v"}});
        insta::assert_snapshot!(write(&value), @r#"
        B: {}
        a2:
        - 1
        - l:
          - true
          x: "y"
        - - 1
          - 2
        a10: 1
        e: []
        m:
          k: v
        "n": null
        "#);
    }

    #[test]
    fn quoting() {
        let cases = [
            ("plain text", "plain text"),
            ("yes", "\"yes\""),
            ("1e3", "\"1e3\""),
            ("", "\"\""),
            ("2020-01-01", "\"2020-01-01\""),
            ("1:30", "\"1:30\""),
            ("foo: bar", "'foo: bar'"),
            ("it's", "it's"),
            ("'quoted'", "'''quoted'''"),
            (" padded ", "' padded '"),
            ("- item", "'- item'"),
            ("-item", "-item"),
            ("a #b", "'a #b'"),
            ("tab\there", "\"tab\\there\""),
            ("emoji 🎉", "\"emoji \\U0001F389\""),
            ("é", "é"),
            ("line\nbreak", "|-\n    line\n    break"),
            ("line\n", "|\n    line"),
            ("two\n\n", "|+\n    two\n"),
            (" lead\n", "|2\n     lead"),
            ("trail \nx", "\"trail \\nx\""),
            ("\u{a0}", "\u{a0}"),
            ("a\rb", "\"a\\rb\""),
        ];
        for (text, expected) in cases {
            let written = write(&json!({"k": {"x": text}}));
            assert_eq!(written, format!("k:\n  x: {expected}\n"), "{text:?}");
        }
    }

    #[test]
    fn long_lines_fold_after_80_columns() {
        let words = "word ".repeat(30).trim_end().to_owned();
        insta::assert_snapshot!(write(&json!({"plain": words, "single": format!("{words}: x"), "double": format!("{words}\t"), "list": [words]})), @r#"
        double: "word word word word word word word word word word word word word word word
          word word word word word word word word word word word word word word word\t"
        list:
        - word word word word word word word word word word word word word word word word
          word word word word word word word word word word word word word word
        plain: word word word word word word word word word word word word word word word
          word word word word word word word word word word word word word word word
        single: 'word word word word word word word word word word word word word word word
          word word word word word word word word word word word word word word word: x'
        "#);
    }

    #[test]
    fn numbers_go_through_json() {
        let value = json!([1_000_000.0, 12_345_678.5, 1.5, 1e20, 1e-7, -3, u64::MAX]);
        assert_eq!(
            write(&value),
            "- 1000000\n- 1.23456785e+07\n- 1.5\n- 1e+20\n- 1e-07\n- -3\n- 18446744073709551615\n"
        );
    }

    #[test]
    fn keys_are_quoted_like_values() {
        assert_eq!(write(&json!({"yes": "yes", "a: b": 1, "": 2})), "\"\": 2\n'a: b': 1\n\"yes\": \"yes\"\n");
        let long = "k".repeat(130);
        assert_eq!(write(&json!({long.clone(): {"a": 1}})), format!("? {long}\n: a: 1\n"));
        assert_eq!(write(&json!({"a\nb": 1})), "? |-\n  a\n  b\n: 1\n");
        assert_eq!(write(&json!({"<<": "<<"})), "<<: <<\n");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back(texts in proptest::collection::vec("[-a-c:\\[\\]{},&*!|>'\"%@`#? \n\t\r0-9<~.é🎉]{0,120}", 1..4)) {
            // Helm writes the key `<<` plain as well (helm 4.3.1), and reads it as a merge.
            proptest::prop_assume!(texts[0] != "<<");
            let value = json!({"k": texts, "m": {texts[0].clone(): texts[0]}});
            let written = write(&value);
            proptest::prop_assert_eq!(read(written.as_bytes()).unwrap(), value, "{}", written);
        }
    }
}
