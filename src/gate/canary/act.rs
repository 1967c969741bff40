//! Creates canaries and deletes them again.

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::objects::{self, SELF_SIGNED, Token};
use super::{Canary, State};
use crate::certmanager::resources::{Certificate, ClusterIssuer, Issuer, IssuerSpec, Object};
use crate::cluster::error::Cause as ApiCause;
use crate::cluster::{ApiError, Cluster};
use crate::config::{CanarySettings, IssuerKind, IssuerRef, ReleaseId};
use crate::gate::GateError;
use crate::gate::chain::CANARY;
use crate::gate::opinion::Target;
use crate::gate::seen::Change;
use crate::gate::verdict::Cause;

/// Let's Encrypt's production; its staging has another host.
const PRODUCTION: &str = "acme-v02.api.letsencrypt.org";
/// A create that finds no answer is repeated.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(2);

/// Creates every canary at the same time, and tells of each.
pub(in crate::gate) async fn create(
    cluster: Cluster,
    namespace: String,
    settings: CanarySettings,
    run_id: String,
    changes: mpsc::Sender<Change>,
) {
    let maker =
        Maker { cluster: &cluster, namespace: &namespace, settings: &settings, token: Token::new(&run_id) };
    let own = async { tell(&changes, maker.own().await).await };
    let others = settings.issuers.iter().enumerate().map(|(index, issuer)| {
        let (maker, changes) = (&maker, &changes);
        async move { tell(changes, maker.of_issuer(index + 1, issuer).await).await }
    });
    futures::join!(own, join_all(others));
}

async fn tell(changes: &mpsc::Sender<Change>, canary: Canary) {
    // Nobody listens any more when the run has ended.
    let _ = changes.send(Box::new(move |seen| seen.canaries.push(canary))).await;
}

struct Maker<'c> {
    cluster: &'c Cluster,
    namespace: &'c str,
    settings: &'c CanarySettings,
    token: Token,
}

impl Maker<'_> {
    async fn own(&self) -> Canary {
        let name = self.token.name(0);
        let canary = |state| Canary { issuer: SELF_SIGNED.to_owned(), acme: false, state };
        if let Err(refused) =
            self.create("Issuer", self.namespace, objects::issuer(&name, self.namespace, &self.token)).await
        {
            return canary(refused);
        }
        canary(
            self.certificate(&name, self.namespace, &objects::own_issuer(&name), &self.token.dns_name(None))
                .await,
        )
    }

    async fn of_issuer(&self, index: usize, issuer: &IssuerRef) -> Canary {
        let canary = |acme, state| Canary { issuer: issuer.to_string(), acme, state };
        let spec = match spec(self.cluster, self.namespace, issuer).await {
            Ok(spec) => spec,
            Err(message) => return canary(false, State::Refused(message, Cause::Environment)),
        };
        let acme = spec.acme.is_some();
        if let Some(message) = objection(issuer, &spec, self.settings) {
            return canary(acme, State::Refused(message, Cause::Environment));
        }
        let namespace = issuer.namespace.as_deref().unwrap_or(self.namespace);
        let dns_name = self.token.dns_name(self.settings.dns_name.as_deref());
        canary(acme, self.certificate(&self.token.name(index), namespace, issuer, &dns_name).await)
    }

    async fn certificate(&self, name: &str, namespace: &str, issuer: &IssuerRef, dns_name: &str) -> State {
        let certificate = objects::certificate(name, namespace, &self.token, issuer, dns_name);
        match self.create("Certificate", namespace, certificate).await {
            Ok(uid) => State::Created(Target {
                uid: Some(uid),
                ..Target::named("Certificate", Some(namespace), name)
            }),
            Err(refused) => refused,
        }
    }

    /// The uid of the created object. The names are ours alone: one that exists already was created by a try
    /// whose answer was lost.
    async fn create(&self, kind: &str, namespace: &str, object: Value) -> Result<String, State> {
        let api = api(self.cluster, kind, namespace);
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let object: DynamicObject = serde_json::from_value(object)
            .map_err(|error| State::Refused(error.to_string(), Cause::Unknown))?;
        for attempt in 1.. {
            let created = match api.create(&PostParams::default(), &object).await {
                Err(kube::Error::Api(status)) if status.code == 409 => api.get(&name).await,
                result => result,
            };
            match created {
                Ok(created) => return Ok(created.metadata.uid.unwrap_or_default()),
                Err(error) if attempt < TRIES && is_passing(&error) => sleep(PAUSE).await,
                Err(error) => return Err(refused(kind, &name, &error)),
            }
        }
        Err(State::Refused(format!("create {kind} {name}: no answer"), Cause::Environment))
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

/// What keeps the configured canaries from being issued, known before anything is changed.
pub async fn preflight(cluster: &Cluster, release: &ReleaseId, settings: &CanarySettings) -> Vec<String> {
    let problems =
        settings.issuers.iter().map(async |issuer| match spec(cluster, &release.namespace, issuer).await {
            Ok(spec) => objection(issuer, &spec, settings),
            Err(message) => Some(message),
        });
    join_all(problems).await.into_iter().flatten().collect()
}

async fn spec(cluster: &Cluster, release_namespace: &str, issuer: &IssuerRef) -> Result<IssuerSpec, String> {
    let namespace = issuer.namespace.as_deref().unwrap_or(release_namespace);
    let client = cluster.client.clone();
    let found = match issuer.kind {
        IssuerKind::ClusterIssuer => {
            Api::<ClusterIssuer>::all(client).get(&issuer.name).await.map(|issuer| issuer.spec)
        }
        IssuerKind::Issuer => {
            Api::<Issuer>::namespaced(client, namespace).get(&issuer.name).await.map(|issuer| issuer.spec)
        }
    };
    found.map_err(|error| format!("read the canary's issuer {issuer}: {}", ApiCause::of(&error)))
}

fn objection(issuer: &IssuerRef, spec: &IssuerSpec, settings: &CanarySettings) -> Option<String> {
    let acme = spec.acme.as_ref()?;
    if acme.server.contains(PRODUCTION) && !settings.allow_production {
        return Some(format!(
            "{issuer} is Let's Encrypt's production, which has rate limits; use its staging, or set canary.allow-production"
        ));
    }
    match settings.dns_name.as_deref() {
        None => Some(format!(
            "{issuer} proves names by ACME: canary.dns-name has to say which, for example \"{{run}}.canary.example.com\""
        )),
        Some(name) if !name.contains("{run}") => Some(format!(
            "canary.dns-name `{name}` is the same in every run: without {{run}} in it an old proof is reused"
        )),
        Some(_) => None,
    }
}

fn api(cluster: &Cluster, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", kind));
    Api::namespaced_with(cluster.client.clone(), namespace, &resource)
}

/// Deletes the Certificates, Secrets and Issuers of this and of older runs' canaries, and says which.
/// Requests, Orders and Challenges go with their Certificates; a Challenge's finalizer is the controller's,
/// so this is for a cluster whose controller works.
pub async fn clean_up(cluster: &Cluster) -> Result<Vec<String>, GateError> {
    let ours = ListParams::default().labels(CANARY);
    let client = || cluster.client.clone();
    let listed = |what: &'static str| {
        move |error| GateError::api(cluster, format!("list the canary's {what}"), &error)
    };
    let certificates = Api::<Certificate>::all(client()).list(&ours).await.map_err(listed("Certificates"))?;
    let issuers = Api::<Issuer>::all(client()).list(&ours).await.map_err(listed("Issuers"))?;
    let mut deleted = Vec::new();
    for certificate in certificates {
        let namespace = certificate.metadata.namespace.as_deref().unwrap_or_default();
        let name = certificate.metadata.name.as_deref().unwrap_or_default();
        delete(
            cluster,
            &Api::<Certificate>::namespaced(client(), namespace),
            name,
            &certificate.title(),
            &mut deleted,
        )
        .await?;
        let secrets = Api::<Secret>::namespaced(client(), namespace);
        if is_its_secret(&secrets, &certificate).await {
            let title = format!("Secret {namespace}/{name}");
            delete(cluster, &secrets, &certificate.spec.secret_name, &title, &mut deleted).await?;
        }
    }
    for issuer in issuers {
        let (namespace, name) = (
            issuer.metadata.namespace.as_deref().unwrap_or_default(),
            issuer.metadata.name.as_deref().unwrap_or_default(),
        );
        delete(cluster, &Api::<Issuer>::namespaced(client(), namespace), name, &issuer.title(), &mut deleted)
            .await?;
    }
    Ok(deleted)
}

/// cert-manager writes into a Secret whose it is.
async fn is_its_secret(secrets: &Api<Secret>, certificate: &Certificate) -> bool {
    let Ok(Some(secret)) = secrets.get_opt(&certificate.spec.secret_name).await else { return false };
    let annotation = secret
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get("cert-manager.io/certificate-name"));
    annotation == certificate.metadata.name.as_ref()
}

async fn delete<K>(
    cluster: &Cluster,
    api: &Api<K>,
    name: &str,
    title: &str,
    deleted: &mut Vec<String>,
) -> Result<(), GateError>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    match api.delete(name, &DeleteParams::background()).await {
        Ok(_) => deleted.push(title.to_owned()),
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => return Err(ApiError::new(cluster, format!("delete {title}"), &error).into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::resources::AcmeSpec;

    #[test]
    fn an_acme_issuer_needs_a_name_of_its_own_and_production_a_consent() {
        let issuer: IssuerRef = "ClusterIssuer/letsencrypt".parse().unwrap();
        let acme =
            |host: &str| IssuerSpec { acme: Some(AcmeSpec { server: format!("https://{host}/directory") }) };
        let settings = |dns_name: Option<&str>, allow_production| CanarySettings {
            issuers: vec![issuer.clone()],
            dns_name: dns_name.map(str::to_owned),
            allow_production,
        };
        let staging = "acme-staging-v02.api.letsencrypt.org";
        let name = Some("{run}.example.com");
        let table = [
            (acme(staging), settings(name, false), None),
            (acme(PRODUCTION), settings(name, true), None),
            (acme(PRODUCTION), settings(name, false), Some("production")),
            (acme(staging), settings(None, false), Some("canary.dns-name has to say which")),
            (acme(staging), settings(Some("canary.example.com"), false), Some("the same in every run")),
            (IssuerSpec::default(), settings(None, false), None),
        ];
        for (spec, settings, expected) in table {
            let objection = objection(&issuer, &spec, &settings);
            match expected {
                None => assert_eq!(objection, None),
                Some(text) => assert!(objection.clone().unwrap().contains(text), "{objection:?}"),
            }
        }
    }
}
