//! The gates of a run on one cluster: against which baseline, for which revision, and whether it was proven before.
//! Changes nothing but the canary and the evidence.

use crate::evidence::capture;
use crate::failure::{Failure, Kind};
use crate::gate::baseline::Baseline;
use crate::gate::{self, GateOutcome, Subject, Verdict};
use crate::plan::Action;
use crate::rollout::Observer;
use crate::rollout::fold::replay;
use crate::rollout::port::JudgedRevision;
use crate::rollout::state::ClusterState;

use super::history;
use super::kubernetes_site::KubernetesSite;

impl KubernetesSite {
    pub(super) async fn take_baseline(&self) -> Result<Vec<String>, Failure> {
        let profile = self.run.plan.terms.profile;
        let baseline = Baseline::observe(&self.cluster, &self.run.release, profile).await?;
        let unhealthy = baseline.unhealthy();
        self.keep("backup.yaml", &baseline.backup_yaml());
        let text = serde_json::to_value(&baseline).ok();
        self.keep("baseline.json", &text.as_ref().map(ToString::to_string).unwrap_or_default());
        let mut memory = self.memory.lock().await;
        if let Some(keeper) = memory.keeper.as_mut() {
            keeper.journal_mut().baseline = text;
        }
        memory.baseline = Some(baseline);
        Ok(unhealthy)
    }

    fn keep(&self, name: &str, text: &str) {
        if let Err(note) = self.run.directory.keep(&self.plan.cluster, name, text) {
            self.note(&Failure::from(note).chain().join(": "));
        }
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
        let (baseline, fresh) = self.baseline_for(judged).await;
        let subject = Subject { fresh, ..subject };
        let settings = &self.run.plan.terms.gates;
        let progress = Watched { cluster: &self.plan.cluster, observer: self.run.observer.as_ref() };
        let outcome =
            gate::run(&self.cluster, &subject, &baseline, settings, &self.run.run, true, &progress).await?;
        self.memory.lock().await.controller_works = outcome.controller_works();
        self.subject(judged).await?;
        Ok(outcome)
    }

    /// The revision as it is stored; refused when it is not the newest of what this run wrote, or found.
    async fn subject(&self, judged: JudgedRevision) -> Result<Subject, Failure> {
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
    async fn baseline_for(&self, judged: JudgedRevision) -> (Baseline, bool) {
        let memory = self.memory.lock().await;
        let taken = || memory.baseline.clone().unwrap_or_default();
        match judged {
            JudgedRevision::Changed(_) => (taken(), true),
            JudgedRevision::RolledBack(_) => (memory.rollback_baseline.clone().unwrap_or_else(taken), true),
            JudgedRevision::Confirmed(revision) => {
                let earlier = memory.previous.as_ref().filter(|journal| {
                    let plan = journal.cluster_plan();
                    let outcome = plan.and_then(|plan| replay(plan, &journal.records).ok());
                    let wrote = plan.is_some_and(|plan| plan.action != Action::Nothing);
                    wrote && outcome.is_some_and(|outcome| outcome.revision == Some(revision))
                });
                let earlier =
                    earlier.and_then(|journal| serde_json::from_value(journal.baseline.clone()?).ok());
                earlier.map_or_else(|| (taken(), false), |baseline| (baseline, true))
            }
        }
    }

    pub(super) async fn capture_evidence(&self) -> Vec<String> {
        let with_chain = self.run.plan.terms.profile == crate::config::Profile::CertManager;
        let namespace = &self.run.release.namespace;
        let (files, problems) =
            capture::capture(&self.cluster, namespace, with_chain, &self.run.directory).await;
        for problem in problems {
            self.note(&format!("evidence: {problem}"));
        }
        if self.memory.lock().await.controller_works {
            self.delete_canary().await;
        }
        files
    }

    /// Once its chain is captured, a canary that was not issued would only be tried again and again.
    async fn delete_canary(&self) {
        match gate::clean_up(&self.cluster).await {
            Ok(deleted) if deleted.is_empty() => {}
            Ok(deleted) => self.note(&format!("deleted {}", deleted.join(", "))),
            Err(error) => self.note(&format!("{error}; the next run deletes the canary")),
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
