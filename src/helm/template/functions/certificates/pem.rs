//! PEM blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What stands between two lines of dashes.
#[derive(Debug, PartialEq)]
pub(super) struct Block {
    /// For example `CERTIFICATE`.
    pub(super) label: String,
    /// The decoded content.
    pub(super) bytes: Vec<u8>,
}

/// The first block of a text.
pub(super) fn decode(text: &[u8]) -> Option<Block> {
    let text = String::from_utf8_lossy(text);
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    // Headers end at an empty line.
    let content = body
        .split_once("\n\n")
        .map_or(body, |(headers, content)| if headers.contains(':') { content } else { body });
    let digits: String = content.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    Some(Block { label: label.to_owned(), bytes: STANDARD.decode(digits).ok()? })
}

/// A block in lines of 64 characters.
pub(super) fn encode(label: &str, bytes: &[u8]) -> String {
    let digits = STANDARD.encode(bytes);
    let lines: String = digits
        .as_bytes()
        .chunks(64)
        .flat_map(|line| line.iter().map(|byte| char::from(*byte)).chain(['\n']))
        .collect();
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let bytes = [7; 100];
        let text = format!("before\n{}after", encode("A KEY", &bytes));
        assert_eq!(decode(text.as_bytes()), Some(Block { label: "A KEY".to_owned(), bytes: bytes.to_vec() }));
        assert_eq!(decode(b"-----BEGIN X-----\nProc-Type: 4\n\nYQ==\n-----END X-----").unwrap().bytes, b"a");
        assert_eq!(decode(b"none"), None);
    }
}
