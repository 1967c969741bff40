//! What cert-manager's logs of one cluster come to: read from the API server or from where logs are kept,
//! counted by rule. Changes nothing.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::certmanager::logs::{LogGroup, LogLine, LogRules, LogTally};
use crate::config::{Profile, ReleaseId};
use crate::failure::Failure;
use crate::gate;
use crate::monitoring::{LogQuery, LogStore, StoredLine};

use super::connect::Connected;
use super::history;

/// Of one container.
const LINES: i64 = 50_000;

/// The logs of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterLogs {
    /// The cluster.
    pub cluster: String,
    /// Where they were read.
    pub from: String,
    /// Since when.
    pub since: Timestamp,
    /// How many lines there are, whatever they mean.
    pub lines: usize,
    /// The lines that mean something, by rule, what matters most first.
    pub groups: Vec<LogGroup>,
    /// What could not be read.
    pub notes: Vec<String>,
}

/// Reads what the pods of the newest revision have written, those before a restart included.
///
/// # Errors
/// The cluster cannot be read, or it does not have the release.
pub async fn of_cluster(
    one: &Connected,
    release: &ReleaseId,
    profile: Profile,
    back: Duration,
) -> Result<ClusterLogs, Failure> {
    let name = &one.cluster.name;
    let history = history::read(&one.cluster, release).await?;
    let missing = || Failure::refused(format!("{name}: release {release} does not exist"));
    let subject = history::subject(history.last().ok_or_else(missing)?, release, profile, false)?;
    let since = begin(Timestamp::now(), back);
    let logs = gate::pod_logs(&one.cluster, &subject, since, LINES).await;
    let logs = logs.map_err(|why| Failure::refused(format!("{name}: {why}")))?;
    let mut tally = LogTally::new(LogRules::built_in());
    for pod in &logs.pods {
        for line in gate::entries(pod) {
            tally.add(&line, &pod.pod);
        }
    }
    let from = format!("{} pods, by the API server", logs.pods.len());
    Ok(counted(name, from, since, &tally, logs.unread))
}

/// Reads what the pods of the release's namespace have written, from where logs are kept.
///
/// # Errors
/// The store cannot be read.
pub async fn of_store(
    store: &LogStore,
    cluster: &str,
    namespace: &str,
    back: Duration,
) -> Result<ClusterLogs, Failure> {
    let until = Timestamp::now();
    let since = begin(until, back);
    let query = LogQuery { namespace: namespace.to_owned(), cluster: cluster.to_owned(), since, until };
    let found = store.lines(&query).await.map_err(crate::monitoring::LogStoreError::failure)?;
    let mut tally = LogTally::new(LogRules::built_in());
    for (pod, lines) in by_pod(&found.lines) {
        let lines = lines.iter().map(|line| (line.time, line.text.as_str()));
        for line in LogLine::read_all(lines) {
            tally.add(&line, &format!("{namespace}/{pod}"));
        }
    }
    let mut notes = Vec::new();
    if found.cut {
        let last = found.lines.last().and_then(|line| line.time).map(|time| time.to_string());
        let last = last.unwrap_or_default();
        notes.push(format!(
            "there are more lines than are read: these end at {last}; ask for less with --since"
        ));
    }
    if found.lines.is_empty() {
        notes.push(store.nothing(&query));
    }
    Ok(counted(cluster, store.to_string(), since, &tally, notes))
}

/// The stack of a panic stands behind it in the log of its own pod.
fn by_pod(lines: &[StoredLine]) -> Vec<(&str, Vec<&StoredLine>)> {
    let mut pods: Vec<(&str, Vec<&StoredLine>)> = Vec::new();
    for line in lines {
        match pods.iter_mut().find(|(pod, _)| *pod == line.pod) {
            Some((_, lines)) => lines.push(line),
            None => pods.push((&line.pod, vec![line])),
        }
    }
    pods
}

fn begin(now: Timestamp, back: Duration) -> Timestamp {
    let back = SignedDuration::try_from(back).unwrap_or(SignedDuration::MAX);
    now.checked_sub(back).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn counted(
    cluster: &str,
    from: String,
    since: Timestamp,
    tally: &LogTally,
    notes: Vec<String>,
) -> ClusterLogs {
    ClusterLogs {
        cluster: cluster.to_owned(),
        from,
        since,
        lines: tally.lines(),
        groups: tally.groups(),
        notes,
    }
}
