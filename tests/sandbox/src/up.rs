//! `cargo xtask up`: everything that a sandbox has, started side by side; or nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::acme::Acme;
use crate::cert_manager::{self, Helm};
use crate::cluster::{self, Cluster};
use crate::down;
use crate::environment::Environment;
use crate::interrupt;
use crate::ports::Ports;
use crate::processes::Ledger;
use crate::state::State;
use crate::tools::{Cache, Extras, Programs};
use crate::{charts, museum, pods, talk};

/// Arguments of `xtask up`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Directory of the sandbox: new, empty, or of one that has ended
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// How many clusters
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=9))]
    pub clusters: u8,
}

/// Starts a sandbox and returns when it is ready.
pub async fn run(args: Args) -> Result<()> {
    let begun = Instant::now();
    let state = State::claim(&args.state)?;
    let programs = interrupt::or_signal(Programs::ensure(&Cache::open()?, &Extras::from_env())).await?;
    let built = begun.elapsed();
    start(&state, &programs, usize::from(args.clusters)).await?;
    talk::line(&format!(
        "ready in {}: . {}",
        talk::elapsed(begun.elapsed().saturating_sub(built)),
        state.file("env").display()
    ));
    Ok(())
}

/// Starts everything in a directory and returns the variables of its `env`. When that fails or is
/// interrupted, nothing of it runs any more.
pub async fn start(
    state: &State,
    programs: &Programs,
    clusters: usize,
) -> Result<Vec<(&'static str, String)>> {
    let ledger = state.ledger()?;
    let begun = Box::pin(begin(state, programs, clusters, &ledger));
    let started = interrupt::or_signal(talk::when_slow("the sandbox starts", begun)).await;
    if started.is_err() {
        talk::line("stopping what was started");
        down::stop(state, &ledger).await.context("stop a sandbox that did not start")?;
    }
    started
}

async fn begin(
    state: &State,
    programs: &Programs,
    count: usize,
    ledger: &Ledger,
) -> Result<Vec<(&'static str, String)>> {
    let mut ports = Ports::from(std::process::id());
    let acme = Acme::prepare(state, &mut ports)?;
    let museum_port = ports.choose()?;
    let names = cluster::names(count);
    let clusters: Vec<Cluster> =
        names.iter().map(|name| Cluster::prepare(state, name, &mut ports)).collect::<Result<_>>()?;
    let museum = format!("http://127.0.0.1:{museum_port}");
    let environment = Environment { state, programs, clusters: &clusters, acme: &acme, museum };
    environment.write_files()?;
    let images = state.file("images.json");
    pods::write(&images, programs)?;

    let helm = helm(state, programs)?;
    let servers = async {
        charts::create(&state.file("git/sre-helm-charts.git"), programs)
            .context("make the git repository sre-helm-charts")?;
        acme.start(state, programs, ledger).await?;
        museum::start(state, programs, museum_port, ledger).await
    };
    let clusters = clusters.iter().map(async |cluster| {
        let begun = Instant::now();
        let client = cluster::start(cluster, programs, &images, ledger).await?;
        say(&cluster.name, "the control plane is ready", begun.elapsed());
        cert_manager::install(cluster, &client, &helm, &acme, ledger).await?;
        say(&cluster.name, "cert-manager is ready", begun.elapsed());
        Ok(())
    });
    tokio::try_join!(servers, futures::future::try_join_all(clusters))?;
    environment.write_env()?;
    Ok(environment.variables())
}

fn helm<'a>(state: &State, programs: &'a Programs) -> Result<Helm<'a>> {
    let first = programs.cert_manager.first().context("a chart to install")?;
    Ok(Helm {
        program: &programs.helm,
        home: state.file("helm"),
        kubeconfig: state.file("kubeconfig"),
        chart: &first.chart,
        values: state.file("values/cert-manager"),
    })
}

fn say(cluster: &str, what: &str, after: Duration) {
    talk::line(&format!("{cluster}: {what} ({})", talk::elapsed(after)));
}
