//! Arguments as typed. No disk and no network.
//!
//! Called by the name `helm` (a link), it answers as `release helm`.
//! `release --cluster X` without a command is the main job. `--version V` is the version of the chart there,
//! as it is for helm;
//! the version of the program itself is `release -V`, `release version`, or `--version` when nothing else is
//! typed.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser};

use crate::commands::Command;
use crate::commands::rollout::RolloutArgs;

const GLOBAL: &str = "Everywhere";

const EXAMPLES: &str = "\
Examples:
  release --cluster eks-development-1 --dry-run      what would happen; nothing is changed
  release --cluster eks-development-1                package, publish, upgrade, and prove it healthy
  release --wave production --version 1.11.5         promote the archive that was proved before
  release rollback --cluster eks-development-1       back to the last good revision

Exit codes:
  0  every selected cluster is on the target and its gates passed
  1  refused or failed before any cluster was changed
  2  only with --detailed-exitcode on a dry run: there are changes
  3  a step or a gate failed; the cluster was rolled back and passed its gates again
  4  a step or a gate failed; the cluster was left as it is
  5  a rollback failed, an automatic one or one by hand: a person must look
  6  somebody else holds the lock, or took it away
  130, 143  interrupted; what was done is recorded, and `release resume` continues";

/// Take a Helm chart from git to every cluster, and prove each one healthy before touching the next
#[derive(Debug, Parser)]
#[command(
    name = "release",
    version,
    disable_version_flag = true,
    max_term_width = 110,
    arg_required_else_help = true
)]
#[command(after_help = EXAMPLES, override_usage = "release [OPTIONS] --cluster <NAME>\n       release [OPTIONS] <COMMAND>")]
pub struct Cli {
    /// For every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// Print the version of this program
    #[arg(short = 'V', action = ArgAction::Version)]
    program_version: Option<bool>,
    /// For the main job.
    #[command(flatten)]
    rollout: RolloutArgs,
    /// What else to do.
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct GlobalArgs {
    /// The configuration
    #[arg(long, value_name = "FILE", env = "RELEASE_CONFIG", hide_env_values = true, default_value = "release.yaml", global = true, help_heading = GLOBAL)]
    pub config: PathBuf,
    /// Say more (repeatable)
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet", help_heading = GLOBAL)]
    pub verbose: u8,
    /// Say only warnings and errors
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub quiet: bool,
}

impl Cli {
    /// Reads the arguments, the program's name first. The error also carries help and version texts.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut args: Vec<OsString> = args.into_iter().collect();
        if args.first().is_some_and(|program| Path::new(program).file_name() == Some(OsStr::new("helm"))) {
            args.splice(0..1, ["release".into(), "helm".into()]);
        }
        if args.len() == 2 && args[1] == "--version" {
            args[1] = "-V".into();
        }
        let mut command = Self::command();
        let matches = match command.try_get_matches_from_mut(&args) {
            // helm without a verb is a question, not a mistake.
            Err(error) if is_bare_helm(error.kind(), &args) => {
                args.push("-h".into());
                command.try_get_matches_from_mut(args)?
            }
            matches => matches?,
        };
        if let (Some(verb), Some(flag)) = (matches.subcommand_name(), misplaced(&command, &matches)) {
            let message = format!(
                "`{flag}` in front of `{verb}` belongs to the main job; write it behind: release {verb} {flag}"
            );
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
        Self::from_arg_matches(&matches)
    }

    /// What to do; without a command it is the main job.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Rollout(self.rollout))
    }
}

fn is_bare_helm(kind: ErrorKind, args: &[OsString]) -> bool {
    kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && args.iter().any(|arg| arg == "helm")
}

/// A flag of the main job in front of a command, where it would silently do nothing.
fn misplaced(command: &clap::Command, matches: &ArgMatches) -> Option<String> {
    let typed = |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let arg = command.get_arguments().filter(|arg| !arg.is_global_set()).find(typed)?;
    arg.get_long().map(|long| format!("--{long}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        Cli::read(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_definition_is_consistent() {
        <Cli as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_is_the_main_job() {
        let cli = read("release --cluster a --cluster b --version 1.2.3 --dry-run -v").unwrap();
        assert_eq!(cli.global.verbose, 1);
        let Command::Rollout(args) = cli.into_command() else { panic!("another command") };
        assert_eq!(args.selection.clusters, ["a", "b"]);
        assert_eq!(args.version.version.as_deref(), Some("1.2.3"));
    }

    #[test]
    fn global_flags_stand_on_either_side_of_a_command() {
        for line in ["release -q config check --config x", "release --config x config check -q"] {
            let cli = read(line).unwrap();
            assert!(cli.global.quiet && cli.global.config.as_os_str() == "x", "{line}");
        }
    }

    #[test]
    fn a_flag_of_the_main_job_in_front_of_a_command_is_refused() {
        let error = read("release --cluster a config check").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
        assert!(error.to_string().contains("release config --cluster"), "{error}");
    }

    #[test]
    fn a_program_called_helm_is_helm() {
        for line in ["/usr/local/bin/helm package x", "release helm package x"] {
            assert!(matches!(read(line).unwrap().into_command(), Command::Helm(_)), "{line}");
        }
    }

    #[test]
    fn helm_without_a_verb_shows_its_help_as_an_answer() {
        for (line, expected) in [
            ("release helm", "Usage: release helm"),
            ("/usr/local/bin/helm", "Usage: release helm"),
            ("helm get", "Usage: release helm get"),
        ] {
            let answer = read(line).unwrap_err();
            assert_eq!(answer.kind(), ErrorKind::DisplayHelp, "{line}");
            assert!(!answer.use_stderr() && answer.to_string().contains(expected), "{answer}");
        }
        let kind = read("release config").unwrap_err().kind();
        assert_eq!(kind, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, "that is a mistake");
    }

    #[test]
    fn the_version_alone_is_the_program_s() {
        for line in ["release --version", "release -V"] {
            assert_eq!(read(line).unwrap_err().kind(), ErrorKind::DisplayVersion, "{line}");
        }
    }
}
