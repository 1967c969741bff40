//! What keeps the canaries from being issued, known before anything is changed: reads the issuers, sends every
//! object as a dry run, and changes nothing.

use std::collections::BTreeMap;

use futures::future::join_all;
use kube::Api;
use kube::api::ListParams;

use super::asked::{self, Asked};
use super::objects::Token;
use super::rehearsal::rehearse;
use super::unissued::advice;
use crate::certmanager::acme_names::AcmeNames;
use crate::certmanager::production;
use crate::certmanager::resources::{CertificateRequest, IssuerSpec, condition};
use crate::certmanager::solver;
use crate::cluster::Cluster;
use crate::config::{CanarySettings, IssuerRef};
use crate::gate::mark::Mark;
use crate::gate::subject::{Expected, Subject};

/// So many requests show who approves on a cluster.
const REQUESTS: u32 = 500;

/// What would become of the canaries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Why one of them cannot be issued.
    pub refusals: Vec<String>,
    /// Why one of them may not be.
    pub warnings: Vec<String>,
    /// What is asked of ACME servers.
    pub acme: AcmeNames,
}

impl Forecast {
    fn take(&mut self, other: Self) {
        self.refusals.extend(other.refusals);
        self.warnings.extend(other.warnings);
        self.acme.add(&other.acme);
    }
}

/// What would become of the canaries after an upgrade to `subject`.
pub async fn preflight(cluster: &Cluster, subject: &Subject, settings: &CanarySettings) -> Forecast {
    let namespace = &subject.release.namespace;
    let issuers =
        settings.issuers.iter().map(async |issuer| match asked::read(cluster, namespace, issuer).await {
            Ok(asked) => forecast(issuer, &asked, settings),
            Err(message) => Forecast { refusals: vec![message], ..Forecast::default() },
        });
    let (issuers, rehearsed) =
        futures::join!(join_all(issuers), rehearse(cluster, &subject.release, settings));
    let mut all = Forecast::default();
    for forecast in issuers {
        all.take(forecast);
    }
    all.refusals
        .extend(rehearsed.into_iter().map(|(own, refused)| format!("{}; {}", refused.message, advice(own))));
    if Expected::of(subject).approver_disabled && !is_approved_by_others(cluster).await {
        all.warnings.push(
            "cert-manager's own approver is switched off, and nobody else has approved a request on this cluster: the canary will wait for one".to_owned(),
        );
    }
    all
}

/// What is known of one issuer.
fn forecast(issuer: &IssuerRef, asked: &Asked, settings: &CanarySettings) -> Forecast {
    let spec = &asked.spec;
    let objections =
        [objection(issuer, spec, settings), not_ready(issuer, asked), unsolvable(issuer, spec, settings)];
    let wants_name = spec.ca.is_some() || spec.vault.is_some() || spec.venafi.is_some();
    let hint = (wants_name && !settings.certificate.has_common_name()).then(|| {
        format!("{issuer} may want a common name, which the canary has not; if so, set canary.certificate.commonName")
    });
    Forecast {
        refusals: objections.into_iter().flatten().collect(),
        warnings: hint.into_iter().collect(),
        acme: acme_names(spec, settings),
    }
}

/// Every canary has one name; one before the upgrade takes another.
fn acme_names(spec: &IssuerSpec, settings: &CanarySettings) -> AcmeNames {
    let mut names = AcmeNames::default();
    if let (Some(acme), Some(name)) = (&spec.acme, &settings.dns_name) {
        let one = AcmeNames::one(&acme.server, &name.replace("{run}", "run"));
        (0..=usize::from(settings.before)).for_each(|_| names.add(&one));
    }
    names
}

/// Why no canary of this issuer is made.
pub(super) fn objection(issuer: &IssuerRef, spec: &IssuerSpec, settings: &CanarySettings) -> Option<String> {
    let acme = spec.acme.as_ref()?;
    let production = production::whose(&acme.server);
    if let Some(whose) = production.filter(|_| !settings.allow_production) {
        return Some(format!(
            "{issuer} is {whose} production, which has rate limits; use a staging one, or set canary.allow-production"
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

fn not_ready(issuer: &IssuerRef, asked: &Asked) -> Option<String> {
    let ready = condition(&asked.conditions, "Ready").filter(|ready| !ready.is_true())?;
    Some(format!("{issuer} is not Ready ({}): {}", ready.reason, ready.message))
}

fn unsolvable(issuer: &IssuerRef, spec: &IssuerSpec, settings: &CanarySettings) -> Option<String> {
    let solvers = &spec.acme.as_ref()?.solvers;
    let mark = Mark::new("rehearsal", 0);
    let name = Token::new(&mark).dns_name(Some(settings.dns_name.as_deref()?));
    let labels: BTreeMap<String, String> = serde_json::from_value(mark.labels()).unwrap_or_default();
    if solver::select(solvers, &name, &labels).is_some() {
        return None;
    }
    let pattern = settings.dns_name.as_deref().unwrap_or_default();
    let told = solver::told(solvers);
    Some(format!(
        "no solver of {issuer} selects canary.dns-name `{pattern}`: they select {told}; take a name that one of them selects"
    ))
}

/// Somebody other than cert-manager has approved requests here, of those that are listed first.
async fn is_approved_by_others(cluster: &Cluster) -> bool {
    let api = Api::<CertificateRequest>::all(cluster.client.clone());
    let Ok(found) = api.list(&ListParams::default().limit(REQUESTS)).await else { return true };
    let approved = |request: &CertificateRequest| {
        let approved = condition(&request.status.conditions, "Approved");
        approved.is_some_and(|approved| approved.is_true() && approved.reason != "cert-manager.io")
    };
    found.items.iter().any(approved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(issuer: &Value, status: &Value, settings: &Value) -> Forecast {
        let asked = Asked {
            spec: serde_json::from_value(issuer.clone()).unwrap(),
            conditions: serde_json::from_value(status.clone()).unwrap(),
        };
        let settings = serde_json::from_value(settings.clone()).unwrap();
        forecast(&"ClusterIssuer/letsencrypt".parse().unwrap(), &asked, &settings)
    }

    fn acme(host: &str, zones: &[&str]) -> Value {
        let solver = json!({"dns01": {}, "selector": {"dnsZones": zones}});
        json!({"acme": {"server": format!("https://{host}/directory"), "solvers": [solver]}})
    }

    #[test]
    fn what_keeps_a_canary_from_being_issued_is_known_beforehand() {
        let (staging, ready) =
            ("acme-staging-v02.api.letsencrypt.org", json!([{"type": "Ready", "status": "True"}]));
        let production = "acme-v02.api.letsencrypt.org";
        let name = json!({"dns-name": "{run}.example.com"});
        let failed = json!([{"type": "Ready", "status": "False", "reason": "ErrRegisterACMEAccount", "message": "429"}]);
        let allowed = json!({"dns-name": "{run}.example.com", "allow-production": true});
        let table = [
            (acme(staging, &[]), ready.clone(), name.clone(), None),
            (acme(staging, &["example.com"]), json!([]), name.clone(), None),
            (
                acme(staging, &["example.org"]),
                ready.clone(),
                name.clone(),
                Some("they select zone example.org"),
            ),
            (acme(staging, &[]), failed, name.clone(), Some("is not Ready (ErrRegisterACMEAccount): 429")),
            (acme(production, &[]), ready.clone(), allowed, None),
            (acme(production, &[]), ready.clone(), name.clone(), Some("is Let's Encrypt's production")),
            (acme("acme.zerossl.com/v2", &[]), ready.clone(), name.clone(), Some("is ZeroSSL's production")),
            (acme("dv.acme-v02.test-api.pki.goog", &[]), ready.clone(), name, None),
            (acme(staging, &[]), ready.clone(), json!({}), Some("canary.dns-name has to say which")),
            (
                acme(staging, &[]),
                ready.clone(),
                json!({"dns-name": "canary.example.com"}),
                Some("the same in every run"),
            ),
            (json!({"selfSigned": {}}), ready, json!({}), None),
        ];
        for (issuer, status, settings, expected) in table {
            let refusals = told(&issuer, &status, &settings).refusals;
            match expected {
                None => assert!(refusals.is_empty(), "{refusals:?}"),
                Some(text) => assert!(refusals.iter().any(|told| told.contains(text)), "{refusals:?}"),
            }
        }
    }

    #[test]
    fn the_names_of_canaries_are_counted_for_the_ca_that_issues_them() {
        let production = acme("acme-v02.api.letsencrypt.org", &[]);
        let of = |settings: &Value| {
            let mut sum = AcmeNames::default();
            (0..26).for_each(|_| sum.add(&told(&production, &json!([]), settings).acme));
            sum.over_limit().len()
        };
        let name = "{run}.canary.example.com";
        assert_eq!(of(&json!({"allow-production": true, "dns-name": name})), 0);
        assert_eq!(of(&json!({"allow-production": true, "dns-name": name, "before": true})), 1);
        assert_eq!(
            told(&json!({"selfSigned": {}}), &json!([]), &json!({"dns-name": name})).acme,
            AcmeNames::default()
        );
    }

    #[test]
    fn an_issuer_that_may_want_a_common_name_is_a_hint_only() {
        let named = json!({"certificate": {"commonName": "{run}"}});
        for (issuer, settings, hints) in [
            (json!({"vault": {}}), json!({}), 1),
            (json!({"vault": {}}), named, 0),
            (json!({"selfSigned": {}}), json!({}), 0),
        ] {
            let told = told(&issuer, &json!([]), &settings);
            assert_eq!((told.refusals.len(), told.warnings.len()), (0, hints), "{issuer} {settings}");
        }
    }
}
