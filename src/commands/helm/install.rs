//! `release helm install [NAME] CHART`

use clap::Args;
use jiff::Timestamp;

use super::deployment_args::DeploymentArgs;
use super::kube_args::{KubeArgs, Place};
use super::name_args::NameArgs;
use super::write::{self, prefixed};
use crate::action::verb::{self, Deployment, DryRun, Observed, Refusal};
use crate::commands::Context;
use crate::config::ReleaseId;
use crate::failure::Failure;
use crate::helm::release::{Release, is_name};
use crate::report::exit_code::Exit;

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct InstallArgs {
    /// Which release, of which chart.
    #[command(flatten)]
    pub name: NameArgs,
    /// Reuse the name of a release that was uninstalled with its history kept, or whose install failed
    #[arg(long)]
    pub replace: bool,
    /// How it is deployed.
    #[command(flatten)]
    pub deployment: DeploymentArgs,
}

/// Installs a chart, or shows what that would do.
pub async fn run(args: &InstallArgs, kube: &KubeArgs, context: &Context) -> Result<Exit, Failure> {
    let release = install(args, kube, context).await.map_err(prefixed("INSTALLATION FAILED"))?;
    args.deployment.show(&release, &context.printer);
    Ok(Exit::Success)
}

async fn install(args: &InstallArgs, kube: &KubeArgs, context: &Context) -> Result<Release, Failure> {
    args.deployment.check()?;
    let (name, reference) = args.name.resolve("install", None, Timestamp::now().as_second())?;
    let deployment = Deployment { replace: args.replace, ..args.deployment.read(&reference, context)? };
    if !is_name(&name) {
        return Err(Refusal::Name(name).into());
    }
    let rehearsal = args.deployment.dry_run.rehearsal();
    if rehearsal == Some(DryRun::Client) {
        let release = ReleaseId { name, namespace: kube.namespace() };
        return Ok(verb::render_offline(&release, &deployment).await?.record);
    }
    let place = kube.connect_to(&name).await?;
    let observed = write::observe(&place.0, &place.1, context).await?;
    deploy(&place, &deployment, rehearsal, observed, context).await
}

/// The first revision of a release, made or only shown.
pub(super) async fn deploy(
    (cluster, release): &Place,
    deployment: &Deployment,
    rehearsal: Option<DryRun>,
    observed: Observed,
    context: &Context,
) -> Result<Release, Failure> {
    write::run(cluster, release, context, async |asked| match rehearsal {
        None => Box::pin(verb::install(asked, deployment, observed, None)).await,
        Some(DryRun::Client) => Ok(verb::render_offline(release, deployment).await?.record),
        Some(DryRun::Server) => Ok(verb::dry_run_install(asked, deployment, observed).await?.record),
    })
    .await
}
