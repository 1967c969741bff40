//! A small authoritative DNS server that takes dynamic updates (RFC 2136) from anybody, on UDP and TCP.
//!
//! cert-manager writes its DNS-01 challenges here and looks for them here, and Pebble validates against it. A
//! control file makes it refuse updates or fall silent while it runs. It never asks another server, follows
//! no alias, and keeps its zones in memory only.

mod control;
mod reply;
mod server;
mod update;
mod zone;

use std::net::SocketAddr;
use std::path::PathBuf;

use hickory_proto::rr::Name;

pub use server::Server;

/// Arguments of `xtask dns`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Address for UDP and TCP; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Zone to answer for, e.g. example.com (repeatable)
    #[arg(long = "zone", value_name = "NAME", required = true, value_parser = absolute)]
    pub zones: Vec<Name>,
    /// File with one word, read for every message: ok, refuse-updates or silent
    #[arg(long, value_name = "FILE")]
    pub control: Option<PathBuf>,
}

/// Serves until the process is ended.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let server = Server::bind(&args).await?;
    crate::talk::line(&format!("dns: {} answers for {}", server.address()?, names(&args.zones)));
    server.serve().await
}

/// A name from the command line, which is absolute with or without its final dot.
fn absolute(text: &str) -> Result<Name, String> {
    let mut name = Name::from_ascii(text).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    Ok(name)
}

fn names(zones: &[Name]) -> String {
    zones.iter().map(Name::to_string).collect::<Vec<_>>().join(" ")
}
