//! What a string or character literal means: escapes read as Go reads them.

/// A character of a literal: `\x` and octal escapes are bytes, everything else is Unicode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    Byte(u8),
    Char(char),
}

impl Letter {
    /// Its number.
    pub(super) fn code(self) -> u32 {
        match self {
            Self::Byte(byte) => u32::from(byte),
            Self::Char(letter) => u32::from(letter),
        }
    }
}

/// The bytes of a quoted or raw string, its quotes included; `None` where Go says "invalid syntax".
pub(super) fn string(literal: &[u8]) -> Option<Vec<u8>> {
    let (quote, rest) = literal.split_first()?;
    let (_, mut inner) = rest.split_last()?;
    if *quote == b'`' {
        return Some(inner.iter().copied().filter(|byte| *byte != b'\r').collect());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    while !inner.is_empty() {
        let (letter, length) = character(inner, b'"')?;
        match letter {
            Letter::Byte(byte) => bytes.push(byte),
            Letter::Char(letter) => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        inner = inner.get(length..)?;
    }
    Some(bytes)
}

/// The first character of a literal's inside, and how many bytes it takes.
pub(super) fn character(text: &[u8], quote: u8) -> Option<(Letter, usize)> {
    match text {
        [] | [b'\n', ..] | [b'\\'] => None,
        [b'\\', escape, rest @ ..] => {
            escaped(*escape, rest, quote).map(|(letter, length)| (letter, length + 2))
        }
        [first, ..] if *first == quote => None,
        _ => {
            let start = text.get(..text.len().min(4))?;
            let letter = start.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
            Some(
                letter.map_or((Letter::Char('\u{fffd}'), 1), |letter| {
                    (Letter::Char(letter), letter.len_utf8())
                }),
            )
        }
    }
}

fn escaped(escape: u8, rest: &[u8], quote: u8) -> Option<(Letter, usize)> {
    let byte = |byte: u8| Some((Letter::Byte(byte), 0));
    match escape {
        b'a' => byte(7),
        b'b' => byte(8),
        b'f' => byte(12),
        b'n' => byte(b'\n'),
        b'r' => byte(b'\r'),
        b't' => byte(b'\t'),
        b'v' => byte(11),
        b'\\' => byte(b'\\'),
        b'\'' | b'"' if escape == quote => byte(quote),
        b'x' => Some((Letter::Byte(u8::try_from(digits(rest, 2, 16)?).ok()?), 2)),
        b'u' => Some((Letter::Char(char::from_u32(digits(rest, 4, 16)?)?), 4)),
        b'U' => Some((Letter::Char(char::from_u32(digits(rest, 8, 16)?)?), 8)),
        b'0'..=b'7' => {
            let number = u32::from(escape - b'0') * 64 + digits(rest, 2, 8)?;
            Some((Letter::Byte(u8::try_from(number).ok()?), 2))
        }
        _ => None,
    }
}

fn digits(text: &[u8], count: usize, base: u32) -> Option<u32> {
    let text = std::str::from_utf8(text.get(..count)?).ok()?;
    text.chars().try_fold(0u32, |number, digit| number.checked_mul(base)?.checked_add(digit.to_digit(base)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_as_go_reads_them() {
        let cases: [(&[u8], Option<&[u8]>); 10] = [
            (br#""a\"b\\\n\t""#, Some(b"a\"b\\\n\t")),
            (br#""\x41\101\u00e9""#, Some(b"AA\xc3\xa9")),
            (br#""\xff""#, Some(b"\xff")),
            (b"`a\\n\r\nb`", Some(b"a\\n\nb")),
            (br#""\'""#, None),
            (br#""\400""#, None),
            (br#""\ud800""#, None),
            (br#""\x4""#, None),
            (br#""\q""#, None),
            (br#""""#, Some(b"")),
        ];
        for (literal, bytes) in cases {
            assert_eq!(string(literal).as_deref(), bytes, "{}", String::from_utf8_lossy(literal));
        }
    }
}
