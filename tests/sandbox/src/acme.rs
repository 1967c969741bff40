//! DNS and ACME for all clusters of a sandbox: the DNS server of this crate, and Pebble, which asks it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpStream;

use crate::pebble;
use crate::ports::Ports;
use crate::processes::{Child, Daemon, Ledger};
use crate::ready;
use crate::state::State;
use crate::tools::Programs;

/// The zone that challenges are written to.
pub const ZONE: &str = "example.com";
const LIMIT: Duration = Duration::from_secs(30);

/// Where both listen.
#[derive(Debug, Clone)]
pub struct Acme {
    /// The DNS server: UDP and TCP.
    pub dns: SocketAddr,
    /// One word in this file makes the DNS server misbehave: `ok`, `refuse-updates`, `silent`.
    pub dns_control: PathBuf,
    /// Pebble.
    pub pebble: SocketAddr,
}

impl Acme {
    /// Chooses ports.
    pub fn prepare(state: &State, ports: &mut Ports) -> Result<Self> {
        let mut address = || -> Result<SocketAddr> { Ok((Ipv4Addr::LOCALHOST, ports.choose()?).into()) };
        Ok(Self { dns: address()?, dns_control: state.file("dns/control"), pebble: address()? })
    }

    /// URL of the ACME directory.
    #[must_use]
    pub fn directory_url(&self) -> String {
        self.pebble_config().directory_url()
    }

    /// Starts both; returns when they answer.
    pub async fn start(&self, state: &State, programs: &Programs, ledger: &Ledger) -> Result<()> {
        let dns = ledger.start(self.dns_daemon(state)?)?;
        let pebble = ledger.start(self.pebble_daemon(state, programs)?)?;
        connect("wait for the DNS server", &dns, self.dns).await?;
        connect("wait for Pebble", &pebble, self.pebble).await
    }

    fn dns_daemon(&self, state: &State) -> Result<Daemon> {
        let directory = state.file("dns");
        fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
        let control = self.dns_control.display().to_string();
        let args = ["dns", "--listen", &self.dns.to_string(), "--zone", ZONE, "--control", &control]
            .map(str::to_owned)
            .into();
        let program = std::env::current_exe().context("find this program")?;
        let log = directory.join("dns.log");
        Ok(Daemon {
            name: "dns".into(),
            program,
            args,
            env: BTreeMap::new(),
            directory,
            log,
            ports: vec![self.dns.port()],
        })
    }

    fn pebble_daemon(&self, state: &State, programs: &Programs) -> Result<Daemon> {
        let directory = state.file("pebble");
        fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
        let config = self.pebble_config();
        let args = config.arguments(&config.write(&directory)?);
        let env = pebble::ENVIRONMENT.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let (program, log) = (programs.pebble.clone(), directory.join("pebble.log"));
        Ok(Daemon {
            name: "pebble".into(),
            program,
            args,
            env,
            directory,
            log,
            ports: vec![self.pebble.port()],
        })
    }

    fn pebble_config(&self) -> pebble::Config {
        pebble::Config { listen: self.pebble, dns: self.dns }
    }
}

async fn connect(what: &str, child: &Child, address: SocketAddr) -> Result<()> {
    ready::wait(what, &[child], LIMIT, async || TcpStream::connect(address).await.is_ok()).await
}
