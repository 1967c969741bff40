//! Private keys: RSA, ECDSA over P-256 and P-384, Ed25519.

use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _};
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use sha2::Sha256;

use super::der::{self, BIT_STRING, INTEGER, NULL, OBJECT, OCTET_STRING, SEQUENCE};
use super::pem;
use crate::helm::template::function::FunctionError;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// An elliptic curve of ECDSA.
pub(super) struct Curve {
    object: &'static [u8],
    algorithm: &'static EcdsaSigningAlgorithm,
    signature: &'static [u8],
}

static P256: Curve = Curve {
    object: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    algorithm: &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
    signature: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
};
static P384: Curve = Curve {
    object: &[0x2b, 0x81, 0x04, 0x00, 0x22],
    algorithm: &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
    signature: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
};

/// A private key that can sign.
pub(super) enum Key {
    Rsa(Box<rsa::PrivateKey>),
    Ec { curve: &'static Curve, secret: Vec<u8>, pair: Box<EcdsaKeyPair> },
    Ed25519 { seed: Vec<u8>, pair: Box<Ed25519KeyPair> },
}

impl Key {
    /// A new key of RSA.
    pub(super) fn rsa(bits: usize) -> Result<Self, FunctionError> {
        let key = rsa::PrivateKey::new(&mut rand::rng(), bits);
        key.map(|key| Self::Rsa(Box::new(key)))
            .map_err(|error| FunctionError::said(format!("error generating rsa key: {error}")))
    }

    /// A new key over P-256.
    pub(super) fn ecdsa() -> Result<Self, FunctionError> {
        let failed = || FunctionError::said("failed to generate private key");
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(P256.algorithm, &SystemRandom::new()).map_err(|_| failed())?;
        Self::from_pkcs8(pkcs8.as_ref()).ok_or_else(failed)
    }

    /// A new key of Ed25519.
    pub(super) fn ed25519() -> Result<Self, FunctionError> {
        Self::from_seed(&rand::random::<[u8; 32]>())
            .ok_or_else(|| FunctionError::said("failed to generate private key"))
    }

    /// Reads PKCS#8, PKCS#1 and SEC1.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, String> {
        let block = pem::decode(text).ok_or("no PEM data in input")?;
        let label = block.label.as_str();
        match label {
            "PRIVATE KEY" => Self::from_pkcs8(&block.bytes).ok_or_else(|| {
                "decoding PEM as PKCS#8: not a key of RSA, P-256, P-384 or Ed25519".to_owned()
            }),
            "RSA PRIVATE KEY" => Self::from_pkcs1(&block.bytes)
                .ok_or_else(|| "parsing RSA private key from PEM: not a key of RSA".to_owned()),
            "EC PRIVATE KEY" => Self::from_sec1(&block.bytes, None).ok_or_else(|| {
                "parsing EC private key from PEM: not a key over P-256 or P-384 with its public key"
                    .to_owned()
            }),
            "DSA PRIVATE KEY" => Err("keys of DSA cannot be used here".to_owned()),
            label if label.ends_with(" PRIVATE KEY") => Err(format!("invalid private key type {label}")),
            label => Err(format!("no private key data in PEM block of type {label}")),
        }
    }

    fn from_pkcs1(der: &[u8]) -> Option<Self> {
        rsa::PrivateKey::from_pkcs1_der(der).ok().map(|key| Self::Rsa(Box::new(key)))
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let (body, _) = der::expect(der, SEQUENCE)?;
        let (_version, rest) = der::expect(body, INTEGER)?;
        let (algorithm, rest) = der::expect(rest, SEQUENCE)?;
        let (key, _) = der::expect(rest, OCTET_STRING)?;
        let (object, parameters) = der::expect(algorithm, OBJECT)?;
        match object {
            RSA => Self::from_pkcs1(key),
            EC => Self::from_sec1(key, Some(der::expect(parameters, OBJECT)?.0)),
            ED25519 => Self::from_seed(der::expect(key, OCTET_STRING)?.0),
            _ => None,
        }
    }

    /// The curve stands in the key itself or around it.
    fn from_sec1(der: &[u8], curve: Option<&[u8]>) -> Option<Self> {
        let (body, _) = der::expect(der, SEQUENCE)?;
        let (_version, rest) = der::expect(body, INTEGER)?;
        let (secret, mut rest) = der::expect(rest, OCTET_STRING)?;
        let (mut object, mut public) = (curve, None);
        while let Some((tag, content, after)) = der::read(rest) {
            if tag == der::wrapping(0) {
                object = Some(der::expect(content, OBJECT)?.0);
            } else if tag == der::wrapping(1) {
                public = der::expect(content, BIT_STRING)?.0.get(1..);
            }
            rest = after;
        }
        let curve = [&P256, &P384].into_iter().find(|curve| Some(curve.object) == object)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            curve.algorithm,
            secret,
            public?,
            &SystemRandom::new(),
        )
        .ok()?;
        Some(Self::Ec { curve, secret: secret.to_vec(), pair: Box::new(pair) })
    }

    fn from_seed(seed: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        Some(Self::Ed25519 { seed: seed.to_vec(), pair: Box::new(pair) })
    }

    /// PKCS#1 for RSA, SEC1 for ECDSA, PKCS#8 for Ed25519.
    pub(super) fn to_pem(&self) -> String {
        match self {
            Self::Rsa(key) => pem::encode(
                "RSA PRIVATE KEY",
                &key.to_pkcs1_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default(),
            ),
            Self::Ec { curve, secret, pair } => {
                let object = der::holding(der::wrapping(0), &[&der::value(OBJECT, curve.object)]);
                let public = der::holding(der::wrapping(1), &[&der::bits(pair.public_key().as_ref())]);
                let (version, secret) = (der::unsigned(&[1]), der::value(OCTET_STRING, secret));
                pem::encode("EC PRIVATE KEY", &der::holding(SEQUENCE, &[&version, &secret, &object, &public]))
            }
            Self::Ed25519 { seed, .. } => {
                let algorithm = der::holding(SEQUENCE, &[&der::value(OBJECT, ED25519)]);
                let key = der::value(OCTET_STRING, &der::value(OCTET_STRING, seed));
                pem::encode("PRIVATE KEY", &der::holding(SEQUENCE, &[&der::unsigned(&[0]), &algorithm, &key]))
            }
        }
    }

    /// The bits of the public key, and the whole that names its algorithm.
    pub(super) fn public(&self) -> (Vec<u8>, Vec<u8>) {
        let (algorithm, bits) = match self {
            Self::Rsa(key) => {
                let numbers = [der::unsigned(&key.n_bytes()), der::unsigned(&key.e_bytes())];
                (rsa_algorithm(RSA), der::holding(SEQUENCE, &[&numbers[0], &numbers[1]]))
            }
            Self::Ec { curve, pair, .. } => {
                let objects = [der::value(OBJECT, EC), der::value(OBJECT, curve.object)];
                (der::holding(SEQUENCE, &[&objects[0], &objects[1]]), pair.public_key().as_ref().to_vec())
            }
            Self::Ed25519 { pair, .. } => {
                (der::holding(SEQUENCE, &[&der::value(OBJECT, ED25519)]), pair.public_key().as_ref().to_vec())
            }
        };
        let whole = der::holding(SEQUENCE, &[&algorithm, &der::bits(&bits)]);
        (bits, whole)
    }

    /// The name of the algorithm of signatures.
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => rsa_algorithm(SHA256_WITH_RSA),
            Self::Ec { curve, .. } => der::holding(SEQUENCE, &[&der::value(OBJECT, curve.signature)]),
            Self::Ed25519 { .. } => der::holding(SEQUENCE, &[&der::value(OBJECT, ED25519)]),
        }
    }

    /// Signs.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Rsa(key) => {
                let signature = SigningKey::<Sha256>::new((**key).clone())
                    .try_sign(message)
                    .map_err(|error| error.to_string())?;
                Ok(signature.to_vec())
            }
            Self::Ec { pair, .. } => {
                let signature =
                    pair.sign(&SystemRandom::new(), message).map_err(|_| "the key cannot sign")?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519 { pair, .. } => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

fn rsa_algorithm(object: &[u8]) -> Vec<u8> {
    der::holding(SEQUENCE, &[&der::value(OBJECT, object), &der::value(NULL, &[])])
}
