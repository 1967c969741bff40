//! `cargo xtask`: parse, dispatch, exit code.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sandbox::interrupt::Interrupted;
use sandbox::{bench, check, demo, dns, down, node, parity, process, proxy, talk, up};

/// Real clusters on one machine, for the demo, the tests and the benchmarks of release
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a sandbox and return when it is ready
    Up(up::Args),
    /// Show the main job, a bad release and a rollback on two clusters
    Demo(demo::Args),
    /// Stop a sandbox
    Down(down::Args),
    /// Run every check and every test
    Test(check::Args),
    /// Measure release beside Helm 4 and Helm 3
    Bench(bench::Args),
    /// Compare `release helm template` with Helm 4 over a folder of charts
    Parity(parity::Args),
    /// Stop, kill and start single processes of a running sandbox
    Process(process::Args),
    /// Run a program and tell what it needed (started by `bench`)
    #[command(hide = true)]
    Measure(bench::measure::Args),
    /// List kinds as kubectl would (started by `bench` where there is no kubectl)
    #[command(hide = true)]
    Tables(bench::scale::tables::Args),
    /// Run the pods of one node as local processes (started by `up`)
    #[command(hide = true)]
    NodeAgent(node::Args),
    /// Serve one zone and accept its RFC 2136 updates (started by `up`)
    #[command(hide = true)]
    Dns(dns::Args),
    /// Stand before a server and break its connections (started by tests)
    #[command(hide = true)]
    FaultProxy(proxy::Args),
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(args) => up::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Down(args) => down::run(args).await,
        Command::Test(args) => check::run(args).await,
        Command::Bench(args) => bench::run(args).await,
        Command::Parity(args) => parity::run(args).await,
        Command::Measure(args) => bench::measure::run(&args),
        Command::Process(args) => process::run(args).await,
        Command::Tables(args) => bench::scale::tables::run(args).await,
        Command::NodeAgent(args) => node::run(args).await,
        Command::Dns(args) => dns::run(args).await,
        Command::FaultProxy(args) => proxy::run(args).await,
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(Xtask::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            talk::line(&format!("error: {error:#}"));
            error
                .downcast_ref::<Interrupted>()
                .map_or(ExitCode::FAILURE, |interrupted| ExitCode::from(interrupted.exit_code()))
        }
    }
}
