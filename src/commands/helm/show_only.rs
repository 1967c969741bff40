//! `--show-only`: the documents of some templates.

use crate::failure::Failure;
use crate::helm::chart::ignore::path_matches;
use crate::helm::rendering::documents::split;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not find template {0} in chart")]
struct NoSuchTemplate(String);

/// The documents whose template, without the chart's name, matches one of the patterns, in the order of the
/// patterns.
pub(super) fn select(manifest: &str, patterns: &[String]) -> Result<String, Failure> {
    Ok(selected(manifest, patterns)?)
}

fn selected(manifest: &str, patterns: &[String]) -> Result<String, NoSuchTemplate> {
    let documents = split(manifest);
    let mut output = String::new();
    for pattern in patterns {
        let before = output.len();
        for document in documents
            .iter()
            .filter(|document| source(document).is_some_and(|source| path_matches(pattern, source)))
        {
            output.extend(["---\n", document, "\n"]);
        }
        if output.len() == before {
            return Err(NoSuchTemplate(pattern.clone()));
        }
    }
    Ok(output)
}

/// The path below the chart in the first `# Source: ` comment that has one.
fn source(document: &str) -> Option<&str> {
    document.match_indices("# Source: ").find_map(|(place, comment)| {
        let line = document[place + comment.len()..].lines().next()?;
        let (chart, path) = line.split_once('/')?;
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "---\n# Source: demo/crds/c.yaml\nkind: C\n---\n# Source: demo/templates/a.yaml\nkind: A\n\n---\n# Source: demo/charts/sub/templates/a.yaml\nkind: S\n";

    fn of(patterns: &[&str]) -> Result<String, String> {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        selected(MANIFEST, &patterns).map_err(|error| error.to_string())
    }

    #[test]
    fn patterns_in_their_order() {
        assert_eq!(
            of(&["templates/*", "crds/c.yaml"]).unwrap(),
            "---\n# Source: demo/templates/a.yaml\nkind: A\n\n\n---\n# Source: demo/crds/c.yaml\nkind: C\n\n"
        );
        assert_eq!(
            of(&["charts/sub/templates/a.yaml"]).unwrap(),
            "---\n# Source: demo/charts/sub/templates/a.yaml\nkind: S\n\n"
        );
        assert_eq!(of(&["a.yaml"]), Err("could not find template a.yaml in chart".to_owned()));
        assert_eq!(of(&["["]), Err("could not find template [ in chart".to_owned()));
    }
}
