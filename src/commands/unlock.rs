//! `release unlock --cluster X`: takes the lock away from a run that is dead.

use clap::Args;

use crate::cluster::lease::{self, LockError, Unlock};
use crate::failure::{Failure, Kind};
use crate::report::exit_code::Exit;
use crate::site::connect;
use crate::site::identity::Identity;

use super::Context;
use super::shared_args::SelectionArgs;

/// Take the lock away from a run that was killed; refused while its holder still renews it
#[derive(Debug, Clone, Args)]
pub struct UnlockArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Take the lock also from a run that lives; it stops writing where it is
    #[arg(long)]
    pub force: bool,
}

/// Says whose lock it was.
pub async fn run(args: &UnlockArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.selection.selection())?;
    let release = &settings.chart.release;
    let whose =
        if args.force { Unlock::Anybody(Identity::of_this_process().lock_holder()) } else { Unlock::Dead };
    for one in connect::connect(&settings).await? {
        let taken = lease::unlock(&one.cluster, release, &whose).await.map_err(refused)?;
        let told = match taken {
            Some(holder) => format!("{}: the lock on {release} was taken from {holder}", one.cluster.name),
            None => format!("{}: nobody held the lock on {release}", one.cluster.name),
        };
        context.printer.data(&told);
    }
    Ok(Exit::Success)
}

fn refused(error: LockError) -> Failure {
    match error {
        alive @ (LockError::Alive { .. } | LockError::Held { .. }) => Failure::new(Kind::Locked, alive),
        error @ LockError::Api(_) => error.into(),
    }
}
