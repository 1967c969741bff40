use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::*;
use crate::helm::template::value::List as ValueList;

fn field(certificate: &Value, name: &str) -> Text {
    let Value::Object(object) = certificate else { panic!("{certificate:?}") };
    let Some(Value::Str(text)) = object.field(name) else { panic!("no {name}") };
    text
}

fn texts(items: &[&str]) -> Value {
    ValueList::new(items.iter().map(|item| Value::from(*item)).collect()).into()
}

fn checked(certificate: &Value, check: impl Fn(&X509Certificate<'_>)) {
    let block = pem::decode(field(certificate, "Cert").bytes()).unwrap();
    check(&X509Certificate::from_der(&block.bytes).unwrap().1);
}

fn verify(certificate: &X509Certificate<'_>, by: &X509Certificate<'_>) {
    let algorithm: &dyn VerificationAlgorithm =
        match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.11" => &signature::RSA_PKCS1_2048_8192_SHA256,
            "1.2.840.10045.4.3.2" => &signature::ECDSA_P256_SHA256_ASN1,
            "1.3.101.112" => &signature::ED25519,
            other => panic!("{other}"),
        };
    let key = UnparsedPublicKey::new(algorithm, &by.public_key().subject_public_key.data);
    key.verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data).unwrap();
}

#[test]
fn an_authority_signs_for_every_kind_of_key() {
    for make in [Key::ecdsa, Key::ed25519] {
        let authority = authority(Arguments(&["ca".into(), Value::Int(365)]), &make().unwrap()).unwrap();
        let request = [
            "cn*".into(),
            texts(&["10.0.0.1", "::1"]),
            texts(&["a.example", "b.example"]),
            Value::Int(10),
            authority.clone(),
        ];
        let certificate = signed(Arguments(&request), &Key::ecdsa().unwrap()).unwrap();
        let block = pem::decode(field(&authority, "Cert").bytes()).unwrap();
        let parent = X509Certificate::from_der(&block.bytes).unwrap().1;
        verify(&parent, &parent);
        assert!(parent.is_ca());
        checked(&certificate, |certificate| {
            verify(certificate, &parent);
            assert_eq!(certificate.subject().to_string(), "CN=cn*");
            assert_eq!(certificate.issuer().to_string(), "CN=ca");
            assert!(!certificate.is_ca());
            let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
            assert_eq!(names.len(), 4);
            assert_eq!(
                certificate.validity().not_after.timestamp() - certificate.validity().not_before.timestamp(),
                864_000
            );
        });
    }
}

#[test]
fn keys_are_read_as_they_are_written() {
    for make in [Key::ecdsa, Key::ed25519, || Key::rsa(2048)] {
        let key = make().unwrap();
        let pem = key.to_pem();
        let again = Key::from_pem(pem.as_bytes()).unwrap();
        assert_eq!(again.to_pem(), pem);
        let certificate =
            self_signed(Arguments(&["cn".into(), Value::Nil, Value::Nil, Value::Int(1)]), &again).unwrap();
        checked(&certificate, |certificate| verify(certificate, certificate));
    }
}

#[test]
fn what_cannot_be_signed_is_said() {
    let certificate = |name: &str, days: i64| {
        let request = [name.into(), Value::Nil, texts(&["é"]), Value::Int(days)];
        match self_signed(Arguments(&request), &Key::ecdsa().unwrap()) {
            Err(FunctionError::Said(text)) => text,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        certificate("cn", 1),
        "error creating certificate: x509: \"é\" cannot be encoded as an IA5String"
    );
    let authority =
        |days: i64| authority(Arguments(&["ca".into(), Value::Int(days)]), &Key::ecdsa().unwrap());
    assert!(authority(i64::MAX).is_err());
}
