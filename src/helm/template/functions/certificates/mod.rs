//! Keys and certificates, as sprig makes them: for tests and for webhooks that trust only themselves.

use std::any::Any as AnyType;
use std::rc::Rc;

use super::encoding::decode_base64;
use super::{Answer, fixed, text};
use crate::helm::template::function::{
    Arguments, Function, FunctionError,
    Parameter::{Int, List, Named, Str},
};
use crate::helm::template::print;
use crate::helm::template::text::Text;
use crate::helm::template::value::{Map, Object, Value};

mod der;
mod issue;
mod key;
mod pem;

use issue::{Authority, Request};
use key::Key;

const CERTIFICATE: &str = "sprig.certificate";

/// The family. The functions without a key make one of RSA with 2048 bits.
pub(super) const ALL: &[Function] = &[
    fixed("genPrivateKey", &[Str], |_, a| generated(a.text(0))),
    fixed("buildCustomCert", &[Str, Str], |_, a| custom(a.text(0), a.text(1))),
    fixed("genCA", &[Str, Int], |_, a| authority(a, &Key::rsa(2048)?)),
    fixed("genCAWithKey", &[Str, Int, Str], |_, a| authority(a, &given_key(a.text(2))?)),
    fixed("genSelfSignedCert", &[Str, List, List, Int], |_, a| self_signed(a, &Key::rsa(2048)?)),
    fixed("genSelfSignedCertWithKey", &[Str, List, List, Int, Str], |_, a| {
        self_signed(a, &given_key(a.text(4))?)
    }),
    fixed("genSignedCert", &[Str, List, List, Int, Named(CERTIFICATE)], |_, a| signed(a, &Key::rsa(2048)?)),
    fixed("genSignedCertWithKey", &[Str, List, List, Int, Named(CERTIFICATE), Str], |_, a| {
        signed(a, &given_key(a.text(5))?)
    }),
];

fn said(problem: impl Into<String>) -> FunctionError {
    FunctionError::said(problem)
}

fn generated(kind: &[u8]) -> Answer {
    match kind {
        b"" | b"rsa" => text(Key::rsa(4096)?.to_pem()),
        b"ecdsa" => text(Key::ecdsa()?.to_pem()),
        b"ed25519" => text(Key::ed25519()?.to_pem()),
        b"dsa" => Err(said("keys of DSA cannot be generated here; ask for rsa, ecdsa or ed25519")),
        other => text([b"Unknown type ", other].concat()),
    }
}

fn given_key(pem: &[u8]) -> Result<Key, FunctionError> {
    Key::from_pem(pem).map_err(|problem| said(format!("parsing private key: {problem}")))
}

/// Takes a certificate and a key that exist already.
fn custom(certificate: &[u8], key: &[u8]) -> Answer {
    let certificate = decode_base64(certificate).map_err(|_| said("unable to decode base64 certificate"))?;
    let key = decode_base64(key).map_err(|_| said("unable to decode base64 private key"))?;
    let block = pem::decode(&certificate).ok_or_else(|| said("unable to decode certificate"))?;
    Authority::read(&block.bytes)
        .map_err(|problem| said(format!("error parsing certificate: decodedCert.Bytes: {problem}")))?;
    Key::from_pem(&key).map_err(|problem| said(format!("error parsing private key: {problem}")))?;
    Ok(Certificate { certificate: certificate.into(), key: key.into() }.into())
}

fn authority(a: Arguments<'_>, key: &Key) -> Answer {
    let request = Request { name: a.text(0), days: a.int(1), is_authority: true, ..Request::default() };
    Certificate::issued(&request, key, None)
}

fn self_signed(a: Arguments<'_>, key: &Key) -> Answer {
    Certificate::issued(&request(a)?, key, None)
}

fn signed(a: Arguments<'_>, key: &Key) -> Answer {
    let Value::Object(object) = a.value(4) else { return Err(said("unable to decode certificate")) };
    let signer: &Certificate =
        object.as_any().downcast_ref().ok_or_else(|| said("unable to decode certificate"))?;
    let block =
        pem::decode(signer.certificate.bytes()).ok_or_else(|| said("unable to decode certificate"))?;
    let authority = Authority::read(&block.bytes)
        .map_err(|problem| said(format!("error parsing certificate: decodedSignerCert.Bytes: {problem}")))?;
    let signer_key = Key::from_pem(signer.key.bytes())
        .map_err(|problem| said(format!("error parsing private key: {problem}")))?;
    Certificate::issued(&request(a)?, key, Some((&authority, &signer_key)))
}

fn request(a: Arguments<'_>) -> Result<Request<'_>, FunctionError> {
    let addresses = texts(a, 1, "error parsing ip: ")?;
    let parse = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        text.parse().map_err(|_| said(format!("error parsing ip: {text}")))
    };
    let addresses = addresses.into_iter().map(parse).collect::<Result<_, _>>()?;
    let names = texts(a, 2, "error processing alternate dns name: ")?;
    Ok(Request { name: a.text(0), days: a.int(3), addresses, names, is_authority: false })
}

fn texts<'a>(a: Arguments<'a>, index: usize, problem: &str) -> Result<Vec<&'a [u8]>, FunctionError> {
    let items = a.list(index).map_or(&[][..], |list| &list.items);
    let text = |item: &'a Value| match item {
        Value::Str(text) => Ok(text.bytes()),
        other => Err(said(format!("{problem}{} is not a string", print::display(other).lossy()))),
    };
    items.iter().map(text).collect()
}

/// Sprig's `certificate`: PEM texts.
struct Certificate {
    certificate: Text,
    key: Text,
}

/// Without the key.
impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Certificate {
    fn issued(request: &Request<'_>, key: &Key, signer: Option<(&Authority, &Key)>) -> Answer {
        let der = issue::issue(request, key, signer)
            .map_err(|problem| said(format!("error creating certificate: {problem}")))?;
        Ok(Self { certificate: pem::encode("CERTIFICATE", &der).into(), key: key.to_pem().into() }.into())
    }
}

impl From<Certificate> for Value {
    fn from(certificate: Certificate) -> Self {
        Self::Object(Rc::new(certificate))
    }
}

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        CERTIFICATE
    }

    fn kind(&self) -> &'static str {
        "struct"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.certificate.clone().into()),
            "Key" => Some(self.key.clone().into()),
            _ => None,
        }
    }

    fn call(&self, _: &str, _: &[Value]) -> Option<Answer> {
        None
    }

    fn print(&self) -> Text {
        [b"{", self.certificate.bytes(), b" ", self.key.bytes(), b"}"].concat().into()
    }

    fn plain(&self) -> Value {
        let fields = [("Cert", &self.certificate), ("Key", &self.key)];
        Value::Map(
            fields.into_iter().map(|(name, text)| (name.into(), Value::Str(text.clone()))).collect::<Map>(),
        )
    }

    fn as_any(&self) -> &dyn AnyType {
        self
    }
}

#[cfg(test)]
mod tests;
