//! In which form results are written: to stdout with `-o`, to files with `--report`.

use std::path::PathBuf;
use std::str::FromStr;

/// `-o`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
}

/// `--report KIND=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// The form.
    pub kind: ReportKind,
    /// The file, overwritten.
    pub path: PathBuf,
}

/// The form of a report file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// JUnit XML: a test suite for each cluster, a test case for each step and gate.
    Junit,
    /// The same value that `-o json` prints.
    Json,
}

/// A text that is no `KIND=FILE`.
#[derive(Debug, thiserror::Error)]
#[error("write junit=FILE or json=FILE")]
pub struct ReportFileError;

impl FromStr for ReportFile {
    type Err = ReportFileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, path) = match text.split_once('=') {
            Some(("junit", path)) => (ReportKind::Junit, path),
            Some(("json", path)) => (ReportKind::Json, path),
            Some(_) | None => return Err(ReportFileError),
        };
        if path.is_empty() { Err(ReportFileError) } else { Ok(Self { kind, path: path.into() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_kind_and_a_file() {
        assert_eq!(
            "junit=out/x.xml".parse::<ReportFile>().unwrap(),
            ReportFile { kind: ReportKind::Junit, path: "out/x.xml".into() }
        );
        for text in ["junit", "junit=", "html=x", "=x"] {
            assert!(text.parse::<ReportFile>().is_err(), "{text}");
        }
    }
}
