//! Everything that a person or a CI system reads. A report is a function of the plan and the evidence; it judges nothing.

pub mod exit_code;
#[cfg(test)]
mod fixtures;
pub mod format;
pub mod junit;
pub mod plan_text;
pub mod printer;
pub mod progress;
pub mod text;

use std::sync::Arc;

use serde::Serialize;

use crate::failure::Failure;
use crate::gate::GateOutcome;
use crate::plan::Plan;
use crate::rollout::{Observer, Outcome};

use format::{Format, ReportFile, ReportKind};
use printer::Printer;

/// What is shown of a run while it goes on: nothing beside machine-readable output.
pub fn observer(printer: &Printer, format: Format) -> Arc<dyn Observer> {
    match format {
        Format::Table => Arc::new(progress::Progress::new(printer.clone(), printer.draws())),
        Format::Json | Format::Yaml => Arc::new(progress::Silent),
    }
}

/// The dry run.
pub fn plan(plan: &Plan, format: Format) -> Result<String, Failure> {
    render(plan, format, plan_text::plan)
}

/// The result of a run.
pub fn outcome(outcome: &Outcome, format: Format) -> Result<String, Failure> {
    render(outcome, format, text::outcome)
}

/// The result of `release gate`.
pub fn gates(outcomes: &[(String, GateOutcome)], format: Format) -> Result<String, Failure> {
    render(outcomes, format, text::gates)
}

/// Writes the report files of a run.
pub fn write(files: &[ReportFile], outcome: &Outcome) -> Result<(), Failure> {
    for file in files {
        let text = match file.kind {
            ReportKind::Junit => junit::render(outcome)?,
            ReportKind::Json => serde_json::to_string_pretty(outcome)?,
        };
        std::fs::write(&file.path, text).map_err(|error| Failure::refused(format!("write the report {}: {error}", file.path.display())))?;
    }
    Ok(())
}

fn render<T: Serialize + ?Sized>(value: &T, format: Format, text: impl Fn(&T) -> String) -> Result<String, Failure> {
    match format {
        Format::Table => Ok(text(value)),
        Format::Json => Ok(serde_json::to_string_pretty(value)?),
        Format::Yaml => Ok(serde_norway::to_string(value)?.trim_end().to_owned()),
    }
}
