//! Asks the webhook through the API server: two creations as dry runs, one that is valid and one that is not.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Api;
use kube::api::PostParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::Cluster;
use crate::gate::denial::{WEBHOOK, is_denial};
use crate::gate::seen::{Change, Probe, Problem};

/// API servers that share a cluster cache webhook configurations each on its own.
pub(super) const IN_A_ROW: usize = 3;
/// The webhooks' own time limit is up to 30 s.
const PATIENCE: Duration = Duration::from_secs(35);
const SOON: Duration = Duration::from_millis(300);
/// After a good row the webhook is only watched.
const LATER: Duration = Duration::from_secs(5);
const HISTORY: usize = 16;
/// Not the release's own: up to cert-manager 1.12 the validating webhook leaves out a namespace that Helm
/// created for it.
pub(in crate::gate) const NAMESPACE: &str = "default";

/// Asks until nobody listens any more.
pub(super) async fn watch(cluster: Cluster, changes: mpsc::Sender<Change>) {
    let (mut good, began) = (0, Instant::now());
    loop {
        let probe = ask(&cluster).await;
        let (answered, at) = (!matches!(probe, Err(Problem::NoAnswer(_))), began.elapsed());
        good = if probe.is_ok() { good + 1 } else { 0 };
        let change: Change = Box::new(move |seen| {
            seen.webhook.count(answered, at);
            seen.probes.push(probe);
            let surplus = seen.probes.len().saturating_sub(HISTORY);
            seen.probes.drain(..surplus);
        });
        if changes.send(change).await.is_err() {
            return;
        }
        sleep(if good < IN_A_ROW { SOON } else { LATER }).await;
    }
}

/// For a preflight: does the webhook answer as it should? The last of three tries counts.
pub async fn check(cluster: &Cluster) -> Result<(), String> {
    let mut answer = ask(cluster).await;
    for _ in 1..IN_A_ROW {
        if answer.is_ok() {
            break;
        }
        sleep(SOON).await;
        answer = ask(cluster).await;
    }
    match answer {
        // What others refuse says nothing about the webhook.
        Ok(()) | Err(Problem::Policy(_)) => Ok(()),
        Err(problem) => Err(format!("the webhook: {}", problem.message())),
    }
}

async fn ask(cluster: &Cluster) -> Probe {
    let tries = async {
        let request = signing_request().map_err(Problem::Api)?;
        valid(create(cluster, "release-check-valid-", &request).await)?;
        invalid(create(cluster, "release-check-invalid-", "not a signing request").await)
    };
    let silent = || Problem::NoAnswer(format!("no answer of the webhook within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, tries).await.unwrap_or_else(|_| Err(silent()))
}

/// A real signing request with a key of its own.
fn signing_request() -> Result<String, String> {
    let request = || -> Result<String, rcgen::Error> {
        let key = KeyPair::generate()?;
        CertificateParams::new(vec!["example.com".to_owned()])?.serialize_request(&key)?.pem()
    };
    request().map_err(|error| format!("make a signing request: {error}"))
}

async fn create(cluster: &Cluster, prefix: &str, request: &str) -> Result<DynamicObject, kube::Error> {
    let resource =
        ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", "CertificateRequest"));
    let api = Api::<DynamicObject>::namespaced_with(cluster.client.clone(), NAMESPACE, &resource);
    let object = json!({
        "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
        "metadata": {"generateName": prefix, "namespace": NAMESPACE},
        "spec": {"request": STANDARD.encode(request), "issuerRef": {"name": "release-check"}},
    });
    let object = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
    api.create(&PostParams { dry_run: true, ..PostParams::default() }, &object).await
}

/// The mutating webhook writes who asks; without it the request comes back as it was sent.
fn valid(result: Result<DynamicObject, kube::Error>) -> Probe {
    match result {
        Ok(object) if is_filled(&object.data) => Ok(()),
        Ok(_) => Err(Problem::Wrong(
            "a valid request came back without spec.username: the mutating webhook was not called".to_owned(),
        )),
        Err(error) if is_denied(&error) => {
            Err(Problem::Wrong(format!("a valid request was refused: {}", message(&error))))
        }
        Err(error) => Err(unanswered(&error)),
    }
}

fn invalid(result: Result<DynamicObject, kube::Error>) -> Probe {
    match result {
        Ok(_) => Err(Problem::Wrong(format!(
            "an invalid request was accepted: the validating webhook was not called; is namespace {NAMESPACE} labelled cert-manager.io/disable-validation?"
        ))),
        Err(error) if is_denied(&error) => Ok(()),
        Err(error) => Err(unanswered(&error)),
    }
}

fn is_filled(object: &Value) -> bool {
    ["username", "uid"]
        .iter()
        .any(|field| object["spec"][*field].as_str().is_some_and(|text| !text.is_empty()))
}

/// The API server's words for a webhook that said no; there is no other sign. Policies of others say no as well.
fn is_denied(error: &kube::Error) -> bool {
    let text = message(error);
    text.contains(&format!("admission webhook \"{WEBHOOK}\"")) && text.contains("denied the request")
}

fn is_denied_by_others(error: &kube::Error) -> bool {
    let text = message(error);
    is_denial(&text) && !text.contains(WEBHOOK)
}

fn unanswered(error: &kube::Error) -> Problem {
    let text = message(error);
    match error {
        kube::Error::Api(_) if is_denied_by_others(error) => Problem::Policy(format!(
            "a policy of this cluster refuses a request in namespace {NAMESPACE}: {text}"
        )),
        // The server behind the Service answers, and knows no such path.
        kube::Error::Api(_)
            if text.contains("failed to call webhook: the server could not find the requested resource") =>
        {
            Problem::Wrong(format!("the webhook's Service answers with \"not found\": {text}"))
        }
        kube::Error::Api(_)
            if text.contains("failed calling webhook") || text.contains("failed to call webhook") =>
        {
            Problem::NoAnswer(explained(&text))
        }
        kube::Error::Api(status) if status.code == 404 => {
            Problem::NoAnswer(format!("{text}: the CRDs are not served yet"))
        }
        _ => Problem::Api(text),
    }
}

/// What the usual messages mean.
fn explained(text: &str) -> String {
    let meanings = [
        ("not found", "its Service is missing"),
        ("connection refused", "no webhook pod listens"),
        ("no endpoints available", "no webhook pod is ready"),
        ("x509", "the API server does not trust its certificate; cainjector has not filled caBundle"),
        (
            "deadline exceeded",
            "the webhook does not answer in time; is the network between API server and pods open?",
        ),
        ("timeout", "the webhook does not answer in time; is the network between API server and pods open?"),
    ];
    let meaning = meanings.iter().find(|(literal, _)| text.contains(literal));
    meaning.map_or_else(|| text.to_owned(), |(_, meaning)| format!("{meaning}: {text}"))
}

fn message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => crate::cluster::error::Cause::of(other).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn refused(code: u16, message: &str) -> Result<DynamicObject, kube::Error> {
        Err(kube::Error::Api(Box::new(Status { code, message: message.to_owned(), ..Status::default() })))
    }

    fn object(object: Value) -> DynamicObject {
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn every_answer_has_its_meaning() {
        let denied =
            "admission webhook \"webhook.cert-manager.io\" denied the request: spec.request: Invalid value";
        let no_pod = "Internal error occurred: failed calling webhook \"webhook.cert-manager.io\": dial tcp 10.0.0.1:443: connect: connection refused";
        let filled = json!({"metadata": {"name": "x"}, "spec": {"username": "me"}});
        assert_eq!(valid(Ok(object(filled.clone()))), Ok(()));
        assert!(matches!(
            valid(Ok(object(json!({"metadata": {"name": "x"}, "spec": {}})))),
            Err(Problem::Wrong(_))
        ));
        assert!(matches!(valid(refused(406, denied)), Err(Problem::Wrong(_))));
        assert_eq!(
            valid(refused(500, no_pod)),
            Err(Problem::NoAnswer(format!("no webhook pod listens: {no_pod}")))
        );
        let no_path = "failed calling webhook \"webhook.cert-manager.io\": failed to call webhook: the server could not find the requested resource";
        assert!(matches!(valid(refused(500, no_path)), Err(Problem::Wrong(_))));
        assert!(matches!(
            valid(refused(404, "the server could not find the requested resource")),
            Err(Problem::NoAnswer(_))
        ));
        assert!(matches!(
            valid(refused(403, "certificaterequests.cert-manager.io is forbidden: User \"x\" cannot create")),
            Err(Problem::Api(_))
        ));
        assert_eq!(invalid(refused(406, denied)), Ok(()));
        assert!(matches!(invalid(Ok(object(filled))), Err(Problem::Wrong(_))));
        assert!(matches!(invalid(refused(500, no_pod)), Err(Problem::NoAnswer(_))));
    }

    #[test]
    fn the_signing_request_is_a_real_one() {
        assert!(signing_request().unwrap().starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
    }
}
