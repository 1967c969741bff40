//! One file per command: its arguments and its run. Commands resolve names and call the layers below; they
//! decide nothing about a cluster.

pub mod advise;
pub mod apply;
mod check_name;
pub mod completions;
pub mod config;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod gate;
pub mod helm;
pub mod init;
pub mod job;
pub mod logs;
pub mod migrate;
pub mod package;
pub mod plan;
pub mod publish;
pub mod repair;
pub mod repository;
pub mod resume;
pub mod rollback;
pub mod rollout;
pub mod shared_args;
pub mod unlock;
pub mod version;

use std::path::PathBuf;

use clap::Subcommand;

use crate::certmanager::advice::known::Knowledge;
use crate::config::{Config, ConfigError, Selection, Settings};
use crate::failure::Failure;
use crate::report::exit_code::Exit;
use crate::report::printer::Printer;
use crate::site::knowledge;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The main job, which has no word of its own.
    #[command(skip)]
    Rollout(rollout::RolloutArgs),
    /// Plan a rollout; with --out as a file that `release apply` executes exactly
    Plan(plan::PlanArgs),
    /// Execute exactly the plan that `release plan --out` wrote
    Apply(apply::ApplyArgs),
    /// Return clusters to the last good revision
    Rollback(rollback::RollbackArgs),
    /// Show what the chart would change on clusters, as a diff of every object
    Diff(diff::DiffArgs),
    /// Judge whether clusters are healthy now
    Gate(gate::GateArgs),
    /// Look at everything on clusters, the worst first, and say what to do next
    Doctor(doctor::DoctorArgs),
    /// Show what matters in cert-manager's logs, by rule
    Logs(logs::LogsArgs),
    /// Take up a run that was killed or interrupted
    Resume(resume::ResumeArgs),
    /// Take the lock away from a run that is dead
    Unlock(unlock::UnlockArgs),
    /// Store every object of the release's CRDs in the version of today
    Migrate(migrate::MigrateArgs),
    /// Get Certificates issued whose Orders or requests failed, where another try helps
    Repair(repair::RepairArgs),
    /// Package the chart of release.yaml as an archive: the same commit, the same bytes
    Package(package::PackageArgs),
    /// Package the chart of release.yaml and publish it to its repository
    Publish(publish::PublishArgs),
    /// Show the way from one version of cert-manager to another, without a cluster
    Advise(advise::AdviseArgs),
    /// Explain a rule of the gates or of the preflight
    Explain(explain::ExplainArgs),
    /// Helm's verbs, with helm's arguments, output and exit codes
    Helm(Box<helm::HelmArgs>),
    /// Serve a chart repository
    #[command(subcommand)]
    Repository(repository::RepositoryCommand),
    /// Write a commented release.yaml
    Init(init::InitArgs),
    /// Check release.yaml, or print its JSON Schema
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Print the version of this program
    Version(version::ProgramVersionArgs),
}

/// What every command works with.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where to speak.
    pub printer: Printer,
    /// The configuration file, read by the commands that need it.
    pub config: PathBuf,
    /// The definition of the whole command line.
    pub program: fn() -> clap::Command,
}

impl Context {
    /// The configuration, without anything wrong in it.
    pub fn config(&self) -> Result<Config, Failure> {
        Config::load(&self.config).map_err(config_failure)
    }

    /// What is known of cert-manager's versions, with what the configuration adds, where there is one.
    fn knowledge(&self) -> Result<Knowledge, Failure> {
        if !self.config.exists() {
            return Ok(Knowledge::built_in());
        }
        Ok(knowledge::with(&self.config()?.advice_files())?)
    }

    /// The configuration with the selection applied: every name resolved.
    pub fn settings(&self, selection: &Selection) -> Result<Settings, Failure> {
        Ok(Settings::resolve(&self.config()?, selection)?)
    }
}

/// A missing file is a first use: say how to begin.
fn config_failure(error: ConfigError) -> Failure {
    let missing = matches!(&error, ConfigError::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound);
    let failure = Failure::from(error);
    if missing {
        failure.hint("write one with `release init`, or name it with --config or RELEASE_CONFIG")
    } else {
        failure
    }
}

/// Runs what was typed.
pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Rollout(args) => Box::pin(rollout::run(&args, context)).await,
        Command::Plan(args) => Box::pin(plan::run(&args, context)).await,
        Command::Apply(args) => Box::pin(apply::run(&args, context)).await,
        Command::Rollback(args) => Box::pin(rollback::run(&args, context)).await,
        Command::Diff(args) => diff::run(&args, context).await,
        Command::Gate(args) => gate::run(&args, context).await,
        Command::Doctor(args) => doctor::run(&args, context).await,
        Command::Logs(args) => logs::run(&args, context).await,
        Command::Resume(args) => resume::run(&args, context).await,
        Command::Unlock(args) => unlock::run(&args, context).await,
        Command::Migrate(args) => Box::pin(migrate::run(&args, context)).await,
        Command::Repair(args) => Box::pin(repair::run(&args, context)).await,
        Command::Package(args) => package::run(&args, context).await,
        Command::Publish(args) => publish::run(&args, context).await,
        Command::Advise(args) => advise::run(&args, context),
        Command::Explain(args) => explain::run(&args, context),
        Command::Helm(args) => helm::run(*args, context).await,
        Command::Repository(command) => repository::run(command, &context.printer).await,
        Command::Init(args) => init::run(&args, context),
        Command::Config(command) => config::run(&command, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Version(args) => version::run(&args, context),
    }
}
