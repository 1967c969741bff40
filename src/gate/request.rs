//! What is asked of the gates.

use std::sync::Arc;
use std::time::Duration;

use super::baseline::Baseline;
use super::lock::StillOurs;
use super::subject::Subject;
use crate::config::GateSettings;

/// Without an upgrade nothing is under way: what does not hold by then does not hold.
const JUDGE_NOW: Duration = Duration::from_secs(20);

/// One question to the gates: is this revision healthy, compared with that baseline?
#[derive(Clone)]
pub struct GateRequest<'r> {
    /// The revision, and what it promises.
    pub subject: &'r Subject,
    /// What was there before. One that is missing makes every gate that compares inconclusive.
    pub baseline: &'r Baseline,
    /// How the gates judge.
    pub settings: &'r GateSettings,
    /// The run's id. Canaries carry it; a run that was resumed goes on with the id of the first one, and
    /// takes the canaries of that one up.
    pub run: &'r str,
    /// Issue certificates of our own.
    pub canary: bool,
    /// How long at most; `None`: as the settings say, and without an upgrade not longer than 20 s.
    pub timeout: Option<Duration>,
    /// The lock of the release. When it is lost, the gates end with an error and delete nothing.
    pub lock: Arc<dyn StillOurs>,
}

impl GateRequest<'_> {
    /// From the start, when what still waits has failed.
    pub(super) fn deadline(&self) -> Duration {
        let configured = self.settings.timeout;
        let usual = if self.subject.fresh { configured } else { configured.min(JUDGE_NOW) };
        self.timeout.unwrap_or(usual)
    }

    /// Healthy for so long without a break; absent when nothing has to settle.
    pub(super) fn settle(&self) -> Option<Duration> {
        Some(self.settings.settle).filter(|settle| self.subject.fresh && !settle.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::super::lock::NoLock;
    use super::super::tests::World;
    use super::*;

    #[test]
    fn a_judgement_of_now_is_quick_unless_more_time_is_asked_for() {
        let seconds = Duration::from_secs;
        let table = [
            (true, None, seconds(600)),
            (true, Some(seconds(90)), seconds(90)),
            (false, None, seconds(20)),
            (false, Some(seconds(90)), seconds(90)),
        ];
        for (fresh, timeout, expected) in table {
            let mut world = World::new(vec![]);
            world.subject.fresh = fresh;
            let World { subject, baseline, settings, .. } = &world;
            let lock = Arc::new(NoLock);
            let request =
                GateRequest { subject, baseline, settings, run: "run", canary: false, timeout, lock };
            assert_eq!(request.deadline(), expected, "{fresh} {timeout:?}");
            assert_eq!(request.settle().is_some(), fresh);
        }
    }
}
