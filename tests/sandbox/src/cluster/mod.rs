//! One cluster: etcd, API server, controller manager, scheduler and a node agent, on ports of its own.

mod authority;
mod control_plane;
pub mod kubeconfig;
mod start;
mod users;

use std::path::{Path, PathBuf};

use anyhow::Result;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

pub use kubeconfig::Access;
pub use start::start;
pub use users::Users;

use crate::ports::Ports;
use crate::state::State;
use authority::Authority;

/// Where the cluster is and how it is reached. Made before anything starts.
#[derive(Debug)]
pub struct Cluster {
    /// Its name, also its context in the kubeconfig, e.g. `eks-development-1`.
    pub name: String,
    /// Directory of its keys, data and logs.
    pub directory: PathBuf,
    /// Unix socket on which the node agent takes the API server's connections into the cluster.
    pub egress: PathBuf,
    /// Who may log in.
    pub users: Users,
    authority: Authority,
    ports: ControlPlanePorts,
}

#[derive(Debug)]
struct ControlPlanePorts {
    etcd: u16,
    etcd_peer: u16,
    api_server: u16,
}

impl Cluster {
    /// Chooses ports, makes keys and tokens, and writes them to disk.
    pub fn prepare(state: &State, name: &str, ports: &mut Ports) -> Result<Self> {
        let directory = state.file("clusters").join(name);
        let authority = Authority::create(&directory)?;
        let users = Users::create(&directory)?;
        let ports = ControlPlanePorts {
            etcd: ports.choose()?,
            etcd_peer: ports.choose()?,
            api_server: ports.choose()?,
        };
        // Above the cluster's own directory: the path of a socket is limited.
        let egress = state.file("clusters").join(format!("{name}.sock"));
        let cluster = Self { name: name.to_owned(), directory, egress, users, authority, ports };
        cluster.write_kubeconfigs()?;
        Ok(cluster)
    }

    /// The stage that the name stands for: `development` for `eks-development-1`.
    #[must_use]
    pub fn wave(&self) -> &str {
        self.name.split('-').nth(1).unwrap_or(&self.name)
    }

    /// URL of the API server.
    #[must_use]
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.api_server)
    }

    /// The kubeconfig of one user inside the cluster's directory.
    #[must_use]
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.directory.join(format!("{user}.kubeconfig"))
    }

    /// How a user reaches this cluster, under a context of this name.
    #[must_use]
    pub fn access(&self, context: &str, token: &str) -> kubeconfig::Access {
        kubeconfig::Access {
            context: context.to_owned(),
            cluster: self.name.clone(),
            server: self.server(),
            authority: self.authority.certificate.clone(),
            token: token.to_owned(),
        }
    }

    /// A client with all rights.
    pub async fn client(&self) -> Result<Client> {
        let file = Kubeconfig::read_from(self.kubeconfig(Users::ADMIN))?;
        Ok(Client::try_from(Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?)?)
    }

    fn write_kubeconfigs(&self) -> Result<()> {
        for user in self.users.all() {
            kubeconfig::write(&self.kubeconfig(user.name), &[self.access(&self.name, &user.token)])?;
        }
        Ok(())
    }

    fn file(&self, name: &str) -> String {
        path(&self.directory.join(name))
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// The names of the first clusters: development, staging, production, then a second of each.
#[must_use]
pub fn names(count: usize) -> Vec<String> {
    let stages = ["development", "staging", "production"];
    (0..count)
        .map(|index| format!("eks-{}-{}", stages[index % stages.len()], index / stages.len() + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_named_in_the_order_of_a_rollout() {
        assert_eq!(names(4), ["eks-development-1", "eks-staging-1", "eks-production-1", "eks-development-2"]);
    }
}
