//! What keeps the configured canaries from being issued, known before anything is changed. Reads the issuers
//! and changes nothing.

use futures::future::join_all;
use kube::Api;

use crate::certmanager::resources::{ClusterIssuer, Issuer, IssuerSpec};
use crate::cluster::Cluster;
use crate::cluster::error::Cause as ApiCause;
use crate::config::{CanarySettings, IssuerKind, IssuerRef, ReleaseId};

/// Let's Encrypt's production; its staging has another host.
const PRODUCTION: &str = "acme-v02.api.letsencrypt.org";

/// What keeps the configured canaries from being issued, known before anything is changed.
pub async fn preflight(cluster: &Cluster, release: &ReleaseId, settings: &CanarySettings) -> Vec<String> {
    let problems =
        settings.issuers.iter().map(async |issuer| match spec(cluster, &release.namespace, issuer).await {
            Ok(spec) => objection(issuer, &spec, settings),
            Err(message) => Some(message),
        });
    join_all(problems).await.into_iter().flatten().collect()
}

/// What a configured issuer is; an error is a sentence.
pub(super) async fn spec(
    cluster: &Cluster,
    release_namespace: &str,
    issuer: &IssuerRef,
) -> Result<IssuerSpec, String> {
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

/// Why no canary of this issuer is made.
pub(super) fn objection(issuer: &IssuerRef, spec: &IssuerSpec, settings: &CanarySettings) -> Option<String> {
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
