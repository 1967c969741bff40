//! A reference to an issuer: `ClusterIssuer/letsencrypt-staging`, `Issuer/my-issuer` or
//! `Issuer/my-namespace/my-issuer` of cert-manager, or one of another controller, with its group:
//! `AWSPCAClusterIssuer.awspca.cert-manager.io/my-issuer`. Reads no cluster.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The API group of cert-manager's own issuers.
const CERT_MANAGER: &str = "cert-manager.io";

/// What kind of issuer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IssuerKind {
    /// Serves every namespace.
    ClusterIssuer,
    /// Serves its own namespace.
    Issuer,
    /// Another controller signs.
    External {
        /// The Kubernetes kind.
        kind: String,
        /// Its API group.
        group: String,
    },
}

impl IssuerKind {
    /// The Kubernetes kind.
    pub fn as_str(&self) -> &str {
        match self {
            IssuerKind::ClusterIssuer => "ClusterIssuer",
            IssuerKind::Issuer => "Issuer",
            IssuerKind::External { kind, .. } => kind,
        }
    }

    /// The API group.
    pub fn group(&self) -> &str {
        match self {
            IssuerKind::ClusterIssuer | IssuerKind::Issuer => CERT_MANAGER,
            IssuerKind::External { group, .. } => group,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (kind, group) = match text.split_once('.') {
            Some((kind, group)) => (kind, group),
            None => (text, CERT_MANAGER),
        };
        match (kind, group) {
            ("ClusterIssuer", CERT_MANAGER) => Some(IssuerKind::ClusterIssuer),
            ("Issuer", CERT_MANAGER) => Some(IssuerKind::Issuer),
            (_, "" | CERT_MANAGER) => None,
            (kind, group) => kind
                .starts_with(|first: char| first.is_ascii_uppercase())
                .then(|| IssuerKind::External { kind: kind.to_owned(), group: group.to_owned() }),
        }
    }
}

impl fmt::Display for IssuerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssuerKind::External { kind, group } => write!(f, "{kind}.{group}"),
            IssuerKind::ClusterIssuer | IssuerKind::Issuer => f.write_str(self.as_str()),
        }
    }
}

/// Which issuer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(
    with = "String",
    title = "an issuer such as `ClusterIssuer/letsencrypt-staging` or `Issuer/my-namespace/my-issuer`"
)]
#[schemars(extend(
    "pattern" = "^(ClusterIssuer/[a-z0-9.-]+|(Issuer|[A-Z][A-Za-z0-9]*(\\.[a-z0-9-]+)+)/([a-z0-9-]+/)?[a-z0-9.-]+)$"
))]
pub struct IssuerRef {
    /// Its kind.
    pub kind: IssuerKind,
    /// The namespace of a namespaced one; without it, it is the namespace of the release.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// A text that names no issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an issuer; write `ClusterIssuer/NAME`, `Issuer/NAME`, `Issuer/NAMESPACE/NAME`, or `KIND.GROUP/NAME` for one of another controller"
)]
pub struct IssuerRefError(String);

impl FromStr for IssuerRef {
    type Err = IssuerRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || IssuerRefError(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts[..] {
            [kind, name] => (kind, None, name),
            [kind, namespace, name] if !namespace.is_empty() => (kind, Some(namespace.to_owned()), name),
            _ => return Err(wrong()),
        };
        let kind = IssuerKind::read(kind).ok_or_else(wrong)?;
        if name.is_empty() || (kind == IssuerKind::ClusterIssuer && namespace.is_some()) {
            return Err(wrong());
        }
        Ok(Self { kind, namespace, name: name.to_owned() })
    }
}

impl TryFrom<String> for IssuerRef {
    type Error = IssuerRefError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<IssuerRef> for String {
    fn from(issuer: IssuerRef) -> Self {
        issuer.to_string()
    }
}

impl fmt::Display for IssuerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_and_prints_back() {
        for text in [
            "ClusterIssuer/letsencrypt-staging",
            "Issuer/ca",
            "Issuer/web/ca",
            "AWSPCAClusterIssuer.awspca.cert-manager.io/pca",
            "StepIssuer.certmanager.step.sm/web/step",
        ] {
            assert_eq!(text.parse::<IssuerRef>().unwrap().to_string(), text);
        }
        assert_eq!("Issuer/web/ca".parse::<IssuerRef>().unwrap().namespace.as_deref(), Some("web"));
        let step = "StepIssuer.certmanager.step.sm/web/step".parse::<IssuerRef>().unwrap();
        assert_eq!((step.kind.as_str(), step.kind.group()), ("StepIssuer", "certmanager.step.sm"));
        assert_eq!("Issuer.cert-manager.io/ca".parse::<IssuerRef>().unwrap().to_string(), "Issuer/ca");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "letsencrypt",
            "clusterissuer/x",
            "ClusterIssuer/",
            "ClusterIssuer/a/b",
            "Issuer//x",
            "Certificate/x",
            "Certificate.cert-manager.io/x",
            "step.certmanager.step.sm/x",
            "StepIssuer./x",
        ] {
            assert!(text.parse::<IssuerRef>().is_err(), "{text}");
        }
    }
}
