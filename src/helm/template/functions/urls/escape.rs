//! What must be escaped in which part of a URL.

use crate::helm::template::print;

/// A part of a URL.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Host,
    /// What follows `%25` in an IPv6 address.
    Zone,
    Path,
    UserPassword,
    Fragment,
}

impl Place {
    fn must_escape(self, byte: u8) -> bool {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            return false;
        }
        match self {
            Self::Host | Self::Zone => !br#"!$&'()*+,;=:[]<>""#.contains(&byte),
            Self::Path => !b"$&+,/:;=@".contains(&byte),
            Self::UserPassword => !b"$&+,;=".contains(&byte),
            Self::Fragment => !b"$&+,/:;=?@!()*".contains(&byte),
        }
    }
}

/// Escapes what must be.
pub(super) fn escape(bytes: &[u8], place: Place) -> Vec<u8> {
    let escaped =
        |byte: &u8| if place.must_escape(*byte) { format!("%{byte:02X}").into_bytes() } else { vec![*byte] };
    bytes.iter().flat_map(escaped).collect()
}

/// Takes escapes back; the error is Go's.
pub(super) fn unescape(bytes: &[u8], place: Place) -> Result<Vec<u8>, String> {
    let (mut out, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    let in_host = matches!(place, Place::Host | Place::Zone);
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            if in_host && first.is_ascii() && place.must_escape(*first) {
                return Err(format!("invalid character {} in host name", print::quote(&[*first], false)));
            }
            out.push(*first);
            rest = after;
            continue;
        }
        let wrong = || format!("invalid URL escape {}", print::quote(&rest[..rest.len().min(3)], false));
        let byte = after.get(..2).and_then(hexadecimal).ok_or_else(wrong)?;
        let is_percent = byte == b'%';
        if place == Place::Host && byte.is_ascii() && !is_percent
            || place == Place::Zone && !is_percent && byte != b' ' && Place::Host.must_escape(byte)
        {
            return Err(wrong());
        }
        out.push(byte);
        rest = &after[2..];
    }
    Ok(out)
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let [high, low] = [digits[0], digits[1]].map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        assert_eq!(escape("/a b?é;".as_bytes(), Place::Path), b"/a%20b%3F%C3%A9;");
        assert_eq!(unescape(b"%41+%c3%A9", Place::Path).unwrap(), "A+é".as_bytes());
        assert_eq!(unescape(b"%4", Place::Path).unwrap_err(), "invalid URL escape \"%4\"");
        assert_eq!(unescape(b"a%20b", Place::Host).unwrap_err(), "invalid URL escape \"%20\"");
        assert_eq!(unescape(b"%25en%200", Place::Zone).unwrap(), b"%en 0");
    }
}
