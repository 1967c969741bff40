//! Functions that encode, decode and digest texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::{fixed, text};
use crate::helm::template::function::{Function, Parameter::Str};

mod base32;
mod decode;

pub(super) use decode::base64 as decode_base64;

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("b64enc", &[Str], |_, a| text(STANDARD.encode(a.text(0)))),
    fixed("b64dec", &[Str], |_, a| text(decode::base64(a.text(0)).unwrap_or_else(String::into_bytes))),
    fixed("b32enc", &[Str], |_, a| text(base32::encode(a.text(0)))),
    fixed("b32dec", &[Str], |_, a| text(base32::decode(a.text(0)).unwrap_or_else(String::into_bytes))),
    fixed("sha1sum", &[Str], |_, a| text(hex::encode(Sha1::digest(a.text(0))))),
    fixed("sha256sum", &[Str], |_, a| text(hex::encode(Sha256::digest(a.text(0))))),
    fixed("sha512sum", &[Str], |_, a| text(hex::encode(Sha512::digest(a.text(0))))),
    fixed("adler32sum", &[Str], |_, a| text(adler32(a.text(0)).to_string())),
];

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums() {
        assert_eq!(adler32(b"hello world"), 436_929_629);
    }
}
