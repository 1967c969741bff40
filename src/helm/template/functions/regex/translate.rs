//! RE2's syntax, as Go reads it, in the words of the crate `regex`.
//!
//! The two agree on most; here `\d \w \s \b` are ASCII only, `{` is a character where it is no count, sets
//! have no operators, and Go's errors come out.

/// A pattern that means the same to the crate.
#[derive(Debug)]
pub(super) struct Translated {
    /// The pattern, without names.
    pub(super) pattern: String,
    /// The names of groups with their numbers. Go allows one name for several groups, the crate does not.
    pub(super) names: Vec<(String, usize)>,
}

/// Translates a pattern; the error is Go's.
pub(super) fn translate(pattern: &[u8]) -> Result<Translated, String> {
    let pattern = str::from_utf8(pattern)
        .map_err(|wrong| error("invalid UTF-8", &String::from_utf8_lossy(&pattern[wrong.valid_up_to()..])))?;
    let mut translator = Translator {
        pattern,
        rest: pattern,
        out: String::new(),
        open: Vec::new(),
        groups: 0,
        names: Vec::new(),
        atom: None,
        most: 0,
        repeated: None,
    };
    while !translator.rest.is_empty() {
        translator.step()?;
    }
    if !translator.open.is_empty() {
        return Err(error("missing closing )", pattern));
    }
    Ok(Translated { pattern: translator.out, names: translator.names })
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
    /// For each open group, how often the things in the group around it are repeated at most.
    open: Vec<u32>,
    groups: usize,
    names: Vec<(String, usize)>,
    /// What stands directly before and `*` may repeat: how often something in it is repeated already.
    atom: Option<u32>,
    /// How often something in this group is repeated at most.
    most: u32,
    /// Where the repetition started that stands directly before.
    repeated: Option<&'a str>,
}

impl<'a> Translator<'a> {
    fn step(&mut self) -> Result<(), String> {
        let repeated = self.repeated.take();
        let Some(first) = self.rest.chars().next() else { return Ok(()) };
        match first {
            '*' | '+' | '?' => return self.repeat(self.rest, 1, self.atom.unwrap_or(1), repeated),
            '{' => match count(self.rest) {
                Some((length, times)) => {
                    // Repetitions within repetitions multiply.
                    let total = times.map(|times| times.saturating_mul(self.atom.unwrap_or(1).max(1)));
                    if total.is_none_or(|total| total > MOST_REPEATS) {
                        return Err(error("invalid repeat count", &self.rest[..length]));
                    }
                    return self.repeat(self.rest, length, total.unwrap_or(1), repeated);
                }
                None => self.literal('{', 1),
            },
            '(' if self.rest.starts_with("(?") => return self.flags(),
            '(' => {
                self.groups += 1;
                self.enter("(", 1);
            }
            ')' => {
                let Some(around) = self.open.pop() else { return Err(error("unexpected )", self.pattern)) };
                let within = std::mem::replace(&mut self.most, around);
                self.copy(1, Some(within));
                self.most = self.most.max(within);
            }
            '|' => self.copy(1, None),
            '^' | '$' | '.' => self.copy(1, Some(1)),
            '[' => self.class()?,
            '\\' => self.escape()?,
            c => self.literal(c, c.len_utf8()),
        }
        Ok(())
    }

    fn copy(&mut self, length: usize, atom: Option<u32>) {
        self.out.push_str(&self.rest[..length]);
        self.rest = &self.rest[length..];
        self.atom = atom;
    }

    fn enter(&mut self, opening: &str, length: usize) {
        self.out.push_str(opening);
        self.rest = &self.rest[length..];
        self.atom = None;
        self.open.push(std::mem::take(&mut self.most));
    }

    fn emit(&mut self, translated: &str, length: usize) {
        self.out.push_str(translated);
        self.rest = &self.rest[length..];
        self.atom = Some(1);
    }

    fn literal(&mut self, c: char, length: usize) {
        self.emit(&character(c), length);
    }

    /// `x**` is an error, and so is a repetition of nothing.
    fn repeat(
        &mut self,
        before: &'a str,
        length: usize,
        times: u32,
        repeated: Option<&'a str>,
    ) -> Result<(), String> {
        let length = length + usize::from(before[length..].starts_with('?'));
        if let Some(start) = repeated {
            let stacked = start.len() - before.len() + length;
            return Err(error("invalid nested repetition operator", &start[..stacked]));
        }
        if self.atom.is_none() {
            return Err(error("missing argument to repetition operator", &before[..length]));
        }
        self.copy(length, Some(times));
        self.most = self.most.max(times);
        self.repeated = Some(before);
        Ok(())
    }

    /// `(?i)`, `(?i:`, `(?P<name>`.
    fn flags(&mut self) -> Result<(), String> {
        let group = self.rest;
        if let Some(name) = group
            .strip_prefix("(?P<")
            .filter(|name| !name.is_empty())
            .or_else(|| group.strip_prefix("(?<").filter(|name| !name.is_empty()))
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
                        self.enter(&group[..=at], at + 1);
                    } else if at > 2 {
                        self.copy(at + 1, self.atom);
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
        self.groups += 1;
        self.names.push((name.to_owned(), self.groups));
        self.enter("(", whole.len());
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
                self.atom = if literal.is_empty() { self.atom } else { Some(1) };
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
            if let Some((class, length)) =
                posix_class(rest)?.or(unicode_class(rest)?).or_else(|| perl_class(rest))
            {
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

/// `{2}`, `{2,}` or `{2,5}`: its length, and how often that is at most; none for what makes no sense.
fn count(text: &str) -> Option<(usize, Option<u32>)> {
    let body = &text[1..text.find('}')?];
    let number = |digits: &str| {
        let is_number = !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        is_number.then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let (least, most) = match body.split_once(',') {
        None => (number(body)?, number(body)?),
        Some((least, "")) => (number(least)?, number(least)?),
        Some((least, most)) => (number(least)?, number(most)?),
    };
    Some((body.len() + 2, Some(most).filter(|_| least <= most)))
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
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
        "upper", "word", "xdigit",
    ];
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

/// `\x41` or `\x{1F600}`. An error shows the text up to where it became clear.
fn hexadecimal(text: &str) -> Result<(char, usize), String> {
    let body = &text[2..];
    let in_braces = body.starts_with('{');
    let (mut code, mut digits) = (0_u32, 0);
    for (at, c) in body.char_indices().skip(usize::from(in_braces)) {
        let end = 2 + at + c.len_utf8();
        if in_braces && c == '}' && digits > 0 {
            return char::from_u32(code)
                .map(|c| (c, end))
                .ok_or_else(|| error("invalid escape sequence", &text[..end]));
        }
        let value =
            c.to_digit(16).map(|digit| code << 4 | digit).filter(|code| *code <= u32::from(char::MAX));
        // Without braces Go looks at the second character before it judges the first.
        if value.is_none() && (in_braces || digits == 1) {
            return Err(error("invalid escape sequence", &text[..end]));
        }
        code = value.unwrap_or(u32::MAX >> 4);
        digits += 1;
        if !in_braces && digits == 2 {
            return char::from_u32(code)
                .map(|c| (c, end))
                .ok_or_else(|| error("invalid escape sequence", &text[..end]));
        }
    }
    Err(error("invalid escape sequence", text))
}

#[cfg(test)]
mod tests {
    use regex::bytes::Regex;

    use super::*;

    fn finds(pattern: &str, subject: &str) -> Option<String> {
        let regex = Regex::new(&translate(pattern.as_bytes()).unwrap().pattern).unwrap();
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
            ("(a{500}b)*{1}", "invalid nested repetition operator: `*{1}`"),
            ("(?:(a{500}b)*c){3}", "invalid repeat count: `{3}`"),
            (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
            (r"\x4g", r"invalid escape sequence: `\x4g`"),
            (r"\x{}", r"invalid escape sequence: `\x{}`"),
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
            assert_eq!(
                translate(pattern.as_bytes()).unwrap_err(),
                format!("error parsing regexp: {expected}"),
                "{pattern}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_translated_compiles(pattern in r"[a-c\[\]\\^(){}?*+|:,.$<>=!&0-9PpQEdwsbzxi-]{0,16}") {
            if let Ok(translated) = translate(pattern.as_bytes()) {
                // Too many repetitions within each other are too large for both.
                if let Err(error) = Regex::new(&translated.pattern) {
                    proptest::prop_assert!(error.to_string().contains("size limit"), "{} -> {:?}: {}", pattern, translated, error);
                }
            }
        }
    }
}
