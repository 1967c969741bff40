//! The gates of a run on one cluster: against which baseline, for which revision, and whether it was proven before.
//! Changes nothing but the canary and the evidence.

use std::sync::Arc;

use crate::config::{LogsGate, Profile};
use crate::evidence::run_directory::BASELINE;
use crate::failure::{Failure, Kind};
use crate::gate::baseline::Baseline;
use crate::gate::{self, GateError, GateOutcome, GateRequest, HealthRules, Subject, Verdict};
use crate::plan::Action;
use crate::rollout::Observer;
use crate::rollout::fold::replay;
use crate::rollout::port::JudgedRevision;
use crate::rollout::state::ClusterState;

use super::kubernetes_site::KubernetesSite;
use super::{history, lock};

/// So often the gates begin again after an API server was away.
const OUTAGES: usize = 3;

/// What is asked of the gates.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    /// All of them, of a revision.
    Everything,
    /// Only the canary, of the version that runs before the change.
    CanaryBefore,
}

impl KubernetesSite {
    pub(super) async fn take_baseline(&self) -> Result<Vec<String>, Failure> {
        self.look_again().await?;
        let profile = self.run.plan.terms.profile;
        let mut backup = self.run.directory.file(&self.plan.cluster, "backup.yaml");
        let (mut baseline, written) =
            Baseline::observe_with_backup(&self.cluster, &self.run.release, profile, &mut backup).await?;
        self.observe_rules(&mut baseline).await?;
        self.run.directory.written(&backup, written).iter().for_each(|note| self.note(note));
        let unhealthy = baseline.unhealthy();
        let text = serde_json::to_string(&baseline).unwrap_or_default();
        let kept = self.run.directory.keep_exact(&self.plan.cluster, BASELINE, &text);
        kept.note.iter().for_each(|note| self.note(note));
        let mut memory = self.memory.lock().await;
        if let Some(keeper) = memory.keeper.as_mut() {
            keeper.journal_mut().baseline = baseline.packed();
        }
        memory.baseline = Some(baseline);
        drop(memory);
        self.issue_canary_before().await?;
        Ok(unhealthy)
    }

    /// Adds how objects of any kind are, by the rules for the revision that runs, for whom its approver decides, what its
    /// pods have logged, and how hosts are from outside.
    pub(super) async fn observe_rules(&self, baseline: &mut Baseline) -> Result<(), Failure> {
        let (_, history) = self.own_newest().await?;
        let (release, profile) = (&self.run.release, self.run.plan.terms.profile);
        let subject = match history.last() {
            Some(newest) => history::subject(newest, release, profile, true)?,
            None => Subject::absent(release, profile),
        };
        baseline.remember_signers(&subject);
        let gates = &self.run.plan.terms.gates;
        if profile == Profile::CertManager && gates.logs != LogsGate::Off {
            let unread = baseline.observe_logs(&self.cluster, &subject).await;
            if let Some(why) = unread {
                self.note(&format!("no errors of before are known: {why}"));
            }
        }
        gate::observe_outlook(&self.cluster, profile, gates, baseline).await;
        let rules = HealthRules::of(&subject, gates);
        Ok(rules.observe(&self.cluster, baseline).await?)
    }

    /// The same chart and values, proven on the very revision that runs.
    pub(super) async fn is_proven(&self) -> bool {
        let memory = self.memory.lock().await;
        let Some(journal) = &memory.previous else { return false };
        let Some(plan) = journal.cluster_plan() else { return false };
        let Ok(outcome) = replay(plan, &journal.records) else { return false };
        outcome.state == ClusterState::Promoted
            && plan.change.same_content(&self.plan.change)
            && outcome.revision == Some(self.plan.base_revision)
    }

    /// A verdict counts only when nobody else has touched the release while the gates judged.
    pub(super) async fn judge(&self, judged: JudgedRevision) -> Result<GateOutcome, Failure> {
        let subject = self.subject(judged).await?;
        let baseline = self.baseline_for(judged).await;
        self.memory.lock().await.judging = true;
        let outcome = self.ask_gates(&subject, &baseline, Asked::Everything).await?;
        let mut memory = self.memory.lock().await;
        (memory.judging, memory.controller_works) = (false, outcome.controller_works());
        memory.ruled = HealthRules::of(&subject, &self.run.plan.terms.gates).found(&outcome);
        drop(memory);
        if outcome.issues_again() {
            self.stop_controller(&subject).await;
        }
        if outcome.controller_works() {
            self.delete_left_canaries().await;
        }
        self.subject(judged).await?;
        Ok(outcome)
    }

    /// An API server that is away for longer than the lock is good ends the gates; when nobody has taken the lock
    /// meanwhile, they begin again.
    pub(super) async fn ask_gates(
        &self,
        subject: &Subject,
        baseline: &Baseline,
        asked: Asked,
    ) -> Result<GateOutcome, Failure> {
        let held = self.held().await?;
        let progress = Watched { cluster: &self.plan.cluster, observer: self.run.observer.as_ref() };
        let request = GateRequest {
            subject,
            baseline,
            settings: &self.run.plan.terms.gates,
            run: &self.run.run,
            canary: true,
            timeout: None,
            lock: Arc::new(held.clone()),
        };
        for _ in 0..OUTAGES {
            let outcome = match asked {
                Asked::Everything => gate::run(&self.cluster, &request, &progress).await,
                Asked::CanaryBefore => gate::issue_before(&self.cluster, &request, &progress).await,
            };
            match outcome {
                Err(GateError::Lost(_)) => lock::good(&held).await?,
                outcome => return Ok(outcome?),
            }
        }
        let told = "the lock could not be renewed again and again, so the gates never came to an end";
        Err(Failure::new(Kind::Halted, told)
            .hint("`release resume` lets them judge when the API server is stable"))
    }

    /// The revision as it is stored; refused when it is not the newest of what this run wrote, or found.
    pub(super) async fn subject(&self, judged: JudgedRevision) -> Result<Subject, Failure> {
        let (JudgedRevision::Changed(revision)
        | JudgedRevision::Confirmed(revision)
        | JudgedRevision::RolledBack(revision)) = judged;
        let (own, history) = self.own_newest().await?;
        let newest = own.as_ref().map_or(self.plan.base_revision, |seen| seen.revision);
        let record = history.iter().find(|record| record.revision() == revision && revision == newest);
        let lost = || {
            let told = format!("release {} is at revision {newest}, not at {revision}", self.run.release);
            Failure::new(Kind::Halted, told)
        };
        history::subject(record.ok_or_else(lost)?, &self.run.release, self.run.plan.terms.profile, true)
    }

    /// A verdict on a revision is relative to what was there before it was written, also when a later run gives it.
    async fn baseline_for(&self, judged: JudgedRevision) -> Baseline {
        let memory = self.memory.lock().await;
        let missing = || Baseline::missing("the journal does not hold what was there before the change");
        let taken = || memory.baseline.clone().unwrap_or_else(missing);
        match judged {
            JudgedRevision::Changed(_) => taken(),
            JudgedRevision::RolledBack(_) => memory.rollback_baseline.clone().unwrap_or_else(taken),
            JudgedRevision::Confirmed(revision) => {
                let earlier = memory.previous.as_ref().filter(|journal| {
                    let plan = journal.cluster_plan();
                    let outcome = plan.and_then(|plan| replay(plan, &journal.records).ok());
                    let wrote = plan.is_some_and(|plan| plan.action != Action::Nothing);
                    wrote && outcome.is_some_and(|outcome| outcome.revision == Some(revision))
                });
                let earlier =
                    earlier.and_then(|journal| serde_json::from_value(journal.baseline.clone()?).ok());
                earlier.unwrap_or_else(taken)
            }
        }
    }
}

/// Hands what the gates say on to whoever watches the run.
pub struct Watched<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// Who watches.
    pub observer: &'a dyn Observer,
}

impl gate::Progress for Watched<'_> {
    fn changed(&self, gate: &str, verdict: Verdict, message: &str) {
        self.observer.gate(self.cluster, gate, verdict, message);
    }
}
