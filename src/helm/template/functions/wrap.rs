//! Functions that shorten a text or break it into lines. They count bytes.

use super::{fixed, text};
use crate::helm::template::function::{
    Function,
    Parameter::{Int, Str},
};

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("wrap", &[Int, Str], |_, a| text(wrapped(a.text(1), a.int(0), b"\n", false))),
    fixed("wrapWith", &[Int, Str, Str], |_, a| text(wrapped(a.text(2), a.int(0), a.text(1), true))),
    fixed("abbrev", &[Int, Str], |_, a| text(abbreviated(a.text(1), 0, a.int(0)))),
    fixed("abbrevboth", &[Int, Int, Str], |_, a| {
        let (left, right) = (a.int(0), a.int(1));
        text(if right < 4 || left > 0 && right < 7 {
            a.text(2).to_vec()
        } else {
            abbreviated(a.text(2), left, right)
        })
    }),
];

/// Breaks at spaces; a word that is too long is cut only if `cut`.
fn wrapped(bytes: &[u8], width: i64, separator: &[u8], cut: bool) -> Vec<u8> {
    let separator = if separator.is_empty() { b"\n" } else { separator };
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let space = rest[..=width].iter().rposition(|byte| *byte == b' ');
        let next_space = || rest[width..].iter().position(|byte| *byte == b' ').map(|at| at + width);
        let (line, skip) = match space {
            Some(at) => (at, 1),
            None if cut => (width, 0),
            None => match next_space() {
                Some(at) => (at, 1),
                None => break,
            },
        };
        out.extend_from_slice(&rest[..line]);
        out.extend_from_slice(separator);
        rest = &rest[line + skip..];
    }
    out.extend_from_slice(rest);
    out
}

/// At most `width` bytes, `...` for what is left out after `width`, and before `offset`.
fn abbreviated(bytes: &[u8], offset: i64, width: i64) -> Vec<u8> {
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    if width < 4 || length <= width {
        return bytes.to_vec();
    }
    let offset = offset.min(length);
    let offset = if length.wrapping_sub(offset) < width - 3 { length - (width - 3) } else { offset };
    // From here on all are between 0 and the length.
    let at = |position: i64| usize::try_from(position).unwrap_or(0).min(bytes.len());
    if offset <= 4 {
        return [&bytes[..at(width - 3)], b"..."].concat();
    }
    if offset + width - 3 < length {
        return [b"...", abbreviated(&bytes[at(offset)..], 0, width - 3).as_slice()].concat();
    }
    [b"...", &bytes[at(length - (width - 3))..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrap(text: &str, width: i64, separator: &str, cut: bool) -> String {
        String::from_utf8(wrapped(text.as_bytes(), width, separator.as_bytes(), cut)).unwrap()
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("Here is one line of text", 10, "\n", false), "Here is\none line\nof text");
        assert_eq!(wrap("averylongword short", 4, "", false), "averylongword\nshort");
        assert_eq!(wrap("averylongword short", 4, "|", true), "aver|ylon|gwor|d|shor|t");
        assert_eq!(wrap("abc", -1, "|", true), "a|b|c");
    }

    #[test]
    fn dots_stand_for_what_is_left_out() {
        assert_eq!(abbreviated(b"hello world", 0, 5), b"he...");
        assert_eq!(abbreviated(b"1234 5678 9123", 5, 10), b"...5678...");
        assert_eq!(abbreviated(b"1234 5678 9123", 20, 8), b"... 9123");
    }
}
