//! Reads what a host presented: the certificate's own words, and the OCSP answer beside it. Pure.

use der::Decode as _;
use k8s_openapi::jiff::Timestamp;
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus};
use x509_parser::asn1_rs::{FromDer as _, Oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;

use crate::gate::seen::{Presented, Staple};

/// The names of a certificate's owner and issuer, without the rest.
const ORGANISATION: Oid<'static> = x509_parser::oid_registry::OID_X509_ORGANIZATION_NAME;

/// What a chain of certificates (DER, the host's first) says.
pub(super) fn read(chain: &[impl AsRef<[u8]>], at: Timestamp) -> Result<Presented, String> {
    let first = chain.first().ok_or("the host sent no certificate")?;
    let (_, leaf) = X509Certificate::from_der(first.as_ref())
        .map_err(|error| format!("its certificate cannot be read: {error}"))?;
    let time = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).unwrap_or(at);
    Ok(Presented {
        at,
        subject: leaf.subject().to_string(),
        issuer: issuer(&leaf),
        serial: serial(&leaf),
        names: names(&leaf),
        not_before: time(leaf.validity().not_before),
        not_after: time(leaf.validity().not_after),
        sent: chain.len(),
        distrusted: None,
        staple: Staple::Absent,
    })
}

/// The serial number of the first certificate of a PEM, as a Secret holds it.
pub(super) fn serial_of_pem(pem: &[u8]) -> Result<String, String> {
    let blocks = Pem::iter_from_buffer(pem).filter_map(Result::ok);
    let block =
        blocks.into_iter().find(|block| block.label == "CERTIFICATE").ok_or("it holds no certificate")?;
    let certificate =
        block.parse_x509().map_err(|error| format!("its certificate cannot be read: {error}"))?;
    Ok(serial(&certificate))
}

fn serial(certificate: &X509Certificate) -> String {
    hex::encode(certificate.raw_serial()).trim_start_matches("00").to_owned()
}

/// `O` and `CN`, which people know a CA by.
fn issuer(certificate: &X509Certificate) -> String {
    let all = certificate.issuer();
    let organisation = all.iter_by_oid(&ORGANISATION).next();
    let parts = organisation.into_iter().chain(all.iter_common_name().next());
    let parts: Vec<&str> = parts.filter_map(|part| part.as_str().ok()).collect();
    if parts.is_empty() { all.to_string() } else { parts.join(" ") }
}

fn names(certificate: &X509Certificate) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    names.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string())).ok()
}

/// What an OCSP answer (RFC 6960) says of the certificate with this serial number.
pub(super) fn staple(answer: &[u8], serial: &str) -> Staple {
    if answer.is_empty() {
        return Staple::Absent;
    }
    told(answer, serial).unwrap_or_else(|why| Staple::Bad(format!("it cannot be read: {why}")))
}

fn told(answer: &[u8], serial: &str) -> Result<Staple, String> {
    let wrong = |error: der::Error| error.to_string();
    let answer = OcspResponse::from_der(answer).map_err(wrong)?;
    let bytes = answer.response_bytes.filter(|_| answer.response_status == OcspResponseStatus::Successful);
    let Some(bytes) = bytes else {
        return Ok(Staple::Bad(format!("the responder answered {:?}", answer.response_status)));
    };
    let basic = BasicOcspResponse::from_der(bytes.response.as_bytes()).map_err(wrong)?;
    let of_this = |one: &&x509_ocsp::SingleResponse| {
        hex::encode(one.cert_id.serial_number.as_bytes()).trim_start_matches("00") == serial
    };
    let Some(one) = basic.tbs_response_data.responses.iter().find(of_this) else {
        return Ok(Staple::Bad("it is about another certificate".to_owned()));
    };
    let next = one.next_update.as_ref().and_then(|time| {
        Timestamp::from_second(i64::try_from(time.0.to_unix_duration().as_secs()).ok()?).ok()
    });
    Ok(match one.cert_status {
        CertStatus::Good(_) => Staple::Good(next),
        CertStatus::Revoked(_) => Staple::Bad("the certificate is revoked".to_owned()),
        CertStatus::Unknown(_) => Staple::Bad("the CA does not know the certificate".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SerialNumber};

    #[test]
    fn a_certificate_says_who_it_is() {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(vec!["a.example.com".to_owned(), "10.0.0.7".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0xff]));
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Let's Encrypt");
        params.distinguished_name.push(DnType::CommonName, "R10");
        let certificate = params.self_signed(&key).unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let read = read(&[certificate.der()], at).unwrap();
        assert_eq!((&*read.issuer, &*read.serial, read.sent), ("Let's Encrypt R10", "0aff", 1));
        assert_eq!(read.names, ["a.example.com", "10.0.0.7"]);
        assert_eq!(serial_of_pem(certificate.pem().as_bytes()).unwrap(), "0aff");
        assert!(serial_of_pem(b"").is_err() && super::read(&[[0u8; 3]], at).is_err());
    }

    #[test]
    fn what_is_no_ocsp_answer_is_told() {
        assert_eq!(staple(&[], "0a"), Staple::Absent);
        assert!(matches!(staple(&[1, 2, 3], "0a"), Staple::Bad(_)));
        // OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED tryLater(3) }
        let later = staple(&[0x30, 0x03, 0x0a, 0x01, 0x03], "0a");
        assert_eq!(later, Staple::Bad("the responder answered TryLater".to_owned()));
    }
}
