//! One file per command: its arguments and its run. Commands resolve names and call the layers below; they decide nothing about a cluster.

use clap::Subcommand;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::report::exit_code::Exit;
use crate::report::printer::Printer;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {}

/// Runs what was typed.
pub async fn run(cli: Cli, _printer: &Printer) -> Result<Exit, Failure> {
    match cli.command {
        Some(command) => match command {},
        None => Ok(Exit::Success),
    }
}
