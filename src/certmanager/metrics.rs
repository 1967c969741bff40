//! What cert-manager's controller counts about itself: calls and errors of its loops, answers of ACME servers. Reads no
//! other of its series, of which there are several for each Certificate.

use std::collections::BTreeMap;

use prometheus_parse::{Sample, Scrape, Value};
use serde::{Deserialize, Serialize};

const CALLS: &str = "certmanager_controller_sync_call_count";
const ERRORS: &str = "certmanager_controller_sync_error_count";
/// `certmanager_http_acme_client_request_count` since 1.0; its status is 999 where nobody answered.
const ACME: &str = "certmanager_http_acme_client_request_count";

/// The counters of one process, or of several together; all begin anew with a process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerCounts {
    /// By the name of the loop: how often it was called, and how often it failed.
    #[serde(default)]
    pub loops: BTreeMap<String, LoopCount>,
    /// Answers of ACME servers by their status.
    #[serde(default)]
    pub acme: BTreeMap<String, u64>,
}

/// One loop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopCount {
    /// How often it was called.
    pub calls: u64,
    /// How often that failed.
    pub errors: u64,
}

impl LoopCount {
    /// The share of calls that failed, in percent.
    pub fn failing(self) -> u64 {
        self.errors * 100 / self.calls.max(1)
    }
}

/// A line of `/metrics` that is counted here; the others need not be kept.
pub fn is_counted(line: &str) -> bool {
    [CALLS, ERRORS, ACME].iter().any(|name| line.starts_with(name))
}

impl ControllerCounts {
    /// From lines in Prometheus' text format.
    pub fn read(lines: Vec<String>) -> Self {
        let mut counts = Self::default();
        // Lines come from memory, so that none of them is an error.
        let scrape = Scrape::parse(lines.into_iter().map(Ok));
        scrape.into_iter().flat_map(|scrape| scrape.samples).for_each(|sample| counts.count(&sample));
        counts
    }

    fn count(&mut self, sample: &Sample) {
        let (Some(loop_name), count) = (sample.labels.get("controller"), whole(&sample.value)) else {
            let status = sample.labels.get("status").filter(|_| sample.metric == ACME);
            if let Some(status) = status {
                *self.acme.entry(status.to_owned()).or_default() += whole(&sample.value);
            }
            return;
        };
        let counted = self.loops.entry(loop_name.to_owned()).or_default();
        match sample.metric.as_str() {
            CALLS => counted.calls += count,
            ERRORS => counted.errors += count,
            _ => {}
        }
    }

    /// Both together.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.loops {
            let sum = self.loops.entry(name.clone()).or_default();
            (sum.calls, sum.errors) = (sum.calls + count.calls, sum.errors + count.errors);
        }
        for (status, count) in &other.acme {
            *self.acme.entry(status.clone()).or_default() += count;
        }
    }

    /// What was counted since `earlier`, of the same processes.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let of = |name: &String| earlier.loops.get(name).copied().unwrap_or_default();
        let grown = |(name, now): (&String, &LoopCount)| {
            let (calls, errors) = (of(name).calls, of(name).errors);
            let count = LoopCount {
                calls: now.calls.saturating_sub(calls),
                errors: now.errors.saturating_sub(errors),
            };
            (name.clone(), count)
        };
        let answered = |(status, now): (&String, &u64)| {
            let before = earlier.acme.get(status).copied().unwrap_or_default();
            (status.clone(), now.saturating_sub(before))
        };
        Self {
            loops: self.loops.iter().map(grown).collect(),
            acme: self.acme.iter().map(answered).filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// Answers whose status begins so.
    pub fn answers(&self, status: &str) -> u64 {
        self.acme.iter().filter(|(of, _)| of.starts_with(status)).map(|(_, count)| count).sum()
    }

    /// All loops together.
    pub fn total(&self) -> LoopCount {
        let sum = |of: fn(&LoopCount) -> u64| self.loops.values().map(of).sum();
        LoopCount { calls: sum(|count| count.calls), errors: sum(|count| count.errors) }
    }
}

/// Counters are whole numbers, written as floating point ones.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "negative and huge become the limits"
)]
fn whole(value: &Value) -> u64 {
    match value {
        Value::Counter(count) | Value::Gauge(count) | Value::Untyped(count) => *count as u64,
        Value::Histogram(_) | Value::Summary(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of v1.11 and of v1.19, which says `action` for `path`.
    const TEXT: &str = r#"certmanager_controller_sync_call_count{controller="certificates-trigger"} 1.2e+01
certmanager_controller_sync_call_count{controller="orders"} 4
certmanager_controller_sync_error_count{controller="orders"} 1
certmanager_http_acme_client_request_count{host="acme:14000",method="POST",path="/order-plz",scheme="https",status="201"} 2
certmanager_http_acme_client_request_count{action="get_order",host="acme:14000",method="POST",scheme="https",status="429"} 3
certmanager_certificate_ready_status{condition="True",name="x",namespace="web"} 1
"#;

    fn counts(text: &str) -> ControllerCounts {
        ControllerCounts::read(text.lines().filter(|line| is_counted(line)).map(str::to_owned).collect())
    }

    #[test]
    fn the_counters_are_read_in_the_form_of_every_version() {
        let read = counts(TEXT);
        assert_eq!(read.loops["certificates-trigger"], LoopCount { calls: 12, errors: 0 });
        assert_eq!(
            (read.loops["orders"], read.loops["orders"].failing()),
            (LoopCount { calls: 4, errors: 1 }, 25)
        );
        assert_eq!((read.answers("201"), read.answers("4"), read.answers("5")), (2, 3, 0));
        assert_eq!(read.total(), LoopCount { calls: 16, errors: 1 });
    }

    #[test]
    fn what_has_grown_is_told_from_what_was() {
        let (before, mut now) = (counts(TEXT), counts(TEXT));
        now.add(&before);
        let grown = now.since(&before);
        assert_eq!(grown, before);
        assert!(before.since(&before).acme.is_empty());
        assert_eq!(before.since(&now).total(), LoopCount::default(), "a new process begins anew");
    }
}
