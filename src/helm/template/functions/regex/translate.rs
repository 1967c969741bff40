//! RE2's syntax, as Go reads it, in the words of the crate `regex`.
//!
//! The two agree on most; here `\d \w \s \b` are ASCII only, `{` is a character where it is no count, sets have no operators, and Go's
//! errors come out.

/// A pattern that means the same to the crate.
pub(super) fn translate(pattern: &[u8]) -> Result<String, String> {
    let pattern =
        str::from_utf8(pattern).map_err(|wrong| error("invalid UTF-8", &String::from_utf8_lossy(&pattern[wrong.valid_up_to()..])))?;
    let mut translator = Translator { pattern, rest: pattern, out: String::new(), open: 0, repeatable: false, repeated: None };
    while !translator.rest.is_empty() {
        translator.step()?;
    }
    if translator.open > 0 {
        return Err(error("missing closing )", pattern));
    }
    Ok(translator.out)
}

/// Go's words for a pattern that is none.
pub(super) fn error(problem: &str, place: &str) -> String {
    format!("error parsing regexp: {problem}: `{place}`")
}

const DIGIT: &str = "0-9";
const SPACE: &str = r"\t\n\x0C\r ";
const WORD: &str = "0-9A-Za-z_";
const MOST_REPEATS: u32 = 1000;

struct Translator<'a> {
    pattern: &'a str,
    rest: &'a str,
    out: String,
    open: usize,
    /// Something stands before that `*` may repeat.
    repeatable: bool,
    /// Where the repetition started that stands directly before.
    repeated: Option<&'a str>,
}

impl<'a> Translator<'a> {
    fn step(&mut self) -> Result<(), String> {
        let repeated = self.repeated.take();
        let Some(first) = self.rest.chars().next() else { return Ok(()) };
        match first {
            '*' | '+' | '?' => return self.repeat(self.rest, 1, repeated),
            '{' => match count(self.rest) {
                Some((length, fits)) => {
                    if !fits {
                        return Err(error("invalid repeat count", &self.rest[..length]));
                    }
                    return self.repeat(self.rest, length, repeated);
                }
                None => self.literal('{', 1),
            },
            '(' if self.rest.starts_with("(?") => return self.flags(),
            '(' => {
                self.open += 1;
                self.copy(1, false);
            }
            ')' if self.open == 0 => return Err(error("unexpected )", self.pattern)),
            ')' => {
                self.open -= 1;
                self.copy(1, true);
            }
            '|' => self.copy(1, false),
            '^' | '$' | '.' => self.copy(1, true),
            '[' => self.class()?,
            '\\' => self.escape()?,
            c => self.literal(c, c.len_utf8()),
        }
        Ok(())
    }

    fn copy(&mut self, length: usize, repeatable: bool) {
        self.out.push_str(&self.rest[..length]);
        self.rest = &self.rest[length..];
        self.repeatable = repeatable;
    }

    fn emit(&mut self, translated: &str, length: usize) {
        self.out.push_str(translated);
        self.rest = &self.rest[length..];
        self.repeatable = true;
    }

    fn literal(&mut self, c: char, length: usize) {
        self.emit(&character(c), length);
    }

    /// `x**` is an error, and so is a repetition of nothing.
    fn repeat(&mut self, before: &'a str, length: usize, repeated: Option<&'a str>) -> Result<(), String> {
        let length = length + usize::from(before[length..].starts_with('?'));
        if let Some(start) = repeated {
            let stacked = start.len() - before.len() + length;
            return Err(error("invalid nested repetition operator", &start[..stacked]));
        }
        if !self.repeatable {
            return Err(error("missing argument to repetition operator", &before[..length]));
        }
        self.copy(length, true);
        self.repeated = Some(before);
        Ok(())
    }

    /// `(?i)`, `(?i:`, `(?P<name>`.
    fn flags(&mut self) -> Result<(), String> {
        let group = self.rest;
        if let Some(name) =
            group.strip_prefix("(?P<").filter(|name| !name.is_empty()).or_else(|| group.strip_prefix("(?<").filter(|name| !name.is_empty()))
        {
            return self.named(group, name);
        }
        let (mut negated, mut seen) = (false, false);
        for (at, c) in group.char_indices().skip(2) {
            match c {
                'i' | 'm' | 's' | 'U' => seen = true,
                '-' if !negated => (negated, seen) = (true, false),
                ':' | ')' if !negated || seen => {
                    if c == ':' {
                        self.open += 1;
                        self.copy(at + 1, false);
                    } else if at > 2 {
                        let repeatable = self.repeatable;
                        self.copy(at + 1, repeatable);
                    } else {
                        self.rest = &self.rest[at + 1..];
                    }
                    return Ok(());
                }
                c => return Err(error("invalid or unsupported Perl syntax", &group[..at + c.len_utf8()])),
            }
        }
        Err(error("invalid or unsupported Perl syntax", group))
    }

    fn named(&mut self, group: &str, name: &str) -> Result<(), String> {
        let Some(end) = name.find('>') else { return Err(error("invalid named capture", group)) };
        let start = group.len() - name.len();
        let name = &name[..end];
        let whole = &group[..=start + end];
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(error("invalid named capture", whole));
        }
        if self.out.contains(&format!("(?P<{name}>")) {
            return Err(error("duplicate capture group name", name));
        }
        self.open += 1;
        self.rest = &self.rest[whole.len()..];
        self.repeatable = false;
        self.out.extend(["(?P<", name, ">"]);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let mut chars = self.rest.chars().skip(1);
        match chars.next() {
            Some('A') => self.emit(r"\A", 2),
            Some('z') => self.emit(r"\z", 2),
            Some('b') => self.emit(r"(?-u:\b)", 2),
            Some('B') => self.emit(r"(?-u:\B)", 2),
            Some('C') => return Err(error("invalid escape sequence", &self.rest[..2])),
            Some('Q') => {
                let body = &self.rest[2..];
                let (literal, after) = body.split_once(r"\E").unwrap_or((body, ""));
                self.repeatable |= !literal.is_empty();
                self.out.extend(literal.chars().map(character));
                self.rest = after;
            }
            _ => {
                if let Some((class, length)) = perl_class(self.rest).or(unicode_class(self.rest)?) {
                    self.emit(&class, length);
                } else {
                    let (c, length) = escaped(self.rest)?;
                    self.literal(c, length);
                }
            }
        }
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        let whole = self.rest;
        let mut out = String::from("[");
        let mut rest = &whole[1..];
        if let Some(after) = rest.strip_prefix('^') {
            out.push('^');
            rest = after;
        }
        let mut first = true;
        while first || !rest.starts_with(']') {
            first = false;
            if let Some((class, length)) = posix_class(rest)?.or(unicode_class(rest)?).or_else(|| perl_class(rest)) {
                out.push_str(&class);
                rest = &rest[length..];
                continue;
            }
            let start = rest;
            let (low, length) = class_character(rest, whole)?;
            rest = &rest[length..];
            let mut high = low;
            if rest.len() >= 2 && rest.starts_with('-') && !rest.starts_with("-]") {
                let (end, length) = class_character(&rest[1..], whole)?;
                rest = &rest[1 + length..];
                if end < low {
                    return Err(error("invalid character class range", &start[..start.len() - rest.len()]));
                }
                high = end;
            }
            out.extend([&character(low), "-", &character(high)]);
        }
        out.push(']');
        self.emit(&out, whole.len() - rest.len() + 1);
        Ok(())
    }
}

/// A character that means itself everywhere, in a class too.
fn character(c: char) -> String {
    if c.is_alphanumeric() { c.to_string() } else { format!("\\x{{{:X}}}", u32::from(c)) }
}

/// `{2}`, `{2,}` or `{2,5}`: its length, and whether Go allows so many.
fn count(text: &str) -> Option<(usize, bool)> {
    let body = &text[1..text.find('}')?];
    let number = |digits: &str| {
        let is_number =
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        is_number.then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let (least, most) = match body.split_once(',') {
        None => (number(body)?, number(body)?),
        Some((least, "")) => (number(least)?, number(least)?),
        Some((least, most)) => (number(least)?, number(most)?),
    };
    Some((body.len() + 2, least <= most && most <= MOST_REPEATS))
}

fn perl_class(text: &str) -> Option<(String, usize)> {
    let (class, negated) = match text.strip_prefix('\\')?.chars().next()? {
        'd' => (DIGIT, false),
        'D' => (DIGIT, true),
        's' => (SPACE, false),
        'S' => (SPACE, true),
        'w' => (WORD, false),
        'W' => (WORD, true),
        _ => return None,
    };
    Some((format!("[{}{class}]", if negated { "^" } else { "" }), 2))
}

/// `\pL`, `\p{Greek}`, `\P{^Greek}`.
fn unicode_class(text: &str) -> Result<Option<(String, usize)>, String> {
    let Some(body) = text.strip_prefix(r"\p").or_else(|| text.strip_prefix(r"\P")) else { return Ok(None) };
    let Some(first) = body.chars().next() else { return Ok(None) };
    let length = if first == '{' {
        body.find('}').map(|end| end + 1).ok_or_else(|| error("invalid character class range", text))?
    } else {
        first.len_utf8()
    };
    let name = body[..length].trim_start_matches('{').trim_end_matches('}');
    let (turned, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
    let letter = if text.starts_with(r"\P") == turned { 'p' } else { 'P' };
    let class = format!("\\{letter}{{{name}}}");
    if regex::Regex::new(&class).is_err() {
        return Err(error("invalid character class range", &text[..2 + length]));
    }
    Ok(Some((class, 2 + length)))
}

fn posix_class(text: &str) -> Result<Option<(String, usize)>, String> {
    const NAMES: [&str; 14] =
        ["alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"];
    let Some(end) = text.strip_prefix("[:").and_then(|body| body.find(":]")) else { return Ok(None) };
    let name = &text[..end + 4];
    if !NAMES.contains(&text[2..end + 2].trim_start_matches('^')) {
        return Err(error("invalid character class range", name));
    }
    Ok(Some((name.to_owned(), name.len())))
}

fn class_character(text: &str, whole: &str) -> Result<(char, usize), String> {
    match text.chars().next() {
        None => Err(error("missing closing ]", whole)),
        Some('\\') => escaped(text),
        Some(c) => Ok((c, c.len_utf8())),
    }
}

/// The character that an escape stands for, and its length.
fn escaped(text: &str) -> Result<(char, usize), String> {
    let mut chars = text.char_indices().skip(1);
    let Some((_, c)) = chars.next() else { return Err(error("trailing backslash at end of expression", "")) };
    let wrong = |end: usize| Err(error("invalid escape sequence", &text[..end]));
    let simple = |c: char| Ok((c, 2));
    match c {
        'a' => simple('\u{7}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        '0'..='7' => {
            let digits = text[1..].bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            if c != '0' && digits < 2 {
                return wrong(2);
            }
            let code = u32::from_str_radix(&text[1..=digits], 8).unwrap_or(0);
            Ok((char::from_u32(code).unwrap_or_default(), 1 + digits))
        }
        'x' => hexadecimal(text),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => simple(c),
        c => wrong(1 + c.len_utf8()),
    }
}

/// `\x41` or `\x{1F600}`.
fn hexadecimal(text: &str) -> Result<(char, usize), String> {
    let body = &text[2..];
    let (digits, length) = match body.strip_prefix('{') {
        Some(inner) => match inner.find('}') {
            Some(end) => (&inner[..end], end + 2),
            None => (inner, body.len()),
        },
        None => (body.get(..2).unwrap_or(body), body.get(..2).map_or(body.len(), str::len)),
    };
    let is_whole = body.starts_with('{') == (length > digits.len()) && (body.starts_with('{') || digits.len() == 2);
    let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_whole && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match code.and_then(char::from_u32) {
        Some(c) => Ok((c, 2 + length)),
        None => Err(error("invalid escape sequence", &text[..2 + length])),
    }
}

#[cfg(test)]
mod tests {
    use regex::bytes::Regex;

    use super::*;

    fn finds(pattern: &str, subject: &str) -> Option<String> {
        let regex = Regex::new(&translate(pattern.as_bytes()).unwrap()).unwrap();
        regex.find(subject.as_bytes()).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned())
    }

    #[test]
    fn classes_are_ascii() {
        assert_eq!(finds(r"\d+", "٣5").as_deref(), Some("5"));
        assert_eq!(finds(r"\w+", "éa_1").as_deref(), Some("a_1"));
        assert_eq!(finds(r"[\W]+", "éa").as_deref(), Some("é"));
        assert_eq!(finds(r"\bb", "éb").as_deref(), Some("b"));
    }

    #[test]
    fn what_only_the_crate_would_understand_is_text() {
        assert_eq!(finds(r"[a&&b[]+", "x&[a").as_deref(), Some("&[a"));
        assert_eq!(finds(r"{a{,2}", "{a{,2}").as_deref(), Some("{a{,2}"));
        assert_eq!(finds(r"\<b\>", "<b>").as_deref(), Some("<b>"));
        assert_eq!(finds(r"\Qa.b\E.", "a.bc").as_deref(), Some("a.bc"));
        assert_eq!(finds(r"\101\x42\x{43}", "ABC").as_deref(), Some("ABC"));
        assert_eq!(finds(r"[]a-]+", "]-a").as_deref(), Some("]-a"));
        assert_eq!(finds(r"(?i)(?:É)[[:digit:]]", "é1").as_deref(), Some("é1"));
        assert_eq!(finds(r"\pN\P{L}\p{^L}", "123").as_deref(), Some("123"));
    }

    #[test]
    fn errors() {
        let cases = [
            ("[", "missing closing ]: `[`"),
            ("a(b", "missing closing ): `a(b`"),
            ("a)", "unexpected ): `a)`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a+?*", "invalid nested repetition operator: `+?*`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?P<a-b>x)", "invalid named capture: `(?P<a-b>`"),
            (r"\1", r"invalid escape sequence: `\1`"),
            (r"\y", r"invalid escape sequence: `\y`"),
            ("\\", "trailing backslash at end of expression: ``"),
            ("[z-a]", "invalid character class range: `z-a`"),
            (r"\p{Nope}", r"invalid character class range: `\p{Nope}`"),
            ("[[:nope:]]", "invalid character class range: `[:nope:]`"),
        ];
        for (pattern, expected) in cases {
            assert_eq!(translate(pattern.as_bytes()).unwrap_err(), format!("error parsing regexp: {expected}"), "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_translated_compiles(pattern in r"[a-c\[\]\\^(){}?*+|:,.$<>=!&0-9PpQEdwsbzxi-]{0,16}") {
            if let Ok(translated) = translate(pattern.as_bytes()) {
                // Too many repetitions within each other are too large for both.
                if let Err(error) = Regex::new(&translated) {
                    proptest::prop_assert!(error.to_string().contains("size limit"), "{} -> {}: {}", pattern, translated, error);
                }
            }
        }
    }
}
