//! `release version`.

use clap::Args;

use super::Context;
use crate::failure::Failure;
use crate::report::exit_code::Exit;
use crate::report::format::Format;

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct ProgramVersionArgs {
    /// How the version is written to stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
}

/// Prints the version of this program.
pub fn run(args: &ProgramVersionArgs, context: &Context) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    context.printer.data(&match args.output {
        Format::Table => format!("release {version}"),
        Format::Json => serde_json::json!({ "version": version }).to_string(),
        Format::Yaml => format!("version: {version}"),
    });
    Ok(Exit::Success)
}
