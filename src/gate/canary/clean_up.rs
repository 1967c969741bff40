//! Deletes the objects of canaries, each only when the run that made it is known to be over: its own run asks
//! for it, or somebody who holds the lock in its stead. Never strips a finalizer, so this is for a cluster
//! whose controller works; requests, Orders and Challenges go with their Certificates.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Preconditions};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, ObjectMeta};

use crate::certmanager::annotations::CERTIFICATE_NAME;
use crate::cluster::Cluster;
use crate::config::{CanarySettings, ReleaseId, duration};
use crate::gate::error::GateError;
use crate::gate::lock::StillOurs;
use crate::gate::{mark, pulse};

/// In this order: without its Ingress nobody makes the Certificate again, and without that nobody writes the Secret again.
const KINDS: [&str; 4] = ["Ingress", "Certificate", "Secret", "Issuer"];

/// The canaries of a release on a cluster.
#[derive(Clone, Copy)]
pub struct Canaries<'c> {
    /// The cluster.
    pub cluster: &'c Cluster,
    /// The release whose gates issue them.
    pub release: &'c ReleaseId,
    /// Where they are issued.
    pub settings: &'c CanarySettings,
    /// Asked before everything that is deleted.
    pub lock: &'c dyn StillOurs,
}

/// What another run left of its canaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftCanary {
    /// The run's id, as in the labels.
    pub run: String,
    /// Since the oldest of its objects was made, by the API server's clock where that is known.
    pub age: Option<Duration>,
    /// The objects, as `Kind namespace/name`.
    pub objects: Vec<String>,
    /// They were deleted, because that run is dead.
    pub deleted: bool,
}

impl fmt::Display for LeftCanary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, age, objects, deleted } = self;
        let age = age.map(|age| format!(", {} old", duration::format(age))).unwrap_or_default();
        let done = if *deleted { "deleted" } else { "left" };
        write!(f, "{done} the canary of run {run}{age}: {}", objects.join(", "))
    }
}

/// One object of a canary.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    kind: &'static str,
    namespace: String,
    name: String,
    uid: Option<String>,
    run: String,
    created: Option<Timestamp>,
}

impl Piece {
    fn of(kind: &'static str, metadata: &ObjectMeta) -> Self {
        Self {
            kind,
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone(),
            run: mark::run_of(metadata).unwrap_or_default().to_owned(),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
        }
    }

    fn title(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl Canaries<'_> {
    /// Deletes the canaries of one run, whatever revision they are for, and says what. Everybody else's stay.
    pub async fn clean_up(&self, run: &str) -> Result<Vec<String>, GateError> {
        let pieces = self.find(&format!("{}={}", mark::RUN, mark::run_label(run))).await?;
        self.delete(&pieces).await
    }

    /// Finds the canaries of every run but `run`, and deletes those of runs that `is_dead`: whoever holds the
    /// lock of the release knows that nobody else works on it.
    pub async fn clean_up_after_others(
        &self,
        run: &str,
        is_dead: impl Fn(&str) -> bool,
    ) -> Result<Vec<LeftCanary>, GateError> {
        let label = mark::RUN;
        let pieces = self.find(&format!("{label},{label}!={}", mark::run_label(run))).await?;
        if pieces.is_empty() {
            return Ok(Vec::new());
        }
        // An age is told, nothing is decided by it.
        let now = pulse::server_time(self.cluster).await.ok().flatten();
        let mut left = Vec::new();
        for (run, pieces) in by_run(pieces) {
            let deleted = is_dead(&run);
            if deleted {
                self.delete(&pieces).await?;
            }
            let objects = pieces.iter().map(Piece::title).collect();
            left.push(LeftCanary { run, age: age(&pieces, now), objects, deleted });
        }
        Ok(left)
    }

    /// In the order in which they are deleted.
    async fn find(&self, selector: &str) -> Result<Vec<Piece>, GateError> {
        let mut pieces = self.list("Certificate", None, selector).await?;
        let mut secrets = self.unlabelled_secrets(&pieces).await?;
        let mut homes = namespaces(&self.release.namespace, self.settings);
        homes.extend(pieces.iter().map(|piece| piece.namespace.clone()));
        for namespace in homes {
            let found = self.list("Secret", Some(&namespace), selector).await?;
            secrets.retain(|secret| !found.iter().any(|found| found.uid == secret.uid));
            secrets.extend(found);
        }
        pieces.extend(secrets);
        pieces.splice(0..0, self.ingresses(selector).await?);
        pieces.extend(self.list("Issuer", None, selector).await?);
        Ok(pieces)
    }

    /// Beside the release, and only where one is configured: nobody else has to allow us to look for them. One of an
    /// earlier configuration goes with the lock of its run.
    async fn ingresses(&self, selector: &str) -> Result<Vec<Piece>, GateError> {
        match self.settings.ingress {
            Some(_) => self.list("Ingress", Some(&self.release.namespace), selector).await,
            None => Ok(Vec::new()),
        }
    }

    /// A cert-manager that knows no `secretTemplate` labels nothing.
    async fn unlabelled_secrets(&self, certificates: &[Piece]) -> Result<Vec<Piece>, GateError> {
        let mut secrets = Vec::new();
        for certificate in certificates {
            let title = || format!("read Secret {}/{}", certificate.namespace, certificate.name);
            let secret = api(self.cluster, "Secret", Some(&certificate.namespace))
                .get_metadata_opt(&certificate.name)
                .await
                .map_err(|error| GateError::api(self.cluster, title(), &error))?;
            let metadata = secret.map(|secret| secret.metadata).unwrap_or_default();
            let owner = metadata.annotations.as_ref().and_then(|all| all.get(CERTIFICATE_NAME));
            if owner == Some(&certificate.name) {
                secrets.push(Piece { run: certificate.run.clone(), ..Piece::of("Secret", &metadata) });
            }
        }
        Ok(secrets)
    }

    async fn list(
        &self,
        kind: &'static str,
        namespace: Option<&str>,
        selector: &str,
    ) -> Result<Vec<Piece>, GateError> {
        let params = ListParams::default().labels(selector);
        match api(self.cluster, kind, namespace).list_metadata(&params).await {
            Ok(found) => Ok(found.items.iter().map(|object| Piece::of(kind, &object.metadata)).collect()),
            // The kind is not served.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
            Err(error) => Err(GateError::api(self.cluster, format!("list the canary's {kind}s"), &error)),
        }
    }

    /// Exactly these objects: one that somebody created again under the same name stays.
    async fn delete(&self, pieces: &[Piece]) -> Result<Vec<String>, GateError> {
        let mut deleted = Vec::new();
        for piece in pieces {
            self.lock.check()?;
            let preconditions = Preconditions { uid: piece.uid.clone(), resource_version: None };
            let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
            match api(self.cluster, piece.kind, Some(&piece.namespace)).delete(&piece.name, &params).await {
                Ok(_) => deleted.push(piece.title()),
                Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => {}
                Err(error) => {
                    return Err(GateError::api(self.cluster, format!("delete {}", piece.title()), &error));
                }
            }
        }
        Ok(deleted)
    }
}

/// Where canaries are issued: beside the release, and beside each configured Issuer.
pub(in crate::gate) fn namespaces(release_namespace: &str, settings: &CanarySettings) -> BTreeSet<String> {
    let issuers = settings.issuers.iter().filter_map(|issuer| issuer.namespace.clone());
    issuers.chain([release_namespace.to_owned()]).collect()
}

/// In the order in which each is deleted.
fn by_run(pieces: Vec<Piece>) -> BTreeMap<String, Vec<Piece>> {
    let mut runs: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
    for piece in pieces {
        runs.entry(piece.run.clone()).or_default().push(piece);
    }
    let rank = |piece: &Piece| KINDS.iter().position(|kind| *kind == piece.kind);
    for pieces in runs.values_mut() {
        pieces.sort_by_key(rank);
    }
    runs
}

fn age(pieces: &[Piece], now: Option<Timestamp>) -> Option<Duration> {
    let oldest = pieces.iter().filter_map(|piece| piece.created).min()?;
    Duration::try_from(now?.duration_since(oldest)).ok()
}

/// The kinds of a canary, in one namespace or everywhere.
pub(super) fn api(cluster: &Cluster, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
    let group = match kind {
        "Secret" => "",
        "Ingress" => "networking.k8s.io",
        _ => "cert-manager.io",
    };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(cluster.client.clone(), namespace, &resource),
        None => Api::all_with(cluster.client.clone(), &resource),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(kind: &'static str, run: &str, created: &str) -> Piece {
        Piece {
            kind,
            namespace: "web".to_owned(),
            name: run.to_owned(),
            uid: None,
            run: run.to_owned(),
            created: Some(created.parse().unwrap()),
        }
    }

    #[test]
    fn each_run_has_its_own_pieces_and_the_age_of_the_oldest() {
        let pieces = vec![
            piece("Issuer", "a", "2026-01-01T00:00:00Z"),
            piece("Ingress", "a", "2026-01-01T00:00:03Z"),
            piece("Certificate", "b", "2026-01-02T00:00:00Z"),
            piece("Secret", "a", "2026-01-01T00:00:05Z"),
            piece("Certificate", "a", "2026-01-01T00:00:02Z"),
        ];
        let runs = by_run(pieces);
        let kinds: Vec<&str> = runs["a"].iter().map(|piece| piece.kind).collect();
        assert_eq!(kinds, KINDS, "what makes others comes first");
        assert_eq!(runs["b"].len(), 1);
        let now = "2026-01-01T01:00:00Z".parse().ok();
        assert_eq!(age(&runs["a"], now), Some(Duration::from_hours(1)));
        assert_eq!((age(&runs["a"], None), age(&runs["b"], now)), (None, None));
    }

    #[test]
    fn what_is_left_says_whose_it_is_and_how_old() {
        let left = LeftCanary {
            run: "20261124-091603-3f2a".to_owned(),
            age: Some(Duration::from_mins(90)),
            objects: vec!["Certificate web/c".to_owned(), "Secret web/c".to_owned()],
            deleted: true,
        };
        let told =
            "deleted the canary of run 20261124-091603-3f2a, 1h30m old: Certificate web/c, Secret web/c";
        assert_eq!(left.to_string(), told);
        let alive =
            LeftCanary { age: None, deleted: false, objects: vec!["Issuer web/c".to_owned()], ..left };
        assert_eq!(alive.to_string(), "left the canary of run 20261124-091603-3f2a: Issuer web/c");
    }

    #[test]
    fn canaries_live_beside_the_release_and_beside_configured_issuers() {
        let issuers = ["Issuer/web/ca", "ClusterIssuer/letsencrypt"].map(|issuer| issuer.parse().unwrap());
        let settings = CanarySettings { issuers: issuers.to_vec(), ..CanarySettings::default() };
        assert_eq!(
            namespaces("cert-manager", &settings).into_iter().collect::<Vec<_>>(),
            ["cert-manager", "web"]
        );
    }
}
