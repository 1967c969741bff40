//! TLS on both sides of the proxy, so that HTTP faults can be put before servers that speak it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A connection, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Accepts TLS with this certificate and key (PEM).
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| format!("read the key {}", key.display()))?;
    // Without ALPN both sides speak HTTP/1.1, which is all that the proxy understands.
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("use the certificate and the key")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Speaks TLS to the server and trusts these certificates (PEM).
pub(crate) fn connector(trusted: &Path) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(trusted)?);
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A connection to the server.
pub(crate) async fn connect(
    server: SocketAddr,
    tls: Option<&TlsConnector>,
) -> anyhow::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(server).await.with_context(|| format!("connect to {server}"))?;
    match tls {
        None => Ok(Box::new(stream)),
        Some(tls) => {
            let name = ServerName::IpAddress(server.ip().into());
            Ok(Box::new(tls.connect(name, stream).await.with_context(|| format!("speak TLS to {server}"))?))
        }
    }
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    let found = read().with_context(|| format!("read the certificates of {}", path.display()))?;
    if found.is_empty() {
        bail!("{} holds no certificate", path.display());
    }
    Ok(found)
}
