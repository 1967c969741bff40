//! The cases of a folder of charts.

use std::fmt;

use anyhow::{Result, bail};

/// What is known of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Helm prints the same every time.
    Same,
    /// The chart makes up passwords or certificates.
    Random,
    /// Helm refuses.
    Error,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Same => "same",
            Self::Random => "random",
            Self::Error => "error",
        })
    }
}

/// A chart with values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    /// The chart's file.
    pub(super) chart: String,
    /// What is tried with it.
    pub(super) name: String,
    /// The file of values.
    pub(super) values: Option<String>,
    /// What is known of it.
    pub(super) kind: Kind,
}

impl Case {
    /// Whether its chart or name contains a text.
    pub(super) fn is_called(&self, text: &str) -> bool {
        self.chart.contains(text) || self.name.contains(text)
    }
}

/// Reads `cases.tsv`: a line of headings, then a case in every line.
pub(super) fn read(text: &str) -> Result<Vec<Case>> {
    text.lines().skip(1).filter(|line| !line.is_empty()).map(case).collect()
}

fn case(line: &str) -> Result<Case> {
    let [chart, name, values, kind] = line.split('\t').collect::<Vec<_>>()[..] else {
        bail!("not four columns: {line:?}")
    };
    let kind = match kind {
        "same" => Kind::Same,
        "random" => Kind::Random,
        "error" => Kind::Error,
        other => bail!("not same, random or error: {other:?}"),
    };
    let values = Some(values.to_owned()).filter(|values| values != "-");
    Ok(Case { chart: chart.to_owned(), name: name.to_owned(), values, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_in_every_line() {
        let cases =
            read("chart\tcase\tvalues\tkind\na-1.tgz\tdefault\t-\tsame\nb.tgz\tx\tb-x.yaml\trandom\n")
                .unwrap();
        assert_eq!((cases[0].values.as_deref(), cases[1].values.as_deref()), (None, Some("b-x.yaml")));
        assert!(cases[0].is_called("a-1") && cases[1].is_called("x") && !cases[0].is_called("b"));
        assert!(read("h\na\tb\n").is_err() && read("h\na\tb\t-\todd\n").is_err());
    }
}
