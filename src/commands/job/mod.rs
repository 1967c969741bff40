//! What the fleet verbs that change clusters share: connect to all, plan all, show, then execute the plan.

mod execute;

use crate::failure::Failure;
use crate::plan::Plan;
use crate::report;
use crate::report::exit_code::Exit;

use super::Context;
use super::shared_args::{DryRunArgs, ReportArgs};

pub use execute::{Run, Way, execute};

/// The dry run: prints the plan, changes nothing.
pub fn show(
    context: &Context,
    plan: &Plan,
    dry_run: &DryRunArgs,
    report: &ReportArgs,
) -> Result<Exit, Failure> {
    context.printer.data(&report::render(plan, report.output)?);
    report::write(&report.report, plan)?;
    Ok(if dry_run.detailed_exitcode && plan.has_changes() { Exit::Changes } else { Exit::Success })
}
