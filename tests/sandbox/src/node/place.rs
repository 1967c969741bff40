//! Where a pod lives on the node: its names, its address, its files.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt;

use super::host::Host;
use super::identity::{self, Identity};
use super::process;

/// The place of one pod.
#[derive(Debug)]
pub(super) struct PodPlace {
    pub(super) pod: Pod,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) ip: IpAddr,
    pub(super) directory: PathBuf,
    pub(super) kubeconfig: Option<PathBuf>,
    /// The grace period of its spec.
    pub(super) grace: Duration,
}

impl PodPlace {
    /// Gives the pod its place; the address that it had, if it had one.
    pub(super) fn take(host: &Host, pod: Pod) -> Self {
        let (namespace, name, uid) =
            (pod.namespace().unwrap_or_default(), pod.name_any(), pod.uid().unwrap_or_default());
        let had = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref()?.parse::<Ipv4Addr>().ok());
        let directory = host.pod_directory(&namespace, &name, &uid);
        let kubeconfig = identity::is_wanted(&pod).then(|| Identity::of(&directory).kubeconfig());
        let grace =
            pod.spec.as_ref().and_then(|spec| u64::try_from(spec.termination_grace_period_seconds?).ok());
        let ip = IpAddr::from(host.addresses.take(had));
        Self {
            namespace,
            name,
            uid,
            ip,
            directory,
            kubeconfig,
            grace: Duration::from_secs(grace.unwrap_or(30)),
            pod,
        }
    }

    /// Frees the address and the ports, and removes the secrets; logs stay.
    pub(super) fn give_back(&self, host: &Host) {
        if let IpAddr::V4(address) = self.ip {
            host.addresses.give_back(address);
        }
        host.ports.forget(self.ip);
        Identity::of(&self.directory).remove();
    }

    /// The host name that its processes see.
    pub(super) fn host_name(&self) -> String {
        let own = self.pod.spec.as_ref().and_then(|spec| spec.hostname.as_deref());
        process::host_name(own.unwrap_or(&self.name))
    }

    /// `name_namespace(uid)`, the kubelet's way to name a pod in messages.
    pub(super) fn name_and_uid(&self) -> String {
        format!("{}_{}({})", self.name, self.namespace, self.uid)
    }

    /// The list of the spec that a container stands in.
    pub(super) fn list_of(&self, container: &str) -> &'static str {
        if self.is_init(container) { "initContainers" } else { "containers" }
    }

    /// Whether a container runs before the others.
    pub(super) fn is_init(&self, container: &str) -> bool {
        self.init_containers().iter().any(|init| init.name == container)
    }

    /// The containers that run before the others.
    pub(super) fn init_containers(&self) -> &[Container] {
        self.pod.spec.as_ref().and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default()
    }

    /// When its containers are started again.
    pub(super) fn restart_policy(&self) -> String {
        let policy = self.pod.spec.as_ref().and_then(|spec| spec.restart_policy.clone());
        policy.unwrap_or_else(|| "Always".into())
    }

    /// Whether it will never run again.
    pub(super) fn has_finished(&self) -> bool {
        let phase = self.pod.status.as_ref().and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    }
}
