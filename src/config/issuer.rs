//! A reference to a cert-manager issuer: `ClusterIssuer/letsencrypt-staging`, `Issuer/my-issuer` or
//! `Issuer/my-namespace/my-issuer`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The two kinds of issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IssuerKind {
    /// Serves every namespace.
    ClusterIssuer,
    /// Serves its own namespace.
    Issuer,
}

impl IssuerKind {
    /// The Kubernetes kind.
    pub fn as_str(self) -> &'static str {
        match self {
            IssuerKind::ClusterIssuer => "ClusterIssuer",
            IssuerKind::Issuer => "Issuer",
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
#[schemars(extend("pattern" = "^(ClusterIssuer/[a-z0-9.-]+|Issuer/([a-z0-9-]+/)?[a-z0-9.-]+)$"))]
pub struct IssuerRef {
    /// Its kind.
    pub kind: IssuerKind,
    /// The namespace of an `Issuer`; without one it is the namespace of the release.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// A text that names no issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an issuer; write `ClusterIssuer/NAME`, `Issuer/NAME` or `Issuer/NAMESPACE/NAME`")]
pub struct IssuerRefError(String);

impl FromStr for IssuerRef {
    type Err = IssuerRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts[..] {
            ["ClusterIssuer", name] => (IssuerKind::ClusterIssuer, None, name),
            ["Issuer", name] => (IssuerKind::Issuer, None, name),
            ["Issuer", namespace, name] if !namespace.is_empty() => {
                (IssuerKind::Issuer, Some(namespace.to_owned()), name)
            }
            _ => return Err(IssuerRefError(text.to_owned())),
        };
        if name.is_empty() {
            return Err(IssuerRefError(text.to_owned()));
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
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind.as_str(), self.name),
            None => write!(f, "{}/{}", self.kind.as_str(), self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_read_and_print_back() {
        for text in ["ClusterIssuer/letsencrypt-staging", "Issuer/ca", "Issuer/web/ca"] {
            assert_eq!(text.parse::<IssuerRef>().unwrap().to_string(), text);
        }
        assert_eq!("Issuer/web/ca".parse::<IssuerRef>().unwrap().namespace.as_deref(), Some("web"));
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
        ] {
            assert!(text.parse::<IssuerRef>().is_err(), "{text}");
        }
    }
}
