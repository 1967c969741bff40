//! Which cluster and namespace: helm's global arguments and the environment variables that stand for them.

use std::path::PathBuf;

use clap::Args;

use crate::cluster::context::{self, ClusterChoice};
use crate::cluster::{Cluster, kubeconfig};
use crate::config::ReleaseId;
use crate::failure::Failure;
use crate::redact::Secret;

/// The heading of these arguments in the help.
const HEADING: &str = "Which cluster";
/// The heading of what helm takes and this program needs no more.
const UNNEEDED: &str = "Accepted and not needed";

/// Which cluster and namespace.
#[derive(Debug, Clone, Args)]
pub struct KubeArgs {
    /// Namespace scope for this request
    #[arg(short, long, env = "HELM_NAMESPACE", hide_env_values = true, global = true, help_heading = HEADING, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Path to the kubeconfig file
    #[arg(long, global = true, help_heading = HEADING, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Name of the kubeconfig context to use
    #[arg(long, env = "HELM_KUBECONTEXT", hide_env_values = true, global = true, help_heading = HEADING, value_name = "NAME")]
    pub kube_context: Option<String>,
    /// Bearer token used for authentication
    #[arg(long, env = "HELM_KUBETOKEN", hide_env_values = true, value_parser = secret, global = true, help_heading = HEADING, value_name = "TOKEN")]
    pub kube_token: Option<Secret>,
    /// Username to impersonate for the operation
    #[arg(long, env = "HELM_KUBEASUSER", hide_env_values = true, global = true, help_heading = HEADING, value_name = "NAME")]
    pub kube_as_user: Option<String>,
    /// Group to impersonate for the operation (repeatable)
    #[arg(long, env = "HELM_KUBEASGROUPS", hide_env_values = true, value_delimiter = ',', global = true, help_heading = HEADING, value_name = "NAME")]
    pub kube_as_group: Vec<String>,
    /// The address and the port for the Kubernetes API server
    #[arg(long, env = "HELM_KUBEAPISERVER", hide_env_values = true, global = true, help_heading = HEADING, value_name = "URL")]
    pub kube_apiserver: Option<String>,
    /// The certificate authority file for the Kubernetes API server connection
    #[arg(long, env = "HELM_KUBECAFILE", hide_env_values = true, global = true, help_heading = HEADING, value_name = "FILE")]
    pub kube_ca_file: Option<String>,
    /// Server name to use for Kubernetes API server certificate validation
    #[arg(long, env = "HELM_KUBETLS_SERVER_NAME", hide_env_values = true, global = true, help_heading = HEADING, value_name = "NAME")]
    pub kube_tls_server_name: Option<String>,
    /// Do not check the Kubernetes API server's certificate
    #[arg(long, global = true, help_heading = HEADING)]
    pub kube_insecure_skip_tls_verify: bool,
    /// What helm takes too.
    #[command(flatten)]
    pub unneeded: UnneededKubeArgs,
}

/// Arguments of helm about things that this program does in another way.
#[derive(Debug, Clone, Args)]
pub struct UnneededKubeArgs {
    /// Enable verbose output: use -v
    #[arg(long, global = true, help_heading = UNNEEDED)]
    pub debug: bool,
    /// Use colored output (never, auto, always)
    #[arg(long, visible_alias = "colour", global = true, help_heading = UNNEEDED, value_name = "WHEN")]
    pub color: Option<String>,
    /// Client-side default throttling limit
    #[arg(long, global = true, help_heading = UNNEEDED, value_name = "NUMBER")]
    pub burst_limit: Option<String>,
    /// Queries per second used when communicating with the Kubernetes API
    #[arg(long, global = true, help_heading = UNNEEDED, value_name = "NUMBER")]
    pub qps: Option<String>,
    /// Path to the registry config file
    #[arg(long, global = true, help_heading = UNNEEDED, value_name = "FILE")]
    pub registry_config: Option<PathBuf>,
    /// Path to the file containing repository names and URLs
    #[arg(long, global = true, help_heading = UNNEEDED, value_name = "FILE")]
    pub repository_config: Option<PathBuf>,
    /// Path to the directory containing cached repository indexes
    #[arg(long, global = true, help_heading = UNNEEDED, value_name = "DIR")]
    pub repository_cache: Option<PathBuf>,
    /// Path to the directory containing cached content
    #[arg(long, global = true, help_heading = UNNEEDED, value_name = "DIR")]
    pub content_cache: Option<PathBuf>,
}

/// A cluster, and a release on it.
pub type Place = (Cluster, ReleaseId);

impl KubeArgs {
    /// The namespace that is meant. Asks no cluster.
    pub fn namespace(&self) -> String {
        context::namespace(&looked(), &self.choice())
    }

    /// The cluster, and the namespace that is meant.
    pub async fn connect(&self) -> Result<(Cluster, String), Failure> {
        check_driver(std::env::var("HELM_DRIVER").ok().as_deref())?;
        Ok(context::connect(looked(), &self.choice()).await?)
    }

    /// The cluster, and the full name of a release on it.
    pub async fn connect_to(&self, release: &str) -> Result<Place, Failure> {
        let (cluster, namespace) = self.connect().await?;
        Ok((cluster, ReleaseId { name: release.to_owned(), namespace }))
    }

    fn choice(&self) -> ClusterChoice {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        ClusterChoice {
            kubeconfig: self.kubeconfig.clone(),
            context: given(&self.kube_context),
            namespace: given(&self.namespace),
            server: given(&self.kube_apiserver),
            token: self
                .kube_token
                .as_ref()
                .map(|token| token.reveal().to_owned())
                .filter(|token| !token.is_empty()),
            as_user: given(&self.kube_as_user),
            as_groups: self.kube_as_group.iter().filter(|group| !group.is_empty()).cloned().collect(),
            ca_file: given(&self.kube_ca_file),
            tls_server_name: given(&self.kube_tls_server_name),
            insecure: self.kube_insecure_skip_tls_verify || insecure_by_environment(),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a value parser may fail")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// Releases that are kept elsewhere must not look as if they were not there.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("HELM_DRIVER is {0:?}, but only releases in Secrets are supported")]
struct OtherDriver(String);

fn check_driver(driver: Option<&str>) -> Result<(), OtherDriver> {
    match driver {
        None | Some("" | "secret" | "secrets") => Ok(()),
        Some(other) => Err(OtherDriver(other.to_owned())),
    }
}

fn looked() -> Vec<PathBuf> {
    kubeconfig::paths(std::env::var_os("KUBECONFIG").as_deref(), std::env::var_os("HOME").as_deref())
}

fn insecure_by_environment() -> bool {
    std::env::var("HELM_KUBEINSECURE_SKIP_TLS_VERIFY")
        .is_ok_and(|value| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_that_are_kept_elsewhere_are_not_looked_for() {
        assert_eq!(
            (check_driver(None), check_driver(Some("")), check_driver(Some("secret"))),
            (Ok(()), Ok(()), Ok(()))
        );
        assert_eq!(check_driver(Some("configmap")), Err(OtherDriver("configmap".to_owned())));
    }
}
