//! `helm install`, with the values that release.yaml has too.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tokio::process::Command;

use crate::cluster::Cluster;
use crate::external;
use crate::processes::Ledger;

/// Real Helm, with files of its own: the user's configuration, plugins and repositories stay out.
#[derive(Debug)]
pub(crate) struct Helm<'a> {
    /// The program.
    pub(crate) program: &'a Path,
    /// Where it keeps its files.
    pub(crate) home: PathBuf,
    /// The kubeconfig with every cluster.
    pub(crate) kubeconfig: PathBuf,
    /// The chart to install.
    pub(crate) chart: &'a Path,
    /// Directory of the values files: `common.yaml` and one for each cluster.
    pub(crate) values: PathBuf,
}

impl Helm<'_> {
    /// Installs the chart; returns when its Deployments are available and its own check of the API has
    /// passed. Helm is recorded while it runs.
    pub(super) async fn install(&self, cluster: &Cluster, ledger: &Ledger) -> Result<()> {
        let mut command = self.command(&cluster.name);
        command.args(["install", "cert-manager"]).arg(self.chart);
        command.args(["--namespace", "cert-manager", "--create-namespace", "--wait", "--timeout", "3m"]);
        for file in ["common.yaml", &format!("{}.yaml", cluster.name)] {
            command.arg("--values").arg(self.values.join(file));
        }
        let name = format!("{}/helm", cluster.name);
        external::run_watched("run helm", &mut command, |pid| ledger.record(&name, pid, None).map(|_| ()))
            .await?;
        ledger.forget(&name)
    }

    fn command(&self, context: &str) -> Command {
        let mut command = Command::new(self.program);
        command.args(["--kube-context", context]).env("KUBECONFIG", &self.kubeconfig);
        for (variable, directory) in
            [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
        {
            command.env(variable, self.home.join(directory));
        }
        command
    }
}
