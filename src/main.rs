//! Parse, printer, exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::CommandFactory;
use release::cli::Cli;
use release::commands::{self, Context};
use release::report::exit_code;
use release::report::printer::{LogLines, Printer, Verbosity};

/// Usage errors end with 1: exit code 2 means "there are changes".
fn parse() -> Result<Cli, ExitCode> {
    Cli::read(std::env::args_os()).map_err(|error| {
        // A closed stream is no reason to change the exit code.
        let _ = error.print();
        ExitCode::from(u8::from(error.use_stderr()))
    })
}

/// What the libraries say about their work, to stderr: only with `-v` or as `RUST_LOG` asks, since failures
/// are reported by whoever asked.
fn listen(verbose: u8) {
    let default = ["off", "release=debug,warn", "debug", "trace"][usize::from(verbose.min(3))];
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into());
    let color =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt()
        .with_ansi(color)
        .with_writer(|| LogLines)
        .with_target(verbose > 1)
        .without_time();
    lines.with_env_filter(filter).init();
}

fn verbosity(cli: &Cli) -> Verbosity {
    match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, _) => Verbosity::Verbose,
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // One provider for every TLS connection of the program; a second install attempt is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    listen(cli.global.verbose);
    let printer = Printer::from_env(verbosity(&cli));
    let context =
        Context { printer, config: cli.global.config.clone(), program: <Cli as CommandFactory>::command };
    match Box::pin(commands::run(cli.into_command(), &context)).await {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            context.printer.failure(&failure);
            ExitCode::from(exit_code::of_failure(failure.kind()))
        }
    }
}
