//! A canary of the version that runs, before anything is changed: what is dead by then is not the upgrade's doing.

use crate::config::Profile;
use crate::failure::Failure;
use crate::gate::{GateOutcome, Verdict};
use crate::helm::release::Status;
use crate::plan::Action;
use crate::plan::preflight::UNHEALTHY;
use crate::rollout::port::JudgedRevision;

use super::judge::Asked;
use super::kubernetes_site::KubernetesSite;

impl KubernetesSite {
    /// With `canary.before`, refuses an upgrade where nothing is issued as it is.
    pub(super) async fn issue_canary_before(&self) -> Result<(), Failure> {
        let terms = &self.run.plan.terms;
        let is_wanted = terms.gates.canary.before && terms.profile == Profile::CertManager;
        if !is_wanted || self.plan.action != Action::Upgrade || self.is_failed().await? {
            return Ok(());
        }
        let subject = self.subject(JudgedRevision::Confirmed(self.plan.base_revision)).await?;
        let baseline = self.memory.lock().await.baseline.clone().unwrap_or_default();
        self.memory.lock().await.judging = true;
        let outcome = self.ask_gates(&subject, &baseline, Asked::CanaryBefore).await?;
        if outcome.verdict != Verdict::Passed {
            self.capture_evidence().await;
            self.delete_canary().await;
        }
        self.memory.lock().await.judging = false;
        match dead_before(&outcome) {
            None => self.note("the canary before the upgrade was issued by the version that runs"),
            Some(told) if terms.allowed.allows(UNHEALTHY) => {
                self.note(&format!("{told}; it is upgraded all the same"));
            }
            Some(told) => {
                let remedy =
                    format!("nothing was changed: mend it first (--allow {UNHEALTHY} upgrades all the same)");
                return Err(Failure::refused(told).hint(remedy));
            }
        }
        Ok(())
    }

    /// A fix of a failed revision has to get in: nothing is expected of what runs then.
    async fn is_failed(&self) -> Result<bool, Failure> {
        let (_, history) = self.own_newest().await?;
        let is_deployed = history.last().is_some_and(|newest| newest.status() == Status::Deployed);
        if !is_deployed {
            self.note("no canary before the upgrade: the newest revision is not a good one");
        }
        Ok(!is_deployed)
    }
}

/// Why nothing is issued, in one line.
fn dead_before(outcome: &GateOutcome) -> Option<String> {
    let because = |cause: &dyn std::fmt::Display| format!("already dead before the upgrade: {cause}");
    let cause = outcome.first_cause.as_ref();
    let told = || cause.map_or_else(|| because(&"the canary was not issued"), |cause| because(cause));
    (outcome.verdict != Verdict::Passed).then(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Cause, Finding};

    #[test]
    fn only_what_is_issued_is_alive() {
        let cause = || Some(Finding::failed("Order web/x", "errored: 429", Cause::Environment));
        let table = [
            (Verdict::Passed, None, None),
            (Verdict::Failed, cause(), Some("already dead before the upgrade: Order web/x: errored: 429")),
            (Verdict::Inconclusive, None, Some("already dead before the upgrade: the canary was not issued")),
        ];
        for (verdict, first_cause, expected) in table {
            let outcome = GateOutcome {
                verdict,
                reports: Vec::new(),
                first_cause,
                acme_proven: false,
                reissued: None,
                availability: Vec::new(),
            };
            assert_eq!(dead_before(&outcome).as_deref(), expected, "{verdict:?}");
        }
    }
}
