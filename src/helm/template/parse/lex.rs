//! Cuts a template into tokens, with the trimming of `{{-` and `-}}`.

use memchr::memchr_iter;
use memchr::memmem::find;

use super::token::{Kind, Token};
use crate::helm::template::print;

const LEFT: &[u8] = b"{{";
const RIGHT: &[u8] = b"}}";
const SPACES: &[u8] = b" \t\r\n";

/// Cuts a text into tokens, one at a time.
pub(super) struct Lexer<'s> {
    input: &'s [u8],
    /// Where the token under way starts.
    start: usize,
    at: usize,
    /// The line of `start`.
    line: usize,
    inside_action: bool,
    open_parens: usize,
    /// What is wrong, once an error token has been given.
    pub(super) error: String,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(input: &'s [u8]) -> Self {
        Self { input, start: 0, at: 0, line: 1, inside_action: false, open_parens: 0, error: String::new() }
    }

    /// The next token; after the end and after an error, the end again and again.
    pub(super) fn next(&mut self) -> Token<'s> {
        if self.inside_action { self.action() } else { self.text() }
    }

    fn rest(&self) -> &'s [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn emit(&mut self, kind: Kind) -> Token<'s> {
        let text = self.input.get(self.start..self.at).unwrap_or_default();
        let token = Token { kind, text, position: self.start, line: self.line };
        self.ignore();
        token
    }

    /// Leaves out what was read since the last token.
    fn ignore(&mut self) {
        let read = self.input.get(self.start..self.at).unwrap_or_default();
        self.line += memchr_iter(b'\n', read).count();
        self.start = self.at;
    }

    fn fail(&mut self, message: impl Into<String>) -> Token<'s> {
        let token = Token { kind: Kind::Error, text: b"", position: self.start, line: self.line };
        self.error = message.into();
        (self.input, self.start, self.at, self.inside_action) = (b"", 0, 0, false);
        token
    }

    /// Outside of actions: the text up to the next one, or the beginning of one.
    fn text(&mut self) -> Token<'s> {
        loop {
            let Some(length) = find(self.rest(), LEFT) else {
                self.at = self.input.len();
                return self.emit(if self.at > self.start { Kind::Text } else { Kind::Eof });
            };
            let text = self.rest().get(..length).unwrap_or_default();
            let trimmed = if trims_left(self.rest().get(length + LEFT.len()..).unwrap_or_default()) {
                trim_end(text)
            } else {
                length
            };
            self.at += trimmed;
            if trimmed > 0 {
                let token = self.emit(Kind::Text);
                self.at += length - trimmed;
                self.ignore();
                return token;
            }
            self.at += length;
            self.ignore();
            if let Some(token) = self.left_delimiter() {
                return token;
            }
        }
    }

    /// `{{`, or a whole comment, which is no token.
    fn left_delimiter(&mut self) -> Option<Token<'s>> {
        self.at += LEFT.len();
        let marker = if trims_left(self.rest()) { 2 } else { 0 };
        if self.rest().get(marker..).unwrap_or_default().starts_with(b"/*") {
            self.at += marker;
            self.ignore();
            return self.comment();
        }
        let token = self.emit(Kind::LeftDelimiter);
        self.at += marker;
        self.ignore();
        self.inside_action = true;
        self.open_parens = 0;
        Some(token)
    }

    /// Skips a comment; a token only where it is broken.
    fn comment(&mut self) -> Option<Token<'s>> {
        let Some(length) = find(self.rest().get(2..).unwrap_or_default(), b"*/") else {
            return Some(self.fail("unclosed comment"));
        };
        self.at += 2 + length + 2;
        let Some(trim) = self.at_right_delimiter() else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.skip_right_delimiter(trim);
        None
    }

    /// Whether an action ends here, and whether it trims what follows.
    fn at_right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        match rest {
            [space, b'-', b'}', b'}', ..] if SPACES.contains(space) => Some(true),
            _ => rest.starts_with(RIGHT).then_some(false),
        }
    }

    fn skip_right_delimiter(&mut self, trim: bool) {
        self.at += if trim { 4 } else { 2 };
        self.skip_trimmed(trim);
    }

    fn skip_trimmed(&mut self, trim: bool) {
        if trim {
            self.at += self.rest().iter().take_while(|byte| SPACES.contains(byte)).count();
        }
        self.ignore();
    }

    fn right_delimiter(&mut self, trim: bool) -> Token<'s> {
        if trim {
            self.at += 2;
            self.ignore();
        }
        self.at += RIGHT.len();
        let token = self.emit(Kind::RightDelimiter);
        self.skip_trimmed(trim);
        self.inside_action = false;
        token
    }

    fn action(&mut self) -> Token<'s> {
        if let Some(trim) = self.at_right_delimiter() {
            return if self.open_parens == 0 {
                self.right_delimiter(trim)
            } else {
                self.fail("unclosed left paren")
            };
        }
        let Some((letter, width)) = decode(self.rest()) else { return self.fail("unclosed action") };
        if letter.is_ascii() && SPACES.contains(&self.rest()[0]) {
            return self.space();
        }
        let after = self.rest().get(width).copied();
        match letter {
            '.' if after.is_some_and(|byte| !byte.is_ascii_digit()) => self.name(Kind::Field),
            '$' => self.name(Kind::Variable),
            '.' | '+' | '-' | '0'..='9' => self.number(),
            '"' => self.quoted(b'"'),
            '\'' => self.quoted(b'\''),
            '`' => self.raw_string(),
            _ if is_alphanumeric(letter) => self.word(),
            _ => self.symbol(letter, width),
        }
    }

    fn symbol(&mut self, letter: char, width: usize) -> Token<'s> {
        self.at += width;
        match letter {
            '=' => self.emit(Kind::Assign),
            ':' if self.rest().first() == Some(&b'=') => {
                self.at += 1;
                self.emit(Kind::Declare)
            }
            ':' => self.fail("expected :="),
            '|' => self.emit(Kind::Pipe),
            '(' => {
                self.open_parens += 1;
                self.emit(Kind::LeftParen)
            }
            ')' if self.open_parens == 0 => self.fail("unexpected right paren"),
            ')' => {
                self.open_parens -= 1;
                self.emit(Kind::RightParen)
            }
            ' '..='~' => self.emit(Kind::Char),
            _ => self.fail(format!("unrecognized character in action: {}", unicode(letter))),
        }
    }

    /// Spaces, but not the one that belongs to ` -}}`.
    fn space(&mut self) -> Token<'s> {
        let count = self.rest().iter().take_while(|byte| SPACES.contains(byte)).count();
        self.at += count - 1;
        match self.at_right_delimiter() {
            Some(true) if count == 1 => self.right_delimiter(true),
            Some(true) => self.emit(Kind::Space),
            _ => {
                self.at += 1;
                self.emit(Kind::Space)
            }
        }
    }

    fn skip_alphanumeric(&mut self) {
        while let Some((_, width)) = decode(self.rest()).filter(|(letter, _)| is_alphanumeric(*letter)) {
            self.at += width;
        }
    }

    /// `.name` or `$name`, or the dot or the dollar alone.
    fn name(&mut self, kind: Kind) -> Token<'s> {
        self.at += 1;
        if self.at_terminator() {
            return self.emit(if kind == Kind::Field { Kind::Dot } else { kind });
        }
        self.skip_alphanumeric();
        if self.at_terminator() { self.emit(kind) } else { self.bad_character() }
    }

    fn word(&mut self) -> Token<'s> {
        self.skip_alphanumeric();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let word = self.input.get(self.start..self.at).unwrap_or_default();
        let kind = match word {
            b"true" | b"false" => Kind::Bool,
            _ => Kind::keyword(word).unwrap_or(Kind::Identifier),
        };
        self.emit(kind)
    }

    fn bad_character(&mut self) -> Token<'s> {
        let letter = decode(self.rest()).map_or('\u{fffd}', |(letter, _)| letter);
        self.fail(format!("bad character {}", unicode(letter)))
    }

    /// Whether a name may end here.
    fn at_terminator(&self) -> bool {
        let rest = self.rest();
        rest.first().is_none_or(|byte| SPACES.contains(byte) || b".,|:)(".contains(byte))
            || rest.starts_with(RIGHT)
    }

    /// A string or a character in quotes; escapes are read later.
    fn quoted(&mut self, quote: u8) -> Token<'s> {
        self.at += 1;
        loop {
            let escaped = self.rest().first() == Some(&b'\\');
            self.at += usize::from(escaped);
            match self.rest().first() {
                None | Some(b'\n') => {
                    let what = if quote == b'"' { "quoted string" } else { "character constant" };
                    return self.fail(format!("unterminated {what}"));
                }
                Some(byte) => {
                    self.at += 1;
                    if *byte == quote && !escaped {
                        return self.emit(if quote == b'"' { Kind::String } else { Kind::CharConstant });
                    }
                }
            }
        }
    }

    fn raw_string(&mut self) -> Token<'s> {
        match find(self.rest().get(1..).unwrap_or_default(), b"`") {
            Some(length) => {
                self.at += length + 2;
                self.emit(Kind::RawString)
            }
            None => self.fail("unterminated raw quoted string"),
        }
    }

    fn number(&mut self) -> Token<'s> {
        let mut good = self.scan_number();
        let mut kind = Kind::Number;
        if good && matches!(self.rest().first(), Some(b'+' | b'-')) {
            kind = Kind::Complex;
            good = self.scan_number() && self.input.get(self.at - 1) == Some(&b'i');
        }
        if good {
            return self.emit(kind);
        }
        let text = print::quote(self.input.get(self.start..self.at).unwrap_or_default(), false);
        self.fail(format!("bad number syntax: {text}"))
    }

    fn accept(&mut self, valid: &[u8]) -> bool {
        let accepted = self.rest().first().is_some_and(|byte| valid.contains(byte));
        self.at += usize::from(accepted);
        accepted
    }

    fn accept_run(&mut self, valid: &[u8]) {
        while self.accept(valid) {}
    }

    /// Reads what may be a number; whether it really is one is seen later.
    fn scan_number(&mut self) -> bool {
        const DECIMAL: &[u8] = b"0123456789_";
        const HEXADECIMAL: &[u8] = b"0123456789abcdefABCDEF_";
        self.accept(b"+-");
        let mut digits = DECIMAL;
        if self.accept(b"0") {
            if self.accept(b"xX") {
                digits = HEXADECIMAL;
            } else if self.accept(b"oO") {
                digits = b"01234567_";
            } else if self.accept(b"bB") {
                digits = b"01_";
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        if digits == DECIMAL && self.accept(b"eE") || digits == HEXADECIMAL && self.accept(b"pP") {
            self.accept(b"+-");
            self.accept_run(DECIMAL);
        }
        self.accept(b"i");
        match decode(self.rest()).filter(|(letter, _)| is_alphanumeric(*letter)) {
            Some((_, width)) => {
                self.at += width;
                false
            }
            None => true,
        }
    }
}

fn trims_left(after_delimiter: &[u8]) -> bool {
    matches!(after_delimiter, [b'-', space, ..] if SPACES.contains(space))
}

fn trim_end(text: &[u8]) -> usize {
    text.iter().rposition(|byte| !SPACES.contains(byte)).map_or(0, |last| last + 1)
}

/// The first character and its length; a broken byte is U+FFFD.
fn decode(text: &[u8]) -> Option<(char, usize)> {
    let first = *text.first()?;
    if first.is_ascii() {
        return Some((char::from(first), 1));
    }
    let start = text.get(..text.len().min(4))?;
    let letter = start.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    Some(letter.map_or(('\u{fffd}', 1), |letter| (letter, letter.len_utf8())))
}

fn is_alphanumeric(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

/// `U+0022 '"'`.
fn unicode(letter: char) -> String {
    let shown = if print::is_print(letter) { format!(" '{letter}'") } else { String::new() };
    format!("U+{:04X}{shown}", u32::from(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        let mut lexer = Lexer::new(text.as_bytes());
        let mut seen = Vec::new();
        loop {
            let token = lexer.next();
            match token.kind {
                Kind::Eof => return seen,
                Kind::Error => seen.push(format!("{}: {}", token.line, lexer.error)),
                Kind::Space => {}
                kind => seen.push(format!("{kind:?} {}", String::from_utf8_lossy(token.text))),
            }
        }
    }

    #[test]
    fn text_comments_and_trimming() {
        assert_eq!(tokens("a {{- /* x */ -}} \n b"), ["Text a", "Text b"]);
        assert_eq!(tokens("a {{- 1 -}} b")[..3], ["Text a", "LeftDelimiter {{", "Number 1"]);
        assert_eq!(tokens("{{-1}}"), ["LeftDelimiter {{", "Number -1", "RightDelimiter }}"]);
        assert_eq!(tokens("{{3 -}}  x"), ["LeftDelimiter {{", "Number 3", "RightDelimiter }}", "Text x"]);
    }

    #[test]
    fn everything_inside_an_action() {
        let expected = [
            "LeftDelimiter {{",
            "If if",
            "Variable $x",
            "Field .y",
            "Dot .",
            "Variable $",
            "LeftParen (",
            "String \"a\\\"b\"",
            "RawString `c\n`",
            "CharConstant '\\''",
            "RightParen )",
            "Pipe |",
            "Identifier f",
            "Declare :=",
            "Char ,",
            "Assign =",
            "Number 0x1F",
            "Complex 1+2i",
            "Bool true",
            "RightDelimiter }}",
        ];
        assert_eq!(tokens("{{if $x.y . $ (\"a\\\"b\" `c\n` '\\'')|f := , = 0x1F 1+2i true}}"), expected);
    }

    #[test]
    fn what_is_broken_and_where() {
        let cases = [
            ("{{\n.x", "2: unclosed action"),
            ("\n{{/* x }}", "2: unclosed comment"),
            ("{{/* x */ y}}", "1: comment ends before closing delimiter"),
            ("{{(}}", "1: unclosed left paren"),
            ("{{)}}", "1: unexpected right paren"),
            ("{{\"x\n\"}}", "1: unterminated quoted string"),
            ("{{'x", "1: unterminated character constant"),
            ("{{`x", "1: unterminated raw quoted string"),
            ("{{ x\"y\" }}", "1: bad character U+0022 '\"'"),
            ("{{ .x+1 }}", "1: bad character U+002B '+'"),
            ("{{ 3k }}", "1: bad number syntax: \"3k\""),
            ("{{ x : y }}", "1: expected :="),
            ("{{ \u{20ac} }}", "1: unrecognized character in action: U+20AC '\u{20ac}'"),
        ];
        for (text, error) in cases {
            assert_eq!(tokens(text).last().unwrap(), error, "{text}");
        }
    }
}
