//! The command lines of a control plane.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Cluster, Users, path};
use crate::processes::Daemon;
use crate::tools::Programs;

/// Every Service gets an address out of this range; 10.0.0.1 is the API server's.
const SERVICES: &str = "10.0.0.0/24";

/// The API server must not announce a loopback address. Nobody connects to this one, of a range that is
/// reserved for documentation.
const ADVERTISED: &str = "192.0.2.1";

impl Cluster {
    pub(super) fn etcd(&self, programs: &Programs) -> Daemon {
        let client = format!("http://127.0.0.1:{}", self.ports.etcd);
        let peer = format!("http://127.0.0.1:{}", self.ports.etcd_peer);
        let args = vec![
            format!("--data-dir={}", self.file("etcd")),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            // A crash of the machine may lose the sandbox; a crash of etcd does not.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        self.daemon("etcd", &programs.etcd, args, vec![self.ports.etcd, self.ports.etcd_peer])
    }

    pub(super) fn api_server(&self, programs: &Programs) -> Daemon {
        let args = vec![
            format!("--etcd-servers=http://127.0.0.1:{}", self.ports.etcd),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--advertise-address={ADVERTISED}"),
            format!("--secure-port={}", self.ports.api_server),
            format!("--tls-cert-file={}", self.file("server.crt")),
            format!("--tls-private-key-file={}", self.file("server.key")),
            // Without these three the controller manager logs errors for ever.
            format!("--client-ca-file={}", self.file("ca.crt")),
            format!("--requestheader-client-ca-file={}", self.file("ca.crt")),
            "--requestheader-allowed-names=front-proxy".to_owned(),
            format!("--token-auth-file={}", self.file("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            format!("--service-cluster-ip-range={SERVICES}"),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
            format!("--service-account-key-file={}", self.file("service-accounts.pub")),
            format!("--service-account-signing-key-file={}", self.file("service-accounts.key")),
            format!("--egress-selector-config-file={}", self.file("egress.yaml")),
            // The node's host name is known to nobody.
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            "--profiling=false".to_owned(),
        ];
        self.daemon("kube-apiserver", &programs.api_server, args, vec![self.ports.api_server])
    }

    pub(super) fn controller_manager(&self, programs: &Programs) -> Daemon {
        let args = vec![
            format!("--kubeconfig={}", path(&self.kubeconfig(Users::CONTROLLER_MANAGER))),
            format!("--service-account-private-key-file={}", self.file("service-accounts.key")),
            format!("--root-ca-file={}", self.file("ca.crt")),
            "--use-service-account-credentials".to_owned(),
            // The node agent is no kubelet that could be unreachable, and it makes up its pods' addresses.
            "--controllers=*,-node-lifecycle-controller,-node-ipam-controller".to_owned(),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            "--kube-api-qps=200".to_owned(),
            "--kube-api-burst=400".to_owned(),
        ];
        self.daemon("kube-controller-manager", &programs.controller_manager, args, Vec::new())
    }

    pub(super) fn scheduler(&self, programs: &Programs) -> Daemon {
        let args = vec![
            format!("--kubeconfig={}", path(&self.kubeconfig(Users::SCHEDULER))),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        self.daemon("kube-scheduler", &programs.scheduler, args, Vec::new())
    }

    /// `xtask` is the program of this crate, which is also the node agent.
    pub(super) fn node_agent(&self, xtask: &Path, images: &Path) -> Daemon {
        let args = vec![
            "node-agent".to_owned(),
            format!("--kubeconfig={}", path(&self.kubeconfig(Users::ADMIN))),
            format!("--cluster={}", self.name),
            format!("--state={}", path(&self.node_directory())),
            format!("--egress-socket={}", path(&self.egress)),
            format!("--images={}", path(images)),
        ];
        self.daemon("node-agent", xtask, args, Vec::new())
    }

    pub(super) fn node_directory(&self) -> PathBuf {
        self.directory.join("node")
    }

    /// The API server connects to webhooks and to the node through the node agent's socket.
    pub(super) fn write_egress(&self) -> Result<()> {
        let text = format!(
            "apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
  - name: cluster
    connection:
      proxyProtocol: HTTPConnect
      transport: {{ uds: {{ udsName: {:?} }} }}
",
            path(&self.egress)
        );
        let file = self.directory.join("egress.yaml");
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))
    }

    fn daemon(&self, name: &str, program: &Path, args: Vec<String>, ports: Vec<u16>) -> Daemon {
        Daemon {
            name: format!("{}/{name}", self.name),
            program: program.to_owned(),
            args,
            env: BTreeMap::new(),
            directory: self.directory.clone(),
            log: self.directory.join("logs").join(format!("{name}.log")),
            ports,
        }
    }
}
