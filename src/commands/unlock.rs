//! `release unlock --cluster X`: takes the lock away from a run that is dead.

use clap::Args;

use crate::cluster::lease;
use crate::failure::Failure;
use crate::report::exit_code::Exit;
use crate::site::connect;

use super::Context;
use super::shared_args::SelectionArgs;

/// Take the lock away from a run that was killed; a run that lives stops writing
#[derive(Debug, Clone, Args)]
pub struct UnlockArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// Says whose lock it was.
pub async fn run(args: &UnlockArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.selection.selection())?;
    let release = &settings.chart.release;
    for one in connect::connect(&settings).await? {
        let told = match lease::unlock(&one.cluster, release).await? {
            Some(holder) => format!("{}: the lock on {release} was taken from {holder}", one.cluster.name),
            None => format!("{}: nobody held the lock on {release}", one.cluster.name),
        };
        context.printer.data(&told);
    }
    Ok(Exit::Success)
}
