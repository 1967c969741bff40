//! The keys of one cluster: a certificate authority, the API server's certificate, the key that signs service
//! account tokens.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
};

/// Names under which pods and people reach the API server.
const NAMES: [&str; 4] = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(10, 0, 0, 1)];

/// The certificate authority, as far as others need it.
#[derive(Debug)]
pub(super) struct Authority {
    /// Its certificate, PEM.
    pub(super) certificate: String,
}

impl Authority {
    /// Makes all keys and writes them to `ca.crt`, `server.crt`, `server.key` and
    /// `service-accounts.{key,pub}`.
    pub(super) fn create(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "sandbox-cluster-ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let certificate = issuer.pem();

        let accounts = KeyPair::generate()?;
        let key = KeyPair::generate()?;
        let server = server()?.signed_by(&key, &issuer)?;
        let files = [
            ("ca.crt", certificate.clone()),
            ("server.crt", server.pem()),
            ("server.key", key.serialize_pem()),
            ("service-accounts.key", accounts.serialize_pem()),
            ("service-accounts.pub", accounts.public_key_pem()),
        ];
        for (name, text) in files {
            let path = directory.join(name);
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(Self { certificate })
    }
}

fn server() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.subject_alt_names.extend(ADDRESSES.map(|address| SanType::IpAddress(IpAddr::V4(address))));
    params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    Ok(params)
}
