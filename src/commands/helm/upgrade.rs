//! `release helm upgrade RELEASE CHART`

use clap::Args;

use super::conduct_args::HistoryMaxArgs;
use super::deployment_args::DeploymentArgs;
use super::install;
use super::kube_args::KubeArgs;
use super::output::Output;
use super::write::{self, prefixed};
use crate::action::verb::{self, Deployment, Refusal, Reuse};
use crate::cluster::release_secrets;
use crate::commands::Context;
use crate::failure::Failure;
use crate::helm::release::{Release, Status, is_name};
use crate::report::exit_code::Exit;

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct UpgradeArgs {
    /// The release
    #[arg(value_name = "RELEASE")]
    pub release: String,
    /// The chart: a folder or an archive
    #[arg(value_name = "CHART")]
    pub chart: String,
    /// If a release by this name doesn't already exist, run an install
    #[arg(short, long)]
    pub install: bool,
    /// Whose values count.
    #[command(flatten)]
    pub reuse: ReuseArgs,
    /// How many revisions are kept.
    #[command(flatten)]
    pub history: HistoryMaxArgs,
    /// How it is deployed.
    #[command(flatten)]
    pub deployment: DeploymentArgs,
}

/// Which values of the revision before count. Without any of these: all of them, unless new ones are given.
#[derive(Debug, Clone, Copy, Args)]
pub struct ReuseArgs {
    /// Reset the values to the ones built into the chart
    #[arg(long)]
    pub reset_values: bool,
    /// Reuse the last release's values and merge in any overrides; the new chart's defaults do not count
    #[arg(long)]
    pub reuse_values: bool,
    /// Take the new chart's defaults, apply the last release's values and merge in any overrides
    #[arg(long)]
    pub reset_then_reuse_values: bool,
}

impl ReuseArgs {
    /// The first one that is given counts.
    pub fn reuse(self) -> Reuse {
        match self {
            Self { reset_values: true, .. } => Reuse::Reset,
            Self { reuse_values: true, .. } => Reuse::All,
            Self { reset_then_reuse_values: true, .. } => Reuse::Given,
            Self { .. } => Reuse::WithoutNewOnes,
        }
    }
}

/// Upgrades a release, or shows what that would do.
pub async fn run(args: &UpgradeArgs, kube: &KubeArgs, context: &Context) -> Result<Exit, Failure> {
    args.deployment.check()?;
    let (release, upgraded) = match installing(args, kube).await? {
        Some(replace) => (first(args, replace, kube, context).await?, false),
        None => (next(args, kube, context).await?, true),
    };
    if upgraded && args.deployment.output.output == Output::Table {
        context.printer.data(&format!("Release {:?} has been upgraded. Happy Helming!", args.release));
    }
    args.deployment.show(&release, &context.printer);
    Ok(Exit::Success)
}

/// Whether the release is still to be installed, and then whether over an uninstalled one.
async fn installing(args: &UpgradeArgs, kube: &KubeArgs) -> Result<Option<bool>, Failure> {
    if !args.install {
        return Ok(None);
    }
    if !is_name(&args.release) {
        return Err(Refusal::NoName(args.release.clone()).into());
    }
    let (cluster, release) = kube.connect_to(&args.release).await?;
    Ok(match release_secrets::history(&cluster, &release).await?.last().map(Release::status) {
        None => Some(false),
        Some(Status::Uninstalled) => Some(true),
        Some(_) => None,
    })
}

async fn first(args: &UpgradeArgs, replace: bool, kube: &KubeArgs, context: &Context) -> Result<Release, Failure> {
    if args.deployment.output.output == Output::Table {
        context.printer.data(&format!("Release {:?} does not exist. Installing it now.", args.release));
    }
    let deployment = Deployment { replace, ..args.deployment.read(&args.chart, context)? };
    install::deploy(&args.release, &deployment, args.deployment.dry_run.rehearsal(), kube, context).await
}

async fn next(args: &UpgradeArgs, kube: &KubeArgs, context: &Context) -> Result<Release, Failure> {
    let mut deployment = Deployment { reuse: args.reuse.reuse(), ..args.deployment.read(&args.chart, context)? };
    deployment.conduct = args.history.add_to(deployment.conduct);
    let (cluster, release) = kube.connect_to(&args.release).await?;
    let done = write::run(&cluster, &release, context, async |asked| match args.deployment.dry_run.rehearsal() {
        None => Box::pin(verb::upgrade(asked, &deployment)).await,
        Some(how) => Ok(verb::rehearse_upgrade(asked, &deployment, how).await?.record),
    });
    done.await.map_err(prefixed("UPGRADE FAILED"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stricter_flag_counts() {
        let args = |reset_values, reuse_values, reset_then_reuse_values| ReuseArgs { reset_values, reuse_values, reset_then_reuse_values };
        assert_eq!(args(true, true, true).reuse(), Reuse::Reset);
        assert_eq!(args(false, true, true).reuse(), Reuse::All);
        assert_eq!(args(false, false, true).reuse(), Reuse::Given);
        assert_eq!(args(false, false, false).reuse(), Reuse::WithoutNewOnes);
    }
}
