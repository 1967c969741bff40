//! `release helm …`: Helm's verbs with helm 4's arguments, output and exit codes. A program that is called `helm` answers the same.

pub mod chart_arg;
pub mod kube_args;
pub mod name_args;
pub mod package;
pub mod values_args;

use clap::{Args, Subcommand};

use super::Context;
use crate::failure::Failure;
use crate::report::exit_code::Exit;

/// A verb of helm, with the arguments that every verb takes.
#[derive(Debug, Clone, Args)]
pub struct HelmArgs {
    /// Which cluster and namespace.
    #[command(flatten)]
    pub kube: kube_args::KubeArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: HelmCommand,
}

/// Helm's verbs.
#[derive(Debug, Clone, Subcommand)]
pub enum HelmCommand {
    /// Package chart directories into chart archives
    Package(package::PackageArgs),
}

/// Runs a verb; what goes wrong is shown as helm shows it.
pub async fn run(args: HelmArgs, context: &Context) -> Result<Exit, Failure> {
    let result = match args.command {
        HelmCommand::Package(args) => package::run(args, context.clone()).await,
    };
    result.map_err(Failure::in_helm_form)
}
