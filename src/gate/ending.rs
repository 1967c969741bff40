//! The end of a run: what failed is explained with events and logs, and the last round becomes the report.

use std::time::Duration;

use super::canary::Canaries;
use super::explain::explain;
use super::names::CANARY;
use super::opinion::{Holds, Opinion};
use super::round::{Judged, Round};
use super::told::Told;
use super::verdict::{Finding, GateReport, NOT_REACHED, Verdict};
use crate::cluster::Cluster;

/// So many failures are explained, the first cause before all others.
const EXPLAINED: usize = 3;

/// Adds events and log lines to what failed.
pub(super) async fn explain_failures(cluster: &Cluster, round: &mut Round) {
    for (gate, opinion) in round.failures().into_iter().take(EXPLAINED) {
        let opinion = &mut round.judged[gate].judgement.opinions[opinion];
        opinion.message += &explain(cluster, &opinion.target, &opinion.message).await;
    }
}

/// The report of each gate.
pub(super) fn reports(round: &Round, told: &Told, now: Duration) -> Vec<GateReport> {
    round.judged.iter().map(|judged| report(judged, told.at(judged.gate).unwrap_or(now))).collect()
}

fn report(judged: &Judged, at: Duration) -> GateReport {
    let shown = |opinion: &&Opinion| opinion.holds == Holds::Gate || opinion.verdict != Verdict::Waiting;
    let mut findings: Vec<Finding> =
        judged.judgement.opinions.iter().filter(shown).map(Opinion::finding).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    let mut facts = judged.judgement.facts.clone();
    facts.extend(judged.unseen.iter().map(|why| format!("{NOT_REACHED}{why}")));
    GateReport {
        gate: judged.gate.to_owned(),
        verdict: judged.verdict,
        findings,
        facts,
        seconds: at.as_secs_f64(),
    }
}

/// Deletes the run's own canaries once they have proven what they should, and says so.
pub(super) async fn clean_up(canaries: Canaries<'_>, run: &str, reports: &mut [GateReport]) {
    let fact = match canaries.clean_up(run).await {
        Ok(deleted) => format!("deleted {}", deleted.join(", ")),
        Err(error) => format!("the canary could not be deleted ({error}); the next run deletes it"),
    };
    reports
        .iter_mut()
        .filter(|report| report.gate == CANARY)
        .for_each(|report| report.facts.push(fact.clone()));
}
