//! `derivePassword`: the first algorithm of Master Password, which gives the same password for the same words
//! everywhere.

use ring::hmac;

use crate::helm::template::function::{Arguments, FunctionError};

const SEED: &[u8] = b"com.lyndir.masterpassword";

/// For each kind of password its templates, each letter a class of characters.
const KINDS: &[(&str, &[&str])] = &[
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The password of a counter, a kind, a master password, a user and a site.
pub(super) fn derive(a: Arguments<'_>) -> Result<Vec<u8>, FunctionError> {
    let (counter, kind, password, user, site) = (a.int(0), a.text(1), a.text(2), a.text(3), a.text(4));
    let Some((_, templates)) = KINDS.iter().find(|(name, _)| name.as_bytes() == kind) else {
        return Ok([b"cannot find password template ", kind].concat());
    };
    let parameters = scrypt::Params::new(15, 8, 2).map_err(|error| FunctionError::said(error.to_string()))?;
    let mut key = [0; 64];
    scrypt::scrypt(password, &[SEED, &length(user), user].concat(), &parameters, &mut key)
        .map_err(|error| FunctionError::said(error.to_string()))?;
    let counter = u32::try_from(counter).unwrap_or(0).to_be_bytes();
    let message = [SEED, &length(site), site, &counter].concat();
    let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
    let (first, rest) = seed.as_ref().split_first().ok_or_else(|| FunctionError::said("no seed"))?;
    let template = templates[usize::from(*first) % templates.len()];
    let pick = |(class, number): (u8, &u8)| {
        let characters = characters(class);
        characters[usize::from(*number) % characters.len()]
    };
    Ok(template.bytes().zip(rest).map(pick).collect())
}

fn length(text: &[u8]) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes()
}
