//! JSON text to values, with Go's words for what is wrong. Every number is a `float64`.

use crate::helm::template::functions::runes::{runes, scrubbed};
use crate::helm::template::print;
use crate::helm::template::text::Text;
use crate::helm::template::value::{List, Map, Value};

/// Deeper nesting is refused.
const DEEPEST: usize = 500;

/// Reads one document. A number that is too large is 0, and the error comes with all the rest.
pub(super) fn decode(text: &[u8]) -> (Value, Option<String>) {
    let mut decoder = Decoder { text, at: 0, path: Vec::new(), too_large: None };
    match decoder.document() {
        Ok(value) => (value, decoder.too_large),
        Err(error) => (Value::Nil, Some(error)),
    }
}

struct Decoder<'a> {
    text: &'a [u8],
    at: usize,
    /// Keys and indexes on the way to the current value.
    path: Vec<String>,
    too_large: Option<String>,
}

impl Decoder<'_> {
    fn document(&mut self) -> Result<Value, String> {
        let value = self.value()?;
        self.skip_space();
        if self.peek().is_some() { Err(self.unexpected("after top-level value")) } else { Ok(value) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn takes(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self, place: &str) -> String {
        match runes(&self.text[self.at..]).next() {
            None => "unexpected end of JSON input".to_owned(),
            Some((_, [byte @ 0x80..=0xff])) => format!("invalid character '\\x{byte:x}' {place}"),
            Some((c, _)) => format!("invalid character {} {place}", quoted(c)),
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Value::Str(self.string()?)),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Nil),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, String>) -> Result<Value, String> {
        self.at += 1;
        if self.path.len() >= DEEPEST {
            return Err("exceeded max depth".to_owned());
        }
        read(self)
    }

    fn inner(&mut self, place: String) -> Result<Value, String> {
        self.path.push(place);
        let value = self.value();
        self.path.pop();
        value
    }

    fn object(&mut self) -> Result<Value, String> {
        let mut entries: Vec<(Text, Value)> = Vec::new();
        loop {
            self.skip_space();
            if entries.is_empty() && self.takes(b'}') {
                break;
            }
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.skip_space();
            if !self.takes(b':') {
                return Err(self.unexpected("after object key"));
            }
            let value = self.inner(key.lossy().into_owned())?;
            entries.push((key, value));
            self.skip_space();
            if self.takes(b'}') {
                break;
            }
            if !self.takes(b',') {
                return Err(self.unexpected("after object key:value pair"));
            }
        }
        Ok(Value::Map(entries.into_iter().collect::<Map>()))
    }

    fn array(&mut self) -> Result<Value, String> {
        let mut items = Vec::new();
        self.skip_space();
        if self.takes(b']') {
            return Ok(List::new(items).into());
        }
        loop {
            let item = self.inner(items.len().to_string())?;
            items.push(item);
            self.skip_space();
            if self.takes(b']') {
                return Ok(List::new(items).into());
            }
            if !self.takes(b',') {
                return Err(self.unexpected("after array element"));
            }
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, String> {
        for expected in word.bytes() {
            if !self.takes(expected) {
                return Err(self
                    .unexpected(&format!("in literal {word} (expecting {})", quoted(char::from(expected)))));
            }
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _sign = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]);
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        if number.is_none() && self.too_large.is_none() {
            self.too_large =
                Some(format!("json: cannot unmarshal number {text} into {} of type float64", self.target()));
        }
        Ok(Value::Float(number.unwrap_or(0.0)))
    }

    /// Where the current value goes, as Go calls it; an item of a list has no word before its path.
    fn target(&self) -> String {
        match self.path.last() {
            None => "Go value".to_owned(),
            Some(last) if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!(".{}", self.path.join("."))
            }
            Some(_) => format!("Go struct field .{}", self.path.join(".")),
        }
    }

    fn digits(&mut self) -> Result<(), String> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected("in numeric literal"));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Text, String> {
        self.at += 1;
        let mut out: Vec<u8> = Vec::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            out.extend_from_slice(&self.text[start..self.at]);
            if self.takes(b'"') {
                break;
            }
            if !self.takes(b'\\') {
                return Err(self.unexpected("in string"));
            }
            self.escape(&mut out)?;
        }
        Ok(scrubbed(&out).into())
    }

    /// The escape that starts one byte back, of so many bytes.
    fn wrong_escape(&self, length: usize) -> String {
        let escape = &self.text[self.at - 1..];
        if escape.len() < length && escape[1..].iter().skip(1).all(u8::is_ascii_hexdigit) {
            return "unexpected end of JSON input".to_owned();
        }
        let shown = scrubbed(&escape[..escape.len().min(length)]);
        let plain = shown
            .chars()
            .all(|c| !matches!(c, '`' | ' ' | char::REPLACEMENT_CHARACTER) && print::is_print(c));
        let shown = if plain { format!("`{shown}`") } else { print::quote(shown.as_bytes(), false) };
        format!("invalid escape sequence {shown} in string")
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        let byte = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 0xc,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let c = self.unicode()?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.wrong_escape(2)),
        };
        out.push(byte);
        self.at += 1;
        Ok(())
    }

    /// What four digits stand for; a half of a pair alone is U+FFFD.
    fn unicode(&mut self) -> Result<char, String> {
        let first = self.hexadecimal().ok_or_else(|| self.wrong_escape(6))?;
        self.at += 5;
        if !(0xd800..0xdc00).contains(&first) || !self.text[self.at..].starts_with(b"\\u") {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.at += 1;
        match self.hexadecimal() {
            Some(second) if (0xdc00..0xe000).contains(&second) => {
                self.at += 5;
                Ok(char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
                    .unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            _ => {
                self.at -= 1;
                Ok(char::REPLACEMENT_CHARACTER)
            }
        }
    }

    /// The four digits after the `u` that is next.
    fn hexadecimal(&self) -> Option<u32> {
        let digits = self.text.get(self.at + 1..self.at + 5)?;
        digits
            .iter()
            .try_fold(0, |code, digit| char::from(*digit).to_digit(16).map(|digit| code << 4 | digit))
    }
}

/// A character as Go shows it: in single quotes, escaped.
fn quoted(c: char) -> String {
    match c {
        '\'' => r"'\''".to_owned(),
        '"' => "'\"'".to_owned(),
        c => {
            let text = print::quote(c.encode_utf8(&mut [0; 4]).as_bytes(), false);
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents() {
        let text = br#" {"a": [1, -2.5e3, "x\u00e9\ud83d\ude00\ud800\n\ud800\u0041"], "b": null, "a2": {}, "b": true} "#;
        let (value, error) = decode(text);
        assert_eq!(
            print::display(&value).lossy(),
            "map[a:[1 -2500 xé😀\u{fffd}\n\u{fffd}A] a2:map[] b:true]"
        );
        assert_eq!(error, None);
    }

    #[test]
    fn errors() {
        let cases = [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("{a", "invalid character 'a' looking for beginning of object key string"),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            (r#"{"a":1,}"#, "invalid character '}' looking for beginning of object key string"),
            (r#"{"a":1 2}"#, "invalid character '2' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("1 2", "invalid character '2' after top-level value"),
            ("01", "invalid character '1' after top-level value"),
            ("trux", "invalid character 'x' in literal true (expecting 'e')"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' in numeric literal"),
            ("1ex", "invalid character 'x' in numeric literal"),
            ("\"\n\"", "invalid character '\\n' in string"),
            (r#""\x""#, r"invalid escape sequence `\x` in string"),
            (r#""\u00g0""#, r"invalid escape sequence `\u00g0` in string"),
            ("é", "invalid character 'é' looking for beginning of value"),
            (
                r#"{"a":{"b":1e400}}"#,
                "json: cannot unmarshal number 1e400 into Go struct field .a.b of type float64",
            ),
            ("[1e400]", "json: cannot unmarshal number 1e400 into .0 of type float64"),
        ];
        for (text, error) in cases {
            assert_eq!(decode(text.as_bytes()).1.as_deref(), Some(error), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in r#"[\[\]{}":,0-9eEu.+\\ a-f-]{0,40}"#) {
            let _ = decode(text.as_bytes());
        }
    }
}
