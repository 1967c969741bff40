//! How long each opinion has lasted. The only place where time meets judgement.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::opinion::{Holds, Judgement, Limit, Opinion};
use super::verdict::Verdict;

/// Gate, rule, object with whose rule it is.
type Key = (&'static str, &'static str, String);

/// Since when each opinion is held, from the start of the run.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    began: HashMap<Key, Duration>,
    /// Ages count from what the objects say, not from the start of the run.
    by_objects: bool,
}

/// A judgement in which what lasted too long has failed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weighed {
    pub(crate) judgement: Judgement,
    /// When the next opinion fails, from the start of the run.
    pub(crate) next: Option<Duration>,
    /// When each opinion that holds only the settle time began.
    pub(crate) in_flight: Vec<(String, Duration)>,
}

impl Clock {
    /// `by_objects`: ages count from what the objects say.
    pub(crate) fn new(by_objects: bool) -> Self {
        Self { began: HashMap::new(), by_objects }
    }

    /// Weighs what `gate` says at `now` (from the start of the run); `server` is the API server's clock.
    pub(crate) fn weigh(
        &mut self,
        gate: &'static str,
        mut judgement: Judgement,
        now: Duration,
        server: Option<Timestamp>,
    ) -> Weighed {
        let previous: HashMap<Key, Duration> = self.began.extract_if(|key, _| key.0 == gate).collect();
        let mut weighed = Weighed::default();
        for opinion in judgement.opinions.iter_mut().filter(|opinion| opinion.verdict == Verdict::Waiting) {
            let container = opinion.target.container.as_deref().unwrap_or_default();
            let key = (gate, opinion.rule, format!("{}{container}{}", opinion.target, opinion.by));
            let began = previous.get(&key).copied().unwrap_or(now);
            let age = now.saturating_sub(began).max(self.age(opinion, server));
            match opinion.limit {
                Limit::Grace(limit) | Limit::Chain(limit) if age >= limit => overdue(opinion, limit),
                Limit::Grace(limit) | Limit::Chain(limit) => weighed.next_at(now + limit.saturating_sub(age)),
                Limit::Run => {}
            }
            if opinion.holds == Holds::Settle {
                weighed.in_flight.push((opinion.target.to_string(), began));
            }
            self.began.insert(key, began);
        }
        weighed.judgement = judgement;
        weighed
    }

    /// How old the object says that it is.
    fn age(&self, opinion: &Opinion, server: Option<Timestamp>) -> Duration {
        match (opinion.since, server) {
            (Some(since), Some(server)) if self.by_objects => {
                Duration::try_from(server.duration_since(since)).unwrap_or_default()
            }
            _ => Duration::ZERO,
        }
    }
}

fn overdue(opinion: &mut Opinion, limit: Duration) {
    (opinion.verdict, opinion.holds, opinion.overdue) = (opinion.ends, Holds::Gate, true);
    let meaning = if opinion.meaning.is_empty() { String::new() } else { format!(": {}", opinion.meaning) };
    opinion.message = format!("{} (for more than {} s){meaning}", opinion.message, limit.as_secs());
}

impl Weighed {
    fn next_at(&mut self, at: Duration) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::opinion::Target;
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn pending(name: &str) -> Judgement {
        let target = Target::named("Order", Some("web"), name);
        Judgement {
            opinions: vec![Opinion::waiting("pending", target, "pending").chain(seconds(60))],
            facts: vec![],
        }
    }

    #[test]
    fn what_lasts_too_long_fails_and_what_changes_starts_again() {
        let mut clock = Clock::default();
        let first = clock.weigh("order", pending("a"), seconds(5), None);
        assert_eq!((first.judgement.verdict(), first.next), (Verdict::Waiting, Some(seconds(65))));
        assert_eq!(
            clock.weigh("order", pending("a"), seconds(64), None).judgement.verdict(),
            Verdict::Waiting
        );
        let late = clock.weigh("order", pending("a"), seconds(65), None).judgement;
        assert_eq!(
            (late.verdict(), late.opinions[0].message.as_str()),
            (Verdict::Failed, "pending (for more than 60 s)")
        );
        assert_eq!(
            clock.weigh("order", pending("b"), seconds(66), None).judgement.verdict(),
            Verdict::Waiting
        );
        assert_eq!(
            clock.weigh("order", pending("a"), seconds(67), None).judgement.verdict(),
            Verdict::Waiting
        );
    }

    #[test]
    fn what_it_means_is_said_only_when_it_lasts() {
        let judgement = || Judgement {
            opinions: pending("a")
                .opinions
                .into_iter()
                .map(|opinion| opinion.meaning("nobody is there"))
                .collect(),
            facts: vec![],
        };
        let mut clock = Clock::default();
        assert_eq!(
            clock.weigh("order", judgement(), seconds(0), None).judgement.opinions[0].message,
            "pending"
        );
        assert_eq!(
            clock.weigh("order", judgement(), seconds(60), None).judgement.opinions[0].message,
            "pending (for more than 60 s): nobody is there"
        );
    }

    #[test]
    fn gates_do_not_forget_each_other() {
        let mut clock = Clock::default();
        clock.weigh("order", pending("a"), seconds(0), None);
        clock.weigh("canary", pending("a"), seconds(30), None);
        assert_eq!(
            clock.weigh("order", pending("a"), seconds(60), None).judgement.verdict(),
            Verdict::Failed
        );
        assert_eq!(
            clock.weigh("canary", pending("a"), seconds(61), None).judgement.verdict(),
            Verdict::Waiting
        );
    }

    #[test]
    fn without_an_upgrade_the_age_of_the_object_counts() {
        let now: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
        let old = || {
            let mut judgement = pending("a");
            judgement.opinions[0].since = Some("2026-01-01T00:00:00Z".parse().unwrap());
            judgement
        };
        assert_eq!(
            Clock::default().weigh("order", old(), seconds(0), Some(now)).judgement.verdict(),
            Verdict::Waiting
        );
        let mut clock = Clock::new(true);
        assert_eq!(clock.weigh("order", old(), seconds(0), Some(now)).judgement.verdict(), Verdict::Failed);
    }

    #[test]
    fn what_is_in_flight_is_listed_until_it_is_overdue() {
        let mut clock = Clock::default();
        let in_flight = || Judgement {
            opinions: pending("a").opinions.into_iter().map(Opinion::holds_settle).collect(),
            facts: vec!["1 request".to_owned()],
        };
        let first = clock.weigh("order", in_flight(), seconds(5), None);
        assert_eq!(
            (first.judgement.verdict(), first.in_flight),
            (Verdict::Passed, vec![("Order web/a".to_owned(), seconds(5))])
        );
        assert_eq!(clock.weigh("order", in_flight(), seconds(65), None).judgement.verdict(), Verdict::Failed);
    }
}
