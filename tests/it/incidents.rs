//! The README's table of incidents is made from the file that the cluster tests stage.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::support::world::World;

#[path = "../incidents/row.rs"]
mod row;

use row::{Incident, incidents};

impl Incident {
    fn row(&self) -> String {
        let like = self.like.as_ref().map(|like| format!(" ({like})")).unwrap_or_default();
        let because = if self.because.is_empty() { String::new() } else { format!(": {}", self.because) };
        format!("| {}{like} | `{}` | {}{because} | {} |", self.what, self.gate, self.outcome(), self.twin())
    }

    /// What the run does then.
    fn outcome(&self) -> &'static str {
        match (self.verdict.as_str(), self.cause.as_deref()) {
            ("passed", _) => "passes",
            ("failed", Some("release")) => "rolls back",
            ("failed", Some("environment" | "unknown")) => "halts",
            ("inconclusive", _) => "proves nothing, halts",
            other => panic!("{}: {other:?}", self.name),
        }
    }

    fn twin(&self) -> &'static str {
        match self.before.as_deref() {
            Some("reported") => "passes, reported",
            Some("passed") => "passes",
            None => "",
            Some(other) => panic!("{}: {other}", self.name),
        }
    }
}

#[test]
fn the_table_of_the_readme_is_current() {
    let mut table = String::from(
        "| what happens while the gates judge | gate | the run | it was so before |\n|---|---|---|---|\n",
    );
    for incident in incidents() {
        writeln!(table, "{}", incident.row()).unwrap();
    }
    let readme = std::fs::read_to_string("README.md").unwrap();
    assert!(readme.contains(&table), "the README's table of incidents has to be:\n{table}");
}

/// Every trial of the cluster tests, by its name in the source.
fn trials(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            trials(&entry.path(), found);
        } else {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            found.extend(text.split('"').filter(|text| text.contains("::")).map(str::to_owned));
        }
    }
}

#[test]
fn every_proof_is_a_test_and_every_rule_is_known() {
    let mut known = BTreeSet::new();
    trials(Path::new("tests/cluster"), &mut known);
    for Incident { name, gate, rule, object, at_once, proof, .. } in incidents() {
        assert!(rule.is_some() || object.is_empty(), "{name}: nothing is said about {object}");
        assert!(!at_once || proof.is_none(), "{name}: its own test says when it happens");
        assert!(proof.as_ref().is_none_or(|proof| known.contains(proof)), "{name}: no test {proof:?}");
        if let Some(rule) = rule {
            let ran = World::new().release(["explain", &format!("{gate}/{rule}")]);
            assert_eq!(ran.code, Some(0), "{name}: {ran}");
        }
    }
}
