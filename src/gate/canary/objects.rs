//! The objects that a canary consists of, and the names that no earlier run had.

use rand::RngExt as _;
use serde_json::{Value, json};

use crate::config::{IssuerKind, IssuerRef};
use crate::gate::mark::Mark;

/// Never resolves; RFC 2606.
const NOWHERE: &str = "{run}.canary.invalid";
const PREFIX: &str = "release-canary-";

/// What is new in every name. The run alone would not do: a run that rolls back issues canaries twice, and an
/// ACME server remembers the names that it has seen proven.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token(String);

impl Token {
    /// From the run, and a random part.
    pub(super) fn new(mark: &Mark) -> Self {
        let random: String = (0..6)
            .map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz"[rand::rng().random_range(0..26)]))
            .collect();
        Self::with(mark, &random)
    }

    fn with(mark: &Mark, random: &str) -> Self {
        Self(format!("{}-{random}", mark.run()))
    }

    /// From the name of an object, with the index of its issuer.
    pub(super) fn of_name(name: &str) -> Option<(Self, usize)> {
        let (token, index) = name.strip_prefix(PREFIX)?.rsplit_once('-')?;
        Some((Self(token.to_owned()), index.parse().ok()?))
    }

    /// The name of the objects for one issuer.
    pub(super) fn name(&self, index: usize) -> String {
        format!("{PREFIX}{}-{index}", self.0)
    }

    /// The name on the certificate.
    pub(super) fn dns_name(&self, pattern: Option<&str>) -> String {
        pattern.unwrap_or(NOWHERE).replace("{run}", &self.0)
    }
}

fn metadata(name: &str, namespace: &str, mark: &Mark) -> Value {
    json!({"name": name, "namespace": namespace, "labels": mark.labels()})
}

/// An issuer that signs with the key of the certificate itself.
pub(super) fn issuer(name: &str, namespace: &str, mark: &Mark) -> Value {
    json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": metadata(name, namespace, mark),
        "spec": {"selfSigned": {}},
    })
}

/// A Certificate of `issuer`, whose Secret carries the mark, too. Small keys, so that nothing waits for them;
/// no duration, because CAs differ in what they allow.
pub(super) fn certificate(
    name: &str,
    namespace: &str,
    mark: &Mark,
    issuer: &IssuerRef,
    dns_name: &str,
) -> Value {
    json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": metadata(name, namespace, mark),
        "spec": {
            "secretName": name, "dnsNames": [dns_name], "secretTemplate": {"labels": mark.labels()},
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
        let mark = Mark::new("2026-11-24T08:40:12Z#17", 2);
        let token = Token::with(&mark, "abcdef");
        assert_eq!(token.name(0), "release-canary-2026-11-24t08-40-12z-17-abcdef-0");
        assert_eq!(Token::of_name(&token.name(3)), Some((token.clone(), 3)));
        assert_eq!(Token::of_name("shop-tls-1"), None);
        assert_eq!(
            token.dns_name(Some("{run}.canary.example.com")),
            "2026-11-24t08-40-12z-17-abcdef.canary.example.com"
        );
        assert_eq!(Token::with(&Mark::new("", 1), "abcdef").dns_name(None), "unnamed-abcdef.canary.invalid");
        assert!(Token::with(&Mark::new(&"x".repeat(99), 1), "abcdef").0.len() < 63);
        assert_ne!(Token::new(&mark), Token::new(&mark));
    }

    #[test]
    fn every_object_names_its_run_and_revision() {
        let mark = Mark::new("run", 7);
        let certificate = certificate("c", "web", &mark, &own_issuer("i"), "x.canary.invalid");
        for labels in [
            &issuer("i", "web", &mark)["metadata"]["labels"],
            &certificate["metadata"]["labels"],
            &certificate["spec"]["secretTemplate"]["labels"],
        ] {
            assert_eq!(
                (&labels["release.canary/run"], &labels["release.canary/revision"]),
                (&json!("run"), &json!("7"))
            );
        }
    }
}
