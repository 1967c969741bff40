//! What the fleet verbs that change clusters share: show the plan, or execute it and report.

mod execute;

use crate::failure::{Failure, Kind};
use crate::plan::Plan;
use crate::report;
use crate::report::exit_code::Exit;
use crate::rollout::interrupt::Interrupt;

use super::Context;
use super::shared_args::{DryRunArgs, ReportArgs};

pub use execute::{Execution, execute};

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

/// Does something before any cluster is touched, unless a signal comes first.
pub async fn before_touching<T>(
    interrupt: &Interrupt,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    interrupt.or(work).await.unwrap_or_else(|signal| {
        let told = format!("interrupted by signal {signal}; nothing was changed");
        Err(Failure::new(Kind::Interrupted(signal), told))
    })
}
