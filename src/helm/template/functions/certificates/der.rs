//! Enough of ASN.1's DER to write a certificate and to read a key.

/// Tags of the types used here.
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// `[0]`, `[1]` … around another value.
pub(super) const fn wrapping(number: u8) -> u8 {
    0xa0 | number
}

/// `[0]`, `[1]` … in place of a simple type.
pub(super) const fn replacing(number: u8) -> u8 {
    0x80 | number
}

/// One value: tag, length, content.
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let digits = &length[length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1)..];
    match digits {
        [short] if *short < 0x80 => out.push(*short),
        digits => {
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(0));
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A value that holds others.
pub(super) fn holding(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    value(tag, &parts.concat())
}

/// A number that is not negative, from its big-endian bytes.
pub(super) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let significant =
        &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len().saturating_sub(1))..];
    let sign: &[u8] = if significant.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    value(INTEGER, &[sign, significant].concat())
}

/// Whole bytes as bits.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], bytes].concat())
}

/// The first value: its tag, its content, and what follows.
pub(super) fn read(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first & 0x7f {
        short if first < &0x80 => (usize::from(short), rest),
        count @ 1..=4 => {
            let (digits, rest) = rest.split_at_checked(usize::from(count))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The content of the first value, if it is of this type, and what follows.
pub(super) fn expect(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    read(bytes).filter(|(tag, ..)| *tag == wanted).map(|(_, content, rest)| (content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![5; length];
            let written = value(OCTET_STRING, &content);
            assert_eq!(read(&written), Some((OCTET_STRING, content.as_slice(), b"".as_slice())), "{length}");
        }
    }

    #[test]
    fn numbers_are_not_negative() {
        assert_eq!(unsigned(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(unsigned(&[0]), [2, 1, 0]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
