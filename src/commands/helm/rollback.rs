//! `release helm rollback RELEASE [REVISION]`

use clap::Args;

use super::conduct_args::{ConductArgs, HistoryMaxArgs};
use super::dry_run_args::DryRunArgs;
use super::kube_args::KubeArgs;
use super::write;
use crate::action::verb::{self, RollbackRequest};
use crate::commands::Context;
use crate::failure::Failure;
use crate::helm::release::Revision;
use crate::report::exit_code::Exit;

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct HelmRollbackArgs {
    /// The release
    #[arg(value_name = "RELEASE")]
    pub release: String,
    /// The revision to return to; left out or 0, it is the one before the newest
    #[arg(value_name = "REVISION", default_value_t = 0, hide_default_value = true)]
    pub revision: Revision,
    /// Add a custom description for the rollback (max 256 characters)
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// How the cluster is treated.
    #[command(flatten)]
    pub conduct: ConductArgs,
    /// How many revisions are kept.
    #[command(flatten)]
    pub history: HistoryMaxArgs,
    /// Look first.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
}

/// Returns to an older revision.
pub async fn run(args: &HelmRollbackArgs, kube: &KubeArgs, context: &Context) -> Result<Exit, Failure> {
    let back = RollbackRequest {
        to: Some(args.revision),
        description: args.description.clone().filter(|text| !text.is_empty()),
        conduct: args.history.add_to(args.conduct.conduct()?),
    };
    let (cluster, release) = kube.connect_to(&args.release).await?;
    let done = write::run(&cluster, &release, context, async |asked| match args.dry_run.rehearsal() {
        None => verb::rollback(asked, &back, verb::observe(asked).await?).await.map(drop),
        Some(_) => verb::dry_run_rollback(asked, &back).await,
    });
    done.await?;
    context.printer.data("Rollback was a success! Happy Helming!");
    Ok(Exit::Success)
}
