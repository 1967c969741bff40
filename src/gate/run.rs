//! The loop: something changes, everything is judged again. Watches and probes bring the changes; the only
//! clock is here.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use super::canary;
use super::explain::explain;
use super::opinion::Holds;
use super::round::{Judged, Round, Rounds};
use super::seen::{Change, Seen};
use super::subject::{Expected, Subject};
use super::verdict::{Finding, GateOutcome, GateReport, Progress, Verdict};
use super::watch::Watches;
use super::{Baseline, Context, GateError, clean_up, gates, pulse, webhook};
use crate::cluster::Cluster;
use crate::config::{GateSettings, Profile};

/// Without an upgrade nothing is under way: what does not hold by then does not hold.
const JUDGE_NOW: Duration = Duration::from_secs(20);
/// Changes come in bursts; one judgement for each burst is enough.
const BURST: Duration = Duration::from_millis(50);
/// Looked at again even when nothing changes.
const TICK: Duration = Duration::from_secs(1);
/// So many failures are explained with events and logs.
const EXPLAINED: usize = 3;

/// Asks every gate until all are passed or one is not. `canary`: issue certificates of our own; a canary that
/// did not pass is left for its chain to be looked at, and [`clean_up`] deletes it.
pub async fn run(
    cluster: &Cluster,
    subject: &Subject,
    baseline: &Baseline,
    settings: &GateSettings,
    run_id: &str,
    canary: bool,
    progress: &dyn Progress,
) -> Result<GateOutcome, GateError> {
    let expected = Expected::of(subject);
    let context = Context { subject, expected: &expected, baseline, settings };
    let mut run = Run::new(cluster, context, run_id, canary, progress);
    let round = run.until_the_end().await?;
    Ok(run.outcome(round, canary).await)
}

struct Run<'r> {
    cluster: &'r Cluster,
    context: Context<'r>,
    id: &'r str,
    progress: &'r dyn Progress,
    seen: Seen,
    changes: mpsc::Sender<Change>,
    arriving: mpsc::Receiver<Change>,
    tasks: JoinSet<()>,
    rounds: Rounds,
    started: Instant,
    /// What was last told of each gate, and when its verdict last changed.
    told: Vec<(&'static str, Verdict, String, Duration)>,
}

impl<'r> Run<'r> {
    fn new(
        cluster: &'r Cluster,
        context: Context<'r>,
        run_id: &'r str,
        canary: bool,
        progress: &'r dyn Progress,
    ) -> Self {
        let (changes, arriving) = mpsc::channel(1024);
        let settings = context.settings;
        let deadline = if context.strict() { settings.timeout.min(JUDGE_NOW) } else { settings.timeout };
        let settle = (!context.strict() && !settings.settle.is_zero()).then_some(settings.settle);
        let rounds =
            Rounds::new(gates(context.subject, context.expected, canary), settle, deadline, context.strict());
        let (tasks, started, told) = (JoinSet::new(), Instant::now(), Vec::new());
        let mut run = Self {
            cluster,
            context,
            id: run_id,
            progress,
            seen: Seen::default(),
            changes,
            arriving,
            tasks,
            rounds,
            started,
            told,
        };
        run.tasks.spawn(pulse::watch(cluster.clone(), run.changes.clone()));
        run.watches().chart(context.expected, context.subject.profile);
        run
    }

    fn watches(&mut self) -> Watches<'_> {
        Watches {
            cluster: self.cluster,
            changes: &self.changes,
            tasks: &mut self.tasks,
            seen: &mut self.seen,
        }
    }

    async fn until_the_end(&mut self) -> Result<Round, GateError> {
        loop {
            let mut round = self.look();
            if round.verdict() == Verdict::Passed {
                round = self.confirm().await;
            }
            if round.verdict() != Verdict::Waiting {
                return Ok(round);
            }
            self.wait(round.next).await?;
        }
    }

    fn look(&mut self) -> Round {
        let round = self.rounds.look(&self.seen, &self.context, self.started.elapsed());
        self.tell(&round);
        round
    }

    /// An API server that has just fallen silent looks healthy: it has to answer once more before anything is
    /// passed.
    async fn confirm(&mut self) -> Round {
        pulse::beat(self.cluster).await(&mut self.seen);
        self.take();
        self.look()
    }

    /// Waits for the next change, and takes all that came with it.
    async fn wait(&mut self, next: Option<Duration>) -> Result<(), GateError> {
        let tick = Instant::now() + TICK;
        let until = next.map_or(tick, |next| tick.min(self.started + next));
        tokio::select! {
            Some(change) = self.arriving.recv() => change(&mut self.seen),
            Some(ended) = self.tasks.join_next() => return ended.map_err(ended_early),
            () = sleep_until(until) => return Ok(()),
        }
        sleep(BURST).await;
        self.take();
        Ok(())
    }

    fn take(&mut self) {
        while let Ok(change) = self.arriving.try_recv() {
            change(&mut self.seen);
        }
    }

    /// Tells what changed, and starts what a gate that is newly reached needs.
    fn tell(&mut self, round: &Round) {
        for judged in round.judged.iter().filter(|judged| judged.reached || judged.verdict > Verdict::Waiting)
        {
            let headline = judged.headline();
            let known = self.told.iter().position(|(gate, ..)| *gate == judged.gate);
            let Some(known) = known else {
                self.progress.changed(judged.gate, judged.verdict, &headline);
                self.told.push((judged.gate, judged.verdict, headline, self.started.elapsed()));
                self.reached(judged.gate);
                continue;
            };
            let (_, verdict, message, at) = &mut self.told[known];
            if *verdict != judged.verdict || *message != headline {
                self.progress.changed(judged.gate, judged.verdict, &headline);
                if *verdict != judged.verdict {
                    *at = self.started.elapsed();
                }
                (*verdict, *message) = (judged.verdict, headline);
            }
        }
    }

    /// Nothing is asked of a webhook or an issuer before what it stands on is there.
    fn reached(&mut self, gate: &'static str) {
        let namespace = self.context.subject.release.namespace.clone();
        let (cluster, changes) = (self.cluster.clone(), self.changes.clone());
        match gate {
            "workload" if self.context.subject.profile == Profile::CertManager => {
                self.watches().certificates()
            }
            "webhook" => drop(self.tasks.spawn(webhook::watch(cluster, changes))),
            "canary" => {
                let (settings, run_id) = (self.context.settings.canary.clone(), self.id.to_owned());
                self.tasks.spawn(canary::create(cluster, namespace, settings, run_id, changes));
            }
            _ => {}
        }
    }

    async fn outcome(mut self, mut round: Round, canary: bool) -> GateOutcome {
        self.tasks.abort_all();
        self.explain(&mut round).await;
        let verdict = round.verdict();
        let mut reports: Vec<GateReport> = round.judged.iter().map(|judged| self.report(judged)).collect();
        if canary && verdict == Verdict::Passed && self.context.subject.profile == Profile::CertManager {
            let fact = cleaned(self.cluster).await;
            reports
                .iter_mut()
                .filter(|report| report.gate == "canary")
                .for_each(|report| report.facts.push(fact.clone()));
        }
        let failed = |finding: &&Finding| verdict > Verdict::Waiting && finding.verdict == verdict;
        let first_cause = reports.iter().flat_map(|report| &report.findings).find(failed).cloned();
        GateOutcome { verdict, reports, first_cause, acme_proven: canary::acme_proven(&self.seen) }
    }

    /// Adds events and log lines to what failed.
    async fn explain(&self, round: &mut Round) {
        let opinions = round.judged.iter_mut().flat_map(|judged| &mut judged.judgement.opinions);
        for opinion in opinions.filter(|opinion| opinion.verdict > Verdict::Waiting).take(EXPLAINED) {
            opinion.message += &explain(self.cluster, &opinion.target, &opinion.message).await;
        }
    }

    fn report(&self, judged: &Judged) -> GateReport {
        let shown = |opinion: &&super::opinion::Opinion| {
            opinion.holds == Holds::Gate || opinion.verdict != Verdict::Waiting
        };
        let mut findings: Vec<Finding> =
            judged.judgement.opinions.iter().filter(shown).map(super::opinion::Opinion::finding).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        let told = self.told.iter().find(|(gate, ..)| *gate == judged.gate);
        let at = told.map_or_else(|| self.started.elapsed(), |(.., at)| *at);
        let mut facts = judged.judgement.facts.clone();
        if !judged.reached && judged.verdict == Verdict::Waiting {
            facts.push("not reached".to_owned());
        }
        GateReport {
            gate: judged.gate.to_owned(),
            verdict: judged.verdict,
            findings,
            facts,
            seconds: at.as_secs_f64(),
        }
    }
}

async fn cleaned(cluster: &Cluster) -> String {
    match clean_up(cluster).await {
        Ok(deleted) => format!("deleted {}", deleted.join(", ")),
        Err(error) => format!("the canary could not be deleted ({error}); the next run deletes it"),
    }
}

fn ended_early(error: JoinError) -> GateError {
    GateError::Stopped(error)
}
