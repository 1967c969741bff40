//! What stands in a Certificate, its request and its Order once it is issued, as large as a public CA makes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The kinds of one issuance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Certificate,
    Request,
    Order,
}

impl Kind {
    pub(super) fn group_version(self) -> &'static str {
        match self {
            Self::Certificate | Self::Request => "cert-manager.io/v1",
            Self::Order => "acme.cert-manager.io/v1",
        }
    }

    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Certificate => "certificates",
            Self::Request => "certificaterequests",
            Self::Order => "orders",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Certificate => "Certificate",
            Self::Request => "CertificateRequest",
            Self::Order => "Order",
        }
    }
}

/// How large a signing request, and a certificate with its chain, is.
const REQUEST: usize = 1000;
const CHAIN: usize = 3600;

pub(super) fn namespace(number: u32) -> String {
    format!("team-{number:03}")
}

pub(super) fn name(kind: Kind, index: u32) -> String {
    match kind {
        Kind::Certificate => format!("service-{index}-tls"),
        Kind::Request => format!("service-{index}-tls-x7k2p"),
        Kind::Order => format!("service-{index}-tls-x7k2p-2871349021"),
    }
}

/// A reference to the owner of the next kind.
pub(super) fn owner(kind: Kind, name: &str, uid: &str) -> Value {
    json!({
        "apiVersion": kind.group_version(), "kind": kind.kind(), "name": name, "uid": uid,
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// The object as it is created.
pub(super) fn wish(kind: Kind, index: u32, owner: Option<&Value>) -> Value {
    let issuer = json!({"kind": "ClusterIssuer", "name": "letsencrypt", "group": "cert-manager.io"});
    let host = format!("service-{index}.demo.example.com");
    let spec = match kind {
        Kind::Certificate => json!({
            "secretName": format!("service-{index}-tls"), "dnsNames": [host],
            "privateKey": {"algorithm": "ECDSA", "size": 256}, "issuerRef": issuer,
        }),
        Kind::Request => json!({
            "request": noise(index, REQUEST), "issuerRef": issuer, "usages": ["digital signature", "key encipherment"],
            "username": "system:serviceaccount:cert-manager:cert-manager", "uid": "9c1f",
            "groups": ["system:serviceaccounts", "system:serviceaccounts:cert-manager", "system:authenticated"],
        }),
        Kind::Order => json!({"request": noise(index, REQUEST), "issuerRef": issuer, "dnsNames": [host]}),
    };
    let mut metadata = json!({
        "name": name(kind, index), "ownerReferences": owner.into_iter().collect::<Vec<_>>(),
    });
    if kind != Kind::Certificate {
        metadata["annotations"] = json!({
            "cert-manager.io/certificate-name": format!("service-{index}-tls"),
            "cert-manager.io/certificate-revision": "1",
            "cert-manager.io/private-key-secret-name": format!("service-{index}-tls-9wqzk"),
        });
    }
    json!({"apiVersion": kind.group_version(), "kind": kind.kind(), "metadata": metadata, "spec": spec})
}

/// What cert-manager says of it in the end.
pub(super) fn status(kind: Kind) -> Value {
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    match kind {
        Kind::Certificate => json!({
            "conditions": [condition("Ready", "Ready", "Certificate is up to date and has not expired")],
            "revision": 1, "notBefore": "2026-01-01T00:00:00Z", "notAfter": "2036-01-01T00:00:00Z",
            "renewalTime": "2035-12-01T00:00:00Z",
        }),
        Kind::Request => json!({
            "conditions": [
                condition("Approved", "cert-manager.io", "Certificate request has been approved by cert-manager.io"),
                condition("Ready", "Issued", "Certificate fetched from issuer successfully"),
            ],
            "certificate": noise(7, CHAIN),
        }),
        Kind::Order => json!({
            "state": "valid",
            "url": "https://acme.example.com/acme/order/1234567890/98765432101",
            "finalizeURL": "https://acme.example.com/acme/finalize/1234567890/98765432101",
            "certificate": noise(9, CHAIN),
            "authorizations": [authorization()],
        }),
    }
}

fn authorization() -> Value {
    let challenge = |kind: &str| {
        json!({
            "type": kind, "token": "3q2-7wQy0mT8kqT3F1sYc1v9rX5l7uWmJk2eHb4d6gI",
            "url": "https://acme.example.com/acme/chall-v3/1234567890/AbCdEf",
        })
    };
    let challenges = ["http-01", "dns-01", "tls-alpn-01"].map(challenge);
    json!({
        "identifier": "service.demo.example.com", "initialState": "pending", "wildcard": false,
        "url": "https://acme.example.com/acme/authz-v3/1234567890",
        "challenges": challenges,
    })
}

/// So many bytes that do not compress, as base64.
fn noise(seed: u32, bytes: usize) -> String {
    let mut state = u64::from(seed) + 0x9e37_79b9;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    STANDARD.encode((0..bytes).map(|_| next()).collect::<Vec<u8>>())
}
