//! What was repaired, as it is kept in the cluster: each move before it is made, and what came of it. The
//! newest are kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::certmanager::repair::moves::{Move, Touched};
use crate::redact;

/// So many are kept; the journal of a rollout needs the rest of the `ConfigMap`.
const KEPT: usize = 100;
/// In bytes.
const LIMIT: usize = 64 * 1024;

/// One move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RepairEntry {
    /// When it was about to be made, by the runner's clock.
    pub at: Timestamp,
    /// The run's id.
    pub run: String,
    /// Who ran it, as `user@host`.
    pub holder: String,
    /// Where the CI job can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// `Certificate namespace/name`.
    pub object: String,
    /// What was wrong with it.
    pub state: String,
    /// What was done.
    #[serde(rename = "move")]
    pub planned: Move,
    /// What was changed.
    pub touches: Vec<Touched>,
    /// What came of it; absent while it is awaited, and where its run was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// All of them, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Repairs(Vec<RepairEntry>);

impl Repairs {
    /// Reads what [`Repairs::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// As JSON, bounded. Whatever looks like a secret in it is hidden.
    pub fn encode(&self) -> String {
        let mut kept = &self.0[self.0.len().saturating_sub(KEPT)..];
        loop {
            let text = redact::text(&serde_json::to_string(kept).unwrap_or_default());
            if text.len() <= LIMIT || kept.is_empty() {
                return text;
            }
            kept = &kept[1..];
        }
    }

    /// One more is about to be made.
    pub fn begin(&mut self, entry: RepairEntry) {
        self.0.push(entry);
    }

    /// What came of the move of a run on an object.
    pub fn end(&mut self, run: &str, object: &str, result: &str) {
        let of_it = |entry: &&mut RepairEntry| entry.run == run && entry.object == object;
        if let Some(entry) = self.0.iter_mut().rev().find(of_it) {
            entry.result = Some(result.to_owned());
        }
    }

    /// Each.
    pub fn entries(&self) -> &[RepairEntry] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(run: &str, state: &str) -> RepairEntry {
        RepairEntry {
            at: Timestamp::UNIX_EPOCH,
            run: run.to_owned(),
            holder: "ci@runner".to_owned(),
            run_url: None,
            object: "Certificate web/shop".to_owned(),
            state: state.to_owned(),
            planned: Move::Renew,
            touches: vec![Touched::default()],
            result: None,
        }
    }

    #[test]
    fn the_newest_are_kept_with_what_came_of_them() {
        let mut repairs = Repairs::default();
        (0..150).for_each(|run| repairs.begin(entry(&run.to_string(), "failed")));
        repairs.end("149", "Certificate web/shop", "issued");
        repairs.end("149", "Certificate web/other", "nothing");
        let read = Repairs::decode(&repairs.encode()).unwrap();
        assert_eq!((read.entries().len(), read.entries()[0].run.as_str()), (KEPT, "50"));
        assert_eq!(read.entries()[99].result.as_deref(), Some("issued"));
        assert_eq!(read.entries().iter().filter(|entry| entry.result.is_some()).count(), 1);
    }

    #[test]
    fn long_texts_and_secrets_stay_out() {
        let mut repairs = Repairs::default();
        (0..10).for_each(|run| repairs.begin(entry(&run.to_string(), &"x".repeat(10_000))));
        repairs.begin(entry("last", "token ghp_hunter2hunter2"));
        let text = repairs.encode();
        assert!(
            text.len() <= LIMIT && text.contains("\"last\"") && !text.contains("hunter2"),
            "{}",
            text.len()
        );
    }
}
