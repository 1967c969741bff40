//! Go's quoted strings and characters (`%q`).

use std::fmt::Write as _;

/// A double-quoted Go string; `ascii` escapes everything else.
pub fn quote(bytes: &[u8], ascii: bool) -> String {
    let mut quoted = String::with_capacity(bytes.len() + 2);
    quoted.push('"');
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|letter| escape(&mut quoted, letter, '"', ascii));
        for byte in chunk.invalid() {
            let _ = write!(quoted, "\\x{byte:02x}");
        }
    }
    quoted.push('"');
    quoted
}

/// A single-quoted Go character.
pub(super) fn quote_char(letter: char, ascii: bool) -> String {
    let mut quoted = String::from("'");
    escape(&mut quoted, letter, '\'', ascii);
    quoted.push('\'');
    quoted
}

/// Whether Go would write the string between backquotes for `%#q`.
pub(super) fn can_backquote(bytes: &[u8]) -> bool {
    let plain =
        |letter: char| !matches!(letter, '\u{feff}' | '`' | '\u{7f}') && (letter >= ' ' || letter == '\t');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(plain))
}

fn escape(out: &mut String, letter: char, quote: char, ascii: bool) {
    match letter {
        '\\' => out.push_str("\\\\"),
        _ if letter == quote => out.extend(['\\', letter]),
        _ if (letter.is_ascii() || !ascii) && is_print(letter) => out.push(letter),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        '\0'..' ' | '\u{7f}' => drop(write!(out, "\\x{:02x}", u32::from(letter))),
        '\0'..='\u{ffff}' => drop(write!(out, "\\u{:04x}", u32::from(letter))),
        _ => drop(write!(out, "\\U{:08x}", u32::from(letter))),
    }
}

/// `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub fn is_print(letter: char) -> bool {
    if letter.is_ascii() {
        return (' '..='~').contains(&letter);
    }
    // Rust escapes the same characters when it shows a text, except a mark at its beginning.
    let mut text = String::from("a");
    text.push(letter);
    text.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_as_go_quotes_them() {
        let cases: [(&[u8], &str); 8] = [
            (b"a\"b\\", r#""a\"b\\""#),
            (b"\n\t\r\x07\x00\x7f", r#""\n\t\r\a\x00\x7f""#),
            ("h\u{e9}llo \u{4e16}".as_bytes(), "\"h\u{e9}llo \u{4e16}\""),
            (b"h\xc3", r#""h\xc3""#),
            ("\u{feff}\u{200b}\u{a0}".as_bytes(), r#""\ufeff\u200b\u00a0""#),
            ("\u{1f600}".as_bytes(), "\"\u{1f600}\""),
            ("e\u{301}".as_bytes(), "\"e\u{301}\""),
            ("\u{e0001}".as_bytes(), r#""\U000e0001""#),
        ];
        for (bytes, quoted) in cases {
            assert_eq!(quote(bytes, false), quoted);
        }
        assert_eq!(quote("\u{e9}\u{1f600}".as_bytes(), true), r#""\u00e9\U0001f600""#);
        assert_eq!(quote_char('\'', false), r"'\''");
    }

    #[test]
    fn backquotes_need_plain_text() {
        assert!(can_backquote(b"a\tb\"\\"));
        for text in [b"a`b".as_slice(), b"a\nb", b"\xff"] {
            assert!(!can_backquote(text));
        }
    }
}
