//! The node agent: makes the pods of one cluster real, as processes of this machine.
//!
//! It stands where the kubelet, the container runtime and kube-proxy stand: it watches the pods of its Node,
//! runs a process for each container, probes and restarts it, reports its status and events, serves its logs,
//! and carries the API server's connections into the cluster's network. The programs and all of Kubernetes
//! around them are the real ones.
//!
//! It never runs containers: no image is fetched, nothing is mounted (`volume` says what stands for it),
//! limits and security contexts are not applied, and there is no exec, attach, port-forward or lifecycle
//! hook.

mod attempt;
mod backoff;
mod container;
mod container_id;
mod egress;
mod environment;
mod event;
mod flags;
mod host;
mod identity;
mod launch;
mod log;
mod log_server;
mod objects;
mod place;
mod pod;
mod pods;
mod ports;
mod probe;
mod process;
mod publish;
mod registration;
mod status;
mod stop;
mod target;
mod unverified;
mod volume;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config};
use nix::sys::signal::Signal;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use self::egress::Egress;
use self::event::Events;
use self::host::{Host, Pods};
use self::log_server::TlsListener;
use self::pods::Actors;
use self::ports::{Addresses, LocalPorts};
use self::registration::Registration;
use crate::images;
use crate::processes::Ledger;

/// Arguments of `xtask node-agent`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Kubeconfig with full rights on the cluster
    #[arg(long)]
    pub kubeconfig: PathBuf,
    /// Name of the cluster, for the node and the log lines
    #[arg(long)]
    pub cluster: String,
    /// Directory for logs and pod state
    #[arg(long)]
    pub state: PathBuf,
    /// Unix socket on which the API server's egress connections arrive
    #[arg(long)]
    pub egress_socket: PathBuf,
    /// The table of images
    #[arg(long)]
    pub images: PathBuf,
}

/// The record of running containers inside the state directory.
const LEDGER: &str = "containers.json";

/// Runs until SIGTERM or SIGINT, and ends every process that it started.
pub async fn run(args: Args) -> Result<()> {
    tell_what_happens();
    let told_to_end = end_signal()?;
    process::check_host_names().await.context(
        "give a process a host name of its own (`unshare --user --map-root-user --uts`); \
         allow user namespaces, e.g. `sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
    )?;
    images::read(&args.images)?;
    std::fs::create_dir_all(&args.state).with_context(|| format!("create {}", args.state.display()))?;
    end_leftovers(&args.state)?;
    let egress_socket = egress::bind(&args.egress_socket)
        .with_context(|| format!("listen on {}", args.egress_socket.display()))?;
    let log_listener = TlsListener::bind().await.context("listen for readers of logs")?;
    let host = Arc::new(host(args).await?);

    let mut services = JoinSet::new();
    serve(&mut services, &host, egress_socket, log_listener).await?;
    let mut actors = Actors::new(Arc::clone(&host));
    let ended = tokio::select! {
        () = actors.follow() => Err(anyhow::anyhow!("the watch of the pods ended")),
        ended = services.join_next() => Err(anyhow::anyhow!("a part of the node agent ended: {ended:?}")),
        () = told_to_end => Ok(()),
    };
    actors.end().await;
    ended
}

/// To stderr, which `up` writes to a file; `RUST_LOG` asks for more. The client's own errors all come back to
/// us and are told once.
fn tell_what_happens() {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,kube_client=off"));
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(wanted).with_writer(std::io::stderr).with_ansi(false);
    if subscriber.try_init().is_err() {
        tracing::debug!("somebody else listens already");
    }
}

/// Listens from the start on, so that a signal during the start is not lost.
fn end_signal() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn host(args: Args) -> Result<Host> {
    let mut kubeconfig = Kubeconfig::read_from(&args.kubeconfig)
        .with_context(|| format!("read {}", args.kubeconfig.display()))?;
    if kubeconfig.contexts.iter().any(|context| context.name == args.cluster) {
        kubeconfig.current_context = Some(args.cluster.clone());
    }
    let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &KubeConfigOptions::default()).await;
    let client = config
        .context("use the kubeconfig")
        .and_then(|config| Client::try_from(config).context("make a client"))?;
    let node = format!("{}-node", args.cluster);
    let state = std::path::absolute(&args.state).context("find the state directory")?;
    Ok(Host {
        events: Events::start(client.clone(), node.clone()),
        children: Ledger::open(&state.join(LEDGER))?,
        ports: LocalPorts::new(),
        addresses: Addresses::default(),
        pods: Pods::default(),
        images: args.images,
        client,
        kubeconfig,
        node,
        state,
    })
}

/// Registers the node and starts everything that runs beside the pods.
async fn serve(
    services: &mut JoinSet<()>,
    host: &Arc<Host>,
    egress_socket: UnixListener,
    log_listener: TlsListener,
) -> Result<()> {
    let port = log_listener.port().context("find the port for logs")?;
    let (of_services, of_slices) =
        (follow::<Service>(services, &host.client), follow::<EndpointSlice>(services, &host.client));
    services.spawn(Egress::new(Arc::clone(host), of_services, of_slices).serve(egress_socket));
    let logs = log_server::serve(log_listener, Arc::clone(host));
    services.spawn(async move {
        if let Err(error) = logs.await {
            tracing::error!(%error, "serve the logs");
        }
    });
    let registration = Registration::new(host.client.clone(), &host.node, port);
    registration.register().await;
    tracing::info!(node = host.node, "the node is ready");
    services.spawn(async move { registration.keep().await });
    Ok(())
}

/// Keeps all objects of a kind at hand.
fn follow<K>(services: &mut JoinSet<()>, client: &Client) -> Store<K>
where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let (store, writer) = reflector::store();
    let watch =
        watcher(Api::<K>::all(client.clone()), watcher::Config::default()).default_backoff().reflect(writer);
    services.spawn(watch.for_each(|event| async move {
        if let Err(error) = event {
            tracing::warn!(%error, kind = %K::kind(&()), "watch");
        }
    }));
    store
}

/// Ends the containers that an agent left behind which could not end them itself. Safe to call when there are
/// none.
pub fn end_leftovers(state: &Path) -> Result<()> {
    let ledger = Ledger::open(&state.join(LEDGER))?;
    for child in ledger.children() {
        if child.pid.alive() {
            tracing::warn!(
                container = child.name,
                pid = child.pid.pid,
                "end a process that an earlier agent left behind"
            );
            process::signal_group(child.pid.pid, Signal::SIGKILL);
        }
        ledger.forget(&child.name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    fn sleeper() -> std::process::Child {
        Command::new("sleep").arg("60").process_group(0).spawn().expect("sleep starts")
    }

    fn pid(child: &std::process::Child) -> i32 {
        i32::try_from(child.id()).expect("a pid")
    }

    #[test]
    fn leftovers_are_ended_and_strangers_under_their_pids_are_not() {
        let state = tempfile::tempdir().expect("a directory");
        let file = state.path().join(LEDGER);
        let (mut left, mut stranger) = (sleeper(), sleeper());
        let ledger = Ledger::open(&file).expect("a ledger");
        ledger.record("ns/left/c", pid(&left), None).expect("recorded");
        ledger.record("ns/stranger/c", pid(&stranger), None).expect("recorded");
        let mut record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).expect("the record")).expect("it reads");
        record[1]["started"] = 1.into(); // somebody else had this pid
        std::fs::write(&file, record.to_string()).expect("it is written");

        end_leftovers(state.path()).expect("the record reads");
        assert_eq!(left.wait().expect("it ended").signal(), Some(9));
        assert!(stranger.try_wait().expect("it can be asked").is_none(), "the stranger lives");
        assert_eq!(Ledger::open(&file).expect("a ledger").children(), []);
        stranger.kill().expect("it is ours");
        stranger.wait().expect("it ended");
    }

    #[test]
    fn no_record_is_no_leftover() {
        end_leftovers(tempfile::tempdir().expect("a directory").path()).expect("nothing to do");
    }
}
