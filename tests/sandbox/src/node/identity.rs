//! A pod's own way into the cluster: a kubeconfig with the token of its service account, so that the chart's
//! RBAC is what counts.
//!
//! The token is bound to the pod, lives an hour, and is renewed in its file, which Kubernetes' clients read
//! again by themselves.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::config::Kubeconfig;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::host::Host;

const LIFETIME_SECONDS: i64 = 3600;
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// The files of one pod's identity.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    directory: PathBuf,
}

impl Identity {
    /// Whose files lie in the pod's directory.
    pub(super) fn of(pod_directory: &Path) -> Self {
        Self { directory: pod_directory.join("identity") }
    }

    /// The kubeconfig.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    /// Asks for a token and writes both files; says how long to wait before `renew`.
    pub(super) async fn issue(&self, host: &Host, pod: &Pod) -> Result<Duration> {
        std::fs::create_dir_all(&self.directory)
            .with_context(|| format!("create {}", self.directory.display()))?;
        let wait = self.renew(host, pod).await?;
        let kubeconfig =
            kubeconfig(&host.kubeconfig, &pod.namespace().unwrap_or_default(), &self.token_file())?;
        write(&self.kubeconfig(), kubeconfig.to_string().as_bytes())
            .context("write the kubeconfig of a pod")?;
        Ok(wait)
    }

    /// Renews the token for ever, before it expires.
    pub(super) async fn keep(&self, host: &Host, pod: &Pod, first: Duration) {
        let mut wait = first;
        loop {
            tokio::time::sleep(wait).await;
            wait = self.renew(host, pod).await.unwrap_or_else(|error| {
                tracing::warn!(error = format!("{error:#}"), pod = pod.name_any(), "renew a token");
                TRY_AGAIN
            });
        }
    }

    /// Removes the files: they are secrets.
    pub(super) fn remove(&self) {
        match std::fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, directory = %self.directory.display(), "remove the identity of a pod");
            }
            Ok(()) | Err(_) => {}
        }
    }

    async fn renew(&self, host: &Host, pod: &Pod) -> Result<Duration> {
        let account = service_account(pod);
        let namespace = pod.namespace().unwrap_or_default();
        let accounts: Api<ServiceAccount> = Api::namespaced(host.client.clone(), &namespace);
        let answer = accounts.create_token_request(&account, &PostParams::default(), &request(pod)).await;
        let status = answer
            .with_context(|| format!("get a token for serviceaccount {namespace}/{account}"))?
            .status
            .unwrap_or_default();
        write(&self.token_file(), status.token.unwrap_or_default().as_bytes())
            .context("write the token of a pod")?;
        let expires = status.expiration_timestamp.map_or_else(Timestamp::now, |time| time.0);
        Ok(renew_in(expires, Timestamp::now()))
    }

    fn token_file(&self) -> PathBuf {
        self.directory.join("token")
    }
}

/// Whether the pod wants a token at all.
pub(super) fn is_wanted(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.automount_service_account_token) != Some(false)
}

fn service_account(pod: &Pod) -> String {
    let name = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone());
    name.unwrap_or_else(|| "default".into())
}

fn request(pod: &Pod) -> TokenRequest {
    let bound = BoundObjectReference {
        api_version: Some("v1".into()),
        kind: Some("Pod".into()),
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
    };
    let spec = TokenRequestSpec {
        bound_object_ref: Some(bound),
        expiration_seconds: Some(LIFETIME_SECONDS),
        ..TokenRequestSpec::default()
    };
    TokenRequest { spec: Some(spec), ..TokenRequest::default() }
}

/// After four fifths of what is left, as the kubelet does.
fn renew_in(expires: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::try_from(expires.duration_since(now)).unwrap_or_default();
    (left * 4 / 5).max(TRY_AGAIN)
}

/// The server of the node's kubeconfig, and the pod's own token.
fn kubeconfig(node: &Kubeconfig, namespace: &str, token_file: &Path) -> Result<Value> {
    let context = node.current_context.as_deref().unwrap_or_default();
    let context = node
        .contexts
        .iter()
        .find(|candidate| candidate.name == context)
        .and_then(|found| found.context.as_ref());
    let name = context.context("the node's kubeconfig has no current context")?.cluster.clone();
    let cluster = node
        .clusters
        .iter()
        .find(|candidate| candidate.name == name)
        .and_then(|found| found.cluster.as_ref());
    let cluster = cluster.with_context(|| format!("the node's kubeconfig has no cluster {name}"))?;
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": "pod", "user": {"tokenFile": token_file}}],
        "contexts": [{"name": "pod", "context": {"cluster": name, "user": "pod", "namespace": namespace}}],
        "current-context": "pod",
    }))
}

/// Written aside and renamed, so that nobody ever reads half a token; readable by the owner only.
fn write(file: &Path, content: &[u8]) -> io::Result<()> {
    let aside = file.with_extension("new");
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?
        .write_all(content)?;
    std::fs::rename(aside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_well_before_it_expires() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let now = time("2026-01-01T00:00:00Z");
        assert_eq!(renew_in(time("2026-01-01T01:00:00Z"), now), Duration::from_mins(48));
        assert_eq!(renew_in(time("2025-12-31T00:00:00Z"), now), TRY_AGAIN);
    }

    #[test]
    fn a_pods_kubeconfig_has_the_nodes_server_and_none_of_its_credentials() {
        let node: Kubeconfig = serde_json::from_value(json!({
            "clusters": [{"name": "dev", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": "Q0E="}}],
            "users": [{"name": "admin", "user": {"token": "very-secret"}}],
            "contexts": [{"name": "admin@dev", "context": {"cluster": "dev", "user": "admin"}}],
            "current-context": "admin@dev",
        }))
        .expect("a kubeconfig");
        let pod = kubeconfig(&node, "cert-manager", Path::new("/p/token")).expect("a kubeconfig").to_string();
        assert!(!pod.contains("very-secret"), "{pod}");
        let read = Kubeconfig::from_yaml(&pod).expect("it reads as one");
        let cluster = read.clusters[0].cluster.clone().expect("a cluster");
        assert_eq!(cluster.server.as_deref(), Some("https://127.0.0.1:1"));
        assert_eq!(cluster.certificate_authority_data.as_deref(), Some("Q0E="));
        assert_eq!(
            read.auth_infos[0].auth_info.clone().expect("a user").token_file.as_deref(),
            Some("/p/token")
        );
    }
}
