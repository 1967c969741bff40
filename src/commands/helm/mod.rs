//! `release helm …`: Helm's verbs with helm 4's arguments, output and exit codes. A program that is called `helm` answers the same.

pub mod package;

use clap::Subcommand;

use super::Context;
use crate::failure::Failure;
use crate::report::exit_code::Exit;

/// Helm's verbs.
#[derive(Debug, Clone, Subcommand)]
pub enum HelmCommand {
    /// Package chart directories into chart archives
    Package(package::PackageArgs),
}

/// Runs a verb; what goes wrong is shown as helm shows it.
pub async fn run(command: HelmCommand, context: &Context) -> Result<Exit, Failure> {
    let result = match command {
        HelmCommand::Package(args) => package::run(args, context.clone()).await,
    };
    result.map_err(Failure::in_helm_form)
}
