//! What all pods of the node share.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::ContainerStatus;
use kube::Client;
use kube::config::Kubeconfig;
use tokio::sync::watch;

use super::event::Events;
use super::ports::{Addresses, LocalPorts};
use super::status::Seen;
use crate::processes::Ledger;

/// The node as its pods see it.
pub(super) struct Host {
    pub(super) client: Client,
    /// The node's own way into the cluster; pods get its server, never its credentials.
    pub(super) kubeconfig: Kubeconfig,
    /// The name of the Node object.
    pub(super) node: String,
    pub(super) state: PathBuf,
    /// The table of images, read again at every pull.
    pub(super) images: PathBuf,
    /// The running containers by `namespace/pod/container`, written down so that none is ever left behind.
    pub(super) children: Ledger,
    pub(super) addresses: Addresses,
    pub(super) ports: LocalPorts,
    pub(super) events: Events,
    pub(super) pods: Pods,
}

impl Host {
    /// Where everything of one pod is kept, named as the kubelet names its log directories.
    pub(super) fn pod_directory(&self, namespace: &str, pod: &str, uid: &str) -> PathBuf {
        self.state.join("pods").join(format!("{namespace}_{pod}_{uid}"))
    }

    /// What is known of a container now; more exact than the API server, which hears of it a moment later.
    pub(super) fn container(&self, namespace: &str, pod: &str, container: &str) -> Option<ContainerStatus> {
        self.pods.get(namespace, pod)?.borrow().find(container).cloned()
    }
}

/// The pods of the node by namespace and name, with what is seen of their containers.
#[derive(Debug, Default)]
pub(super) struct Pods {
    seen: Mutex<HashMap<(String, String), watch::Receiver<Seen>>>,
}

impl Pods {
    /// Makes a pod known, in the place of an earlier one of the same name.
    pub(super) fn insert(&self, namespace: &str, pod: &str, seen: watch::Receiver<Seen>) {
        let mut pods = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        pods.insert((namespace.into(), pod.into()), seen);
    }

    /// Forgets a pod, unless another one has taken its name already.
    pub(super) fn remove(&self, namespace: &str, pod: &str, seen: &watch::Receiver<Seen>) {
        let mut pods = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (namespace.to_string(), pod.to_string());
        if pods.get(&key).is_some_and(|known| known.same_channel(seen)) {
            pods.remove(&key);
        }
    }

    fn get(&self, namespace: &str, pod: &str) -> Option<watch::Receiver<Seen>> {
        let pods = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        pods.get(&(namespace.to_string(), pod.to_string())).cloned()
    }
}
