//! The objects that a canary consists of, and the names that no earlier run had.

use rand::RngExt as _;
use serde_json::{Value, json};

use crate::config::{IssuerKind, IssuerRef};
use crate::gate::chain::CANARY;

/// How the report calls our own issuer.
pub(super) const SELF_SIGNED: &str = "self-signed";
/// Never resolves; RFC 2606.
const NOWHERE: &str = "{run}.canary.invalid";
/// A label of a DNS name has at most 63 characters; the rest is for the random part and what a user puts
/// before it.
const LONGEST_RUN: usize = 40;

/// What is new in this run: in every name and in the label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token(String);

impl Token {
    /// From the id of the run, made fit for DNS, and a random part: a run that is resumed needs new names,
    /// too.
    pub(super) fn new(run_id: &str) -> Self {
        let random: String = (0..6)
            .map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz"[rand::rng().random_range(0..26)]))
            .collect();
        Self::with(run_id, &random)
    }

    fn with(run_id: &str, random: &str) -> Self {
        let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let run: String = run_id.chars().map(fit).take(LONGEST_RUN).collect();
        let run = run.trim_matches('-');
        Self(if run.is_empty() { random.to_owned() } else { format!("{run}-{random}") })
    }

    /// The name of the objects for one issuer.
    pub(super) fn name(&self, index: usize) -> String {
        format!("release-canary-{}-{index}", self.0)
    }

    /// The name on the certificate.
    pub(super) fn dns_name(&self, pattern: Option<&str>) -> String {
        pattern.unwrap_or(NOWHERE).replace("{run}", &self.0)
    }
}

fn metadata(name: &str, namespace: &str, token: &Token) -> Value {
    json!({"name": name, "namespace": namespace, "labels": {CANARY: token.0, "app.kubernetes.io/managed-by": "release"}})
}

/// An issuer that signs with the key of the certificate itself.
pub(super) fn issuer(name: &str, namespace: &str, token: &Token) -> Value {
    json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": metadata(name, namespace, token), "spec": {"selfSigned": {}}})
}

/// A Certificate of `issuer`. Small keys, so that nothing waits for them; no duration, because CAs differ in
/// what they allow.
pub(super) fn certificate(
    name: &str,
    namespace: &str,
    token: &Token,
    issuer: &IssuerRef,
    dns_name: &str,
) -> Value {
    json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": metadata(name, namespace, token),
        "spec": {
            "secretName": name, "dnsNames": [dns_name],
            "privateKey": {"algorithm": "ECDSA", "size": 256},
            "issuerRef": {"name": issuer.name, "kind": issuer.kind.as_str(), "group": "cert-manager.io"},
        },
    })
}

/// Our own issuer, as a Certificate refers to it.
pub(super) fn own_issuer(name: &str) -> IssuerRef {
    IssuerRef { kind: IssuerKind::Issuer, namespace: None, name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_dns_and_new_each_time() {
        let token = Token::with("2026-11-24T08:40:12Z#17", "abcdef");
        assert_eq!(token.name(0), "release-canary-2026-11-24t08-40-12z-17-abcdef-0");
        assert_eq!(
            token.dns_name(Some("{run}.canary.example.com")),
            "2026-11-24t08-40-12z-17-abcdef.canary.example.com"
        );
        assert_eq!(Token::with("", "abcdef").dns_name(None), "abcdef.canary.invalid");
        assert!(Token::with(&"x".repeat(99), "abcdef").0.len() < 63);
        assert_ne!(Token::new("run"), Token::new("run"));
    }
}
