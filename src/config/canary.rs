//! `gates.canary` of `release.yaml`: which certificates are issued to prove that issuing works.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::issuer::IssuerRef;
use super::shape::CertificateShape;

/// The certificate that is issued to prove that issuing works. A self-signed one is, unless it is switched off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of release.yaml that a user sets by itself")]
pub struct CanarySettings {
    /// The issuers that are asked, besides a self-signed one. One of another controller is named with its
    /// group: `AWSPCAClusterIssuer.awspca.cert-manager.io/NAME`.
    pub issuers: Vec<IssuerRef>,
    /// A self-signed certificate is issued, too. Where a policy forbids it, `false` leaves it to `issuers`.
    pub self_signed: bool,
    /// The name on the certificate; `{run}` stands for a text that is new in every run.
    pub dns_name: Option<String>,
    /// What is merged into the spec of every canary's Certificate, for issuers and policies that want a certain
    /// form: `commonName`, `privateKey`, `duration`, `usages`, `subject`, …; `{run}` as in `dns-name`.
    pub certificate: CertificateShape,
    /// Ask even an ACME issuer of a CA's production, which has rate limits and public logs.
    pub allow_production: bool,
    /// Issue the canaries before the upgrade, too, by the version that runs: what is dead before is known then, and
    /// nothing is changed.
    pub before: bool,
    /// Take an ACME certificate for proof that was issued without a new Challenge, as CAs do whose domains are
    /// validated beforehand.
    pub allow_reused: bool,
    /// An Ingress of our own, for which cert-manager has to make a Certificate: that proves its ingress-shim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<CanaryIngress>,
}

/// The Ingress of a canary. It leads to no Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CanaryIngress {
    /// Its host; `{run}` stands for a text that is new in every run.
    pub host: String,
    /// Its `ingressClassName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Its annotations, as the apps have them, such as `cert-manager.io/cluster-issuer: letsencrypt-staging`. Without an
    /// issuer: our own self-signed one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl CanaryIngress {
    /// Somebody else than our own issuer is to sign.
    pub fn names_issuer(&self) -> bool {
        let keys = ["cert-manager.io/issuer", "cert-manager.io/cluster-issuer", "kubernetes.io/tls-acme"];
        keys.iter().any(|key| self.annotations.contains_key(*key))
    }
}

impl Default for CanarySettings {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            self_signed: true,
            dns_name: None,
            certificate: CertificateShape::default(),
            allow_production: false,
            before: false,
            allow_reused: false,
            ingress: None,
        }
    }
}

impl CanarySettings {
    /// How many certificates are issued.
    pub fn count(&self) -> usize {
        usize::from(self.self_signed) + self.issuers.len() + usize::from(self.ingress.is_some())
    }
}
