//! Ingresses and Gateways, as far as cert-manager's ingress-shim and gateway-shim read them, and what it makes of them
//! (cert-manager's `pkg/controller/certificate-shim`). Asks no cluster.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::resources::IssuerReference;
use super::slim;

const ISSUER: &str = "cert-manager.io/issuer";
const CLUSTER_ISSUER: &str = "cert-manager.io/cluster-issuer";
const ISSUER_KIND: &str = "cert-manager.io/issuer-kind";
const ISSUER_GROUP: &str = "cert-manager.io/issuer-group";
/// The issuer is then the controller's default one.
const TLS_ACME: &str = "kubernetes.io/tls-acme";
/// How classes were named before `ingressClassName`.
const CLASS: &str = "kubernetes.io/ingress.class";

/// An Ingress or a Gateway.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Entrance {
    /// Name, uid, labels, annotations.
    #[serde(deserialize_with = "slim::metadata")]
    pub metadata: ObjectMeta,
    /// What is wished.
    #[serde(default)]
    pub spec: EntranceSpec,
}

/// `spec` of an Ingress, and of a Gateway.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EntranceSpec {
    /// Of an Ingress.
    pub ingress_class_name: Option<String>,
    /// Of an Ingress.
    pub tls: Vec<IngressTls>,
    /// Of an Ingress.
    pub rules: Vec<IngressHost>,
    /// Of a Gateway.
    pub gateway_class_name: Option<String>,
    /// Of a Gateway.
    pub listeners: Vec<Listener>,
}

/// An entry of `spec.tls` of an Ingress.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressTls {
    /// The names.
    pub hosts: Vec<String>,
    /// The Secret with the certificate for them.
    pub secret_name: String,
}

/// An entry of `spec.rules` of an Ingress.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct IngressHost {
    /// The host; empty for all.
    pub host: String,
}

/// An entry of `spec.listeners` of a Gateway.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// The host; absent for all.
    pub hostname: Option<String>,
    /// Its certificates, where TLS ends here.
    pub tls: Option<ListenerTls>,
}

/// `tls` of a listener.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerTls {
    /// `Terminate` when absent.
    pub mode: Option<String>,
    /// The Secrets with the certificates.
    pub certificate_refs: Vec<SecretReference>,
}

/// A Secret that a listener names.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SecretReference {
    /// Its name.
    pub name: String,
}

impl Entrance {
    /// Who is to sign; nothing where cert-manager is not asked.
    pub fn issuer(&self) -> Option<IssuerReference> {
        let of = |key: &str| self.annotation(key).map(str::to_owned);
        let named = |name: String, kind: &str| IssuerReference {
            name,
            kind: of(ISSUER_KIND).unwrap_or_else(|| kind.to_owned()),
            group: of(ISSUER_GROUP).unwrap_or_default(),
        };
        let issuer = of(ISSUER).map(|name| named(name, "Issuer"));
        issuer.or_else(|| of(CLUSTER_ISSUER).map(|name| named(name, "ClusterIssuer")))
    }

    /// cert-manager is asked for certificates.
    pub fn asks(&self) -> bool {
        let acme = self.annotation(TLS_ACME).is_some_and(|value| value == "true");
        self.metadata.deletion_timestamp.is_none() && (self.issuer().is_some() || acme)
    }

    /// Its class, whichever way it is named.
    pub fn class(&self) -> Option<&str> {
        self.spec.ingress_class_name.as_deref().or_else(|| self.annotation(CLASS))
    }

    /// An annotation that is not empty.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        let value = self.metadata.annotations.as_ref()?.get(key)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// The names by the Secret for which a Certificate is made; entries without either make none.
    pub fn wished(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut wished: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for entry in
            self.spec.tls.iter().filter(|entry| !entry.hosts.is_empty() && !entry.secret_name.is_empty())
        {
            wished.entry(&entry.secret_name).or_default().extend(entry.hosts.iter().map(String::as_str));
        }
        for listener in &self.spec.listeners {
            let (Some(host), Some(tls)) = (&listener.hostname, &listener.tls) else { continue };
            if tls.mode.as_deref() != Some("Passthrough") {
                let secrets = tls.certificate_refs.iter().filter(|secret| !secret.name.is_empty());
                secrets.for_each(|secret| wished.entry(&secret.name).or_default().push(host));
            }
        }
        wished
    }

    /// Hosts that are served, and that no certificate is asked for; of a Gateway those whose TLS has no Secret.
    pub fn uncovered(&self) -> Vec<&str> {
        let wished: Vec<&str> = self.wished().into_values().flatten().collect();
        let served = self.spec.rules.iter().map(|rule| rule.host.as_str());
        let listening = self.spec.listeners.iter().filter(|listener| {
            listener.tls.as_ref().is_some_and(|tls| tls.mode.as_deref() != Some("Passthrough"))
        });
        let served = served.chain(listening.filter_map(|listener| listener.hostname.as_deref()));
        let mut left: Vec<&str> = served.filter(|host| !host.is_empty() && !covers(&wished, host)).collect();
        left.sort_unstable();
        left.dedup();
        left
    }
}

/// One of the names is the host's, or a wildcard over it (RFC 6125: the star is one whole label, the first).
pub fn covers(names: &[impl AsRef<str>], host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let over = |name: &str| {
        let rest = host.split_once('.').map(|(_, rest)| rest);
        name.strip_prefix("*.").is_some_and(|zone| rest == Some(zone))
    };
    names.iter().map(|name| name.as_ref().to_ascii_lowercase()).any(|name| name == host || over(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn entrance(annotations: &Value, spec: &Value) -> Entrance {
        let metadata = json!({"name": "shop", "namespace": "web", "annotations": annotations});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    #[test]
    fn an_annotation_names_the_issuer() {
        let table = [
            (json!({}), None),
            (json!({ISSUER: ""}), None),
            (json!({ISSUER: "ca"}), Some(("Issuer", "ca", ""))),
            (json!({CLUSTER_ISSUER: "le"}), Some(("ClusterIssuer", "le", ""))),
            (
                json!({ISSUER: "pca", ISSUER_KIND: "AWSPCAIssuer", ISSUER_GROUP: "awspca.cert-manager.io"}),
                Some(("AWSPCAIssuer", "pca", "awspca.cert-manager.io")),
            ),
        ];
        for (annotations, expected) in table {
            let entrance = entrance(&annotations, &json!({}));
            let issuer = entrance.issuer();
            let issuer = issuer.as_ref().map(|issuer| (&*issuer.kind, &*issuer.name, &*issuer.group));
            assert_eq!(issuer, expected, "{annotations}");
            assert_eq!(entrance.asks(), expected.is_some(), "{annotations}");
        }
        assert!(entrance(&json!({TLS_ACME: "true"}), &json!({})).asks());
    }

    #[test]
    fn hosts_without_a_secret_are_uncovered() {
        let spec = json!({
            "tls": [{"hosts": ["a.example.com", "*.b.example.com"], "secretName": "s"}, {"hosts": ["c.example.com"]}],
            "rules": [{"host": "a.example.com"}, {"host": "x.b.example.com"}, {"host": "c.example.com"}, {}],
        });
        let ingress = entrance(&json!({}), &spec);
        assert_eq!(ingress.wished(), [("s", vec!["a.example.com", "*.b.example.com"])].into());
        assert_eq!(ingress.uncovered(), ["c.example.com"]);
        let gateway = entrance(
            &json!({}),
            &json!({"listeners": [
                {"hostname": "a.example.com", "tls": {"certificateRefs": [{"name": "s"}]}},
                {"hostname": "b.example.com", "tls": {"certificateRefs": []}},
                {"hostname": "c.example.com", "tls": {"mode": "Passthrough"}},
                {"hostname": "d.example.com"},
            ]}),
        );
        assert_eq!(gateway.wished(), [("s", vec!["a.example.com"])].into());
        assert_eq!(gateway.uncovered(), ["b.example.com"]);
    }

    #[test]
    fn a_wildcard_covers_one_label() {
        let names = ["*.example.com", "a.example.org"];
        let table = [
            ("x.example.com", true),
            ("example.com", false),
            ("x.y.example.com", false),
            ("A.example.org.", true),
        ];
        for (host, expected) in table {
            assert_eq!(covers(&names, host), expected, "{host}");
        }
    }
}
