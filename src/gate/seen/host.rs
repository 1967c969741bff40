//! What a TLS handshake with a host showed, as a value; it connects to nobody.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use super::tally::Tally;
use crate::config::{ProbeDuty, SecretName, TlsExpectation};

/// A host, and what is expected of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probed {
    /// How reports call it.
    pub(crate) label: String,
    pub(crate) host: String,
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) server_name: String,
    pub(crate) expect: TlsExpectation,
    pub(crate) duty: ProbeDuty,
    /// The Secret that its Ingress or Gateway names.
    pub(crate) origin: Option<SecretName>,
}

/// The certificate that a host served, and what this machine makes of its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Presented {
    /// When, by this machine's clock.
    pub(crate) at: Timestamp,
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// Hexadecimal.
    pub(crate) serial: String,
    pub(crate) names: Vec<String>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// How many certificates were sent.
    pub(crate) sent: usize,
    /// Why its chain is not trusted.
    pub(crate) distrusted: Option<String>,
    pub(crate) staple: Staple,
}

/// The OCSP answer that came with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Staple {
    /// There was none.
    #[default]
    Absent,
    /// It says that the certificate is good, until then.
    Good(Option<Timestamp>),
    /// It says something else.
    Bad(String),
}

/// No certificate was shown, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoHandshake(pub(crate) String);

/// What a probe found of one host.
#[derive(Debug, Clone)]
pub(crate) struct ProbedHost {
    pub(crate) probed: Probed,
    pub(crate) answer: Result<Presented, NoHandshake>,
    /// The serial number in the Secret that was named, or why it is not known.
    pub(crate) secret: Option<Result<String, String>>,
    pub(crate) tally: Tally,
}

/// What probes found of all hosts.
#[derive(Debug, Clone, Default)]
pub(crate) struct HostsSeen {
    /// Every host was asked once.
    pub(crate) asked: bool,
    /// Why the hosts of Ingresses or Gateways are not known.
    pub(crate) unread: Option<String>,
    /// By their labels.
    pub(crate) hosts: BTreeMap<String, ProbedHost>,
}
