//! From a container of a pod to what is started for it: program, arguments, variables and local ports.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::Container;

use super::environment::{self, Environment, expand};
use super::flags;
use super::host::Host;
use super::place::PodPlace;
use super::probe;
use super::process::{self, Launch};
use super::volume::Mounts;
use crate::images::{self, Image, Kind};

/// Why a container cannot be started, by the kubelet's reasons.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// `ErrImagePull`, then `ImagePullBackOff`.
    Pull(String),
    /// `CreateContainerConfigError`: something that it refers to is missing.
    Config(String),
    /// `CreateContainerError`: this node cannot do what it asks for.
    Create(String),
}

impl Blocked {
    fn create(error: impl Display) -> Self {
        Self::Create(format!("{error:#}"))
    }
}

/// Looks the image up and puts everything together; local ports are given out anew at every start.
pub(super) async fn prepare(host: &Host, place: &PodPlace, container: &Container) -> Result<Launch, Blocked> {
    let image = pull(host, container.image.as_deref().unwrap_or_default())?;
    if let Some(kind) = probe::unsupported(container) {
        return Err(Blocked::Create(format!("this node performs no {kind} probes")));
    }
    let ports = declared_ports(host, place, container)?;
    let base = base(place, &ports);
    let environment = environment::resolve(&host.client, &place.pod, &place.ip.to_string(), container, base)
        .await
        .map_err(|error| Blocked::Config(error.to_string()))?;
    let mounts = Mounts::of(container, place);
    let environment = environment.into_iter().map(|(name, value)| (name, mounts.relocate(&value))).collect();
    let (program, args) = command(container, &image, &environment);
    let args: Vec<String> = args.iter().map(|arg| mounts.relocate(arg)).collect();
    let local = |port| ports.get(&port).map_or_else(|| host.ports.assign(place.ip, port), |local| Ok(*local));
    let named = container.ports.as_deref().unwrap_or_default();
    let mut args = flags::rewrite(&args, &image, named, local).map_err(Blocked::create)?;
    args.extend(kubeconfig_flag(&image, place));
    if !process::is_there(&program) {
        return Err(Blocked::Create(format!("exec: \"{}\": no such file or directory", program.display())));
    }
    Ok(Launch {
        program,
        args,
        env: environment,
        host_name: place.host_name(),
        directory: place.directory.clone(),
    })
}

fn pull(host: &Host, reference: &str) -> Result<Image, Blocked> {
    let images = images::read(&host.images).map_err(|error| Blocked::Pull(format!("{error:#}")))?;
    // What is pinned by a digest is known by its tag.
    let known = reference.split_once('@').map_or(reference, |(tagged, _)| tagged);
    images.get(known).cloned().ok_or_else(|| Blocked::Pull(format!("{reference}: not found")))
}

fn declared_ports(
    host: &Host,
    place: &PodPlace,
    container: &Container,
) -> Result<BTreeMap<u16, u16>, Blocked> {
    let declared =
        container.ports.iter().flatten().filter_map(|port| u16::try_from(port.container_port).ok());
    declared.map(|port| Ok((port, host.ports.assign(place.ip, port).map_err(Blocked::create)?))).collect()
}

/// What every process finds in its environment; nothing of the agent's own but `PATH`.
fn base(place: &PodPlace, ports: &BTreeMap<u16, u16>) -> Environment {
    let mut base = Environment::from([
        ("PATH".into(), std::env::var("PATH").unwrap_or_default()),
        ("HOME".into(), place.directory.display().to_string()),
        ("HOSTNAME".into(), place.host_name()),
    ]);
    base.extend(place.kubeconfig.iter().map(|file| ("KUBECONFIG".into(), file.display().to_string())));
    base.extend(ports.iter().map(|(port, local)| (format!("PORT_{port}"), local.to_string())));
    base
}

/// A container's own command replaces the program of an image of kind `program`; for the others only its
/// arguments count.
fn command(container: &Container, image: &Image, environment: &Environment) -> (PathBuf, Vec<String>) {
    let own = container.command.as_deref().unwrap_or_default();
    let args = container.args.as_deref().unwrap_or_default();
    let (program, before) = match own.split_first() {
        Some((program, rest)) if image.kind == Kind::Program => {
            (PathBuf::from(expand(program, environment)), rest)
        }
        Some((_, rest)) => (image.program.clone(), rest),
        None => (image.program.clone(), image.args_prefix.as_slice()),
    };
    (program, before.iter().chain(args).map(|arg| expand(arg, environment)).collect())
}

/// cainjector, `ctl` and the newer check read `KUBECONFIG`; the others need the flag.
fn kubeconfig_flag(image: &Image, place: &PodPlace) -> Option<String> {
    let file = place.kubeconfig.as_ref()?;
    match image.kind {
        Kind::Controller | Kind::Webhook => Some(format!("--kubeconfig={}", file.display())),
        Kind::Cainjector | Kind::Ctl | Kind::Startupapicheck | Kind::Program => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn line(kind: Kind, container: &Value) -> String {
        let image = Image {
            program: "/bin/sh".into(),
            args_prefix: vec!["-c".into(), "listen $(PORT_80)".into()],
            kind,
            version: String::new(),
        };
        let container = serde_json::from_value(container.clone()).expect("a container");
        let environment =
            Environment::from([("POD_NAMESPACE".into(), "ns".into()), ("PORT_80".into(), "20080".into())]);
        let (program, args) = command(&container, &image, &environment);
        format!("{} {}", program.display(), args.join("|"))
    }

    #[test]
    fn command_and_arguments_follow_the_rules_of_images() {
        let args = json!({"name": "c", "args": ["--namespace=$(POD_NAMESPACE)"]});
        assert_eq!(line(Kind::Program, &args), "/bin/sh -c|listen 20080|--namespace=ns");
        let command = json!({"name": "c", "command": ["echo", "$(POD_NAMESPACE)"], "args": ["b"]});
        assert_eq!(line(Kind::Program, &command), "echo ns|b");
        assert_eq!(line(Kind::Ctl, &command), "/bin/sh ns|b");
    }
}
