//! `release helm uninstall RELEASE_NAME...`

use clap::{Args, ValueEnum};

use super::conduct_args::WaitArgs;
use super::kube_args::KubeArgs;
use super::output::text;
use super::write;
use crate::action::ActionError;
use crate::action::removal::Cascade;
use crate::action::verb::{self, Refusal, UninstallRequest};
use crate::commands::Context;
use crate::config::ReleaseId;
use crate::failure::Failure;
use crate::report::exit_code::Exit;

/// What happens to what an object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CascadeArg {
    /// Deleted afterwards
    Background,
    /// It stays
    Orphan,
    /// Deleted before
    Foreground,
}

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct UninstallArgs {
    /// The releases
    #[arg(value_name = "RELEASE_NAME", required = true)]
    pub releases: Vec<String>,
    /// Simulate an uninstall
    #[arg(long)]
    pub dry_run: bool,
    /// Treat "release not found" as a successful uninstall
    #[arg(long)]
    pub ignore_not_found: bool,
    /// Remove all associated resources and mark the release as deleted, but retain the release history
    #[arg(long)]
    pub keep_history: bool,
    /// The deletion cascading strategy for the dependents
    #[arg(long, value_name = "STRATEGY", value_enum, default_value_t = CascadeArg::Background)]
    pub cascade: CascadeArg,
    /// Add a custom description
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// What is waited for.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// Uninstalls one release after the other.
pub async fn run(args: &UninstallArgs, kube: &KubeArgs, context: &Context) -> Result<Exit, Failure> {
    let (cluster, namespace) = kube.connect().await?;
    let removal = removal(args);
    for name in &args.releases {
        let release = ReleaseId { name: name.clone(), namespace: namespace.clone() };
        let stayed = write::run(&cluster, &release, context, async |asked| {
            let stayed = if args.dry_run {
                verb::what_would_stay(asked).await
            } else {
                verb::uninstall(asked, &removal).await.map(|done| done.stayed)
            };
            match stayed {
                Err(ActionError::Refusal(Refusal::NotFound)) if args.ignore_not_found => Ok(String::new()),
                Err(ActionError::Refusal(Refusal::NotFound)) if !args.dry_run => {
                    Err(Refusal::NotLoaded(name.clone()).into())
                }
                other => other,
            }
        });
        let stayed = stayed.await?;
        if !stayed.is_empty() {
            text(&context.printer, &format!("{stayed}\n"));
        }
        context.printer.data(&format!("release \"{name}\" uninstalled"));
    }
    Ok(Exit::Success)
}

fn removal(args: &UninstallArgs) -> UninstallRequest {
    let cascade = match args.cascade {
        CascadeArg::Background => Cascade::Background,
        CascadeArg::Orphan => Cascade::Orphan,
        CascadeArg::Foreground => Cascade::Foreground,
    };
    UninstallRequest {
        keep_history: args.keep_history,
        cascade,
        description: args.description.clone().filter(|text| !text.is_empty()),
        conduct: args.wait.conduct(),
    }
}
