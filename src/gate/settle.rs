//! Healthy without a break for a while: what comes up can still fall over.

use std::time::Duration;

use super::opinion::{Judgement, Opinion, Target};

/// Since when everything else has been passed.
#[derive(Debug, Default)]
pub(super) struct Settle {
    since: Option<Duration>,
}

impl Settle {
    /// Whether everything else is passed at `now`; a break starts the time again.
    pub(super) fn observe(&mut self, passed: bool, now: Duration) {
        self.since = if passed { self.since.or(Some(now)) } else { None };
    }

    /// The time is running.
    pub(super) fn is_running(&self) -> bool {
        self.since.is_some()
    }

    /// When the time is over, if nothing breaks.
    pub(super) fn due(&self, settle: Duration) -> Option<Duration> {
        self.since.map(|since| since + settle)
    }

    /// `in_flight`: issuances that are under way, and since when. Those that began before the settle time are
    /// waited for; on a busy cluster there are always newer ones.
    pub(super) fn judge(
        &self,
        settle: Duration,
        now: Duration,
        in_flight: &[(String, Duration)],
    ) -> Judgement {
        let mut judgement = Judgement::default();
        let target = |name: &str| Target::named("Cluster", None, name);
        let Some(since) = self.since else {
            judgement.say(Opinion::waiting("break", target("health"), "not every gate is passed"));
            return judgement;
        };
        if now < since + settle {
            let message = format!("healthy; has to stay so for {} s", settle.as_secs());
            judgement.say(Opinion::waiting("time", target("health"), message));
        } else if let Some((title, _)) = in_flight.iter().find(|(_, began)| *began <= since) {
            judgement.say(Opinion::waiting(
                "in-flight",
                target("health"),
                format!("{title} was under way before and has not ended"),
            ));
        } else {
            judgement.fact(format!("healthy for {} s without a break", settle.as_secs()));
        }
        judgement
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::verdict::Verdict;

    #[test]
    fn a_break_starts_the_time_again() {
        let seconds = Duration::from_secs;
        let mut settle = Settle::default();
        let verdict = |settle: &Settle, now: u64| settle.judge(seconds(10), seconds(now), &[]).verdict();
        assert_eq!(verdict(&settle, 100), Verdict::Waiting);
        settle.observe(true, seconds(100));
        settle.observe(true, seconds(105));
        assert_eq!((verdict(&settle, 109), verdict(&settle, 110)), (Verdict::Waiting, Verdict::Passed));
        settle.observe(false, seconds(108));
        settle.observe(true, seconds(109));
        assert_eq!((verdict(&settle, 110), verdict(&settle, 119)), (Verdict::Waiting, Verdict::Passed));
    }

    #[test]
    fn only_what_began_before_is_waited_for() {
        let seconds = Duration::from_secs;
        let mut settle = Settle::default();
        settle.observe(true, seconds(100));
        let verdict = |began: u64| {
            settle.judge(seconds(10), seconds(200), &[("Order web/x".to_owned(), seconds(began))]).verdict()
        };
        assert_eq!((verdict(90), verdict(150)), (Verdict::Waiting, Verdict::Passed));
    }
}
