//! Reads the logs of the release's pods again and again, and hands on what they come to.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::certmanager::logs::{LogRules, LogTally};
use crate::cluster::Cluster;
use crate::cluster::release_logs::{self, PodLog, ReleaseLogs, WorkloadName};
use crate::failure;
use crate::gate::pod_logs::{PATIENCE, entries, workloads};
use crate::gate::pulse;
use crate::gate::seen::{Change, LogsSeen};
use crate::gate::start::Start;

/// Nodes are asked for logs, so not every second.
const AGAIN: Duration = Duration::from_secs(10);
/// Of one container; more are not needed to know what repeats.
const LINES: i64 = 5000;
/// Without an upgrade, so far back.
const NOW: SignedDuration = SignedDuration::from_mins(10);

/// From its turn on.
pub(in crate::gate) fn start(start: &mut Start) {
    let context = &start.context;
    let reader = Reader {
        cluster: start.cluster.clone(),
        workloads: workloads(context.expected),
        taken: context.baseline.taken,
        back: if context.strict() { NOW } else { SignedDuration::ZERO },
        rules: LogRules::built_in(),
    };
    let changes = start.changes.clone();
    start.task(reader.watch(changes));
}

struct Reader {
    cluster: Cluster,
    workloads: Vec<WorkloadName>,
    /// When the baseline was taken.
    taken: Option<Timestamp>,
    back: SignedDuration,
    rules: LogRules,
}

impl Reader {
    /// Until nobody listens any more.
    async fn watch(self, changes: mpsc::Sender<Change>) {
        loop {
            let logs = self.look().await;
            let change: Change = Box::new(move |seen| seen.logs = Some(logs));
            if changes.send(change).await.is_err() {
                return;
            }
            sleep(AGAIN).await;
        }
    }

    async fn look(&self) -> LogsSeen {
        let looked = timeout(PATIENCE, self.read()).await;
        let late = |_| format!("the logs were not read within {} s", PATIENCE.as_secs());
        let unread = |why| LogsSeen { unread: Some(why), ..LogsSeen::default() };
        looked.map_err(late).and_then(|read| read).unwrap_or_else(unread)
    }

    async fn read(&self) -> Result<LogsSeen, String> {
        let now = pulse::server_time(&self.cluster).await.map_err(|error| failure::in_one_line(&error))?;
        let now = now.unwrap_or_else(Timestamp::now);
        let since = self.taken.unwrap_or(now) - self.back;
        let read = release_logs::read(&self.cluster, &self.workloads, since, LINES).await;
        let logs = read.map_err(|error| failure::in_one_line(&error))?;
        let span = now.duration_since(since);
        Ok(count(&self.rules, logs, since, Duration::try_from(span).unwrap_or_default()))
    }
}

/// What old pods write while they end is not what the new version does.
fn count(rules: &LogRules, logs: ReleaseLogs, since: Timestamp, span: Duration) -> LogsSeen {
    let pods: Vec<PodLog> = logs.pods.into_iter().filter(|pod| !pod.ends).collect();
    let mut tally = LogTally::new(rules.clone());
    for pod in &pods {
        let lines = entries(pod);
        let new = lines.iter().filter(|line| line.time.is_none_or(|time| time >= since));
        new.for_each(|line| tally.add(line, &pod.pod));
    }
    let unread = logs.unread.first().cloned();
    LogsSeen { groups: tally.groups(), lines: tally.lines(), pods: pods.len(), span, unread }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_and_what_was_written_before_does_not_count() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).ok();
        let pod = |uid: &str, ends| PodLog {
            pod: format!("n/{uid}"),
            uid: uid.to_owned(),
            ends,
            lines: vec![(at(-1), "panic: old".to_owned()), (at(1), "panic: new".to_owned())],
        };
        let logs = ReleaseLogs { pods: vec![pod("a", true), pod("b", false)], unread: Vec::new() };
        let seen = count(&LogRules::built_in(), logs, at(0).unwrap(), Duration::from_secs(2));
        assert_eq!((seen.lines, seen.pods, seen.groups.len()), (1, 1, 1));
        assert_eq!((seen.groups[0].sample.as_str(), seen.groups[0].from.as_str()), ("panic: new", "n/b"));
    }
}
