//! `release completions SHELL`.

use clap::Args;
use clap_complete::Shell;

use super::Context;
use crate::failure::Failure;
use crate::report::exit_code::Exit;

/// The arguments.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "For bash: release completions bash > ~/.local/share/bash-completion/completions/release"
)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Prints the completion script of a shell.
pub fn run(args: &CompletionsArgs, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut (context.program)(), "release", &mut script);
    context.printer.data(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Success)
}
