//! Arguments as typed. No disk, no environment, no network.

use clap::Parser;

use crate::commands::Command;

/// Take a Helm chart from git to every cluster, and prove each one healthy before touching the next
#[derive(Debug, Parser)]
#[command(name = "release", version, max_term_width = 110, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
}
