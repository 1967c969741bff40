//! Words of a text, to join them as `snake_case`, `kebab-case` or `PascalCase`: the rules of Go's `xstrings`.

use std::sync::LazyLock;

use regex::Regex;

use super::runes::{lower, runes, scrubbed, upper};

/// `helloWorld2` to `hello_world2`.
pub(super) fn snake(bytes: &[u8]) -> String {
    joined(bytes, '_')
}

/// `helloWorld2` to `hello-world2`.
pub(super) fn kebab(bytes: &[u8]) -> String {
    joined(bytes, '-')
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

/// `hello_world` to `HelloWorld`; connectors at both ends and all but the last of several stay.
pub(super) fn pascal(bytes: &[u8]) -> String {
    let chars: Vec<char> = runes(bytes).map(|(c, _)| c).collect();
    let Some(start) = chars.iter().position(|c| !is_connector(*c)) else {
        return chars.into_iter().collect();
    };
    let mut out: String = chars[..start].iter().collect();
    let mut current = upper(chars[start]);
    let mut first_is_upper = chars[start].is_uppercase();
    // As in Go, a text that ends with its first letter is done here.
    if start + 1 == chars.len() {
        out.push(current);
        return out;
    }
    for c in &chars[start + 1..] {
        let previous = std::mem::replace(&mut current, *c);
        if is_connector(current) && is_connector(previous) {
            out.push(previous);
        } else if is_connector(previous) {
            first_is_upper = current.is_uppercase();
            current = upper(current);
        } else {
            if first_is_upper {
                if current.is_uppercase() {
                    current = lower(current);
                } else {
                    first_is_upper = false;
                }
            }
            out.push(previous);
        }
    }
    out.push(current);
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    /// Starts with a capital.
    Upper,
    /// Letters without a capital.
    Letters,
    Connector,
    Punctuation,
    Other,
    /// What is no character at all.
    Invalid,
}

/// Splits a text into words and hands them out one by one; after the last, `Invalid` and nothing.
struct Words {
    rest: Vec<char>,
    at: usize,
}

impl Words {
    fn next(&mut self) -> (Kind, Vec<char>) {
        let rest = &self.rest[self.at..];
        let Some(first) = rest.first().copied() else { return (Kind::Invalid, Vec::new()) };
        let run = |is: &dyn Fn(char) -> bool| 1 + rest[1..].iter().take_while(|c| is(**c)).count();
        let (kind, length) = match kind_of(first) {
            Kind::Invalid => (Kind::Invalid, 1),
            Kind::Connector => (Kind::Connector, run(&is_connector)),
            Kind::Punctuation => (Kind::Punctuation, run(&is_punctuation)),
            Kind::Upper => (Kind::Upper, upper_run(rest)),
            Kind::Letters => (Kind::Letters, run(&|c| is_letter(c) && !c.is_uppercase())),
            Kind::Number => (Kind::Number, run(&char::is_numeric)),
            Kind::Other => (Kind::Other, run(&|c| kind_of(c) == Kind::Other)),
        };
        self.at += length;
        (kind, rest[..length].to_vec())
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.rest.len()
    }
}

/// A word of capitals ends before the capital that starts the next word: `HTTPServer` is `HTTP`, `Server`.
fn upper_run(rest: &[char]) -> usize {
    let capitals = rest.iter().take_while(|c| c.is_uppercase()).count();
    if capitals == 1 {
        return 1 + rest[1..].iter().take_while(|c| is_letter(**c) && !c.is_uppercase()).count();
    }
    if rest.get(capitals).is_some_and(|c| is_letter(*c)) { capitals - 1 } else { capitals }
}

fn kind_of(c: char) -> Kind {
    match c {
        char::REPLACEMENT_CHARACTER => Kind::Invalid,
        c if is_connector(c) => Kind::Connector,
        c if is_punctuation(c) => Kind::Punctuation,
        c if c.is_uppercase() => Kind::Upper,
        c if is_letter(c) => Kind::Letters,
        c if c.is_numeric() => Kind::Number,
        _ => Kind::Other,
    }
}

/// A letter, but none of the Han characters.
fn is_letter(c: char) -> bool {
    let is_han = matches!(c, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}');
    c.is_alphabetic() && !is_han
}

fn is_punctuation(c: char) -> bool {
    static PUNCTUATION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{P}$").ok());
    if c.is_ascii() {
        return c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~');
    }
    PUNCTUATION.as_ref().is_some_and(|pattern| pattern.is_match(c.encode_utf8(&mut [0; 4])))
}

fn joined(bytes: &[u8], connector: char) -> String {
    let mut words = Words { rest: scrubbed(bytes).chars().collect(), at: 0 };
    let mut out = Joined { text: String::new(), connector };
    let (mut kind, mut word) = words.next();
    while !words.is_at_end() {
        if kind != Kind::Connector {
            out.push(kind, &word);
        }
        let (previous, last) = (kind, word);
        (kind, word) = words.next();
        match previous {
            Kind::Number => (kind, word) = out.glue(&mut words, kind, word),
            Kind::Connector => out.push(previous, &last),
            Kind::Punctuation => {}
            Kind::Upper | Kind::Letters | Kind::Other | Kind::Invalid if kind != Kind::Number => {
                out.separate(kind);
            }
            Kind::Upper | Kind::Letters | Kind::Other | Kind::Invalid => {
                if words.is_at_end() {
                    break;
                }
                let number = word;
                (kind, word) = words.next();
                if kind == Kind::Letters {
                    out.text.push(connector);
                    out.push(Kind::Number, &number);
                    (kind, word) = out.glue(&mut words, kind, word);
                } else {
                    out.push(Kind::Number, &number);
                    out.separate(kind);
                }
            }
        }
    }
    out.push(kind, &word);
    out.text
}

struct Joined {
    text: String,
    connector: char,
}

impl Joined {
    fn push(&mut self, kind: Kind, word: &[char]) {
        let changes = matches!(kind, Kind::Upper | Kind::Connector);
        self.text.extend(word.iter().map(|c| match *c {
            c if !changes => c,
            c if is_connector(c) => self.connector,
            c if c.is_uppercase() => lower(c),
            c => c,
        }));
    }

    /// A connector, unless something else separates already.
    fn separate(&mut self, next: Kind) {
        if !matches!(next, Kind::Connector | Kind::Punctuation) {
            self.text.push(self.connector);
        }
    }

    /// Numbers and small letters that follow a number belong to one word.
    fn glue(&mut self, words: &mut Words, mut kind: Kind, mut word: Vec<char>) -> (Kind, Vec<char>) {
        while matches!(kind, Kind::Letters | Kind::Number) {
            self.push(kind, &word);
            (kind, word) = words.next();
        }
        if kind != Kind::Invalid {
            self.separate(kind);
        }
        (kind, word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_and_kebab() {
        let cases = [
            ("FirstName", "first_name"),
            ("HTTPServer", "http_server"),
            ("NoHTTPS", "no_https"),
            ("GO_PATH", "go_path"),
            ("GO PATH", "go_path"),
            ("GO-PATH", "go_path"),
            ("http2xx", "http_2xx"),
            ("HTTP20xOK", "http_20x_ok"),
            ("Duration2m3s", "duration_2m3s"),
            ("Bld4Floor3rd", "bld4_floor_3rd"),
            (" _-_ ", "_____"),
            ("a.b", "a.b"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(snake(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(kebab(b"FirstName"), "first-name");
    }

    #[test]
    fn pascal_case() {
        let cases = [
            ("http_server", "HttpServer"),
            ("_camel_case", "_CamelCase"),
            ("no_https", "NoHttps"),
            ("_complex__case_", "_Complex_Case_"),
            ("all", "All"),
            ("GOLANG", "Golang"),
            ("a", "A"),
            ("--", "--"),
        ];
        for (text, expected) in cases {
            assert_eq!(pascal(text.as_bytes()), expected, "{text}");
        }
    }
}
