//! Creates canaries, or takes up those that this very run made before it was killed. Asks before every write
//! whether the lock is still held; deletes nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{ListParams, PostParams};
use kube::core::DynamicObject;
use kube::{Api, Resource as _};
use serde::Deserialize as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::clean_up::api;
use super::objects::{self, Form, Token};
use super::preflight::objection;
use super::{asked, ingress, refusal};
use crate::certmanager::resources::Certificate;
use crate::cluster::Cluster;
use crate::cluster::journal::object_name;
use crate::config::{CanaryIngress, CanarySettings, IssuerRef, ReleaseId};
use crate::gate::lock::StillOurs;
use crate::gate::opinion::Target;
use crate::gate::seen::{BY_INGRESS, Canary, Change, Refusal, RefusedBy, SELF_SIGNED, State};
use crate::gate::start::Start;

/// A request that finds no answer is repeated.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(2);

/// Everything that a canary stands on is there: now it is created.
pub(in crate::gate) fn start(start: &mut Start) {
    let (maker, release) = maker(start);
    start.task(create(maker, release, start.changes.clone()));
}

/// Who creates the canaries of this run.
pub(super) fn maker(start: &Start) -> (Maker, ReleaseId) {
    let context = start.context;
    let form = Form {
        mark: context.mark.clone(),
        settings: context.settings.canary.clone(),
        owner: None,
        home: context.subject.release.namespace.clone(),
    };
    let maker = Maker { cluster: start.cluster.clone(), form, lock: Arc::clone(start.lock) };
    (maker, context.subject.release.clone())
}

/// Another one of an issuer, under a new name; nothing for an issuer that nobody asks.
pub(super) async fn second(mut maker: Maker, release: &ReleaseId, issuer: &str) -> Option<Canary> {
    maker.form.owner = owner(&maker.cluster, release).await;
    let token = Token::new(&maker.form.mark);
    if issuer == SELF_SIGNED {
        return Some(maker.own(&token).await);
    }
    let issuers = maker.form.settings.issuers.clone();
    let (at, asked) = issuers.iter().enumerate().find(|(_, asked)| asked.to_string() == issuer)?;
    Some(maker.of_issuer(&token, at + 1, asked).await)
}

/// Creates every canary at the same time, and tells of each.
async fn create(mut maker: Maker, release: ReleaseId, changes: mpsc::Sender<Change>) {
    maker.form.owner = owner(&maker.cluster, &release).await;
    let token = maker.earlier_token().await.unwrap_or_else(|| Token::new(&maker.form.mark));
    let own = async {
        if maker.form.settings.self_signed {
            tell(&changes, maker.own(&token).await).await;
        }
    };
    let others = maker.form.settings.issuers.iter().enumerate().map(|(index, issuer)| {
        let (maker, token, changes) = (&maker, &token, &changes);
        async move { tell(changes, maker.of_issuer(token, index + 1, issuer).await).await }
    });
    let by_ingress = async {
        if let Some(settings) = &maker.form.settings.ingress {
            tell(&changes, maker.by_ingress(&token, settings).await).await;
        }
    };
    futures::join!(own, join_all(others), by_ingress);
}

/// The lock of the run: when it is given back, taken away or deleted, what the run made beside it goes, too.
/// Without one nothing is lost but that.
async fn owner(cluster: &Cluster, release: &ReleaseId) -> Option<OwnerReference> {
    let api = Api::<Lease>::namespaced(cluster.client.clone(), &release.namespace);
    api.get_metadata_opt(&object_name(release)).await.ok()??.owner_ref(&())
}

async fn tell(changes: &mpsc::Sender<Change>, canary: Canary) {
    // Nobody listens any more when the run has ended.
    let _ = changes.send(Box::new(move |seen| seen.canaries.push(canary))).await;
}

pub(super) struct Maker {
    cluster: Cluster,
    form: Form,
    lock: Arc<dyn StillOurs>,
}

impl Maker {
    /// The names of the canaries that this run made for this revision already. When they cannot be read,
    /// creating new ones tells why.
    async fn earlier_token(&self) -> Option<Token> {
        let api = Api::<Certificate>::all(self.cluster.client.clone());
        let ours = ListParams::default().labels(&self.form.mark.selector());
        let mut found = patiently(|| api.list(&ours)).await.ok()?.items;
        found.retain(|certificate| stays(certificate, self.form.owner.as_ref()));
        earlier(&found, &self.form.settings)
    }

    async fn own(&self, token: &Token) -> Canary {
        let name = token.name(0);
        let canary = |state| Canary::new(SELF_SIGNED, false, state);
        if let Err(refused) = self.create("Issuer", &self.form.issuer(&name)).await {
            return canary(State::Refused(refused));
        }
        canary(self.certificate(token, 0, &objects::own_issuer(&name)).await)
    }

    async fn of_issuer(&self, token: &Token, index: usize, issuer: &IssuerRef) -> Canary {
        let canary = |acme, state| Canary::new(issuer.to_string(), acme, state);
        let refused = |message| State::Refused(Refusal { message, by: RefusedBy::Settings });
        let asked = match asked::read(&self.cluster, &self.form.home, issuer).await {
            Ok(asked) => asked,
            Err(message) => return canary(false, refused(message)),
        };
        let acme = asked.spec.acme.is_some();
        if let Some(message) = objection(issuer, &asked.spec, &self.form.settings) {
            return canary(acme, refused(message));
        }
        canary(acme, self.certificate(token, index, issuer).await)
    }

    /// An Ingress, for which cert-manager has to make the Certificate.
    async fn by_ingress(&self, token: &Token, settings: &CanaryIngress) -> Canary {
        let ingress = self.form.ingress(token, settings);
        let acme = ingress::is_acme(&self.cluster, &self.form.home, &ingress).await;
        let created = self.create("Ingress", &ingress).await;
        let target = Target::named("Ingress", Some(&self.form.home), &token.by_ingress());
        let state = match created {
            Ok(uid) => State::Created(Target { uid: Some(uid), ..target }),
            Err(refused) => State::Refused(refused),
        };
        Canary::new(BY_INGRESS, acme, state)
    }

    async fn certificate(&self, token: &Token, index: usize, issuer: &IssuerRef) -> State {
        let certificate = self.form.certificate(token, index, issuer);
        let namespace = issuer.namespace.as_deref().unwrap_or(&self.form.home);
        match self.create("Certificate", &certificate).await {
            Ok(uid) => State::Created(Target {
                uid: Some(uid),
                ..Target::named("Certificate", Some(namespace), &token.name(index))
            }),
            Err(refused) => State::Refused(refused),
        }
    }

    /// The uid of the object. The names are this run's alone: one that exists already was created by it, by a
    /// try whose answer was lost or before it was killed.
    async fn create(&self, kind: &str, object: &Value) -> Result<String, Refusal> {
        let other = |message| Refusal { message, by: RefusedBy::Other };
        let api = api(&self.cluster, kind, object["metadata"]["namespace"].as_str());
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let object = DynamicObject::deserialize(object).map_err(|error| other(error.to_string()))?;
        let mut attempt = 1;
        loop {
            self.lock.check().map_err(|lost| other(lost.to_string()))?;
            let created = match api.create(&PostParams::default(), &object).await {
                Err(kube::Error::Api(status)) if status.code == 409 => api.get(name).await,
                result => result,
            };
            match created {
                Ok(created) => return Ok(created.metadata.uid.unwrap_or_default()),
                Err(error) if attempt < TRIES && is_passing(&error) => sleep(PAUSE).await,
                Err(error) => return Err(refusal::of(kind, name, &error)),
            }
            attempt += 1;
        }
    }
}

/// One that belongs to an earlier lock is about to vanish with it.
fn stays(certificate: &Certificate, owner: Option<&OwnerReference>) -> bool {
    let mut owners = certificate.metadata.owner_references.iter().flatten();
    owners.all(|lock| lock.kind != "Lease" || owner.is_some_and(|owner| owner.uid == lock.uid))
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
    fn what_an_earlier_lock_owns_is_not_taken_up() {
        let lock = |uid: &str| {
            serde_json::from_value(json!({"apiVersion": "v1", "kind": "Lease", "name": "l", "uid": uid}))
                .unwrap()
        };
        let mut owned = canary("run-a", 1, "Issuer", "ca", false);
        assert!(stays(&owned, None) && stays(&owned, Some(&lock("a"))));
        owned.metadata.owner_references = Some(vec![lock("a")]);
        assert!(stays(&owned, Some(&lock("a"))));
        assert!(!stays(&owned, Some(&lock("b"))) && !stays(&owned, None));
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
