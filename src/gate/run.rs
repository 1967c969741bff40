//! The loop: something changes, everything is judged again. Watches and probes bring the changes; the only
//! clock is here. A run that has lost its lock ends with an error, and deletes nothing.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::availability;
use super::blueprint::Gate;
use super::canary::{self, Canaries};
use super::context::Context;
use super::ending;
use super::error::GateError;
use super::gates::{canary_alone, gates};
use super::mark::Mark;
use super::names::CANARY;
use super::pulse;
use super::reissue;
use super::request::GateRequest;
use super::round::Round;
use super::rounds::Rounds;
use super::rules::HealthRules;
use super::scope::Scope;
use super::seen::{Change, Seen};
use super::start::Start;
use super::subject::Expected;
use super::told::Told;
use super::verdict::{GateOutcome, Progress, Verdict};
use crate::cluster::Cluster;

/// Changes come in bursts; one judgement for each burst is enough.
const BURST: Duration = Duration::from_millis(50);
/// Looked at again even when nothing changes; the lock is asked as often.
const TICK: Duration = Duration::from_secs(1);

/// Asks every gate until all are passed or one is not. A canary that did not pass is left for its chain to be
/// looked at, and [`Canaries`] deletes it.
pub async fn run(
    cluster: &Cluster,
    request: &GateRequest<'_>,
    progress: &dyn Progress,
) -> Result<GateOutcome, GateError> {
    ask(cluster, request, gates, request.settle(), progress).await
}

/// Whether canaries are issued by what runs, before anything is changed. They are the gate's: one that did not pass
/// is left here too.
pub async fn issue_before(
    cluster: &Cluster,
    request: &GateRequest<'_>,
    progress: &dyn Progress,
) -> Result<GateOutcome, GateError> {
    ask(cluster, request, canary_alone, None, progress).await
}

async fn ask(
    cluster: &Cluster,
    request: &GateRequest<'_>,
    pick: fn(&Scope) -> Vec<Gate>,
    settle: Option<Duration>,
    progress: &dyn Progress,
) -> Result<GateOutcome, GateError> {
    let GateRequest { subject, baseline, settings, .. } = *request;
    let expected = Expected::of(subject);
    let mark = Mark::new(request.run, subject.revision);
    let rules = HealthRules::of(subject, settings);
    let context = Context { subject, expected: &expected, baseline, settings, mark: &mark, rules: &rules };
    let scope = Scope::of(context, request.canary);
    let rounds = Rounds::new(pick(&scope), settle, request.deadline(), context.strict());
    let mut run = Run::new(cluster, request, context, rounds, progress);
    let round = run.until_the_end().await?;
    let outcome = run.outcome(round).await;
    // What was found is worth nothing when another run took over meanwhile.
    request.lock.check()?;
    Ok(outcome)
}

struct Run<'r> {
    cluster: &'r Cluster,
    request: &'r GateRequest<'r>,
    context: Context<'r>,
    progress: &'r dyn Progress,
    seen: Seen,
    changes: mpsc::Sender<Change>,
    arriving: mpsc::Receiver<Change>,
    tasks: JoinSet<()>,
    rounds: Rounds,
    started: Instant,
    told: Told,
}

impl<'r> Run<'r> {
    fn new(
        cluster: &'r Cluster,
        request: &'r GateRequest<'r>,
        context: Context<'r>,
        rounds: Rounds,
        progress: &'r dyn Progress,
    ) -> Self {
        let (changes, arriving) = mpsc::channel(1024);
        Self {
            cluster,
            request,
            context,
            progress,
            seen: Seen::default(),
            changes,
            arriving,
            tasks: JoinSet::new(),
            rounds,
            started: Instant::now(),
            told: Told::default(),
        }
    }

    async fn until_the_end(&mut self) -> Result<Round, GateError> {
        loop {
            self.request.lock.check()?;
            let mut round = self.look();
            if round.proven() == Verdict::Passed {
                round = self.confirm().await;
            }
            if round.proven() != Verdict::Waiting {
                self.rounds.last_look(&mut round, &self.seen, &self.context, self.started.elapsed());
                return Ok(round);
            }
            self.wait(round.next).await?;
        }
    }

    /// Judges, tells what is new, and starts what the gates that are newly reached need.
    fn look(&mut self) -> Round {
        let now = self.started.elapsed();
        let round = self.rounds.look(&self.seen, &self.context, now);
        for judged in round.judged.iter().filter(|judged| judged.is_told()) {
            self.told.tell(judged, now, self.progress);
        }
        let begun = self.rounds.newly_begun();
        begun.into_iter().filter_map(|gate| gate.starts).for_each(|starts| self.start(starts));
        self.start(canary::start_again);
        round
    }

    /// Nothing is asked of a webhook or an issuer before what it stands on is there.
    fn start(&mut self, starts: fn(&mut Start)) {
        starts(&mut Start {
            cluster: self.cluster,
            context: self.context,
            lock: &self.request.lock,
            changes: &self.changes,
            tasks: &mut self.tasks,
            seen: &mut self.seen,
        });
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
            Some(ended) = self.tasks.join_next() => return ended.map_err(GateError::Stopped),
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

    async fn outcome(mut self, mut round: Round) -> GateOutcome {
        self.tasks.abort_all();
        ending::explain_failures(self.cluster, &mut round).await;
        let verdict = round.verdict();
        let mut reports = ending::reports(&round, &self.told, self.started.elapsed());
        if verdict == Verdict::Passed && self.rounds.has(CANARY) {
            ending::clean_up(self.canaries(), self.request.run, &mut reports).await;
        }
        let (first_cause, acme_proven) = (round.first_cause(), canary::acme_proven(&self.seen));
        let reissued = reissue::counted(&self.seen, &self.context);
        availability::tell(&self.seen, &mut reports);
        let availability = availability::of(&self.seen);
        GateOutcome { verdict, reports, first_cause, acme_proven, reissued, availability }
    }

    fn canaries(&self) -> Canaries<'_> {
        let GateRequest { subject, settings, ref lock, .. } = *self.request;
        let (cluster, release) = (self.cluster, &subject.release);
        Canaries { cluster, release, settings: &settings.canary, lock: lock.as_ref() }
    }
}
