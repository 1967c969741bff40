//! Ingresses and Gateways that ask cert-manager for certificates have them. They belong to the users of a cluster: what is
//! wrong with them is told, and blocks only where `gates.ingress` says so and it got worse.

mod problem;

use std::collections::BTreeSet;
use std::time::Duration;

use kube::Api;
use kube::api::ListParams;
use problem::{EntranceProblem, Whole};

use super::baseline::Baseline;
use super::context::Context;
use super::entrances;
use super::issuance;
use super::mark;
use super::opinion::{Judgement, Opinion, Target};
use super::scope::Scope;
use super::seen::{EntrancesSeen, Seen, SeenEntrance};
use super::source::Source;
use super::start::Start;
use super::whose::Whose;
use crate::certmanager::resources::{Certificate, ClusterIssuer, Issuer};
use crate::cluster::Cluster;
use crate::cluster::access::Access;
use crate::config::{GateSettings, IngressGate};

/// The controller takes so long to make a Certificate for a new Ingress, and lists are read every quarter of a minute.
const LASTING: Duration = Duration::from_mins(1);
/// So many are told one by one.
const TOLD: usize = 20;

pub(super) fn applies(scope: &Scope) -> bool {
    scope.is_cert_manager() && scope.settings.ingress != IngressGate::Off
}

/// What they ask for is compared with what there is.
pub(super) fn sources(_: &Scope) -> Vec<Source> {
    issuance::issuers().into_iter().chain([issuance::certificates()]).collect()
}

/// Only where they have to be listed; elsewhere a cluster that does not allow it is told so.
pub(super) fn needs(scope: &Scope) -> Vec<Access> {
    if scope.settings.ingress == IngressGate::Required { entrances::needs() } else { Vec::new() }
}

/// They are listed from its turn on.
pub(super) fn start(start: &mut Start) {
    start.task(entrances::watch(start.cluster.clone(), start.changes.clone()));
}

/// What is wrong before the upgrade. Nothing fails without it.
pub(super) async fn observe(cluster: &Cluster, settings: &GateSettings, baseline: &mut Baseline) {
    if settings.ingress == IngressGate::Off {
        return;
    }
    if let EntrancesSeen::Listed(entrances) = entrances::seen(cluster).await
        && !entrances.is_empty()
    {
        baseline.entrances = problems_before(cluster, &entrances).await.unwrap_or_default();
    }
}

async fn problems_before(cluster: &Cluster, entrances: &[SeenEntrance]) -> kube::Result<BTreeSet<String>> {
    let (client, all) = (&cluster.client, ListParams::default());
    let (certificates, issuers, cluster_issuers) = (
        Api::<Certificate>::all(client.clone()),
        Api::<Issuer>::all(client.clone()),
        Api::<ClusterIssuer>::all(client.clone()),
    );
    let (certificates, issuers, cluster_issuers) =
        futures::try_join!(certificates.list(&all), issuers.list(&all), cluster_issuers.list(&all))?;
    let whole = Whole::new(entrances, &certificates, &issuers, &cluster_issuers);
    Ok(whole.entrances().flat_map(|seen| whole.problems(seen)).map(|problem| problem.key).collect())
}

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    let target = Target::named("Ingress", None, "all");
    match &seen.entrances {
        EntrancesSeen::Unknown => {
            judgement.say(Opinion::waiting("asked", target, "the Ingresses were not listed yet"));
        }
        EntrancesSeen::Unread(why) if context.settings.ingress == IngressGate::Required => {
            judgement.say(Opinion::waiting("unread", target, why).grace(LASTING).then_inconclusive());
        }
        EntrancesSeen::Unread(why) => judgement.say(Opinion::remark("unread", target, why)),
        EntrancesSeen::Listed(entrances) => judge_all(&mut judgement, entrances, seen, context),
    }
    judgement
}

fn judge_all(judgement: &mut Judgement, entrances: &[SeenEntrance], seen: &Seen, context: &Context) {
    let whole =
        Whole::new(entrances, seen.certificates.iter(), seen.issuers.iter(), seen.cluster_issuers.iter());
    let (mut asking, mut well) = (0, Vec::new());
    // Canaries, of whichever run, are judged by those who made them.
    for entrance in whole.entrances().filter(|seen| mark::run_of(&seen.entrance.metadata).is_none()) {
        asking += 1;
        let problems = whole.problems(entrance);
        if problems.is_empty() {
            well.push(entrance);
        }
        judgement.opinions.extend(problems.into_iter().map(|problem| opinion_of(entrance, problem, context)));
    }
    judgement.fact(format!(
        "{} of {asking} Ingresses and Gateways that ask for certificates have them",
        well.len()
    ));
    let told = well.iter().take(TOLD).map(|entrance| told(&whole, entrance));
    judgement.facts.extend(told.flatten());
}

/// From which Ingress each Certificate comes.
fn told(whole: &Whole, entrance: &SeenEntrance) -> Option<String> {
    let made = whole.made_for(entrance);
    (!made.is_empty()).then(|| format!("{} comes from {}", made.join(", "), entrance.target()))
}

fn opinion_of(entrance: &SeenEntrance, problem: EntranceProblem, context: &Context) -> Opinion {
    let EntranceProblem { rule, message, key } = problem;
    let whose = whose(entrance, &key, context);
    if context.settings.ingress != IngressGate::Required {
        let remark = Opinion::remark(rule, entrance.target(), message);
        return remark.of(if whose == Whose::Before { whose } else { Whose::Ours });
    }
    // A solver or a class that does not fit may be meant so.
    if rule == "class" {
        return Opinion::remark(rule, entrance.target(), message);
    }
    Opinion::waiting(rule, entrance.target(), message).grace(LASTING).of(whose)
}

fn whose(entrance: &SeenEntrance, key: &str, context: &Context) -> Whose {
    let made = entrance.entrance.metadata.creation_timestamp.as_ref().map(|time| time.0);
    match context.baseline.taken {
        _ if context.strict() => Whose::Now,
        _ if context.baseline.entrances.contains(key) => Whose::Before,
        Some(taken) if made.is_some_and(|made| made > taken) => Whose::New,
        Some(_) | None => Whose::Known,
    }
}

#[cfg(test)]
mod tests;
