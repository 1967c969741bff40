//! Hosts serve the certificates that they should, as a client sees them: chain, names, expiry, the serial number of their
//! Secret, a stapled OCSP answer. Compared with how they were before the upgrade.

mod handshake;
mod presented;
mod probed;
mod problem;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use problem::{HostProblem, day, weight};

use super::baseline::{Baseline, HostState};
use super::context::Context;
use super::entrances;
use super::issuance;
use super::opinion::{Judgement, Opinion, Target};
use super::scope::Scope;
use super::seen::{HostsSeen, ProbedHost, Seen, Store};
use super::source::Source;
use super::start::Start;
use super::verdict::Cause;
use super::whose::Whose;
use crate::certmanager::resources::Certificate;
use crate::cluster::Cluster;
use crate::cluster::access::Access;
use crate::config::{GateSettings, ProbeDuty, Profile};

/// A connection may break for a moment, and what serves a host may restart.
const SILENT: Duration = Duration::from_mins(1);
/// Ingress controllers load a new Secret within seconds, kubelets within two minutes.
const LOADING: Duration = Duration::from_mins(2);
/// A balancer may have an old server left.
const LASTING: Duration = Duration::from_secs(15);
/// So many hosts are told one by one.
const TOLD: usize = 20;

/// Hosts are named, or looked for.
pub(super) fn applies(scope: &Scope) -> bool {
    !scope.settings.probes.is_empty()
}

/// Reading the Secrets that are named, and listing Ingresses where hosts are looked for.
pub(super) fn needs(scope: &Scope) -> Vec<Access> {
    let secrets = scope.settings.probes.iter().filter_map(|probe| probe.tls.expect.secret.as_ref());
    let secret = |namespace: &str, name: &str| Access::new("get", "", "secrets", Some(namespace)).named(name);
    let mut needs: Vec<Access> = secrets.map(|name| secret(&name.namespace, &name.name)).collect();
    if probed::discovers(&scope.settings.probes) {
        needs.extend(entrances::needs());
    }
    needs
}

/// Where hosts are looked for, the Certificates behind them say which one they should serve.
pub(super) fn sources(scope: &Scope) -> Vec<Source> {
    if scope.is_cert_manager() && probed::discovers(&scope.settings.probes) {
        vec![issuance::certificates()]
    } else {
        Vec::new()
    }
}

/// From the start of the run: how the hosts are meanwhile is told, too.
pub(super) fn start(start: &mut Start) {
    let probes = start.context.settings.probes.clone();
    if !probes.is_empty() {
        start.task(watch::watch(start.cluster.clone(), probes, start.changes.clone()));
    }
}

/// How the hosts are before the upgrade.
pub(super) async fn observe(cluster: &Cluster, settings: &GateSettings, baseline: &mut Baseline) {
    if settings.probes.is_empty() {
        return;
    }
    let seen = watch::once(cluster, &settings.probes).await;
    baseline.hosts = states(&seen);
}

fn states(seen: &HostsSeen) -> BTreeMap<String, HostState> {
    // Whether a host serves what its Secret holds is a matter of seconds: nothing to remember.
    let certificates = Store::<Certificate>::default();
    let state = |host: &ProbedHost| {
        let problem = problem::of(host, &certificates);
        let (rule, why) =
            problem.map(|problem| (problem.rule.to_owned(), problem.message)).unwrap_or_default();
        let serial = host.answer.as_ref().map(|seen| seen.serial.clone()).unwrap_or_default();
        HostState { rule, why, serial }
    };
    seen.hosts.iter().map(|(label, host)| (label.clone(), state(host))).collect()
}

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    let hosts = &seen.hosts;
    if !hosts.asked {
        let target = Target::named("Host", None, "probes");
        judgement.say(Opinion::waiting("asked", target, "the hosts were not asked yet"));
        return judgement;
    }
    if let Some(why) = &hosts.unread {
        judgement.say(undiscovered(context, why));
    }
    let mut well = 0;
    for host in hosts.hosts.values() {
        match problem::of(host, &seen.certificates) {
            Some(problem) => judgement.say(opinion_of(host, problem, context)),
            None => well += 1,
        }
    }
    judgement.fact(format!("{well} of {} hosts serve what they should", hosts.hosts.len()));
    judgement.facts.extend(hosts.hosts.values().take(TOLD).map(told));
    judgement
}

/// Hosts that have to be well cannot be proven without being known.
fn undiscovered(context: &Context, why: &str) -> Opinion {
    let target = Target::named("Host", None, "probes");
    let message = format!("the hosts of Ingresses and Gateways are not known: {why}");
    let mut finding = context.settings.probes.iter().filter(|probe| probe.tls.discover.is_some());
    if finding.any(|probe| probe.tls.duty() == ProbeDuty::Required) {
        return Opinion::waiting("unread", target, message).grace(SILENT).then_inconclusive();
    }
    Opinion::remark("unread", target, message)
}

/// What changes with every round is told here, not in what is wrong.
fn told(host: &ProbedHost) -> String {
    let (label, asked) = (&host.probed.label, host.tally.told());
    match &host.answer {
        Ok(seen) => {
            let until = day(seen.not_after);
            format!("{label}: of {}, serial {}, valid until {until}; {asked}", seen.issuer, seen.serial)
        }
        Err(_) => format!("{label}: {asked}"),
    }
}

fn opinion_of(host: &ProbedHost, problem: HostProblem, context: &Context) -> Opinion {
    let HostProblem { rule, message } = problem;
    let target = Target::named("Host", None, &host.probed.label);
    let before = context.baseline.hosts.get(&host.probed.label);
    let whose = whose(rule, before, context);
    let since = before.filter(|_| whose == Whose::Known).map(HostState::told).unwrap_or_default();
    let told = format!("{message}{since}");
    if host.probed.duty == ProbeDuty::Report {
        return Opinion::remark(rule, target, told).of(if whose == Whose::Before {
            whose
        } else {
            Whose::Ours
        });
    }
    let limit = match rule {
        "silent" => SILENT,
        "serial" | "stale" | "default" => LOADING,
        _ => LASTING,
    };
    let opinion = Opinion::waiting(rule, target, told).grace(limit).of(whose);
    let opinion = if rule == "secret" { opinion.then_inconclusive() } else { opinion };
    // cert-manager has put the certificate where it belongs; a chart that serves the host itself may be to blame.
    let outside = matches!(rule, "silent" | "serial" | "stale" | "secret");
    let is_cert_manager = context.subject.profile == Profile::CertManager;
    if outside && is_cert_manager { opinion.points_to(Cause::Environment) } else { opinion }
}

fn whose(rule: &str, before: Option<&HostState>, context: &Context) -> Whose {
    match before {
        Some(before) if !context.strict() && weight(&before.rule) >= weight(rule) => Whose::Before,
        Some(_) if !context.strict() => Whose::Known,
        Some(_) | None => Whose::Now,
    }
}

#[cfg(test)]
mod tests;
