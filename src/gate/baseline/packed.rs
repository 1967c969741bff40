//! A large baseline as a short text: base64 of gzip of its JSON, as Helm keeps its records. A small one stays
//! readable.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::Baseline;

/// What a person may still want to read in a `ConfigMap`.
const READABLE: usize = 32 * 1024;
/// More than any baseline that fits into a journal unpacks to; a guard against a crafted one.
const MOST: u64 = 64 * 1024 * 1024;

impl Baseline {
    /// As a journal holds it; it reads back like its plain form.
    pub fn packed(&self) -> Option<Value> {
        let plain = serde_json::to_value(self).ok()?;
        let text = plain.to_string();
        if text.len() <= READABLE { Some(plain) } else { pack(&text).map(Value::String) }
    }
}

fn pack(text: &str) -> Option<String> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text.as_bytes()).ok()?;
    Some(STANDARD.encode(gzip.finish().ok()?))
}

/// The JSON again.
pub(super) fn unpack(packed: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(packed).map_err(|error| format!("the baseline is not base64: {error}"))?;
    let mut text = String::new();
    let read = GzDecoder::new(bytes.as_slice()).take(MOST).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| format!("the baseline cannot be unpacked: {error}"))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::gate::baseline::CertificateState;
    use crate::gate::baseline::uid::uuid;
    use crate::gate::tests::certificate;

    /// What the journal leaves to its two baselines, roughly.
    const ROOM: usize = 800 * 1024;

    /// With uids that do not compress, and names as people give them.
    fn of_certificates(count: u32) -> Baseline {
        let mut baseline = Baseline::default();
        for index in 0..count {
            let hash = Sha256::digest(index.to_be_bytes());
            let uid = uuid(u128::from_be_bytes(hash[..16].try_into().unwrap()));
            let state = CertificateState {
                title: format!("Certificate team-{:03}/service-{index}-tls", index % 300),
                generation: Some(1 + i64::from(hash[16] % 4)),
                revision: Some(i64::from(hash[17])),
                renewal: format!(
                    "2026-03-{:02}T{:02}:{:02}:{:02}Z",
                    1 + hash[18] % 28,
                    hash[19] % 24,
                    hash[20] % 60,
                    hash[21] % 60
                )
                .parse()
                .ok(),
                ..CertificateState::of(&certificate("x", Some(1)))
            };
            baseline.certificates.insert(uid, state);
        }
        baseline
    }

    #[test]
    fn two_baselines_of_ten_thousand_certificates_fit_into_the_journal() {
        let baseline = of_certificates(10_000);
        let packed = baseline.packed().unwrap();
        let size = packed.to_string().len();
        assert!(2 * size < ROOM, "{size}");
        assert_eq!(serde_json::from_value::<Baseline>(packed).unwrap(), baseline);
    }

    #[test]
    fn a_small_baseline_stays_readable() {
        let packed = of_certificates(3).packed().unwrap();
        assert!(packed.is_object(), "{packed}");
    }

    #[test]
    fn what_is_no_baseline_is_an_error() {
        for text in ["", "no base64", "bm8gZ3ppcA=="] {
            assert!(serde_json::from_value::<Baseline>(text.into()).is_err(), "{text}");
        }
    }
}
