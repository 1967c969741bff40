//! `release migrate --cluster X`: every object of the release's CRDs is stored in the version of today, and the CRDs
//! say so.

use std::time::Duration;

use clap::Args;

use super::Context;
use super::job::before_touching;
use super::shared_args::SelectionArgs;
use crate::config::{Settings, duration};
use crate::failure::Failure;
use crate::plan::migration::ClusterMigration;
use crate::report::exit_code::Exit;
use crate::report::format::Format;
use crate::report::{Shown, render};
use crate::rollout::interrupt::Interrupt;
use crate::site::connect::{self, Connected, refuse_locked};
use crate::site::{migration, signals};

/// Store every object of the release's CRDs in the version of today, and let status.storedVersions say so
#[derive(Debug, Clone, Args)]
pub struct MigrateArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Show how many objects would be written, ask the server whether it would take each, and change nothing
    #[arg(long, help_heading = "How")]
    pub dry_run: bool,
    /// How long to wait for somebody else's lock, such as 5m; 0s exits with 6 at once
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "0s", help_heading = "How")]
    pub lock_timeout: Duration,
    /// How the result is written to stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub output: Format,
}

impl Shown for Vec<ClusterMigration> {
    fn text(&self) -> String {
        self.iter().flat_map(ClusterMigration::lines).collect::<Vec<_>>().join("\n")
    }
}

/// All clusters are rehearsed before the first object of any is written.
pub async fn run(args: &MigrateArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.selection.selection())?;
    let interrupt = signals::listen()?;
    let (clusters, mut shown) = before_touching(&interrupt, Box::pin(rehearsed(args, &settings))).await?;
    let ended =
        if args.dry_run { Ok(()) } else { written(args, &settings, &clusters, &mut shown, &interrupt).await };
    context.printer.data(&render(&shown, args.output)?);
    ended.map(|()| Exit::Success)
}

async fn rehearsed(
    args: &MigrateArgs,
    settings: &Settings,
) -> Result<(Vec<Connected>, Vec<ClusterMigration>), Failure> {
    let clusters = connect::connect(settings).await?;
    if !args.dry_run {
        refuse_locked(settings, &clusters, args.lock_timeout).await?;
    }
    let mut shown = Vec::with_capacity(clusters.len());
    for one in &clusters {
        shown.push(migration::rehearse(one, &settings.chart).await?);
    }
    Ok((clusters, shown))
}

/// One cluster after the other; what is done before a failure is shown.
async fn written(
    args: &MigrateArgs,
    settings: &Settings,
    clusters: &[Connected],
    shown: &mut [ClusterMigration],
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    for (one, migration) in clusters.iter().zip(shown) {
        let rehearsed = migration.clone();
        let (done, ended) =
            migration::migrate(one, &settings.chart, rehearsed, args.lock_timeout, interrupt).await;
        *migration = done;
        ended?;
    }
    Ok(())
}
