//! How a record is stored: base64 of gzip of JSON. The API server's own base64 around it is not done here.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// More than any record that fits in a Secret unpacks to in practice; a guard against a crafted one.
const MAX_JSON: u64 = 128 * 1024 * 1024;
const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Not base64.
    #[error("the release record is not base64")]
    Base64(#[source] base64::DecodeError),
    /// Broken gzip, or text that is not UTF-8.
    #[error("unpack the release record")]
    Unpack(#[source] std::io::Error),
    /// Unpacks to more than any record.
    #[error("the release record unpacks to more than {} MiB", MAX_JSON / 1024 / 1024)]
    TooLarge,
    /// JSON that is not a record.
    #[error("read the release record's JSON")]
    Json(#[source] serde_json::Error),
}

/// From what `data.release` holds to JSON. Records without gzip (very old ones) are JSON in base64.
pub(super) fn decode(data: &[u8]) -> Result<String, CodecError> {
    let packed = STANDARD.decode(data.trim_ascii()).map_err(CodecError::Base64)?;
    if !packed.starts_with(&GZIP_MAGIC) {
        return String::from_utf8(packed).map_err(|error| CodecError::Unpack(std::io::Error::other(error)));
    }
    let mut json = String::new();
    let read = GzDecoder::new(packed.as_slice())
        .take(MAX_JSON + 1)
        .read_to_string(&mut json)
        .map_err(CodecError::Unpack)?;
    if read as u64 > MAX_JSON { Err(CodecError::TooLarge) } else { Ok(json) }
}

pub(super) fn encode(json: &str) -> Result<Vec<u8>, CodecError> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(json.as_bytes()).map_err(CodecError::Unpack)?;
    Ok(STANDARD.encode(gzip.finish().map_err(CodecError::Unpack)?).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_so_does_a_record_without_gzip() {
        let json = r#"{"name":"a"}"#;
        assert_eq!(decode(&encode(json).unwrap()).unwrap(), json);
        assert_eq!(decode(STANDARD.encode(json).as_bytes()).unwrap(), json);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        assert!(matches!(decode(b"***"), Err(CodecError::Base64(_))));
        let mut cut = encode(&"x".repeat(5000)).unwrap();
        cut.truncate(20);
        assert!(matches!(decode(&cut), Err(CodecError::Unpack(_))));
        let bomb = encode(&" ".repeat(usize::try_from(MAX_JSON).unwrap() + 10)).unwrap();
        assert!(matches!(decode(&bomb), Err(CodecError::TooLarge)));
    }
}
