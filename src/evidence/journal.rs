//! The journal of the last rollout of one release, as it is kept in the cluster. A new runner can take a run up from
//! it, this cluster and the ones after it: it holds the whole plan and everything that happened here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::gate::{Baseline, GateReport};
use crate::plan::{self, ClusterPlan, Plan};
use crate::redact;

use super::event::{Event, Record};

/// A `ConfigMap` holds 1 MiB; this leaves room for its metadata.
const LIMIT: usize = 900 * 1024;

/// One run on one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    /// [`plan::FORMAT`] of its writer.
    pub format: u32,
    /// The run's id; whoever takes the run up goes on under it.
    pub run: String,
    /// Who runs it, as `user@host`.
    pub holder: String,
    /// The process that wrote this text: two that take up one run are told apart by it.
    pub process: String,
    /// Where the CI job can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// When the run started here, by the runner's clock.
    pub started: Timestamp,
    /// The cluster that it is about.
    pub cluster: String,
    /// SHA-256 of the whole plan, so that the journals of one run are known to belong together.
    pub plan_digest: String,
    /// What was planned for every cluster of the run, without the field-by-field changes.
    pub plan: Plan,
    /// What existed before the change, as the gates recorded it; where it does not fit, that it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Value>,
    /// What existed right before a rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_baseline: Option<Value>,
    /// What happened, oldest first.
    pub records: Vec<Record>,
}

/// The text in the cluster is not a journal that this program can read.
#[derive(Debug, Error)]
pub enum JournalError {
    /// It is no journal at all.
    #[error("the text is no journal of a rollout")]
    Unreadable(#[source] serde_json::Error),
    /// A journal of another program version.
    #[error("it has the form {found}, this program reads {}", plan::FORMAT)]
    Format {
        /// What it says.
        found: u32,
    },
    /// Its plan does not name its cluster.
    #[error("its plan does not name the cluster `{0}`")]
    OtherCluster(String),
}

impl Journal {
    /// Reads what [`Journal::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, JournalError> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            format: u32,
        }
        let head: Head = serde_json::from_str(text).map_err(JournalError::Unreadable)?;
        if head.format != plan::FORMAT {
            return Err(JournalError::Format { found: head.format });
        }
        let journal: Self = serde_json::from_str(text).map_err(JournalError::Unreadable)?;
        match journal.cluster_plan() {
            Some(_) => Ok(journal),
            None => Err(JournalError::OtherCluster(journal.cluster)),
        }
    }

    /// The journal as JSON, bounded: what is dropped first is what the run's directory holds as well. What happened
    /// is never dropped, since it says where the cluster stands. Whatever looks like a secret in it is hidden.
    pub fn encode(&self) -> String {
        let mut journal = self.clone();
        let shrinks: [fn(&mut Self); 5] = [
            Self::drop_facts,
            Self::drop_findings,
            Self::drop_other_clusters,
            |journal| journal.rollback_baseline = None,
            Self::drop_baseline,
        ];
        for shrink in shrinks {
            let text = journal.text();
            if text.len() <= LIMIT {
                return text;
            }
            shrink(&mut journal);
        }
        journal.text()
    }

    /// Only what happened quotes texts of others; the plan is compared again and stays to the letter.
    fn text(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        hide_secrets(&mut value["records"]);
        value.to_string()
    }

    /// What was planned here.
    pub fn cluster_plan(&self) -> Option<&ClusterPlan> {
        self.plan.cluster(&self.cluster)
    }

    fn drop_facts(&mut self) {
        self.reports().for_each(|report| report.facts.clear());
    }

    fn drop_findings(&mut self) {
        self.reports().for_each(|report| report.findings.clear());
    }

    /// Then the run is taken up on this cluster only.
    fn drop_other_clusters(&mut self) {
        let own = self.cluster.clone();
        self.plan.clusters.retain(|plan| plan.cluster == own);
    }

    /// Nothing can be compared with it then, and that is said.
    fn drop_baseline(&mut self) {
        let told = "what was there before does not fit into the journal; baseline.json in the run's directory has it";
        self.baseline = self.baseline.as_ref().and_then(|_| Baseline::missing(told).packed());
    }

    fn reports(&mut self) -> impl Iterator<Item = &mut GateReport> {
        let outcomes = self.records.iter_mut().filter_map(|record| match &mut record.event {
            Event::Gated { outcome } => Some(&mut outcome.reports),
            _ => None,
        });
        outcomes.flatten()
    }
}

fn hide_secrets(value: &mut Value) {
    match value {
        Value::String(text) => *text = redact::text(text),
        Value::Array(values) => values.iter_mut().for_each(hide_secrets),
        Value::Object(fields) => fields.values_mut().for_each(hide_secrets),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OnFailure;
    use crate::gate::{Finding, GateOutcome, Verdict};
    use crate::plan::{Action, fixtures};

    fn journal(clusters: usize) -> Journal {
        let one = |index| fixtures::cluster(&format!("cluster-{index}"), None, Action::Upgrade);
        let plan = fixtures::plan((0..clusters).map(one).collect(), OnFailure::Halt);
        let report = GateReport {
            gate: "order".to_owned(),
            verdict: Verdict::Passed,
            findings: vec![Finding::in_baseline("Order a/b", "errored"); 20_000],
            facts: vec!["a fact".to_owned(); 20_000],
            seconds: 1.0,
        };
        let outcome = GateOutcome {
            verdict: Verdict::Passed,
            reports: vec![report],
            first_cause: None,
            acme_proven: true,
            reissued: None,
            availability: Vec::new(),
        };
        let record = |event| Record { at: Timestamp::UNIX_EPOCH, cluster: "cluster-0".to_owned(), event };
        Journal {
            format: plan::FORMAT,
            run: "r1".to_owned(),
            holder: "ci@runner".to_owned(),
            process: "p".to_owned(),
            run_url: None,
            started: Timestamp::UNIX_EPOCH,
            cluster: "cluster-0".to_owned(),
            plan_digest: plan.digest(),
            plan,
            baseline: Some(Value::String("b".repeat(100_000))),
            rollback_baseline: None,
            records: vec![record(Event::Locked), record(Event::Gated { outcome })],
        }
    }

    #[test]
    fn what_happened_is_never_dropped_and_a_thousand_clusters_fit() {
        for (clusters, kept) in [(1, 1), (1_000, 1_000), (5_000, 1)] {
            let text = journal(clusters).encode();
            assert!(text.len() <= LIMIT, "{clusters} clusters take {} bytes", text.len());
            let read = Journal::decode(&text).unwrap();
            assert_eq!((read.records.len(), read.plan.clusters.len()), (2, kept), "{clusters}");
            assert!(read.baseline.is_some() && read.cluster_plan().is_some(), "{clusters}");
        }
    }

    #[test]
    fn a_baseline_that_does_not_fit_is_said_to_be_missing() {
        let baseline = Some(Value::String("b".repeat(LIMIT)));
        let journal = Journal { baseline, ..journal(1) };
        let read = Journal::decode(&journal.encode()).unwrap();
        let baseline: Baseline = serde_json::from_value(read.baseline.unwrap()).unwrap();
        assert!(baseline.why_missing().unwrap().contains("does not fit into the journal"));
        assert_eq!(Journal { baseline: None, ..journal }.encode().matches("does not fit").count(), 0);
    }

    #[test]
    fn a_journal_of_another_form_or_cluster_is_refused() {
        let text = journal(1).encode();
        let other = text.replacen("\"format\":1", "\"format\":9", 1);
        assert!(matches!(Journal::decode(&other), Err(JournalError::Format { found: 9 })));
        let lost = text.replacen("\"cluster\":\"cluster-0\"", "\"cluster\":\"x\"", 1);
        assert!(matches!(Journal::decode(&lost), Err(JournalError::OtherCluster(_))));
        assert!(matches!(Journal::decode("no"), Err(JournalError::Unreadable(_))));
        assert!(matches!(Journal::decode("{}"), Err(JournalError::Format { found: 0 })));
    }
}
