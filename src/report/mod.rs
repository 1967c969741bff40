//! Everything that a person or a CI system reads. A report is a function of the plan and the evidence; it
//! judges nothing.

pub mod diagnosis;
pub mod exit_code;
pub mod explained;
#[cfg(test)]
mod fixtures;
pub mod format;
pub mod junit;
pub mod live;
pub mod logs;
pub mod plan_text;
pub mod printer;
pub mod progress;
pub mod text;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;

use crate::failure::Failure;
use crate::gate::GateOutcome;
use crate::plan::Plan;
use crate::plan::difference::ClusterDifference;
use crate::redact;
use crate::rollout::{Observer, Outcome};

use format::{Format, ReportFile, ReportKind};
use printer::Printer;

/// What a command ends with: the same value for people and for programs.
pub trait Shown: Serialize {
    /// For people.
    fn text(&self) -> String;
}

/// A result that a CI system reads too.
pub trait Report: Shown {
    /// For a CI system.
    fn junit(&self) -> quick_junit::Report;
}

impl Shown for Plan {
    fn text(&self) -> String {
        plan_text::plan(self)
    }
}

impl Report for Plan {
    fn junit(&self) -> quick_junit::Report {
        junit::plan(self)
    }
}

impl Shown for Outcome {
    fn text(&self) -> String {
        text::outcome(self)
    }
}

impl Report for Outcome {
    fn junit(&self) -> quick_junit::Report {
        junit::outcome(self)
    }
}

/// What `release gate` says of one cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// The cluster's name.
    pub cluster: String,
    /// What its gates say.
    #[serde(flatten)]
    pub outcome: GateOutcome,
}

impl Shown for Vec<Judged> {
    fn text(&self) -> String {
        text::gates(self)
    }
}

impl Report for Vec<Judged> {
    fn junit(&self) -> quick_junit::Report {
        junit::gates(self)
    }
}

impl Shown for Vec<ClusterDifference> {
    fn text(&self) -> String {
        plan_text::differences(self)
    }
}

/// A report file that cannot be written.
#[derive(Debug, Error)]
#[error("write the report `{}`", path.display())]
pub struct ReportError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// What is shown of a run while it goes on, on stderr: also beside output for programs, which is on stdout.
/// `--quiet` leaves warnings.
pub fn observer(printer: &Printer) -> Arc<dyn Observer> {
    Arc::new(progress::Progress::new(printer.clone(), printer.draws()))
}

/// The report for stdout. What looks like a secret in it (an argument of a workload, a message of a server) is
/// hidden.
pub fn render(report: &impl Shown, format: Format) -> Result<String, Failure> {
    let text = match format {
        Format::Table => report.text(),
        Format::Json => serde_json::to_string_pretty(report)?,
        Format::Yaml => serde_norway::to_string(report)?.trim_end().to_owned(),
    };
    Ok(redact::text(&text))
}

/// Creates the report files, so that one that cannot be written is told before anything is changed.
pub fn prepare(files: &[ReportFile]) -> Result<(), ReportError> {
    files.iter().try_for_each(|file| put(file, ""))
}

/// Writes the report files.
pub fn write(files: &[ReportFile], report: &impl Report) -> Result<(), Failure> {
    for file in files {
        let text = match file.kind {
            ReportKind::Junit => report.junit().to_string()?,
            ReportKind::Json => serde_json::to_string_pretty(report)?,
        };
        put(file, &redact::text(&text))?;
    }
    Ok(())
}

fn put(file: &ReportFile, text: &str) -> Result<(), ReportError> {
    let folder = file.path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder
        .and_then(|()| std::fs::write(&file.path, text))
        .map_err(|source| ReportError { path: file.path.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_with_the_folders_on_the_way() {
        let directory = tempfile::tempdir().unwrap();
        let file = |kind, name: &str| ReportFile { kind, path: directory.path().join("out").join(name) };
        let files = [file(ReportKind::Json, "run.json"), file(ReportKind::Junit, "run.xml")];
        prepare(&files).unwrap();
        write(&files, &fixtures::promoted()).unwrap();
        let read = |file: &ReportFile| std::fs::read_to_string(&file.path).unwrap();
        assert_eq!(
            serde_json::from_str::<Outcome>(&read(&files[0])).unwrap(),
            fixtures::promoted(),
            "a program reads back the same value"
        );
        assert!(read(&files[1]).contains("<testsuites"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error =
            prepare(&[ReportFile { kind: ReportKind::Json, path: directory.path().to_owned() }]).unwrap_err();
        assert_eq!(error.to_string(), format!("write the report `{}`", directory.path().display()));
    }

    #[test]
    fn what_looks_like_a_secret_is_in_no_report() {
        let mut outcome = fixtures::rolled_back();
        outcome.run = "ghp_hunter2hunter2".to_owned();
        for format in [Format::Table, Format::Json, Format::Yaml] {
            let text = render(&outcome, format).unwrap();
            assert!(!text.contains("hunter2"), "{text}");
        }
        let directory = tempfile::tempdir().unwrap();
        let file = ReportFile { kind: ReportKind::Json, path: directory.path().join("run.json") };
        write(std::slice::from_ref(&file), &outcome).unwrap();
        let read: Outcome = serde_json::from_str(&std::fs::read_to_string(&file.path).unwrap()).unwrap();
        assert_eq!(read.run, "***", "it is still JSON");
    }

    #[test]
    fn yaml_and_json_carry_the_same_value() {
        let outcome = fixtures::rolled_back();
        let json: Outcome = serde_json::from_str(&render(&outcome, Format::Json).unwrap()).unwrap();
        let yaml: Outcome = serde_norway::from_str(&render(&outcome, Format::Yaml).unwrap()).unwrap();
        assert_eq!((&json, &yaml), (&outcome, &outcome));
    }
}
