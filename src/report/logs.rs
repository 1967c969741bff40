//! What logs come to, for people and for programs: what matters first, what is normal with the sentence why.

use std::fmt::Write as _;

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use super::Shown;
use crate::certmanager::logs::{LogGroup, LogWeight};
use crate::site::logs::ClusterLogs;

/// The logs of some clusters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogsReport {
    /// By cluster.
    pub clusters: Vec<ClusterLogs>,
    /// What is normal is shown with a line of it, too.
    #[serde(skip)]
    pub all: bool,
    /// Only some rules were asked for.
    #[serde(skip)]
    pub only: bool,
}

impl Shown for LogsReport {
    fn text(&self) -> String {
        let clusters = self.clusters.iter().map(|logs| cluster(logs, self));
        clusters.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

fn cluster(logs: &ClusterLogs, report: &LogsReport) -> String {
    let ClusterLogs { cluster, from, since, lines, groups, notes } = logs;
    let mut text = format!("{cluster}: {lines} lines since {} ({from})\n", short(*since));
    for note in notes {
        let _ = writeln!(text, "  note: {note}");
    }
    for one in groups {
        text += &group(one, report.all);
    }
    if report.only && groups.is_empty() {
        text += "  no such line\n";
    } else if !report.only && *lines > 0 && !groups.iter().any(|group| group.weight >= LogWeight::Unknown) {
        text += "  no error\n";
    }
    text
}

fn group(group: &LogGroup, all: bool) -> String {
    let LogGroup { rule, weight, count, objects, first, last, sample, from, why, remedy } = group;
    let of = if *objects > 1 { format!(" of {objects} objects") } else { String::new() };
    let when = match (first, last) {
        (Some(first), Some(last)) => format!(", {} to {}", short(*first), short(*last)),
        _ => String::new(),
    };
    let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
    let mut text = format!("  {:<8} {rule:<22} {times}{of}{when}\n", word(*weight));
    let _ = writeln!(text, "    why:   {why}");
    if *weight == LogWeight::Benign && !all {
        return text;
    }
    if let Some(remedy) = remedy {
        let _ = writeln!(text, "    to do: {remedy}");
    }
    let _ = writeln!(text, "    last:  {from}: {sample}");
    text
}

fn word(weight: LogWeight) -> &'static str {
    match weight {
        LogWeight::Benign => "benign",
        LogWeight::Passing => "passing",
        LogWeight::Unknown => "unknown",
        LogWeight::Real => "real",
    }
}

/// Whole seconds.
fn short(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
