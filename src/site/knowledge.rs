//! What is known of cert-manager's versions: the program's own rules, with what the files of `preflight.advice`
//! add to them and change of them.

use crate::certmanager::advice::known::Knowledge;
use crate::certmanager::advice::overlay::Overlay;
use crate::config::advice_files::AdviceFiles;
use crate::config::document::Document;
use crate::config::error::{Problem, did_you_mean};
use crate::config::{ConfigError, Profile, Settings};

/// For a chart of cert-manager; nothing for another one.
pub fn of(settings: &Settings) -> Result<Option<Knowledge>, ConfigError> {
    let wanted = settings.chart.profile == Profile::CertManager;
    wanted.then(|| with(&settings.advice)).transpose()
}

/// The program's own rules with these files.
pub fn with(files: &AdviceFiles) -> Result<Knowledge, ConfigError> {
    files.read()?.iter().try_fold(Knowledge::built_in(), laid_over)
}

fn laid_over(known: Knowledge, document: &Document) -> Result<Knowledge, ConfigError> {
    let overlay: Overlay = document.read()?;
    let twice = overlay
        .rules
        .iter()
        .enumerate()
        .filter(|(index, rule)| overlay.rules[..*index].iter().any(|earlier| earlier.id == rule.id));
    let twice = twice.map(|(index, rule)| Problem {
        location: document.location(&["rules", &index.to_string(), "id"]),
        message: format!("there are two rules `{}`", rule.id),
    });
    let of_rules = known.rules().iter().chain(&overlay.rules).map(|rule| rule.id.clone());
    let names: Vec<String> = of_rules.collect();
    let unknown = overlay.change.keys().filter(|id| !names.contains(id)).map(|id| Problem {
        location: document.key_location(&["change", id]),
        message: format!("there is no rule `{id}`{}", did_you_mean(id, names.iter().map(String::as_str))),
    });
    document.refuse(twice.chain(unknown).collect())?;
    Ok(known.with(overlay))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn laid(text: &str) -> Result<Knowledge, ConfigError> {
        laid_over(Knowledge::built_in(), &Document::parse(Path::new("ours.yaml"), text)?)
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_the_nearest_name() {
        let rule = |applies: &str, more: &str| {
            format!("  - {{ id: a, applies: {{ {applies} }}, severity: warn, text: t, do: d{more} }}\n")
        };
        let good = rule("crossing: '1.19'", "");
        let table = [
            "change:\n  slow-cas: { off: true }\n".to_owned(),
            "change:\n  slow-ca: { serverity: warn }\n".to_owned(),
            format!("rules:\n{}", rule("crosing: '1.19'", "")),
            format!("rules:\n{}", rule("crossing: next", "")),
            format!("rules:\n{}", rule("crossing: '1.19'", ", if: openshft")),
            format!("rules:\n{good}{good}"),
            "rules: [{ id: a }]\n".to_owned(),
        ];
        let told = table.map(|text| laid(&text).unwrap_err().to_string());
        let first: Vec<&str> = told.iter().filter_map(|told| told.lines().next()).collect();
        insta::assert_snapshot!(first.join("\n"));
    }

    #[test]
    fn a_rule_may_be_added_and_changed_in_one_file() {
        let rule = "{ id: a, applies: { crossing: '1.19' }, severity: warn, text: t, do: d }";
        let known = laid(&format!("rules: [{rule}]\nchange: {{ a: {{ text: other }} }}\n")).unwrap();
        assert!(known.rules().iter().any(|rule| rule.id == "a" && rule.text == "other"));
    }
}
