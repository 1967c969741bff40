//! One TLS handshake with a host: it is ended whatever the certificate is, because what was presented is judged later.
//! Sends nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::presented;
use crate::config::TlsTrust;
use crate::gate::seen::{NoHandshake, Presented, Probed};

const PATIENCE: Duration = Duration::from_secs(10);

/// Whose signatures are trusted: read once, used for every handshake.
#[derive(Debug, Clone)]
pub(super) enum Roots {
    /// Anybody's.
    Any,
    /// Those of these CAs.
    Of(Arc<RootCertStore>),
}

impl Roots {
    /// Of an expectation; without one, the CAs that this machine trusts.
    pub(super) fn of(trust: Option<&TlsTrust>) -> Self {
        let mut store = RootCertStore::empty();
        match trust {
            Some(TlsTrust::Any) => return Self::Any,
            Some(TlsTrust::Pem(pem) | TlsTrust::File(pem)) => {
                let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok);
                store.add_parsable_certificates(certificates);
            }
            None => drop(store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        Self::Of(Arc::new(store))
    }
}

/// What the host shows.
pub(super) async fn ask(host: &Probed, roots: &Roots) -> Result<Presented, NoHandshake> {
    let silent = || Err(NoHandshake(format!("no answer within {} s", PATIENCE.as_secs())));
    timeout(PATIENCE, shake(host, roots)).await.unwrap_or_else(|_| silent())
}

async fn shake(host: &Probed, roots: &Roots) -> Result<Presented, NoHandshake> {
    let name = ServerName::try_from(host.server_name.clone())
        .map_err(|_| NoHandshake(format!("`{}` is not a name that TLS can ask for", host.server_name)))?;
    let stream = TcpStream::connect((host.address.as_str(), host.port)).await;
    let stream = stream
        .map_err(|error| NoHandshake(format!("connect to {} port {}: {error}", host.address, host.port)))?;
    let witness =
        Arc::new(Witness { roots: roots.clone(), provider: ring::default_provider(), saw: Mutex::default() });
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| NoHandshake(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let saw = witness.saw.lock().ok().and_then(|mut saw| saw.take());
    // A host that wants a certificate of ours has shown its own before it ends the handshake.
    match (saw, shaken) {
        (Some(saw), _) => saw.map_err(NoHandshake),
        (None, Err(error)) => Err(NoHandshake(format!("the TLS handshake failed: {error}"))),
        (None, Ok(_)) => Err(NoHandshake("the TLS handshake showed no certificate".to_owned())),
    }
}

/// Looks at the chain, and lets the handshake go on.
#[derive(Debug)]
struct Witness {
    roots: Roots,
    provider: CryptoProvider,
    saw: Mutex<Option<Result<Presented, String>>>,
}

impl Witness {
    fn look(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<Presented, String> {
        let at = i64::try_from(now.as_secs()).ok().and_then(|second| Timestamp::from_second(second).ok());
        let seen = presented::read(chain, at.unwrap_or(Timestamp::UNIX_EPOCH))?;
        let distrusted = self.distrusted(chain, name, now);
        let staple = presented::staple(ocsp, &seen.serial);
        Ok(Presented { distrusted, staple, ..seen })
    }

    /// What webpki has against the chain. The host's name is judged apart, by all the names.
    fn distrusted(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<String> {
        let Roots::Of(roots) = &self.roots else { return None };
        let (leaf, rest) = chain.split_first()?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let checked = ParsedCertificate::try_from(leaf).and_then(|leaf| {
            verify_server_cert_signed_by_trust_anchor(&leaf, roots, rest, now, algorithms)?;
            verify_server_name(&leaf, name)
        });
        checked.err().and_then(|error| words(&error))
    }
}

/// Names and times of the host's own certificate are told by themselves.
fn words(error: &Error) -> Option<String> {
    let Error::InvalidCertificate(error) = error else { return Some(error.to_string()) };
    Some(match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => return None,
        CertificateError::UnknownIssuer => "it leads to no CA that is trusted".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "a certificate of the chain has expired".to_owned()
        }
        other => other.to_string(),
    })
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> =
            std::iter::once(end_entity).chain(intermediates).cloned().collect();
        let looked = self.look(&chain, server_name, ocsp_response, now);
        if let Ok(mut saw) = self.saw.lock() {
            *saw = Some(looked);
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
