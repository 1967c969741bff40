//! `release helm upgrade RELEASE CHART`

use clap::Args;

use super::conduct_args::HistoryMaxArgs;
use super::deployment_args::DeploymentArgs;
use super::install;
use super::kube_args::{KubeArgs, Place};
use super::output::Output;
use super::write::{self, prefixed};
use crate::action::verb::{self, Deployment, Observed, Refusal, Reuse};
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
    if !args.install {
        let deployment = args.read(context)?;
        let place = kube.connect_to(&args.release).await?;
        let observed = write::observe(&place.0, &place.1, context).await;
        let observed = observed.map_err(prefixed("UPGRADE FAILED"))?;
        return next(args, &deployment, &place, observed, context).await;
    }
    if !is_name(&args.release) {
        return Err(Refusal::NoName(args.release.clone()).into());
    }
    let place = kube.connect_to(&args.release).await?;
    let observed = write::observe(&place.0, &place.1, context).await?;
    match observed.history.last().map(Release::status) {
        None => first(args, false, &place, observed, context).await,
        Some(Status::Uninstalled) => first(args, true, &place, observed, context).await,
        Some(_) => next(args, &args.read(context)?, &place, observed, context).await,
    }
}

impl UpgradeArgs {
    fn read(&self, context: &Context) -> Result<Deployment, Failure> {
        let deployment = self.deployment.read(&self.chart, context)?;
        Ok(Deployment {
            reuse: self.reuse.reuse(),
            conduct: self.history.add_to(deployment.conduct),
            ..deployment
        })
    }
}

/// There is no release yet, or one to `replace` that was uninstalled.
async fn first(
    args: &UpgradeArgs,
    replace: bool,
    place: &Place,
    observed: Observed,
    context: &Context,
) -> Result<Exit, Failure> {
    if args.deployment.output.output == Output::Table {
        context.printer.data(&format!("Release {:?} does not exist. Installing it now.", args.release));
    }
    let deployment = Deployment { replace, ..args.deployment.read(&args.chart, context)? };
    let rehearsal = args.deployment.dry_run.rehearsal();
    let release = install::deploy(place, &deployment, rehearsal, observed, context).await?;
    args.deployment.show(&release, &context.printer);
    Ok(Exit::Success)
}

async fn next(
    args: &UpgradeArgs,
    deployment: &Deployment,
    (cluster, release): &Place,
    observed: Observed,
    context: &Context,
) -> Result<Exit, Failure> {
    let done =
        write::run(cluster, release, context, async |asked| match args.deployment.dry_run.rehearsal() {
            None => Box::pin(verb::upgrade(asked, deployment, observed, None)).await,
            Some(how) => Ok(verb::dry_run_upgrade(asked, deployment, how, observed).await?.record),
        });
    let release = done.await.map_err(prefixed("UPGRADE FAILED"))?;
    if args.deployment.output.output == Output::Table {
        context.printer.data(&format!("Release {:?} has been upgraded. Happy Helming!", args.release));
    }
    args.deployment.show(&release, &context.printer);
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stricter_flag_counts() {
        let args = |reset_values, reuse_values, reset_then_reuse_values| ReuseArgs {
            reset_values,
            reuse_values,
            reset_then_reuse_values,
        };
        assert_eq!(args(true, true, true).reuse(), Reuse::Reset);
        assert_eq!(args(false, true, true).reuse(), Reuse::All);
        assert_eq!(args(false, false, true).reuse(), Reuse::Given);
        assert_eq!(args(false, false, false).reuse(), Reuse::WithoutNewOnes);
    }
}
