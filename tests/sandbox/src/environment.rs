//! What a sandbox offers to the programs that use it: `env`, the kubeconfig, `release.yaml` and its values
//! files.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::acme::{Acme, ZONE};
use crate::cluster::{Access, Cluster, Users, kubeconfig};
use crate::state::State;
use crate::tools::Programs;

/// The settings of a finished sandbox.
#[derive(Debug)]
pub struct Environment<'a> {
    /// Its directory.
    pub state: &'a State,
    /// Its programs.
    pub programs: &'a Programs,
    /// Its clusters.
    pub clusters: &'a [Cluster],
    /// Its DNS and ACME servers.
    pub acme: &'a Acme,
    /// URL of its chart repository.
    pub museum: String,
}

impl Environment<'_> {
    /// Writes everything but `env`: Helm needs the kubeconfig and the values before the sandbox is ready.
    pub fn write_files(&self) -> Result<()> {
        let values = self.state.file("values/cert-manager");
        fs::create_dir_all(&values).with_context(|| format!("create {}", values.display()))?;
        write(&values.join("common.yaml"), &self.common_values())?;
        for cluster in self.clusters {
            write(&values.join(format!("{}.yaml", cluster.name)), &cluster_values(cluster))?;
        }
        kubeconfig::write(&self.state.file("kubeconfig"), &self.accesses())?;
        write(&self.state.file("release.yaml"), &self.release_yaml())
    }

    /// Writes `env`, the sign that the sandbox is ready.
    pub fn write_env(&self) -> Result<()> {
        write(&self.state.file("env"), &shell(&self.variables()))
    }

    /// Names and values, for a shell or a child process.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Path| path.display().to_string();
        vec![
            ("KUBECONFIG", path(&self.state.file("kubeconfig"))),
            ("RELEASE_CONFIG", path(&self.state.file("release.yaml"))),
            ("CHARTMUSEUM_URL", self.museum.clone()),
            ("SRE_HELM_CHARTS", self.charts()),
            ("ACME_DIRECTORY", self.acme.directory_url()),
            ("DNS_SERVER", self.acme.dns.to_string()),
            ("DNS_CONTROL", path(&self.acme.dns_control)),
            ("HELM", path(&self.programs.helm)),
            ("HELM_3", path(&self.programs.helm_3)),
        ]
    }

    fn charts(&self) -> String {
        format!("file://{}", self.state.file("git/sre-helm-charts.git").display())
    }

    /// The administrator of every cluster first; then the users who may only look.
    fn accesses(&self) -> Vec<Access> {
        let admins = self
            .clusters
            .iter()
            .map(|cluster| cluster.access(&cluster.name, cluster.users.token(Users::ADMIN)));
        let viewers = self.clusters.iter().map(|cluster| {
            cluster.access(&format!("{}-viewer", cluster.name), cluster.users.token(Users::VIEWER))
        });
        admins.chain(viewers).collect()
    }

    fn common_values(&self) -> String {
        let dns = self.acme.dns;
        format!(
            "installCRDs: true
extraArgs:
  - --dns01-recursive-nameservers={dns}
  - --dns01-recursive-nameservers-only
"
        )
    }

    fn release_yaml(&self) -> String {
        let charts = self.charts();
        let museum = &self.museum;
        let clusters: String = self.clusters.iter().map(cluster_entry).collect();
        let waves = self.waves().join(" }, { name: ");
        format!(
            "charts:
  cert-manager:
    source: {{ git: {charts:?}, ref: main, path: cert-manager }}
    repository: chartmuseum
    release: {{ name: cert-manager, namespace: cert-manager }}
    values: [values/cert-manager/common.yaml]
    profile: cert-manager
    gates:
      settle: 10s
      canary: {{ issuers: [ClusterIssuer/letsencrypt], dns-name: \"{{run}}.canary.demo.{ZONE}\" }}
repositories:
  chartmuseum: {{ url: {museum:?} }}
clusters:
{clusters}waves: [{{ name: {waves} }}]
"
        )
    }

    /// Every wave that has a cluster, in the order of the clusters.
    fn waves(&self) -> Vec<&str> {
        let mut waves = Vec::new();
        for wave in self.clusters.iter().map(Cluster::wave) {
            if !waves.contains(&wave) {
                waves.push(wave);
            }
        }
        waves
    }
}

fn cluster_entry(cluster: &Cluster) -> String {
    let (name, server, wave) = (&cluster.name, cluster.server(), cluster.wave());
    format!(
        "  - name: {name}
    kube: {{ context: {name}, server: {server:?} }}
    wave: {wave}
    values: [values/cert-manager/{name}.yaml]
"
    )
}

/// Something that differs between clusters, so that a wrong file would be noticed.
fn cluster_values(cluster: &Cluster) -> String {
    format!("podLabels:\n  cluster: {}\n", cluster.name)
}

fn shell(variables: &[(&str, String)]) -> String {
    let lines =
        variables.iter().map(|(name, value)| format!("export {name}='{}'", value.replace('\'', r"'\''")));
    lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_written() {
        let text = shell(&[("A", "it's $HOME".to_owned())]);
        let said = std::process::Command::new("sh")
            .args(["-c", &format!("{text}printf %s \"$A\"")])
            .output()
            .expect("a shell");
        assert_eq!(String::from_utf8_lossy(&said.stdout), "it's $HOME");
    }
}
