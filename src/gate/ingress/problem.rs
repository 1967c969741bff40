//! What is wrong with what Ingresses and Gateways ask of cert-manager. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::certmanager::ingress::covers;
use crate::certmanager::resources::{
    Certificate, ClusterIssuer, Issuer, IssuerReference, IssuerSpec, Object as _,
};
use crate::certmanager::solver;
use crate::gate::seen::{EntranceKind, SeenEntrance};

/// One thing that is wrong with one Ingress or Gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntranceProblem {
    pub(super) rule: &'static str,
    pub(super) message: String,
    /// The same problem before the upgrade has the same key.
    pub(super) key: String,
}

/// Everything that is asked for, and what there is.
pub(super) struct Whole<'w> {
    entrances: Vec<&'w SeenEntrance>,
    /// By namespace and Secret.
    certificates: BTreeMap<(&'w str, &'w str), &'w Certificate>,
    /// By namespace, empty for one of the cluster, and name.
    issuers: BTreeMap<(&'w str, &'w str), &'w IssuerSpec>,
    /// Who asks for a Secret, by namespace and Secret.
    asking: BTreeMap<(&'w str, &'w str), Vec<&'w SeenEntrance>>,
}

impl<'w> Whole<'w> {
    pub(super) fn new(
        entrances: &'w [SeenEntrance],
        certificates: impl IntoIterator<Item = &'w Certificate>,
        issuers: impl IntoIterator<Item = &'w Issuer>,
        cluster_issuers: impl IntoIterator<Item = &'w ClusterIssuer>,
    ) -> Self {
        let entrances: Vec<&SeenEntrance> = entrances.iter().filter(|seen| seen.entrance.asks()).collect();
        let of_secret = |certificate: &'w Certificate| {
            ((namespace(&certificate.metadata), certificate.spec.secret_name.as_str()), certificate)
        };
        let name = |metadata: &'w kube::core::ObjectMeta| metadata.name.as_deref().unwrap_or_default();
        let own = issuers
            .into_iter()
            .map(|issuer| ((namespace(&issuer.metadata), name(&issuer.metadata)), &issuer.spec));
        let cluster = cluster_issuers.into_iter().map(|issuer| (("", name(&issuer.metadata)), &issuer.spec));
        let mut asking: BTreeMap<_, Vec<&SeenEntrance>> = BTreeMap::new();
        for seen in &entrances {
            for secret in seen.entrance.wished().into_keys() {
                asking.entry((namespace(&seen.entrance.metadata), secret)).or_default().push(seen);
            }
        }
        Self {
            certificates: certificates.into_iter().map(of_secret).collect(),
            issuers: own.chain(cluster).collect(),
            asking,
            entrances,
        }
    }

    pub(super) fn entrances(&self) -> impl Iterator<Item = &'w SeenEntrance> {
        self.entrances.iter().copied()
    }

    /// Everything that is wrong with one.
    pub(super) fn problems(&self, seen: &'w SeenEntrance) -> Vec<EntranceProblem> {
        let mut found = Self::uncovered(seen);
        found.extend(self.without_certificate(seen));
        found.extend(self.shared(seen));
        found.extend(self.unsolved(seen));
        found
    }

    /// The Certificates that were made for one.
    pub(super) fn made_for(&self, seen: &SeenEntrance) -> Vec<String> {
        let uid = seen.entrance.metadata.uid.as_deref();
        let of = |certificate: &&&Certificate| {
            certificate.controller().is_some_and(|owner| Some(&*owner.uid) == uid)
        };
        self.certificates.values().filter(of).map(|certificate| certificate.title()).collect()
    }

    fn uncovered(seen: &SeenEntrance) -> Vec<EntranceProblem> {
        let told = |host: &str| {
            let remedy = match seen.kind {
                EntranceKind::Ingress => "no entry of its `tls` has the host and a `secretName`",
                EntranceKind::Gateway => "its listener has no `certificateRefs`",
            };
            problem("no-certificate", seen, host, format!("no certificate is asked for {host}: {remedy}"))
        };
        let mut found: Vec<EntranceProblem> = seen.entrance.uncovered().into_iter().map(told).collect();
        if found.is_empty() && seen.entrance.wished().is_empty() {
            let told =
                "it names an issuer, and no host with a Secret: cert-manager makes no Certificate for it";
            found.push(problem("no-certificate", seen, "", told.to_owned()));
        }
        found
    }

    fn without_certificate(&self, seen: &SeenEntrance) -> Vec<EntranceProblem> {
        let wished = seen.entrance.wished().into_iter();
        let told = wished.filter_map(|(secret, hosts)| {
            let certificate = self.certificates.get(&(namespace(&seen.entrance.metadata), secret));
            let missing: Vec<&str> = match certificate {
                None => hosts.clone(),
                Some(made) => {
                    hosts.iter().copied().filter(|host| !is_on(&made.spec.dns_names, host)).collect()
                }
            };
            let names = missing.join(", ");
            let what = certificate.map_or_else(
                || format!("there is no Certificate for Secret {secret}"),
                |made| format!("{} has not got it", made.title()),
            );
            (!missing.is_empty()).then(|| problem("no-certificate", seen, &names, format!("{names}: {what}")))
        });
        told.collect()
    }

    /// Only the first one gets a Certificate: cert-manager does not touch that of another one.
    fn shared(&self, seen: &SeenEntrance) -> Vec<EntranceProblem> {
        let wished = seen.entrance.wished().into_keys();
        let told = wished.filter_map(|secret| {
            let asking = self.asking.get(&(namespace(&seen.entrance.metadata), secret))?;
            let others: Vec<String> = asking
                .iter()
                .filter(|other| other.target() != seen.target())
                .map(|other| other.target().to_string())
                .collect();
            let names = others.join(", ");
            let told = format!(
                "{names} names Secret {secret}, too: cert-manager makes the Certificate of one of them only"
            );
            (!others.is_empty()).then(|| problem("shared-secret", seen, secret, told))
        });
        told.collect()
    }

    fn unsolved(&self, seen: &SeenEntrance) -> Vec<EntranceProblem> {
        let Some(reference) = seen.entrance.issuer().filter(IssuerReference::is_internal) else {
            return Vec::new();
        };
        let home = if reference.kind() == "ClusterIssuer" { "" } else { namespace(&seen.entrance.metadata) };
        let title = format!("{} {}", reference.kind(), reference.name);
        let Some(spec) = self.issuers.get(&(home, reference.name.as_str())) else {
            return vec![problem(
                "no-issuer",
                seen,
                &title,
                format!("there is no {title}, which its annotation names"),
            )];
        };
        let Some(acme) = &spec.acme else { return Vec::new() };
        let labels = seen.entrance.metadata.labels.clone().unwrap_or_default();
        let hosts = seen.entrance.wished().into_values().flatten();
        let of = |host: &str| match solver::select(&acme.solvers, host, &labels) {
            None => {
                let told = format!(
                    "no solver of {title} selects {host}: they select {}",
                    solver::told(&acme.solvers)
                );
                Some(problem("no-solver", seen, host, told))
            }
            Some(solver) => misfit(seen, host, solver.http01.as_ref()?, &title),
        };
        hosts.filter_map(of).collect()
    }
}

/// The proof is served by another class than the host.
fn misfit(seen: &SeenEntrance, host: &str, http: &Value, issuer: &str) -> Option<EntranceProblem> {
    let ingress = &http["ingress"];
    let class = ingress["ingressClassName"].as_str().or_else(|| ingress["class"].as_str())?;
    let own = seen.entrance.class()?;
    let told = format!(
        "its class is `{own}`, and {issuer} proves {host} through Ingresses of class `{class}`: does the host lead there?"
    );
    (class != own).then(|| problem("class", seen, host, told))
}

fn is_on(names: &[String], host: &str) -> bool {
    names.iter().any(|name| name == host) || covers(names, host)
}

fn problem(rule: &'static str, seen: &SeenEntrance, what: &str, message: String) -> EntranceProblem {
    EntranceProblem { rule, message, key: format!("{rule} {} {what}", seen.target()) }
}

fn namespace(metadata: &kube::core::ObjectMeta) -> &str {
    metadata.namespace.as_deref().unwrap_or_default()
}
