//! How Pebble, the ACME test server, is configured and started. Writes its files and names its arguments;
//! starts nothing itself.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

/// Environment of the process: validate at once, accept every nonce, and reuse each valid authorization like
/// Let's Encrypt does.
pub const ENVIRONMENT: [(&str, &str); 3] =
    [("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0"), ("PEBBLE_AUTHZREUSE", "100")];

/// Where Pebble listens and whom it asks.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Address of the ACME API (HTTPS).
    pub listen: SocketAddr,
    /// The DNS server that it validates challenges against.
    pub dns: SocketAddr,
}

/// The files of one Pebble, all in one directory.
#[derive(Debug, Clone)]
pub struct Files {
    /// `pebble-config.json`.
    pub config: PathBuf,
    /// The self-signed certificate of the API, PEM; a client trusts it with this file as its CA bundle.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

impl Config {
    /// Writes the configuration and, when there is none yet, the TLS certificate.
    pub fn write(&self, directory: &Path) -> anyhow::Result<Files> {
        let files = Files {
            config: directory.join("pebble-config.json"),
            certificate: directory.join("pebble.pem"),
            key: directory.join("pebble-key.pem"),
        };
        if !files.certificate.exists() || !files.key.exists() {
            certificate(&files)
                .with_context(|| format!("make Pebble's certificate in {}", directory.display()))?;
        }
        std::fs::write(&files.config, format!("{:#}\n", self.json(&files)))
            .with_context(|| format!("write {}", files.config.display()))?;
        Ok(files)
    }

    /// The arguments of the process.
    pub fn arguments(&self, files: &Files) -> Vec<String> {
        let dns = self.dns.to_string();
        ["-config", &files.config.display().to_string(), "-dnsserver", &dns, "-strict=false"]
            .map(str::to_owned)
            .into()
    }

    /// The URL of the ACME directory, as an Issuer names its server.
    #[must_use]
    pub fn directory_url(&self) -> String {
        format!("https://{}/dir", self.listen)
    }

    fn json(&self, files: &Files) -> serde_json::Value {
        json!({ "pebble": {
            "listenAddress": self.listen.to_string(),
            "certificate": files.certificate,
            "privateKey": files.key,
            // Challenges over HTTP and TLS-ALPN are not used; the ports are only connected to when one is.
            "httpPort": 5002,
            "tlsPort": 5001,
            "retryAfter": { "authz": 1, "order": 1 },
            "keyAlgorithm": "ecdsa",
        }})
    }
}

fn certificate(files: &Files) -> anyhow::Result<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    std::fs::write(&files.certificate, made.cert.pem())?;
    std::fs::write(&files.key, made.signing_key.serialize_pem())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config { listen: ([127, 0, 0, 1], 14000).into(), dns: ([127, 0, 0, 1], 8053).into() }
    }

    #[test]
    fn names_its_files_and_addresses() {
        let dir = tempfile::tempdir().unwrap();
        let files = config().write(dir.path()).unwrap();
        let text = std::fs::read_to_string(&files.config).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["pebble"]["listenAddress"], "127.0.0.1:14000");
        assert_eq!(json["pebble"]["certificate"], files.certificate.display().to_string());
        assert_eq!(config().arguments(&files)[2..], ["-dnsserver", "127.0.0.1:8053", "-strict=false"]);
        assert_eq!(config().directory_url(), "https://127.0.0.1:14000/dir");
    }

    #[test]
    fn a_second_start_keeps_the_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let files = config().write(dir.path()).unwrap();
        let first = std::fs::read(&files.certificate).unwrap();
        config().write(dir.path()).unwrap();
        assert_eq!(std::fs::read(&files.certificate).unwrap(), first);
    }
}
