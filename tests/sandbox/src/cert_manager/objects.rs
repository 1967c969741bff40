//! The issuers and certificates that every cluster has from the beginning.

use serde_json::{Value, json};

use crate::acme::{Acme, ZONE};

/// Objects of cert-manager, and the namespaces that they need.
#[derive(Debug)]
pub(super) struct Objects {
    namespaces: Vec<Value>,
    resources: Vec<Value>,
}

impl Objects {
    pub(super) fn of(acme: &Acme) -> Self {
        let resources = vec![
            issuer("selfsigned", &json!({ "selfSigned": {} })),
            authority(),
            issuer("sandbox-ca", &json!({ "ca": { "secretName": "sandbox-ca" } })),
            issuer("letsencrypt", &letsencrypt(acme)),
            certificate("shop", "sandbox-ca"),
            certificate("search", "sandbox-ca"),
            certificate("metrics", "selfsigned"),
        ];
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "demo" } });
        Self { namespaces: vec![namespace], resources }
    }

    pub(super) fn in_order(&self) -> impl Iterator<Item = &Value> {
        self.namespaces.iter().chain(&self.resources)
    }

    pub(super) fn with_condition(&self) -> &[Value] {
        &self.resources
    }
}

fn issuer(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": { "name": name }, "spec": spec })
}

fn letsencrypt(acme: &Acme) -> Value {
    json!({ "acme": {
        "server": acme.directory_url(),
        "email": "sre@example.com",
        "skipTLSVerify": true,
        "privateKeySecretRef": { "name": "letsencrypt" },
        "solvers": [{ "selector": { "dnsZones": [ZONE] }, "dns01": { "rfc2136": { "nameserver": acme.dns.to_string() } } }],
    }})
}

/// The certificate behind `sandbox-ca`; cluster-wide issuers read their Secrets in cert-manager's own
/// namespace.
fn authority() -> Value {
    json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": { "name": "sandbox-ca", "namespace": "cert-manager" },
        "spec": {
            "isCA": true,
            "commonName": "sandbox-ca",
            "secretName": "sandbox-ca",
            "privateKey": { "algorithm": "ECDSA", "size": 256 },
            "issuerRef": { "kind": "ClusterIssuer", "name": "selfsigned" },
        },
    })
}

fn certificate(name: &str, issuer: &str) -> Value {
    json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": { "name": name, "namespace": "demo" },
        "spec": {
            "secretName": format!("{name}-tls"),
            "dnsNames": [format!("{name}.demo.{ZONE}")],
            "privateKey": { "algorithm": "ECDSA", "size": 256 },
            "issuerRef": { "kind": "ClusterIssuer", "name": issuer },
        },
    })
}
