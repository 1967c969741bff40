//! `release helm …`: Helm's verbs with helm 4's arguments, output and exit codes. A program that is called
//! `helm` answers the same.

pub mod chart_arg;
pub mod conduct_args;
pub mod deployment_args;
pub mod dry_run_args;
pub mod get;
mod go_flags;
mod go_names;
mod go_time;
pub mod history;
pub mod install;
pub mod kube_args;
pub mod list;
pub mod name_args;
pub mod output;
pub mod package;
mod release_text;
pub mod rollback;
mod selector;
mod show_only;
pub mod status;
mod stored;
pub mod template;
mod template_files;
pub mod uninstall;
pub mod upgrade;
pub mod values_args;
mod write;

use clap::{Args, Subcommand};

use super::Context;
use crate::failure::Failure;
use crate::report::exit_code::Exit;

/// A verb of helm, with the arguments that every verb takes.
#[derive(Debug, Clone, Args)]
// As with helm, the last one counts where an argument is given twice.
#[command(args_override_self = true)]
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
#[command(mut_subcommands(go_flags::with_values))]
pub enum HelmCommand {
    /// Install a chart
    Install(Box<install::InstallArgs>),
    /// Upgrade a release
    Upgrade(Box<upgrade::UpgradeArgs>),
    /// Roll back a release to a previous revision
    Rollback(rollback::HelmRollbackArgs),
    /// Uninstall a release
    #[command(visible_aliases = ["un", "del", "delete"])]
    Uninstall(uninstall::UninstallArgs),
    /// List releases
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Fetch release history
    #[command(visible_alias = "hist")]
    History(history::HistoryArgs),
    /// Display the status of the named release
    Status(status::StatusArgs),
    /// Download extended information of a named release
    #[command(subcommand)]
    Get(get::GetCommand),
    /// Package chart directories into chart archives
    Package(Box<package::PackageArgs>),
    /// Render chart templates locally and display the output
    Template(Box<template::TemplateArgs>),
}

/// Runs a verb; what goes wrong is shown as helm shows it.
pub async fn run(args: HelmArgs, context: &Context) -> Result<Exit, Failure> {
    let kube = &args.kube;
    let result = match args.command {
        HelmCommand::Install(args) => install::run(&args, kube, context).await,
        HelmCommand::Upgrade(args) => upgrade::run(&args, kube, context).await,
        HelmCommand::Rollback(args) => rollback::run(&args, kube, context).await,
        HelmCommand::Uninstall(args) => uninstall::run(&args, kube, context).await,
        HelmCommand::List(args) => list::run(&args, kube, context).await,
        HelmCommand::History(args) => history::run(&args, kube, context).await,
        HelmCommand::Status(args) => status::run(&args, kube, context).await,
        HelmCommand::Get(command) => get::run(&command, kube, context).await,
        HelmCommand::Package(args) => package::run(*args, context.clone()).await,
        HelmCommand::Template(args) => template::run(&args, kube, context),
    };
    result.map_err(Failure::in_helm_form)
}
