//! Functions that hash passwords, derive them and encrypt with them.

use aes::Aes256;
use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::encoding::decode_base64;
use super::{Answer, fixed, text};
use crate::helm::template::function::{
    Arguments, Function, FunctionError,
    Parameter::{Str, Uint32},
};

mod derived;

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("bcrypt", &[Str], |_, a| text(hashed(a.text(0)))),
    fixed("htpasswd", &[Str, Str], |_, a| text(htpasswd(a))),
    fixed("derivePassword", &[Uint32, Str, Str, Str, Str], |_, a| text(derived::derive(a)?)),
    fixed("encryptAES", &[Str, Str], |_, a| encrypt(a.text(0), a.text(1))),
    fixed("decryptAES", &[Str, Str], |_, a| decrypt(a.text(0), a.text(1))),
];

/// Go's default cost.
const COST: u32 = 10;
/// More bytes than these do not count, so bcrypt refuses them.
const LONGEST_PASSWORD: usize = 72;
const BLOCK: usize = 16;

fn hashed(password: &[u8]) -> String {
    if password.len() > LONGEST_PASSWORD {
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned();
    }
    match bcrypt::hash_with_salt(password, COST, rand::random()) {
        Ok(hash) => hash.format_for_version(bcrypt::Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    }
}

fn htpasswd(a: Arguments<'_>) -> Vec<u8> {
    if a.text(0).contains(&b':') {
        return [b"invalid username: ", a.text(0)].concat();
    }
    [a.text(0), b":", hashed(a.text(1)).as_bytes()].concat()
}

/// The password is the key itself, cut or filled up with zeros.
fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let length = password.len().min(key.len());
    key[..length].copy_from_slice(&password[..length]);
    key
}

fn encrypt(password: &[u8], plain: &[u8]) -> Answer {
    if plain.is_empty() {
        return text("");
    }
    let start: [u8; BLOCK] = rand::random();
    let mut buffer = plain.to_vec();
    buffer.resize(plain.len() + BLOCK, 0);
    let encrypted = cbc::Encryptor::<Aes256>::new(&key(password).into(), &start.into())
        .encrypt_padded::<Pkcs7>(&mut buffer, plain.len())
        .map_err(|_| FunctionError::said("the padding does not fit"))?;
    text(STANDARD.encode([start.as_slice(), encrypted].concat()))
}

fn decrypt(password: &[u8], encoded: &[u8]) -> Answer {
    if encoded.is_empty() {
        return text("");
    }
    let said = |problem: String| FunctionError::said(problem);
    let bytes = decode_base64(encoded).map_err(said)?;
    let Some((start, encrypted)) = bytes.split_first_chunk::<BLOCK>() else {
        let room = encoded.len() / 4 * 3;
        return Err(said(format!(
            "runtime error: slice bounds out of range [:{BLOCK}] with capacity {room}"
        )));
    };
    if !encrypted.len().is_multiple_of(BLOCK) {
        return Err(said("crypto/cipher: input not full blocks".to_owned()));
    }
    let mut buffer = encrypted.to_vec();
    let decrypted = cbc::Decryptor::<Aes256>::new(&key(password).into(), &(*start).into())
        .decrypt_padded::<NoPadding>(&mut buffer)
        .map_err(|_| said("crypto/cipher: input not full blocks".to_owned()))?;
    let Some(padding) = decrypted.last().copied() else {
        return Err(said("runtime error: index out of range [-1]".to_owned()));
    };
    match decrypted.len().checked_sub(usize::from(padding)) {
        Some(length) => text(&decrypted[..length]),
        None => Err(said(format!(
            "runtime error: slice bounds out of range [:-{}]",
            usize::from(padding) - decrypted.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::template::print;
    use crate::helm::template::value::Value;

    #[test]
    fn what_is_encrypted_decrypts() {
        for plain in ["x", "exactly sixteen!", "more than sixteen bytes"] {
            let Ok(Value::Str(encrypted)) = encrypt(b"password", plain.as_bytes()) else { panic!("no text") };
            assert_eq!(print::display(&decrypt(b"password", encrypted.bytes()).unwrap()).lossy(), plain);
        }
    }

    #[test]
    fn a_ciphertext_of_go_decrypts() {
        let encrypted = b"30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=";
        assert_eq!(print::display(&decrypt(b"secretkey", encrypted).unwrap()).lossy(), "plaintext");
    }

    #[test]
    fn hashes_verify() {
        assert!(bcrypt::verify("password", &hashed(b"password")).unwrap());
    }
}
