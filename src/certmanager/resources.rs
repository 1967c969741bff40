//! cert-manager's own kinds, with only the fields that are judged. Anything else in an object is ignored, so
//! newer versions read alike.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A status condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// `Ready`, `Issuing`, `Approved`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word, for machines.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Of the object that was judged; absent on most kinds.
    pub observed_generation: Option<i64>,
}

impl Condition {
    /// The status is `True`.
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }
}

/// The condition of a kind.
pub fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// Which issuer signs.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct IssuerReference {
    /// Name.
    pub name: String,
    /// `Issuer` when empty.
    pub kind: String,
    /// `cert-manager.io` when empty.
    pub group: String,
}

impl IssuerReference {
    /// One of cert-manager's own issuers, not an external controller's.
    pub fn is_internal(&self) -> bool {
        matches!(self.group.as_str(), "" | "cert-manager.io")
    }

    /// The kind, with cert-manager's default.
    pub fn kind(&self) -> &str {
        if self.kind.is_empty() { "Issuer" } else { &self.kind }
    }

    /// The group, with cert-manager's default.
    pub fn group(&self) -> &str {
        if self.group.is_empty() { "cert-manager.io" } else { &self.group }
    }
}

/// `Certificate.spec`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateSpec {
    /// Where the certificate is kept.
    pub secret_name: String,
    /// Who signs.
    pub issuer_ref: IssuerReference,
    /// The names on it.
    pub dns_names: Vec<String>,
}

/// `Certificate.status`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateStatus {
    /// `Ready` and, while issuing, `Issuing`.
    pub conditions: Vec<Condition>,
    /// The revision of the request whose certificate is in the Secret.
    pub revision: Option<i64>,
    /// When the last issuance failed; cleared by a success.
    pub last_failure_time: Option<String>,
    /// Failures in a row.
    pub failed_issuance_attempts: Option<i64>,
    /// End of validity.
    pub not_after: Option<Time>,
    /// When the renewal is due.
    pub renewal_time: Option<Time>,
}

/// `CertificateRequest.spec`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateRequestSpec {
    /// Who signs.
    pub issuer_ref: IssuerReference,
    /// Who asked; filled by cert-manager's mutating webhook.
    pub username: String,
}

/// `CertificateRequest.status`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateRequestStatus {
    /// `Approved` or `Denied`, `Ready`, `InvalidRequest`.
    pub conditions: Vec<Condition>,
    /// When it failed.
    pub failure_time: Option<String>,
}

/// `Order.spec`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrderSpec {
    /// Who signs.
    pub issuer_ref: IssuerReference,
    /// The names on it.
    pub dns_names: Vec<String>,
}

/// One name that the ACME server wants to see proven.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Authorization {
    /// The name.
    pub identifier: String,
    /// Its state when the Order was created: `valid` means that an older proof was reused.
    pub initial_state: String,
}

/// `Order.status`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrderStatus {
    /// Where the ACME server keeps it; empty until the server has accepted it.
    pub url: String,
    /// `pending`, `ready`, `processing`, `valid`, `invalid`, `expired`, `errored` or empty.
    pub state: String,
    /// Why it failed.
    pub reason: String,
    /// When it failed.
    pub failure_time: Option<String>,
    /// The names that have to be proven.
    pub authorizations: Vec<Authorization>,
}

/// `Challenge.spec`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChallengeSpec {
    /// `HTTP-01` or `DNS-01`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name that is proven.
    pub dns_name: String,
    /// Who signs.
    pub issuer_ref: IssuerReference,
}

/// `Challenge.status`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChallengeStatus {
    /// As an Order's.
    pub state: String,
    /// What it waits for, or why it failed.
    pub reason: String,
    /// The proof is in place.
    pub presented: bool,
    /// It is being worked on.
    pub processing: bool,
}

/// Which names a solver proves; what is empty takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SolverSelector {
    /// These names.
    pub dns_names: Vec<String>,
    /// Names in these zones.
    pub dns_zones: Vec<String>,
    /// Names of Certificates with these labels.
    pub match_labels: BTreeMap<String, String>,
}

/// One way to prove names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AcmeSolver {
    /// Which names; absent takes all.
    pub selector: Option<SolverSelector>,
    /// By DNS.
    pub dns01: Option<Value>,
    /// By HTTP.
    pub http01: Option<Value>,
}

/// The ACME part of an issuer's spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AcmeSpec {
    /// The directory URL.
    pub server: String,
    /// The ways to prove names.
    pub solvers: Vec<AcmeSolver>,
}

/// `Issuer.spec`, `ClusterIssuer.spec`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IssuerSpec {
    /// Set for an ACME issuer.
    pub acme: Option<AcmeSpec>,
    /// Set for one that signs with a key in a Secret.
    pub ca: Option<Value>,
    /// Set for one of Vault.
    pub vault: Option<Value>,
    /// Set for one of Venafi.
    pub venafi: Option<Value>,
}

/// `Issuer.status`, `ClusterIssuer.status`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IssuerStatus {
    /// `Ready`.
    pub conditions: Vec<Condition>,
}

/// Kind, namespace and name, from a [title](Object::title).
pub fn of_title(title: &str) -> (&str, Option<&str>, &str) {
    let (kind, name) = title.split_once(' ').unwrap_or(("", title));
    name.split_once('/').map_or((kind, None, name), |(namespace, name)| (kind, Some(namespace), name))
}

/// What every one of these kinds has.
pub trait Object: k8s_openapi::Metadata<Ty = ObjectMeta> {
    /// The object as people name it: `Certificate web/shop`.
    fn title(&self) -> String {
        let name = self.metadata().name.as_deref().unwrap_or_default();
        match &self.metadata().namespace {
            Some(namespace) => format!("{} {namespace}/{name}", Self::KIND),
            None => format!("{} {name}", Self::KIND),
        }
    }

    /// `metadata.uid`.
    fn uid(&self) -> &str {
        self.metadata().uid.as_deref().unwrap_or_default()
    }

    /// Its controller; an object has one at most.
    fn controller(&self) -> Option<&OwnerReference> {
        self.metadata().owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
    }

    /// Its controller, when that is of this kind.
    fn owner(&self, kind: &str) -> Option<&OwnerReference> {
        self.controller().filter(|owner| owner.kind == kind)
    }
}

impl<K: k8s_openapi::Metadata<Ty = ObjectMeta>> Object for K {}

macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $spec:ty, $status:ty, $scope:ty, $group:literal, $plural:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        pub struct $name {
            /// Name, uid, generation, owners.
            #[serde(default, deserialize_with = "super::slim::metadata")]
            pub metadata: ObjectMeta,
            /// What is wished.
            #[serde(default)]
            pub spec: $spec,
            /// What is.
            #[serde(default)]
            pub status: $status,
        }

        impl k8s_openapi::Resource for $name {
            const API_VERSION: &'static str = concat!($group, "/v1");
            const GROUP: &'static str = $group;
            const KIND: &'static str = stringify!($name);
            const VERSION: &'static str = "v1";
            const URL_PATH_SEGMENT: &'static str = $plural;
            type Scope = $scope;
        }

        impl k8s_openapi::Metadata for $name {
            type Ty = ObjectMeta;
            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};

kind! {
    /// A wish for a certificate in a Secret.
    Certificate, CertificateSpec, CertificateStatus, NamespaceResourceScope, "cert-manager.io", "certificates"
}
kind! {
    /// One signing request of a Certificate, or of somebody else.
    CertificateRequest, CertificateRequestSpec, CertificateRequestStatus, NamespaceResourceScope, "cert-manager.io", "certificaterequests"
}
kind! {
    /// An order at an ACME server, for one request.
    Order, OrderSpec, OrderStatus, NamespaceResourceScope, "acme.cert-manager.io", "orders"
}
kind! {
    /// One proof for an Order; deleted when the Order is valid.
    Challenge, ChallengeSpec, ChallengeStatus, NamespaceResourceScope, "acme.cert-manager.io", "challenges"
}
kind! {
    /// Signs for its own namespace.
    Issuer, IssuerSpec, IssuerStatus, NamespaceResourceScope, "cert-manager.io", "issuers"
}
kind! {
    /// Signs for every namespace.
    ClusterIssuer, IssuerSpec, IssuerStatus, ClusterResourceScope, "cert-manager.io", "clusterissuers"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_missing_fields_do_no_harm() {
        let certificate: Certificate = serde_json::from_value(serde_json::json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": {"namespace": "web", "name": "shop", "uid": "u1"},
            "spec": {"secretName": "shop-tls", "issuerRef": {"name": "ca"}, "renewal": {"policy": "Disabled"}},
            "status": {"revision": 2, "renewalTime": "2026-01-02T03:04:05Z", "acme": {"ari": {}}},
        }))
        .unwrap();
        assert_eq!(certificate.title(), "Certificate web/shop");
        assert_eq!(of_title("Certificate web/shop"), ("Certificate", Some("web"), "shop"));
        assert_eq!(of_title("ClusterIssuer ca"), ("ClusterIssuer", None, "ca"));
        assert_eq!((certificate.uid(), certificate.status.revision), ("u1", Some(2)));
        assert_eq!(certificate.spec.issuer_ref.kind(), "Issuer");
        assert!(certificate.spec.issuer_ref.is_internal());
        let order: Order = serde_json::from_value(serde_json::json!({"metadata": {"name": "x"}})).unwrap();
        assert_eq!(order.status.state, "");
    }
}
