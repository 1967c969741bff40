//! Writes a certificate with the fields and the extensions, in the order, of Go's `x509.CreateCertificate`.

use std::net::IpAddr;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::der::{
    self, BOOLEAN, GENERALIZED_TIME, OBJECT, OCTET_STRING, PRINTABLE_STRING, SEQUENCE, SET, UTC_TIME,
    UTF8_STRING,
};
use super::key::Key;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_KEY: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// What is to be certified.
#[derive(Default)]
pub(super) struct Request<'a> {
    pub(super) name: &'a [u8],
    pub(super) addresses: Vec<IpAddr>,
    pub(super) names: Vec<&'a [u8]>,
    pub(super) days: i64,
    pub(super) is_authority: bool,
}

/// What a new certificate takes from the one that signs it.
pub(super) struct Authority {
    /// Its subject, as it is encoded there.
    subject: Vec<u8>,
    public: Vec<u8>,
    key_id: Option<Vec<u8>>,
}

impl Authority {
    /// Reads a certificate.
    pub(super) fn read(der: &[u8]) -> Result<Self, String> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|_| "x509: malformed certificate".to_owned())?;
        let key_id =
            certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
                _ => None,
            });
        Ok(Self {
            subject: certificate.subject().as_raw().to_vec(),
            public: certificate.public_key().raw.to_vec(),
            key_id,
        })
    }
}

/// The certificate in DER, signed by the authority or by its own key.
pub(super) fn issue(
    request: &Request<'_>,
    key: &Key,
    signer: Option<(&Authority, &Key)>,
) -> Result<Vec<u8>, String> {
    let signing = signer.map_or(key, |(_, key)| key);
    if signer.is_some_and(|(authority, key)| key.public().1 != authority.public) {
        return Err("x509: provided PrivateKey doesn't match parent's PublicKey".to_owned());
    }
    if let Some(name) = request.names.iter().find(|name| !name.is_ascii()) {
        let shown = crate::helm::template::print::quote(name, false);
        return Err(format!("x509: {shown} cannot be encoded as an IA5String"));
    }
    let subject = subject(request.name);
    let issuer = signer.map_or_else(|| subject.clone(), |(authority, _)| authority.subject.clone());
    let key_id = signer
        .filter(|(authority, _)| authority.subject != subject)
        .and_then(|(authority, _)| authority.key_id.as_deref());
    let version = der::holding(der::wrapping(0), &[&der::unsigned(&[2])]);
    let serial = der::unsigned(&rand::random::<[u8; 16]>());
    let (bits, public) = key.public();
    let extensions = der::holding(SEQUENCE, &[&extensions(request, &bits, key_id)]);
    let extensions = der::holding(der::wrapping(3), &[&extensions]);
    let algorithm = signing.signature_algorithm();
    let validity = validity(request.days)?;
    let body = der::holding(
        SEQUENCE,
        &[&version, &serial, &algorithm, &issuer, &validity, &subject, &public, &extensions],
    );
    let signature = signing.sign(&body)?;
    Ok(der::holding(SEQUENCE, &[&body, &algorithm, &der::bits(&signature)]))
}

/// The common name alone; nothing for an empty one.
fn subject(name: &[u8]) -> Vec<u8> {
    if name.is_empty() {
        return der::value(SEQUENCE, &[]);
    }
    let is_printable = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(byte));
    let text = der::value(if is_printable { PRINTABLE_STRING } else { UTF8_STRING }, name);
    let named = der::holding(SEQUENCE, &[&der::value(OBJECT, COMMON_NAME), &text]);
    der::holding(SEQUENCE, &[&der::holding(SET, &[&named])])
}

/// From now on.
fn validity(days: i64) -> Result<Vec<u8>, String> {
    let from = Timestamp::now();
    let length = days.checked_mul(24 * 3600).map(SignedDuration::from_secs);
    let until = length
        .and_then(|length| from.checked_add(length).ok())
        .ok_or("cannot represent time as GeneralizedTime")?;
    Ok(der::holding(SEQUENCE, &[&time(from), &time(until)]))
}

/// With two digits for the year where that is clear.
fn time(time: Timestamp) -> Vec<u8> {
    let shown = Offset::UTC.to_datetime(time);
    let digits = shown.strftime("%Y%m%d%H%M%SZ").to_string();
    if (1950..2050).contains(&shown.year()) {
        return der::value(UTC_TIME, &digits.as_bytes()[2..]);
    }
    der::value(GENERALIZED_TIME, digits.as_bytes())
}

fn extensions(request: &Request<'_>, public: &[u8], authority_key: Option<&[u8]>) -> Vec<u8> {
    // Digital signature and key encipherment; for an authority also the signing of certificates.
    let usage: [u8; 2] = if request.is_authority { [2, 0b1010_0100] } else { [5, 0b1010_0000] };
    let purposes = [der::value(OBJECT, SERVER), der::value(OBJECT, CLIENT)].concat();
    let is_authority = if request.is_authority { der::value(BOOLEAN, &[0xff]) } else { Vec::new() };
    let mut all = vec![
        extension(KEY_USAGE, true, &der::value(der::BIT_STRING, &usage)),
        extension(EXTENDED_KEY_USAGE, false, &der::value(SEQUENCE, &purposes)),
        extension(BASIC_CONSTRAINTS, true, &der::value(SEQUENCE, &is_authority)),
    ];
    if request.is_authority {
        let id = &Sha256::digest(public)[..20];
        all.push(extension(SUBJECT_KEY, false, &der::value(OCTET_STRING, id)));
    }
    if let Some(id) = authority_key {
        all.push(extension(
            AUTHORITY_KEY,
            false,
            &der::holding(SEQUENCE, &[&der::value(der::replacing(0), id)]),
        ));
    }
    let names = request.names.iter().map(|name| der::value(der::replacing(2), name));
    let addresses = request.addresses.iter().map(|address| der::value(der::replacing(7), &octets(*address)));
    let alternatives: Vec<u8> = names.chain(addresses).flatten().collect();
    if !alternatives.is_empty() {
        all.push(extension(ALTERNATIVE_NAMES, request.name.is_empty(), &der::value(SEQUENCE, &alternatives)));
    }
    all.concat()
}

fn extension(object: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { der::value(BOOLEAN, &[0xff]) } else { Vec::new() };
    der::holding(SEQUENCE, &[&der::value(OBJECT, object), &critical, &der::value(OCTET_STRING, value)])
}

/// An IPv4 address in IPv6's clothes counts as IPv4.
fn octets(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
