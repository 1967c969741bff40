//! The controller's own counters, read through the API server without Prometheus: its loops run, they do not fail more than
//! before, and no ACME server limits the rate. Counters explain and warn early; what they cannot show is no failure.

mod scrape;

use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use scrape::of_release;

use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::scope::Scope;
use super::seen::Seen;
use super::start::Start;
use super::verdict::Cause;
use crate::certmanager::metrics::{ControllerCounts, LoopCount};
use crate::cluster::access::Access;
use crate::config::MetricsGate;

/// A controller that leads has gone through everything once within this time.
const FIRST_PASS: Duration = Duration::from_mins(2);
/// What goes wrong in the first moments after a start is tried again meanwhile.
const LASTING: Duration = Duration::from_mins(1);
/// The connection to a pod may break for a moment.
const SILENT: Duration = Duration::from_mins(1);
/// Percent of calls that fail: so many are a loop of errors, and so few were none before.
const FAILING: u64 = 50;
const HEALTHY: u64 = 10;
/// Fewer errors are no loop.
const ERRORS: u64 = 10;

/// The controller's own counters can be read.
pub(super) fn applies(scope: &Scope) -> bool {
    scope.is_cert_manager() && scope.settings.metrics != MetricsGate::Off && scope.expected.has_metrics
}

/// Only where the metrics have to be read; elsewhere a cluster that does not allow it is told so.
pub(super) fn needs(scope: &Scope) -> Vec<Access> {
    let namespace = Some(scope.subject.release.namespace.as_str());
    let all = [
        Access::new("list", "apps", "deployments", namespace),
        Access::new("list", "", "pods", namespace),
        Access::new("get", "", "pods/proxy", namespace),
    ];
    if scope.settings.metrics == MetricsGate::Required { all.into() } else { Vec::new() }
}

/// They are read from its turn on.
pub(super) fn start(start: &mut Start) {
    let release = start.context.subject.release.clone();
    start.task(scrape::watch(start.cluster.clone(), release, start.changes.clone()));
}

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    let target = Target::named("Deployment", Some(&context.subject.release.namespace), "cert-manager");
    let (readings, last) =
        (seen.scraped.iter().filter_map(|scraped| scraped.as_ref().ok()), seen.scraped.last());
    let first = readings.clone().next();
    match last {
        None => judgement.say(Opinion::waiting("asked", target, "the metrics were not read yet")),
        Some(Err(unread)) => judgement.say(not_read(context, target, &unread.0)),
        Some(Ok(now)) if now.is_empty() => {
            judgement.say(not_read(context, target, "no pod of the controller serves them"));
        }
        Some(Ok(now)) => {
            let judged = Counted { seen, context, target, now, first: first.unwrap_or(now) };
            judged.judge(&mut judgement);
        }
    }
    judgement
}

/// Somebody who wants them read has to be told; for all others the rest is proof enough.
fn not_read(context: &Context, target: Target, why: &str) -> Opinion {
    let message = format!("the metrics are not read: {why}");
    if context.settings.metrics == MetricsGate::Required {
        return Opinion::waiting("unread", target, message).grace(SILENT).then_inconclusive();
    }
    Opinion::remark("unread", target, message)
}

/// What was read now, and first by this run.
struct Counted<'c> {
    seen: &'c Seen,
    context: &'c Context<'c>,
    target: Target,
    now: &'c BTreeMap<String, ControllerCounts>,
    first: &'c BTreeMap<String, ControllerCounts>,
}

impl Counted<'_> {
    fn judge(&self, judgement: &mut Judgement) {
        let (since, lately) = (self.since(&self.context.baseline.metrics), self.since(self.first));
        judgement.fact(told(&since));
        // Without an upgrade the process is as old as it is: only what is new counts.
        let upgraded = if self.context.strict() { &lately } else { &since };
        judgement.opinions.extend(self.limited(upgraded));
        judgement.opinions.extend(self.idle(&since));
        judgement.opinions.extend(self.failing(&lately));
        judgement.opinions.extend(self.unanswered(&lately));
    }

    /// What was counted since `earlier`, by all pods.
    fn since(&self, earlier: &BTreeMap<String, ControllerCounts>) -> ControllerCounts {
        let mut sum = ControllerCounts::default();
        for (uid, counts) in self.now {
            let before = earlier.get(uid);
            sum.add(&before.map_or_else(|| counts.clone(), |before| counts.since(before)));
        }
        sum
    }

    fn limited(&self, since: &ControllerCounts) -> Option<Opinion> {
        let count = since.answers("429");
        let message = format!("an ACME server answered 429 (too many requests) {count} times");
        (count > 0).then(|| {
            Opinion::failed("rate-limit", self.target.clone(), message).points_to(Cause::Environment)
        })
    }

    /// A loop that has something to do and was never called.
    fn idle(&self, since: &ControllerCounts) -> Option<Opinion> {
        let wanted = [
            ("certificates-trigger", self.seen.certificates.iter().next().is_some()),
            ("issuers", self.seen.issuers.iter().next().is_some()),
            ("clusterissuers", self.seen.cluster_issuers.iter().next().is_some()),
        ];
        let total = self.total();
        let idle = |name: &str| total.loops.get(name).is_none_or(|count| count.calls == 0);
        let names: Vec<&str> =
            wanted.into_iter().filter(|(name, busy)| *busy && idle(name)).map(|(name, _)| name).collect();
        let message =
            format!("these loops of the controller have not run since it started: {}", names.join(", "));
        // Without any call the process does not lead, or counts nothing at all.
        let told = !names.is_empty() && since.total().calls > 0;
        told.then(|| Opinion::waiting("idle", self.target.clone(), message).grace(FIRST_PASS))
    }

    fn total(&self) -> ControllerCounts {
        self.since(&BTreeMap::new())
    }

    /// Loops that fail now, and did not before.
    fn failing(&self, lately: &ControllerCounts) -> Option<Opinion> {
        let mut before = ControllerCounts::default();
        self.context.baseline.metrics.values().for_each(|counts| before.add(counts));
        let was_healthy = |name: &String| {
            let count = before.loops.get(name).copied().unwrap_or(LoopCount { calls: 1, errors: 0 });
            count.failing() < HEALTHY
        };
        let loops = lately
            .loops
            .iter()
            .filter(|(name, count)| count.errors >= ERRORS && count.failing() > FAILING && was_healthy(name));
        let names: Vec<String> = loops
            .map(|(name, count)| format!("{name} ({} of {} calls)", count.errors, count.calls))
            .collect();
        let message = format!("these loops of the controller fail, and did not before: {}", names.join(", "));
        let opinion = || Opinion::waiting("errors", self.target.clone(), message);
        let compared = !self.context.strict() && !self.context.baseline.metrics.is_empty();
        (compared && !names.is_empty()).then(|| opinion().grace(LASTING))
    }

    /// An ACME server in trouble: nothing about the release.
    fn unanswered(&self, lately: &ControllerCounts) -> Option<Opinion> {
        let bad = lately.answers("5") + lately.answers("999");
        let message =
            format!("{bad} requests to ACME servers found no answer (5xx, or none), and none succeeded");
        (bad >= 3 && lately.answers("2") == 0).then(|| Opinion::remark("acme", self.target.clone(), message))
    }
}

fn told(since: &ControllerCounts) -> String {
    let LoopCount { calls, errors } = since.total();
    let answers: Vec<String> =
        since.acme.iter().map(|(status, count)| format!("{status} {count}×")).collect();
    let acme =
        if answers.is_empty() { String::new() } else { format!("; ACME answers: {}", answers.join(", ")) };
    format!("the controller's loops were called {calls} times, {errors} of them failed{acme}")
}

#[cfg(test)]
mod tests;
