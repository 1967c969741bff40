//! Which run wrote a revision: a label on the Secret of its record. Pure.
//!
//! Helm 3 and Helm 4 keep the labels of a record when they rewrite its status, and copy them to the revisions that they make from it. So the
//! label names the revision as well: a copy on another revision says nothing.

use crate::helm::release::Release;

/// The label; its value is `<run>.v<revision>`.
const LABEL: &str = "release/run";

/// The record with the name of the run that writes it.
#[must_use]
pub fn signed(record: Release, run: &str) -> Release {
    let mut labels = record.labels().clone();
    labels.insert(LABEL.to_owned(), format!("{run}.v{}", record.revision()));
    record.with_labels(labels)
}

/// The run that wrote this revision; `None` when it was somebody else.
pub fn author(record: &Release) -> Option<&str> {
    record.labels().get(LABEL)?.strip_suffix(&format!(".v{}", record.revision()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(number: u32) -> Release {
        Release::from_json(&format!(r#"{{"name":"r","info":{{"status":"deployed"}},"version":{number}}}"#))
            .unwrap()
    }

    #[test]
    fn a_label_that_helm_copied_to_its_own_revision_is_no_signature() {
        let ours = signed(revision(2), "20261124-091603-3f2a");
        assert_eq!(author(&ours), Some("20261124-091603-3f2a"));
        let copied = revision(3).with_labels(ours.labels().clone());
        assert_eq!(author(&copied), None);
        assert_eq!(author(&signed(copied, "r2")), Some("r2"));
        assert_eq!(author(&revision(1)), None);
    }
}
