//! What every rule of every gate looks at, why, and what to do: the text of `catalogue.yaml`. Judges nothing.

use serde::Deserialize;

/// One rule of a gate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// `gate/rule`.
    pub id: String,
    /// What it looks at.
    pub what: String,
    /// Why that matters.
    pub why: String,
    /// What to do about it.
    pub remedy: String,
    /// Where to read more.
    #[serde(default)]
    pub source: Option<String>,
}

impl RuleText {
    /// The gate that it belongs to.
    pub fn gate(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// Its name within the gate.
    pub fn rule(&self) -> &str {
        self.id.split('/').nth(1).unwrap_or_default()
    }
}

/// Every rule of every gate, in the order of the gates.
///
/// # Panics
/// The file is part of the program, and a test reads it.
pub fn catalogue() -> Vec<RuleText> {
    serde_norway::from_str(include_str!("catalogue.yaml")).expect("the catalogue is part of the program")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use regex::Regex;

    use super::*;

    /// The rules that judges use, as literals in the constructors of opinions.
    fn used(directory: &Path, rules: &mut BTreeSet<String>) {
        let opinion = r"(?:Opinion::(?:failed|waiting|inconclusive|remark|in_baseline)|opinion|waiting)";
        let pattern = Regex::new(&format!(r#"{opinion}\(\s*"([a-z-]+)","#)).unwrap();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                used(&path, rules);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                rules.extend(pattern.captures_iter(code).map(|found| found[1].to_owned()));
            }
        }
    }

    #[test]
    fn every_rule_that_a_judge_uses_is_explained_once() {
        let all = catalogue();
        let ids: BTreeSet<&str> = all.iter().map(|text| text.id.as_str()).collect();
        assert_eq!(ids.len(), all.len());
        let explained: BTreeSet<&str> = all.iter().map(RuleText::rule).collect();
        let mut rules = BTreeSet::new();
        used(Path::new("src/gate"), &mut rules);
        // What the loop says of a gate that saw nothing, and of a baseline that is missing, belongs to every gate.
        let of_the_loop = ["nothing", "baseline"];
        let unexplained: Vec<&String> = rules
            .iter()
            .filter(|rule| !explained.contains(rule.as_str()) && !of_the_loop.contains(&rule.as_str()))
            .collect();
        assert!(unexplained.is_empty(), "{unexplained:?}");
        assert!(rules.len() > 40, "{rules:?}");
    }
}
