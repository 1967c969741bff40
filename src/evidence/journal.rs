//! The journal of the last rollout of one release, as it is kept in the cluster. A new runner can take a run
//! up from it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::plan::{ClusterPlan, PlannedChart};
use crate::redact;

use super::event::{Event, Record};

/// A `ConfigMap` holds 1 MiB; this leaves room for its metadata.
const LIMIT: usize = 900 * 1024;

/// One run on one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    /// The run's id.
    pub run: String,
    /// Who runs it, as `user@host`.
    pub holder: String,
    /// Where the CI job can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// When it started, by the runner's clock.
    pub started: Timestamp,
    /// The chart; absent when the run returns to an older revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<PlannedChart>,
    /// What was planned, without the field-by-field changes.
    pub plan: ClusterPlan,
    /// What existed before the change, as the gates recorded it; dropped when it does not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Value>,
    /// What happened, oldest first.
    pub records: Vec<Record>,
}

/// The text in the cluster is not a journal.
#[derive(Debug, Error)]
#[error("read the journal of the last rollout")]
pub struct JournalError(#[source] serde_json::Error);

impl Journal {
    /// Reads what [`Journal::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, JournalError> {
        serde_json::from_str(text).map_err(JournalError)
    }

    /// The journal as JSON, bounded: what is dropped first is what the run's directory holds as well.
    pub fn encode(&self) -> String {
        let mut journal = self.clone();
        journal.plan.changes.clear();
        for shrink in [Self::drop_facts, Self::drop_findings, Self::drop_baseline, Self::drop_records] {
            let text = redact::text(&serde_json::to_string(&journal).unwrap_or_default());
            if text.len() <= LIMIT {
                return text;
            }
            shrink(&mut journal);
        }
        serde_json::to_string(&journal).unwrap_or_default()
    }

    fn drop_facts(&mut self) {
        self.reports().for_each(|report| report.facts.clear());
    }

    fn drop_findings(&mut self) {
        self.reports().for_each(|report| report.findings.clear());
    }

    fn drop_baseline(&mut self) {
        self.baseline = None;
    }

    fn drop_records(&mut self) {
        self.records.clear();
    }

    fn reports(&mut self) -> impl Iterator<Item = &mut crate::gate::GateReport> {
        self.records
            .iter_mut()
            .filter_map(|record| {
                if let Event::Gated { outcome } = &mut record.event {
                    Some(&mut outcome.reports)
                } else {
                    None
                }
            })
            .flatten()
    }

    /// The newest revision that this run wrote or confirmed.
    pub fn revision(&self) -> Option<u32> {
        self.records.iter().rev().find_map(|record| match &record.event {
            Event::Changed { revision }
            | Event::RolledBack { revision }
            | Event::OnTarget { revision }
            | Event::ProvenEarlier { revision } => Some(*revision),
            Event::Locked
            | Event::BaselineTaken { .. }
            | Event::ChangeStarted { .. }
            | Event::Gated { .. }
            | Event::ChangeFailed { .. }
            | Event::EvidenceCaptured { .. }
            | Event::HaltDecided { .. }
            | Event::RollbackStarted { .. }
            | Event::RollbackFailed { .. }
            | Event::Interrupted { .. } => None,
        })
    }
}
