//! Repositories behind an authority of one's own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use release::repository::publish::{self, PublishAction};
use release::repository::{self, RepositoryError};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::charts::demo;
use crate::support::client;
use crate::support::world::World;

/// An empty repository that speaks TLS, and the certificate of its authority in PEM form.
pub(crate) async fn empty_repository() -> (String, String) {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let certificate = authority.self_signed(&key).expect("an authority");
    let issuer = Issuer::new(authority, key);
    let server_key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .expect("parameters")
        .signed_by(&server_key, &issuer)
        .expect("signed");
    let private = PrivateKeyDer::try_from(server_key.serialize_der()).expect("a private key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], private)
        .expect("a server");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    tokio::spawn(answer(listener, TlsAcceptor::from(Arc::new(config))));
    (url, certificate.pem())
}

async fn answer(listener: TcpListener, tls: TlsAcceptor) {
    while let Ok((connection, _)) = listener.accept().await {
        // A client that does not trust us goes away.
        let _ = answer_one(connection, &tls).await;
    }
}

async fn answer_one(connection: TcpStream, tls: &TlsAcceptor) -> std::io::Result<()> {
    let mut connection = tls.accept(connection).await?;
    let mut request = vec![0; 4096];
    let length = connection.read(&mut request).await?;
    let (status, body) = if request[..length].starts_with(b"GET /index.yaml ") {
        ("200 OK", "apiVersion: v1\nentries: {}\n")
    } else {
        ("404 Not Found", "")
    };
    let answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    connection.write_all(answer.as_bytes()).await?;
    connection.shutdown().await
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_by_ca_file() {
    let mut settings = client::settings("https://unused.example.com");
    let (url, pem) = empty_repository().await;
    settings.url = release::redact::RedactedUrl::new(url.parse().unwrap());
    let unknown = publish::check(&*repository::for_settings(&settings).unwrap(), &demo()).await.unwrap_err();
    assert!(
        matches!(unknown, RepositoryError::NoAnswer { attempts: 1, .. }),
        "no further attempt makes it trusted: {unknown}"
    );
    assert_eq!(
        unknown.hint(),
        Some("set `ca-file` of the repository when an authority of your own signed it")
    );
    let world = World::new();
    settings.ca_file = Some(world.write("ca.pem", pem));
    let action = publish::check(&*repository::for_settings(&settings).unwrap(), &demo()).await.unwrap();
    assert_eq!(action, PublishAction::Upload);
}

#[test]
fn a_ca_file_without_certificates_is_told() {
    let world = World::new();
    for content in [None, Some("not PEM\n")] {
        let mut settings = client::settings("https://charts.example.com");
        settings.ca_file = Some(world.dir().join("ca.pem"));
        if let Some(content) = content {
            world.write("ca.pem", content);
        }
        let Err(refusal) = repository::for_settings(&settings) else {
            panic!("a client without its authority")
        };
        assert!(matches!(refusal, RepositoryError::CaFile { .. }), "{refusal}");
    }
}
