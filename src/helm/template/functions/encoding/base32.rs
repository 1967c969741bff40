//! Base32 as Go's standard library encodes and decodes it.

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Encodes, with padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    let group = |chunk: &[u8]| {
        let bits = |at: usize| u16::from(chunk.get(at).copied().unwrap_or(0));
        // The five bits that start at bit `5 * at` lie in two bytes.
        let five = |at: usize| (bits(at * 5 / 8) << 8 | bits(at * 5 / 8 + 1)) >> (11 - at * 5 % 8) & 31;
        let digits = (chunk.len() * 8).div_ceil(5);
        (0..8)
            .map(|at| if at < digits { char::from(ALPHABET[usize::from(five(at))]) } else { '=' })
            .collect::<String>()
    };
    bytes.chunks(5).map(group).collect()
}

/// Decodes; line breaks are skipped.
pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let wrong = |at: usize| format!("illegal base32 data at input byte {at}");
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    for (start, group) in text.chunks(8).enumerate().map(|(index, group)| (index * 8, group)) {
        // Padding counts as such in the last group only.
        let is_last = start + 8 >= text.len();
        let padding = group.iter().position(|byte| *byte == b'=').filter(|at| is_last && *at >= 2);
        let digits = padding.unwrap_or(group.len());
        let mut number = 0_u64;
        for (at, byte) in group[..digits].iter().enumerate() {
            number = number << 5 | u64::from(value(*byte).ok_or_else(|| wrong(start + at))?);
        }
        if group.len() < 8 {
            return Err(wrong(if padding.is_some() { text.len() } else { start }));
        }
        if let Some(at) = group[digits..].iter().position(|byte| *byte != b'=') {
            return Err(wrong(start + digits + at - 1));
        }
        if matches!(digits, 1 | 3 | 6) {
            return Err(wrong(start + digits));
        }
        number <<= 5 * (8 - digits);
        out.extend_from_slice(&number.to_be_bytes()[3..3 + digits * 5 / 8]);
    }
    Ok(out)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'2'..=b'7' => Some(digit - b'2' + 26),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (text, encoded) in [
            ("", ""),
            ("f", "MY======"),
            ("fo", "MZXQ===="),
            ("foo", "MZXW6==="),
            ("foob", "MZXW6YQ="),
            ("fooba", "MZXW6YTB"),
        ] {
            assert_eq!(encode(text.as_bytes()), encoded);
            assert_eq!(decode(encoded.as_bytes()).unwrap(), text.as_bytes());
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_decodes(bytes: Vec<u8>) {
            proptest::prop_assert_eq!(decode(encode(&bytes).as_bytes()).unwrap(), bytes);
        }

        #[test]
        fn nothing_panics(text in "[A-C2-7=\n!]{0,20}") {
            let _ = decode(text.as_bytes());
        }
    }
}
