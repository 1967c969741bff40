//! How a version reads Certificates that an older one wrote, and which of them it therefore takes for changed.

use serde::Deserialize;

use crate::certmanager::resources::IssuerReference;

/// What differs in the way in which a version reads what is there (`policies/checks.go` of cert-manager).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// Defaults of the CRDs fill kind and group of an issuerRef, and a request without them looks like another's
    /// (cert-manager#8158).
    IssuerDefaults,
    /// The annotations of a Secret have to name its Certificate and issuer (cert-manager#6494).
    SecretAnnotations,
}

/// A Certificate with what an upgrade may read in another way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadCertificate {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its Secret.
    pub secret: String,
    /// Who signs.
    pub issuer: IssuerReference,
    /// The names on it.
    pub dns_names: Vec<String>,
    /// The revision that its Secret holds; it has none before it was issued.
    pub revision: Option<i64>,
    /// Who signed by the request of that revision; absent where the request is gone.
    pub requested: Option<IssuerReference>,
    /// What the annotations of its Secret say; absent where there is no such Secret.
    pub annotated: Option<SecretAnnotations>,
}

/// What cert-manager wrote about a certificate beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretAnnotations {
    /// `cert-manager.io/certificate-name`.
    pub certificate: Option<String>,
    /// `cert-manager.io/issuer-name`.
    pub issuer_name: Option<String>,
    /// `cert-manager.io/issuer-kind` and `-group`, empty where they are absent; the name is not filled here.
    pub issuer: IssuerReference,
}

impl Reader {
    /// Why a Certificate is issued again, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::IssuerDefaults => "their requests leave out kind or group of the issuer",
            Self::SecretAnnotations => {
                "the annotations of their Secrets name another Certificate or issuer, or none"
            }
        }
    }

    /// Whether it takes this Certificate for changed.
    pub fn takes_for_changed(self, certificate: &ReadCertificate) -> bool {
        let is_short = |issuer: &IssuerReference| issuer.kind.is_empty() || issuer.group.is_empty();
        match self {
            Self::IssuerDefaults => certificate.requested.as_ref().is_some_and(is_short),
            Self::SecretAnnotations => {
                let annotated = certificate.annotated.as_ref();
                annotated.is_some_and(|annotated| annotated.differ_from(certificate))
            }
        }
    }
}

impl SecretAnnotations {
    /// An absent kind or group is read as the default one; an absent name says nothing.
    fn differ_from(&self, certificate: &ReadCertificate) -> bool {
        let other = |said: &Option<String>, is: &String| said.as_ref().is_some_and(|said| said != is);
        let is = &certificate.issuer;
        other(&self.certificate, &certificate.name)
            || other(&self.issuer_name, &is.name)
            || self.issuer.kind() != is.kind()
            || self.issuer.group() != is.group()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(kind: &str, group: &str) -> IssuerReference {
        IssuerReference { name: "ca".to_owned(), kind: kind.to_owned(), group: group.to_owned() }
    }

    #[test]
    fn only_a_request_that_leaves_something_out_looks_like_anothers() {
        let full = || issuer("ClusterIssuer", "cert-manager.io");
        let table = [
            (full(), Some(full()), false),
            (issuer("ClusterIssuer", ""), Some(issuer("ClusterIssuer", "")), true),
            (issuer("", "cert-manager.io"), Some(issuer("", "cert-manager.io")), true),
            (issuer("", ""), None, false),
        ];
        for (issuer, requested, expected) in table {
            let told = format!("{issuer:?} {requested:?}");
            let certificate = ReadCertificate { issuer, requested, ..ReadCertificate::default() };
            assert_eq!(Reader::IssuerDefaults.takes_for_changed(&certificate), expected, "{told}");
        }
    }

    #[test]
    fn annotations_that_name_something_else_are_a_change() {
        let certificate = |kind: &str, annotated| ReadCertificate {
            name: "shop".to_owned(),
            issuer: issuer(kind, ""),
            annotated,
            ..ReadCertificate::default()
        };
        let says = |certificate: &str, name: &str, kind: &str, group: &str| {
            let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            Some(SecretAnnotations {
                certificate: said(certificate),
                issuer_name: said(name),
                issuer: IssuerReference { name: String::new(), ..issuer(kind, group) },
            })
        };
        let table = [
            ("Issuer", None, false),
            ("Issuer", says("shop", "ca", "Issuer", "cert-manager.io"), false),
            ("", says("shop", "ca", "Issuer", ""), false),
            ("Issuer", says("", "", "", ""), false),
            ("Issuer", says("other", "ca", "Issuer", ""), true),
            ("Issuer", says("shop", "old-ca", "Issuer", ""), true),
            ("ClusterIssuer", says("shop", "ca", "Issuer", ""), true),
            ("ClusterIssuer", says("", "", "", ""), true),
            ("Issuer", says("shop", "ca", "Issuer", "pki.example.com"), true),
        ];
        for (kind, annotated, expected) in table {
            let told = format!("{kind} {annotated:?}");
            let certificate = certificate(kind, annotated);
            assert_eq!(Reader::SecretAnnotations.takes_for_changed(&certificate), expected, "{told}");
        }
    }
}
