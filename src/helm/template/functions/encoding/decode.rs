//! Go's base64 decoder, with its words for where a text is wrong.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Go does not mind bits of the last character that nothing uses.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Decodes; line breaks are skipped.
pub(in crate::helm::template::functions) fn base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let plain: Vec<u8> = text.iter().copied().filter(|byte| !is_break(*byte)).collect();
    LENIENT.decode(plain).map_err(|_| format!("illegal base64 data at input byte {}", wrong_at(text)))
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Where Go's decoder gives up.
fn wrong_at(text: &[u8]) -> usize {
    let mut bytes = text.iter().copied().enumerate().filter(|(_, byte)| !is_break(*byte));
    let mut digits = 0;
    while let Some((at, byte)) = bytes.next() {
        if is_digit(byte) {
            digits += 1;
            continue;
        }
        if byte != b'=' || digits % 4 < 2 {
            return at;
        }
        if digits % 4 == 2 {
            match bytes.next() {
                None => return text.len(),
                Some((second, byte)) if byte != b'=' => return second.saturating_sub(1),
                Some(_) => {}
            }
        }
        return bytes.next().map_or(text.len(), |(garbage, _)| garbage);
    }
    // Go counts the digits of the unfinished group back from the end, line breaks or not.
    text.len() - digits % 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_are_skipped() {
        assert_eq!(base64(b"aGVs\r\nbG8=\n").unwrap(), b"hello");
        assert_eq!(base64(b"aGVsbG9=").unwrap(), b"hello");
    }

    #[test]
    fn errors_name_the_byte() {
        for (text, at) in [
            ("a", 0),
            ("aGVsbG8", 4),
            ("a$b", 1),
            ("aGV=b", 4),
            ("aG=b", 2),
            ("aG=", 3),
            ("=", 0),
            ("aGVs\nb", 5),
        ] {
            assert_eq!(
                base64(text.as_bytes()).unwrap_err(),
                format!("illegal base64 data at input byte {at}"),
                "{text}"
            );
        }
    }
}
