//! Parse, printer, exit code.

use std::process::ExitCode;

use clap::Parser;
use release::cli::Cli;
use release::commands;
use release::report::exit_code;
use release::report::printer::Printer;

/// Usage errors end with 1: exit code 2 means "there are changes".
fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        // A closed stream is no reason to change the exit code.
        let _ = error.print();
        ExitCode::from(u8::from(error.use_stderr()))
    })
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // One provider for every TLS connection of the program; a second install attempt is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let printer = Printer::from_env();
    match commands::run(cli, &printer).await {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            printer.failure(&failure);
            ExitCode::from(exit_code::of_failure(failure.kind()))
        }
    }
}
