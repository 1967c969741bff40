//! The objects that a canary consists of, and the names that no earlier run had.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use rand::RngExt as _;
use serde_json::{Value, json};

use crate::config::{CanaryIngress, CanarySettings, IssuerKind, IssuerRef};
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

    /// The name of the Ingress, its Certificate and its Secret.
    pub(super) fn by_ingress(&self) -> String {
        format!("{PREFIX}{}-ingress", self.0)
    }

    /// The name on the certificate.
    pub(super) fn dns_name(&self, pattern: Option<&str>) -> String {
        pattern.unwrap_or(NOWHERE).replace("{run}", &self.0)
    }
}

/// What all canaries of a run have in common.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) mark: Mark,
    pub(super) settings: CanarySettings,
    /// With it, the objects beside it vanish.
    pub(super) owner: Option<OwnerReference>,
    /// Where the owner is; no owner reference leads into another namespace.
    pub(super) home: String,
}

impl Form {
    /// An issuer that signs with the key of the certificate itself.
    pub(super) fn issuer(&self, name: &str) -> Value {
        json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": self.metadata(name, &self.home),
            "spec": {"selfSigned": {}},
        })
    }

    /// A Certificate of `issuer`, whose Secret carries the mark, too. Small keys, so that nothing waits for
    /// them; no duration, because CAs differ in what they allow.
    pub(super) fn certificate(&self, token: &Token, index: usize, issuer: &IssuerRef) -> Value {
        let name = token.name(index);
        let namespace = issuer.namespace.as_deref().unwrap_or(&self.home);
        let pattern = self.settings.dns_name.as_deref().filter(|_| index > 0);
        let usual = json!({
            "secretName": name, "dnsNames": [token.dns_name(pattern)],
            "secretTemplate": {"labels": self.mark.labels()},
            "privateKey": {"algorithm": "ECDSA", "size": 256},
            "issuerRef": {"name": issuer.name, "kind": issuer.kind.as_str(), "group": issuer.kind.group()},
        });
        json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": self.metadata(&name, namespace),
            "spec": self.settings.certificate.on(usual, &token.0),
        })
    }

    /// An Ingress that leads to no Service, with the issuer that its annotations name, else with our own.
    pub(super) fn ingress(&self, token: &Token, settings: &CanaryIngress) -> Value {
        let (name, host) = (token.by_ingress(), token.dns_name(Some(&settings.host)));
        let mut metadata = self.metadata(&name, &self.home);
        metadata["annotations"] = json!(settings.annotations);
        if !settings.names_issuer() {
            metadata["annotations"]["cert-manager.io/issuer"] = json!(token.name(0));
        }
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata,
            "spec": {
                "ingressClassName": settings.class,
                "tls": [{"hosts": [host], "secretName": name}],
                "rules": [{"host": host}],
            },
        })
    }

    fn metadata(&self, name: &str, namespace: &str) -> Value {
        let owners: Vec<_> = self.owner.iter().filter(|_| namespace == self.home).collect();
        json!({"name": name, "namespace": namespace, "labels": self.mark.labels(), "ownerReferences": owners})
    }
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

    fn form(settings: &Value) -> Form {
        let owner = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "name": "l", "uid": "u"});
        Form {
            mark: Mark::new("run", 7),
            settings: serde_json::from_value(settings.clone()).unwrap(),
            owner: serde_json::from_value(owner).unwrap(),
            home: "cert-manager".to_owned(),
        }
    }

    #[test]
    fn every_object_names_its_run_and_revision() {
        let form = form(&json!({}));
        let token = Token::with(&form.mark, "abcdef");
        let certificate = form.certificate(&token, 0, &own_issuer("i"));
        for labels in [
            &form.issuer("i")["metadata"]["labels"],
            &certificate["metadata"]["labels"],
            &certificate["spec"]["secretTemplate"]["labels"],
        ] {
            assert_eq!(
                (&labels["release.canary/run"], &labels["release.canary/revision"]),
                (&json!("run"), &json!("7"))
            );
        }
    }

    #[test]
    fn an_ingress_asks_for_a_name_that_no_run_had_before() {
        let form = form(&json!({}));
        let token = Token::with(&form.mark, "abcdef");
        let of = |settings: Value| form.ingress(&token, &serde_json::from_value(settings).unwrap());
        let own = of(json!({"host": "{run}.example.com", "annotations": {"a": "b"}}));
        let annotations = json!({"a": "b", "cert-manager.io/issuer": "release-canary-run-abcdef-0"});
        assert_eq!(own["metadata"]["annotations"], annotations);
        assert_eq!(own["metadata"]["labels"]["release.canary/run"], "run");
        assert_eq!(own["metadata"]["ownerReferences"][0]["kind"], "Lease");
        let tls =
            json!([{"hosts": ["run-abcdef.example.com"], "secretName": "release-canary-run-abcdef-ingress"}]);
        assert_eq!(own["spec"]["tls"], tls);
        let other = json!({"cert-manager.io/cluster-issuer": "le"});
        let named = of(json!({"host": "{run}.example.com", "class": "nginx", "annotations": other}));
        assert_eq!(
            (&named["metadata"]["annotations"], &named["spec"]["ingressClassName"]),
            (&other, &json!("nginx"))
        );
        assert_eq!(Token::of_name(&token.by_ingress()), None, "it is no canary of an issuer");
    }

    #[test]
    fn a_certificate_has_the_form_that_is_asked_for_and_the_issuer_that_is_named() {
        let form = form(&json!({
            "dns-name": "{run}.example.com", "certificate": {"commonName": "{run}", "privateKey": {"algorithm": "RSA"}},
        }));
        let token = Token::with(&form.mark, "abcdef");
        let issuer = "StepIssuer.certmanager.step.sm/web/step".parse().unwrap();
        let certificate = form.certificate(&token, 1, &issuer);
        let spec = &certificate["spec"];
        assert_eq!(
            spec["issuerRef"],
            json!({"kind": "StepIssuer", "group": "certmanager.step.sm", "name": "step"})
        );
        assert_eq!(
            (&spec["commonName"], &spec["dnsNames"]),
            (&json!("run-abcdef"), &json!(["run-abcdef.example.com"]))
        );
        assert_eq!(spec["privateKey"], json!({"algorithm": "RSA"}));
        assert_eq!(
            certificate["metadata"]["ownerReferences"],
            json!([]),
            "its owner is in another namespace"
        );
        let own = form.certificate(&token, 0, &own_issuer("i"));
        assert_eq!(own["spec"]["dnsNames"], json!(["run-abcdef.canary.invalid"]));
        assert_eq!(own["metadata"]["ownerReferences"][0]["kind"], "Lease");
    }
}
