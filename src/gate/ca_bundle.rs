//! The API server can trust the webhook: cainjector has filled the caBundles with the CA of the webhook's
//! Secret.

use std::collections::BTreeSet;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use x509_parser::pem::Pem;

use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::scope::Scope;
use super::seen::Seen;
use super::source::Source;
use super::subject::Injected;

/// The webhooks, and the Secrets of their CAs, each by its name.
pub(super) fn sources(scope: &Scope) -> Vec<Source> {
    let webhooks = scope.expected.injected.iter().filter_map(|injected| match injected.kind.as_str() {
        "ValidatingWebhookConfiguration" => {
            Some(Source::named(None, &injected.name, |seen| &mut seen.validating))
        }
        "MutatingWebhookConfiguration" => {
            Some(Source::named(None, &injected.name, |seen| &mut seen.mutating))
        }
        _ => None,
    });
    let secrets = scope.expected.ca_secrets().into_iter();
    let secrets =
        secrets.map(|(namespace, name)| Source::named(Some(namespace), name, |seen| &mut seen.ca_secrets));
    webhooks.chain(secrets).collect()
}

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    for injected in &context.expected.injected {
        let target = Target::named(&injected.kind, None, &injected.name);
        let bundles = bundles(seen, injected);
        match wrong(&bundles, injected, seen) {
            Some(("secret", message)) => {
                judgement.fact(format!("{target} has a CA"));
                judgement.say(Opinion::remark(
                    "secret",
                    target,
                    format!("{message}; the webhook gate asks it"),
                ));
            }
            Some((rule, message)) => judgement.say(Opinion::waiting(rule, target, message)),
            None => judgement.fact(format!("{target} trusts {}", trusted(injected))),
        }
    }
    if context.expected.injected.is_empty() {
        judgement.fact("the chart has no webhooks");
    }
    judgement
}

fn trusted(injected: &Injected) -> String {
    injected
        .secret
        .as_ref()
        .map_or_else(|| "a CA".to_owned(), |(namespace, name)| format!("the CA of Secret {namespace}/{name}"))
}

/// The caBundle of every webhook of an object; nothing while the object is not there.
fn bundles(seen: &Seen, injected: &Injected) -> Vec<Option<ByteString>> {
    let name = injected.name.as_str();
    match injected.kind.as_str() {
        "ValidatingWebhookConfiguration" => {
            let webhooks = seen.validating.find(None, name).and_then(|object| object.webhooks.as_ref());
            webhooks.into_iter().flatten().map(|webhook| webhook.client_config.ca_bundle.clone()).collect()
        }
        "MutatingWebhookConfiguration" => {
            let webhooks = seen.mutating.find(None, name).and_then(|object| object.webhooks.as_ref());
            webhooks.into_iter().flatten().map(|webhook| webhook.client_config.ca_bundle.clone()).collect()
        }
        _ => {
            let conversion = seen.crds.find(None, name).and_then(|crd| crd.spec.conversion.as_ref());
            let client =
                conversion.and_then(|conversion| conversion.webhook.as_ref()?.client_config.as_ref());
            client.map(|client| client.ca_bundle.clone()).into_iter().collect()
        }
    }
}

fn wrong(bundles: &[Option<ByteString>], injected: &Injected, seen: &Seen) -> Option<(&'static str, String)> {
    if bundles.is_empty() {
        return Some(("missing", "is not there, or has no webhooks".to_owned()));
    }
    if bundles.iter().any(|bundle| bundle.as_ref().is_none_or(|bundle| bundle.0.is_empty())) {
        return Some(("empty", "caBundle is empty: cainjector has not filled it".to_owned()));
    }
    let (namespace, name) = injected.secret.as_ref()?;
    let Some(secret) = seen.ca_secrets.find(Some(namespace), name) else {
        return Some((
            "secret",
            format!("Secret {namespace}/{name} is not there: the webhook has not made its CA"),
        ));
    };
    let ca = ca(secret);
    if ca.is_empty() {
        return Some(("secret", format!("Secret {namespace}/{name} holds no certificate")));
    }
    let trusts = |bundle: &Option<ByteString>| {
        bundle.as_ref().is_some_and(|bundle| !certificates(&bundle.0).is_disjoint(&ca))
    };
    (!bundles.iter().all(trusts))
        .then(|| ("other", format!("caBundle does not contain the CA of Secret {namespace}/{name}")))
}

fn ca(secret: &Secret) -> BTreeSet<Vec<u8>> {
    let data = secret.data.as_ref();
    let pem = data
        .and_then(|data| data.get("ca.crt").filter(|pem| !pem.0.is_empty()).or_else(|| data.get("tls.crt")));
    pem.map(|pem| certificates(&pem.0)).unwrap_or_default()
}

/// The DER of every certificate; two PEM texts of one certificate may differ.
fn certificates(pem: &[u8]) -> BTreeSet<Vec<u8>> {
    Pem::iter_from_buffer(pem)
        .flatten()
        .filter(|pem| pem.label == "CERTIFICATE")
        .map(|pem| pem.contents)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::tests::World;
    use crate::gate::verdict::Verdict;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    fn pem(content: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(content))
    }

    fn seen(bundle: Option<&str>, secret: Option<&str>) -> Seen {
        let bundle = bundle.map(|bundle| STANDARD.encode(bundle));
        let webhook = json!({"name": "webhook.cert-manager.io", "clientConfig": {"caBundle": bundle}, "sideEffects": "None", "admissionReviewVersions": ["v1"]});
        let secret = secret.map(|pem| {
            serde_json::from_value(json!({"metadata": {"namespace": "cert-manager", "name": "webhook-ca", "uid": "s"}, "data": {"ca.crt": STANDARD.encode(pem)}})).unwrap()
        });
        Seen {
            validating: [serde_json::from_value(
                json!({"metadata": {"name": "webhook", "uid": "v"}, "webhooks": [webhook]}),
            )
            .unwrap()]
            .into_iter()
            .collect(),
            ca_secrets: secret.into_iter().collect(),
            ..Seen::default()
        }
    }

    #[test]
    fn the_bundle_has_to_contain_the_ca_of_the_secret() {
        let world = World::new(vec![json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "webhook", "annotations": {"cert-manager.io/inject-ca-from-secret": "cert-manager/webhook-ca"}},
        })]);
        let both = format!("{}{}", pem("older"), pem("new"));
        let table = [
            (Some(pem("new")), Some(pem("new")), Verdict::Passed),
            (Some(both), Some(pem("new")), Verdict::Passed),
            (Some(pem("older")), Some(pem("new")), Verdict::Waiting),
            (Some(String::new()), Some(pem("new")), Verdict::Waiting),
            (None, Some(pem("new")), Verdict::Waiting),
            // Its CA may come from elsewhere: the webhook gate asks the webhook itself.
            (Some(pem("new")), None, Verdict::Passed),
            (Some(pem("new")), Some(String::new()), Verdict::Passed),
        ];
        for (bundle, secret, expected) in table {
            assert_eq!(
                judge(&seen(bundle.as_deref(), secret.as_deref()), &world.context()).verdict(),
                expected,
                "{bundle:?} {secret:?}"
            );
        }
        assert_eq!(judge(&Seen::default(), &world.context()).verdict(), Verdict::Waiting);
    }
}
