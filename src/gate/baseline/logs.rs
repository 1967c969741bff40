//! What was logged before the upgrade: counts by rule, for several lengths of time, since nobody knows yet
//! how long the new version will be looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Baseline;
use crate::certmanager::logs::{LogLine, LogRules, LogTally, LogWeight};
use crate::cluster::Cluster;
use crate::gate::pod_logs::{entries, pod_logs};
use crate::gate::subject::Subject;

/// In minutes, counted back from the baseline.
const SPANS: [i64; 5] = [2, 5, 10, 30, 60];
/// Of one container.
const LINES: i64 = 20_000;

/// How often the old version logged what is real, by rule; one count for each of the spans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogsState(BTreeMap<String, [usize; SPANS.len()]>);

impl LogsState {
    fn of(lines: &[LogLine], taken: Timestamp) -> Self {
        let mut state = Self::default();
        for (place, minutes) in SPANS.into_iter().enumerate() {
            let since = taken - SignedDuration::from_mins(minutes);
            let mut tally = LogTally::new(LogRules::built_in());
            let within = lines.iter().filter(|line| line.time.is_some_and(|time| time >= since));
            within.for_each(|line| tally.add(line, ""));
            for group in tally.groups().into_iter().filter(|group| group.weight == LogWeight::Real) {
                state.0.entry(group.rule).or_default()[place] = group.count;
            }
        }
        state
    }

    /// How often `rule` was logged in as much time: in the next longer span that is known.
    pub(crate) fn count(&self, rule: &str, span: Duration) -> usize {
        let Some(counts) = self.0.get(rule) else { return 0 };
        let minutes = span.as_secs().div_ceil(60);
        let place = SPANS.iter().position(|known| u64::try_from(*known).is_ok_and(|known| known >= minutes));
        counts[place.unwrap_or(SPANS.len() - 1)]
    }

    #[cfg(test)]
    pub(crate) fn counted(rule: &str, count: usize) -> Self {
        Self([(rule.to_owned(), [count; SPANS.len()])].into())
    }
}

impl Baseline {
    /// Adds what the pods of the revision that runs have logged in the last hour; where that cannot be read, the
    /// reason is told, and nothing is compared.
    pub async fn observe_logs(&mut self, cluster: &Cluster, subject: &Subject) -> Option<String> {
        let taken = self.taken.unwrap_or_else(Timestamp::now);
        let since = taken - SignedDuration::from_mins(SPANS[SPANS.len() - 1]);
        let logs = match pod_logs(cluster, subject, since, LINES).await {
            Ok(logs) => logs,
            Err(why) => return Some(why),
        };
        let lines: Vec<LogLine> = logs.pods.iter().flat_map(entries).collect();
        if logs.unread.is_empty() {
            self.logs = Some(LogsState::of(&lines, taken));
        }
        logs.unread.into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_time_before_is_the_next_longer_span() {
        let taken = Timestamp::from_second(1_800_000_000).unwrap();
        let before = |minutes| LogLine::read("panic: boom", Some(taken - SignedDuration::from_mins(minutes)));
        let state = LogsState::of(&[before(1), before(4), before(40), before(70)], taken);
        let count = |minutes| state.count("panic", Duration::from_mins(minutes));
        assert_eq!([1, 2, 3, 10, 59, 100].map(count), [1, 1, 2, 2, 3, 3]);
        assert_eq!(state.count("forbidden", Duration::from_mins(1)), 0);
    }

    #[test]
    fn it_is_written_down_and_read_again() {
        let baseline = Baseline { logs: Some(LogsState::counted("panic", 2)), ..Baseline::default() };
        let text = serde_json::to_string(&baseline).unwrap();
        assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), baseline);
    }
}
