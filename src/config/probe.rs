//! `gates.probes` of `release.yaml`: hosts whose certificates are looked at, and what is expected of them. Connects to
//! nobody.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const HTTPS: u16 = 443;
/// In place of a CA's file: any.
const ANY: &str = "any";
const PEM: &str = "-----BEGIN";

/// One thing that is probed from where the program runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProbeSettings {
    /// A TLS handshake, and the certificates that it shows.
    pub tls: TlsProbe,
}

/// A host, or where hosts are found, and what is expected of its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TlsProbe {
    /// The host's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minLength" = 1))]
    pub host: Option<String>,
    /// In place of `host`: every host of the Ingresses or Gateways that ask cert-manager for a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discover: Option<TlsSource>,
    /// The port.
    #[serde(default = "https")]
    #[schemars(range(min = 1), title = "a port")]
    pub port: u16,
    /// Connect there, whatever DNS says: `ADDRESS` or `ADDRESS:PORT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<HostAddress>,
    /// The name that is asked for in the handshake, if it is not the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// What the certificate has to be.
    #[serde(default)]
    pub expect: TlsExpectation,
    /// What follows when it is not. Without it: `required` for a `host`, `report` for those that are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duty: Option<ProbeDuty>,
}

fn https() -> u16 {
    HTTPS
}

/// Where hosts are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsSource {
    /// Ingresses that name an issuer.
    Ingress,
    /// Gateways that name an issuer.
    Gateway,
}

/// What follows when a host is worse than it was before the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeDuty {
    /// It blocks.
    Required,
    /// It is told.
    Report,
}

/// What a host's certificate has to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TlsExpectation {
    /// A part of the issuer's name, such as `Let's Encrypt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Whose signature is trusted: `any`, or a file with certificates (PEM), relative to `release.yaml`. Without it: the
    /// CAs that this machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<TlsTrust>,
    /// Names that it has to cover, beside the host's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// So many days it has to be valid for, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// `NAMESPACE/NAME` of the Secret that holds the certificate: the host has to serve the one with the same serial
    /// number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretName>,
    /// An OCSP answer has to be stapled. One that is there has to be good in any case.
    pub ocsp: bool,
}

/// Whose signatures are trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String", title = "`any`, or a file with certificates")]
pub enum TlsTrust {
    /// Anybody's.
    Any,
    /// Those of a file that is not read yet.
    File(String),
    /// These certificates, as PEM.
    Pem(String),
}

impl From<String> for TlsTrust {
    fn from(text: String) -> Self {
        match text {
            text if text == ANY => Self::Any,
            text if text.trim_start().starts_with(PEM) => Self::Pem(text),
            text => Self::File(text),
        }
    }
}

impl From<TlsTrust> for String {
    fn from(trust: TlsTrust) -> Self {
        match trust {
            TlsTrust::Any => ANY.to_owned(),
            TlsTrust::File(text) | TlsTrust::Pem(text) => text,
        }
    }
}

/// Where to connect to, in place of what DNS says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", title = "`ADDRESS` or `ADDRESS:PORT`")]
pub struct HostAddress {
    /// An IP address or a name.
    pub address: String,
    /// If it is not the probe's.
    pub port: Option<u16>,
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an address; write `ADDRESS` or `ADDRESS:PORT`, such as `10.0.0.7:8443` or `[fd00::7]:8443`"
)]
pub struct HostAddressError(String);

impl FromStr for HostAddress {
    type Err = HostAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || HostAddressError(text.to_owned());
        let (address, port) = match text.rsplit_once(':') {
            // An IPv6 address without brackets has no port.
            Some((address, port)) if !address.contains(':') || address.ends_with(']') => {
                (address, Some(port.parse().map_err(|_| wrong())?))
            }
            Some(_) | None => (text, None),
        };
        let address = address.trim_matches(['[', ']']).to_owned();
        if address.is_empty() || address.contains(['/', ' ']) {
            Err(wrong())
        } else {
            Ok(Self { address, port })
        }
    }
}

impl TryFrom<String> for HostAddress {
    type Error = HostAddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostAddress> for String {
    fn from(address: HostAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address =
            if self.address.contains(':') { format!("[{}]", self.address) } else { self.address.clone() };
        match self.port {
            Some(port) => write!(f, "{address}:{port}"),
            None => f.write_str(&self.address),
        }
    }
}

/// A Secret by its namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", title = "a Secret as `NAMESPACE/NAME`")]
#[schemars(extend("pattern" = "^[a-z0-9][-a-z0-9]*/[a-z0-9][-a-z0-9.]*$"))]
pub struct SecretName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl TryFrom<String> for SecretName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts =
            text.split_once('/').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
        let (namespace, name) =
            parts.ok_or_else(|| format!("`{text}` is not a Secret; write `NAMESPACE/NAME`"))?;
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl From<SecretName> for String {
    fn from(secret: SecretName) -> Self {
        secret.to_string()
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl TlsProbe {
    /// What follows when the host is not as expected.
    pub fn duty(&self) -> ProbeDuty {
        let usual = if self.discover.is_some() { ProbeDuty::Report } else { ProbeDuty::Required };
        self.duty.unwrap_or(usual)
    }

    /// With the CA's file read, so that a plan holds all that a run needs.
    pub(super) fn read(&mut self, base_dir: &Path) -> Result<(), String> {
        let Some(TlsTrust::File(name)) = &self.expect.ca else { return Ok(()) };
        let read = std::fs::read_to_string(base_dir.join(name));
        let text = read.map_err(|error| format!("read the CA `{name}` of a probe: {error}"))?;
        if !text.contains(PEM) {
            return Err(format!("`{name}`, the CA of a probe, holds no certificate in PEM"));
        }
        self.expect.ca = Some(TlsTrust::Pem(text.trim_start().to_owned()));
        Ok(())
    }

    /// What is wrong with it, each with the key that it is about; an empty one stands for the probe.
    pub(super) fn mistakes(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        match (&self.host, self.discover) {
            (None, None) => found.push(("", "a TLS probe needs a `host`, or `discover: ingress`".to_owned())),
            (Some(_), Some(_)) => {
                found.push(("discover", "a TLS probe has `host` or `discover`, not both".to_owned()));
            }
            (None, Some(_)) => {
                let single =
                    [("server-name", self.server_name.is_some()), ("secret", self.expect.secret.is_some())];
                let told =
                    |key| format!("`{key}` belongs to one `host`; hosts that are found have their own");
                found.extend(single.into_iter().filter(|(_, is)| *is).map(|(key, _)| (key, told(key))));
            }
            (Some(host), None) if host.contains("://") || host.contains([':', '/']) => {
                let told = format!("`{host}` is not a host's name; write the port as `port`, and no path");
                found.push(("host", told));
            }
            (Some(_), None) => {}
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_and_prints_back() {
        for (text, expected) in [
            ("10.0.0.7", Some(("10.0.0.7", None))),
            ("10.0.0.7:8443", Some(("10.0.0.7", Some(8443)))),
            ("lb.example.com:443", Some(("lb.example.com", Some(443)))),
            ("fd00::7", Some(("fd00::7", None))),
            ("[fd00::7]:8443", Some(("fd00::7", Some(8443)))),
            ("10.0.0.7:many", None),
            ("", None),
            ("https://x", None),
        ] {
            let read = text.parse::<HostAddress>().ok();
            assert_eq!(read.as_ref().map(|read| (&*read.address, read.port)), expected, "{text}");
            assert!(read.is_none_or(|read| read.to_string() == text), "{text}");
        }
    }

    #[test]
    fn a_probe_has_one_way_to_its_hosts() {
        let mistakes = |text: &str| {
            let probe: TlsProbe = serde_norway::from_str(text).unwrap();
            probe.mistakes().into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(mistakes("host: shop.example.com"), Vec::<&str>::new());
        assert_eq!(mistakes("discover: ingress"), Vec::<&str>::new());
        assert_eq!(mistakes("port: 8443"), [""]);
        assert_eq!(mistakes("{host: a, discover: gateway}"), ["discover"]);
        assert_eq!(mistakes("{discover: ingress, expect: {secret: web/shop}}"), ["secret"]);
        assert_eq!(mistakes("host: 'https://shop.example.com/'"), ["host"]);
    }

    #[test]
    fn a_ca_becomes_part_of_the_plan() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
        let mut probe: TlsProbe = serde_norway::from_str("{host: a, expect: {ca: ca.pem}}").unwrap();
        assert!(probe.read(directory.path()).is_ok());
        assert!(matches!(&probe.expect.ca, Some(TlsTrust::Pem(_))), "{probe:?}");
        let again: TlsProbe = serde_json::from_value(serde_json::to_value(&probe).unwrap()).unwrap();
        assert_eq!(again, probe);
        let mut probe: TlsProbe = serde_norway::from_str("{host: a, expect: {ca: none.pem}}").unwrap();
        assert!(probe.read(directory.path()).unwrap_err().starts_with("read the CA `none.pem` of a probe"));
    }
}
