//! Uids in few characters.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A uid is a UUID in every cluster: 36 characters for 16 bytes. Anything else stays as it is, behind a sign
/// that base64 does not begin with.
pub(super) fn short(uid: &str) -> String {
    let number = u128::from_str_radix(&uid.replace('-', ""), 16).ok();
    match number.filter(|number| uuid(*number) == uid) {
        Some(number) => URL_SAFE_NO_PAD.encode(number.to_be_bytes()),
        None => format!("={uid}"),
    }
}

/// The uid again.
pub(super) fn long(short: &str) -> String {
    if let Some(uid) = short.strip_prefix('=') {
        return uid.to_owned();
    }
    let bytes = URL_SAFE_NO_PAD.decode(short).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    bytes.map_or_else(|| short.to_owned(), |bytes| uuid(u128::from_be_bytes(bytes)))
}

/// The usual form of a UUID.
pub(super) fn uuid(number: u128) -> String {
    let hex = format!("{number:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_uid_is_read_back_and_a_uuid_is_short() {
        let uuid = "0f7c2a9e-3a51-4f0e-9d7e-1c52b6a1f3d4";
        assert_eq!(short(uuid), "D3wqnjpRTw6dfhxStqHz1A");
        let upper = uuid.to_uppercase();
        for uid in [uuid, &upper, "00000000-0000-0000-0000-000000000000", "x", "", "=x", &uuid[..35]] {
            assert_eq!(long(&short(uid)), uid);
        }
    }
}
