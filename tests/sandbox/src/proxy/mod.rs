//! A proxy that breaks connections the way networks and servers do, as a control file says and while
//! everything is running.
//!
//! Bytes pass through untouched (also TLS) and can be delayed, held or cut. With `--http`, or with
//! `--terminate` where the server speaks TLS, it understands requests and can also answer them itself, lose
//! answers, halve them, or expire Kubernetes watches. It verifies nobody's credentials.

mod answer;
mod bytes;
mod control;
mod fault;
mod http;
mod log;
#[cfg(test)]
mod tests;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub use control::{set, unused};
pub use fault::{Effect, Fault};

use crate::talk;
use control::Control;
use log::Log;

/// Arguments of `xtask fault-proxy`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Address of the server
    #[arg(long, value_name = "ADDRESS")]
    pub to: SocketAddr,
    /// JSON list of the faults in force, read for every connection and request; absent or empty: everything
    /// passes
    #[arg(long, value_name = "FILE")]
    pub control: Option<PathBuf>,
    /// A line, `METHOD TARGET`, for every request that arrives; needs HTTP
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Understand HTTP, for faults of single requests
    #[arg(long)]
    pub http: bool,
    /// Accept TLS with this certificate and key (PEM); implies --http
    #[arg(long, num_args = 2, value_names = ["CERTIFICATE", "KEY"])]
    pub terminate: Option<Vec<PathBuf>>,
    /// Speak TLS to the server and trust these certificates (PEM); implies --http
    #[arg(long, value_name = "CERTIFICATES")]
    pub upstream_tls: Option<PathBuf>,
}

/// A bound proxy.
#[derive(Debug)]
pub struct Proxy {
    listener: TcpListener,
    route: Arc<Route>,
}

/// How connections get to the server and what they meet on the way.
struct Route {
    server: SocketAddr,
    control: Control,
    log: Log,
    http: bool,
    acceptor: Option<TlsAcceptor>,
    connector: Option<TlsConnector>,
}

/// Serves until the process is ended.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let proxy = Proxy::bind(&args).await?;
    talk::line(&format!("fault-proxy: {} leads to {}", proxy.address()?, args.to));
    proxy.serve().await
}

impl Proxy {
    /// Takes the port, reads the certificates and the faults.
    pub async fn bind(args: &Args) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind(args.listen).await.with_context(|| format!("listen on {}", args.listen))?;
        let acceptor =
            args.terminate.as_ref().map(|files| tls::acceptor(&files[0], &files[1])).transpose()?;
        let connector = args.upstream_tls.as_ref().map(|trusted| tls::connector(trusted)).transpose()?;
        let http = args.http || acceptor.is_some() || connector.is_some();
        let control = Control::new(args.control.clone(), http);
        let log = Log::create(args.log.as_deref())?;
        let route = Route { server: args.to, control, log, http, acceptor, connector };
        Ok(Self { listener, route: Arc::new(route) })
    }

    /// The address that it listens on.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Carries connections for ever; ends only when the listening socket fails.
    pub async fn serve(self) -> anyhow::Result<()> {
        tokio::select! {
            failed = self.accept() => failed,
            () = self.route.control.look() => Ok(()),
        }
    }

    async fn accept(&self) -> anyhow::Result<()> {
        loop {
            let (client, _) = self.listener.accept().await.context("accept a connection")?;
            let route = Arc::clone(&self.route);
            tokio::spawn(async move {
                if let Err(error) = connection(client, route).await {
                    talk::line(&format!("fault-proxy: {error:#}"));
                }
            });
        }
    }
}

async fn connection(client: TcpStream, route: Arc<Route>) -> anyhow::Result<()> {
    if !route.http {
        return bytes::carry(client, &route).await;
    }
    let client: Box<dyn tls::Stream> = match &route.acceptor {
        None => Box::new(client),
        Some(tls) => Box::new(tls.accept(client).await.context("accept TLS")?),
    };
    http::serve(client, route).await
}

impl std::fmt::Debug for Route {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Route to {}", self.server)
    }
}
