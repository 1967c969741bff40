//! Creates canaries, or takes up those that this very run made before it was killed. Asks before every write
//! whether the lock is still held; deletes nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kube::Api;
use kube::api::{ListParams, PostParams};
use kube::core::DynamicObject;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::clean_up::api;
use super::objects::{self, Token};
use super::preflight::{objection, spec};
use crate::certmanager::resources::Certificate;
use crate::cluster::Cluster;
use crate::cluster::error::Cause as ApiCause;
use crate::config::{CanarySettings, IssuerRef};
use crate::gate::lock::StillOurs;
use crate::gate::mark::Mark;
use crate::gate::opinion::Target;
use crate::gate::seen::{Canary, Change, SELF_SIGNED, State};
use crate::gate::start::Start;
use crate::gate::verdict::Cause;

/// A request that finds no answer is repeated.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(2);

/// Everything that a canary stands on is there: now it is created.
pub(in crate::gate) fn start(start: &mut Start) {
    let context = start.context;
    let maker = Maker {
        cluster: start.cluster.clone(),
        namespace: context.subject.release.namespace.clone(),
        settings: context.settings.canary.clone(),
        mark: context.mark.clone(),
        lock: Arc::clone(start.lock),
    };
    start.task(create(maker, start.changes.clone()));
}

/// Creates every canary at the same time, and tells of each.
async fn create(maker: Maker, changes: mpsc::Sender<Change>) {
    let token = maker.earlier_token().await.unwrap_or_else(|| Token::new(&maker.mark));
    let own = async { tell(&changes, maker.own(&token).await).await };
    let others = maker.settings.issuers.iter().enumerate().map(|(index, issuer)| {
        let (maker, token, changes) = (&maker, &token, &changes);
        async move { tell(changes, maker.of_issuer(token, index + 1, issuer).await).await }
    });
    futures::join!(own, join_all(others));
}

async fn tell(changes: &mpsc::Sender<Change>, canary: Canary) {
    // Nobody listens any more when the run has ended.
    let _ = changes.send(Box::new(move |seen| seen.canaries.push(canary))).await;
}

struct Maker {
    cluster: Cluster,
    namespace: String,
    settings: CanarySettings,
    mark: Mark,
    lock: Arc<dyn StillOurs>,
}

impl Maker {
    /// The names of the canaries that this run made for this revision already. When they cannot be read,
    /// creating new ones tells why.
    async fn earlier_token(&self) -> Option<Token> {
        let api = Api::<Certificate>::all(self.cluster.client.clone());
        let ours = ListParams::default().labels(&self.mark.selector());
        let found = patiently(|| api.list(&ours)).await.ok()?;
        earlier(&found.items, &self.settings)
    }

    async fn own(&self, token: &Token) -> Canary {
        let name = token.name(0);
        let canary = |state| Canary { issuer: SELF_SIGNED.to_owned(), acme: false, state };
        let issuer = objects::issuer(&name, &self.namespace, &self.mark);
        if let Err(refused) = self.create("Issuer", &self.namespace, issuer).await {
            return canary(refused);
        }
        let (issuer, dns_name) = (objects::own_issuer(&name), token.dns_name(None));
        canary(self.certificate(&name, &self.namespace, &issuer, &dns_name).await)
    }

    async fn of_issuer(&self, token: &Token, index: usize, issuer: &IssuerRef) -> Canary {
        let canary = |acme, state| Canary { issuer: issuer.to_string(), acme, state };
        let spec = match spec(&self.cluster, &self.namespace, issuer).await {
            Ok(spec) => spec,
            Err(message) => return canary(false, State::Refused(message, Cause::Environment)),
        };
        let acme = spec.acme.is_some();
        if let Some(message) = objection(issuer, &spec, &self.settings) {
            return canary(acme, State::Refused(message, Cause::Environment));
        }
        let namespace = issuer.namespace.as_deref().unwrap_or(&self.namespace);
        let dns_name = token.dns_name(self.settings.dns_name.as_deref());
        canary(acme, self.certificate(&token.name(index), namespace, issuer, &dns_name).await)
    }

    async fn certificate(&self, name: &str, namespace: &str, issuer: &IssuerRef, dns_name: &str) -> State {
        let certificate = objects::certificate(name, namespace, &self.mark, issuer, dns_name);
        match self.create("Certificate", namespace, certificate).await {
            Ok(uid) => State::Created(Target {
                uid: Some(uid),
                ..Target::named("Certificate", Some(namespace), name)
            }),
            Err(refused) => refused,
        }
    }

    /// The uid of the object. The names are this run's alone: one that exists already was created by it, by a
    /// try whose answer was lost or before it was killed.
    async fn create(&self, kind: &str, namespace: &str, object: Value) -> Result<String, State> {
        let api = api(&self.cluster, kind, Some(namespace));
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let object: DynamicObject = serde_json::from_value(object)
            .map_err(|error| State::Refused(error.to_string(), Cause::Unknown))?;
        let mut attempt = 1;
        loop {
            self.lock.check().map_err(|lost| State::Refused(lost.to_string(), Cause::Unknown))?;
            let created = match api.create(&PostParams::default(), &object).await {
                Err(kube::Error::Api(status)) if status.code == 409 => api.get(&name).await,
                result => result,
            };
            match created {
                Ok(created) => return Ok(created.metadata.uid.unwrap_or_default()),
                Err(error) if attempt < TRIES && is_passing(&error) => sleep(PAUSE).await,
                Err(error) => return Err(refused(kind, &name, &error)),
            }
            attempt += 1;
        }
    }
}

/// The token of canaries that still stand, if they are the ones that would be made now.
fn earlier(found: &[Certificate], settings: &CanarySettings) -> Option<Token> {
    let named = |certificate: &Certificate| {
        let name = certificate.metadata.name.as_deref().unwrap_or_default();
        Token::of_name(name).filter(|_| certificate.metadata.deletion_timestamp.is_none())
    };
    let fits = |certificate: &Certificate, index: usize| {
        let issuer = &certificate.spec.issuer_ref;
        match index.checked_sub(1) {
            None => Some(&issuer.name) == certificate.metadata.name.as_ref(),
            Some(index) => settings
                .issuers
                .get(index)
                .is_some_and(|wanted| wanted.name == issuer.name && wanted.kind.as_str() == issuer.kind()),
        }
    };
    let tokens = found.iter().filter_map(|certificate| Some(named(certificate)?.0));
    let all_fit = |token: &Token| {
        let parts = found.iter().filter_map(|certificate| Some((certificate, named(certificate)?)));
        parts.filter(|(_, (of, _))| of == token).all(|(certificate, (_, index))| fits(certificate, index))
    };
    tokens.filter(all_fit).max()
}

async fn patiently<T, F: Future<Output = Result<T, kube::Error>>>(
    ask: impl Fn() -> F,
) -> Result<T, kube::Error> {
    let mut attempt = 1;
    loop {
        match ask().await {
            Err(error) if attempt < TRIES && is_passing(&error) => sleep(PAUSE).await,
            answer => return answer,
        }
        attempt += 1;
    }
}

/// No answer, or an answer of a server in trouble: a webhook that starts is one, too.
fn is_passing(error: &kube::Error) -> bool {
    !matches!(error, kube::Error::Api(status) if status.code < 500 && status.code != 429)
}

fn refused(kind: &str, name: &str, error: &kube::Error) -> State {
    let cause = match error {
        kube::Error::Api(status) if status.message.contains("webhook.cert-manager.io") => Cause::Release,
        kube::Error::Api(_) => Cause::Unknown,
        _ => Cause::Environment,
    };
    State::Refused(format!("create {kind} {name}: {}", ApiCause::of(error)), cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn canary(token: &str, index: usize, kind: &str, issuer: &str, deleted: bool) -> Certificate {
        let name = format!("release-canary-{token}-{index}");
        let mut certificate: Certificate = serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "web"},
            "spec": {"issuerRef": {"kind": kind, "name": issuer}},
        }))
        .unwrap();
        if deleted {
            certificate.metadata.deletion_timestamp =
                serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        }
        certificate
    }

    #[test]
    fn a_resumed_run_takes_up_only_what_it_would_make_now() {
        let settings = CanarySettings {
            issuers: vec!["ClusterIssuer/ca".parse().unwrap()],
            ..CanarySettings::default()
        };
        let own =
            |token: &str, deleted| canary(token, 0, "Issuer", &format!("release-canary-{token}-0"), deleted);
        let ca = |token: &str, kind, issuer| canary(token, 1, kind, issuer, false);
        let table = [
            ("nothing was made", vec![], None),
            ("both", vec![own("run-a", false), ca("run-a", "ClusterIssuer", "ca")], Some("run-a")),
            ("killed between the two", vec![own("run-a", false)], Some("run-a")),
            ("being deleted", vec![own("run-a", true)], None),
            ("of another issuer", vec![own("run-a", false), ca("run-a", "ClusterIssuer", "other")], None),
            ("of another kind", vec![ca("run-a", "Issuer", "ca")], None),
            ("not configured any more", vec![canary("run-a", 2, "ClusterIssuer", "ca", false)], None),
            (
                "one set that fits beside one that does not",
                vec![ca("run-b", "Issuer", "ca"), own("run-a", false)],
                Some("run-a"),
            ),
        ];
        for (name, found, token) in table {
            let expected = token.map(|token| format!("release-canary-{token}-0"));
            assert_eq!(earlier(&found, &settings).map(|token| token.name(0)), expected, "{name}");
        }
    }
}
