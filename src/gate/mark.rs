//! The labels by which every object of a canary says whose it is: of which run, for which revision. Only the
//! run that made a canary, or whoever knows that run to be dead, may delete it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

/// The run that made it.
pub(crate) const RUN: &str = "release.canary/run";
/// The revision that it proves: a canary of the revision before says nothing about the one after.
const REVISION: &str = "release.canary/revision";
/// A label of a DNS name has at most 63 characters; the rest is for a random part and what a user puts before
/// it.
const LONGEST_RUN: usize = 40;

/// What all objects of one canary carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    run: String,
    revision: u32,
}

impl Mark {
    pub(crate) fn new(run_id: &str, revision: u32) -> Self {
        Self { run: run_label(run_id), revision }
    }

    /// The run's id as it stands in labels and names.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    pub(crate) fn labels(&self) -> Value {
        json!({
            RUN: self.run, REVISION: self.revision.to_string(),
            "app.kubernetes.io/managed-by": "release",
        })
    }

    /// Finds every object that carries it.
    pub(crate) fn selector(&self) -> String {
        format!("{RUN}={},{REVISION}={}", self.run, self.revision)
    }

    /// The object carries it.
    pub(crate) fn is_on(&self, metadata: &ObjectMeta) -> bool {
        let revision = metadata.labels.as_ref().and_then(|labels| labels.get(REVISION));
        run_of(metadata) == Some(&self.run) && revision == Some(&self.revision.to_string())
    }
}

/// The run whose canary an object is; nothing for an object of anybody else.
pub(crate) fn run_of(metadata: &ObjectMeta) -> Option<&str> {
    Some(metadata.labels.as_ref()?.get(RUN)?)
}

/// A run's id, made fit for labels and DNS; the ids that we make are so already.
pub(crate) fn run_label(run_id: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let run: String = run_id.chars().map(fit).take(LONGEST_RUN).collect();
    let run = run.trim_matches('-');
    if run.is_empty() { "unnamed".to_owned() } else { run.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_of_one_run_and_one_revision() {
        let metadata =
            |labels: &Value| serde_json::from_value::<ObjectMeta>(json!({"labels": labels})).unwrap();
        let mark = Mark::new("run-1", 7);
        for (labels, ours) in [
            (mark.labels(), true),
            (Mark::new("run-1", 8).labels(), false),
            (Mark::new("run-2", 7).labels(), false),
            (json!({RUN: "run-1"}), false),
            (json!({}), false),
        ] {
            assert_eq!(mark.is_on(&metadata(&labels)), ours, "{labels}");
        }
        assert_eq!(run_of(&metadata(&mark.labels())), Some("run-1"));
    }

    #[test]
    fn any_id_is_made_fit() {
        assert_eq!(run_label("2026-11-24T08:40:12Z#17"), "2026-11-24t08-40-12z-17");
        assert_eq!(run_label("20261124-091603-3f2a"), "20261124-091603-3f2a");
        assert_eq!((run_label(""), run_label("#")), ("unnamed".to_owned(), "unnamed".to_owned()));
        assert_eq!(run_label(&"x".repeat(99)).len(), LONGEST_RUN);
    }
}
