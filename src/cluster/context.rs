//! The cluster of `release helm`, found as helm finds it: flags, `HELM_KUBE*`, the current context of the
//! kubeconfig, or the pod it runs in.
//!
//! The fleet never comes here: its clusters are named in `release.yaml`, and a current context does not count
//! there.

use std::path::PathBuf;

use kube::Config;
use kube::config::{Kubeconfig, NamedCluster, NamedContext};

use super::Cluster;
use super::client::{self, ConnectError};
use super::kubeconfig::{self, ContextError};

/// The name of the entries that are made for a server that no kubeconfig has.
const OVERRIDE: &str = "command-line";

/// What the command line and the environment say about the cluster; nothing is empty text.
#[derive(Debug, Clone, Default)]
pub struct ClusterChoice {
    /// A kubeconfig to use instead of `KUBECONFIG` and the one in the home directory.
    pub kubeconfig: Option<PathBuf>,
    /// A context instead of the current one.
    pub context: Option<String>,
    /// A namespace instead of the context's.
    pub namespace: Option<String>,
    /// The address of the API server.
    pub server: Option<String>,
    /// A bearer token.
    pub token: Option<String>,
    /// Who to act as.
    pub as_user: Option<String>,
    /// The groups to act as.
    pub as_groups: Vec<String>,
    /// The file of the server's certificate authority.
    pub ca_file: Option<String>,
    /// The name in the server's certificate.
    pub tls_server_name: Option<String>,
    /// Do not check the server's certificate.
    pub insecure: bool,
}

/// A cluster, and the namespace that is meant when none is said.
pub type Chosen = (Cluster, String);

/// The namespace that is meant, without asking any cluster: the flag's, the context's, or `default`.
pub fn namespace(looked: &[PathBuf], choice: &ClusterChoice) -> String {
    let of_context = || {
        let kubeconfig = kubeconfig::merged(&kubeconfigs(looked, choice)).ok().flatten()?;
        let name = choice.context.clone().or_else(|| kubeconfig.current_context.clone())?;
        kubeconfig.contexts.into_iter().find(|named| named.name == name)?.context?.namespace
    };
    choice
        .namespace
        .clone()
        .or_else(of_context)
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "default".to_owned())
}

/// Connects as helm does. `looked`: where kubeconfigs are, see [`kubeconfig::paths`].
pub async fn connect(looked: Vec<PathBuf>, choice: &ClusterChoice) -> Result<Chosen, ConnectError> {
    let looked = kubeconfigs(&looked, choice);
    let merged = kubeconfig::merged(&looked).map_err(ConnectError::Kubeconfig)?;
    let context = choice
        .context
        .clone()
        .or_else(|| merged.as_ref()?.current_context.clone())
        .filter(|name| !name.is_empty());
    if context.is_none()
        && choice.server.is_none()
        && let Ok(config) = Config::incluster()
    {
        let namespace = choice.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        return Ok((client::connect_in_cluster(config).await?, namespace));
    }
    let Some(context) = context.or_else(|| choice.server.as_ref().map(|_| OVERRIDE.to_owned())) else {
        return Err(ConnectError::Kubeconfig(ContextError::NoCurrent { looked }));
    };
    let kubeconfig = with_overrides(merged.unwrap_or_default(), &context, choice);
    let found =
        kubeconfig::find_in(kubeconfig, looked.clone(), &context).map_err(ConnectError::Kubeconfig)?;
    let namespace = namespace(&looked, choice);
    Ok((client::connect_found(found, &context, &context, looked).await?, namespace))
}

fn kubeconfigs(looked: &[PathBuf], choice: &ClusterChoice) -> Vec<PathBuf> {
    choice.kubeconfig.as_ref().map_or_else(|| looked.to_vec(), |path| vec![path.clone()])
}

/// The kubeconfig as if its context said what the command line says.
fn with_overrides(mut kubeconfig: Kubeconfig, context: &str, choice: &ClusterChoice) -> Kubeconfig {
    if kubeconfig.contexts.is_empty() && choice.server.is_some() {
        let entry =
            kube::config::Context { cluster: OVERRIDE.to_owned(), ..kube::config::Context::default() };
        kubeconfig.contexts.push(NamedContext {
            name: context.to_owned(),
            context: Some(entry),
            ..NamedContext::default()
        });
    }
    let Some(entry) = kubeconfig
        .contexts
        .iter_mut()
        .find(|named| named.name == context)
        .and_then(|named| named.context.as_mut())
    else {
        return kubeconfig;
    };
    let cluster = entry.cluster.clone();
    let user = entry.user.get_or_insert_with(|| OVERRIDE.to_owned()).clone();
    override_cluster(&mut kubeconfig, &cluster, choice);
    override_user(&mut kubeconfig, &user, choice);
    kubeconfig
}

fn override_cluster(kubeconfig: &mut Kubeconfig, name: &str, choice: &ClusterChoice) {
    if choice.server.is_some() && !kubeconfig.clusters.iter().any(|named| named.name == name) {
        kubeconfig.clusters.push(NamedCluster { name: name.to_owned(), ..NamedCluster::default() });
    }
    let Some(named) = kubeconfig.clusters.iter_mut().find(|named| named.name == name) else { return };
    let cluster = named.cluster.get_or_insert_default();
    if choice.server.is_some() {
        cluster.server.clone_from(&choice.server);
    }
    if choice.ca_file.is_some() {
        cluster.certificate_authority.clone_from(&choice.ca_file);
        cluster.certificate_authority_data = None;
    }
    if choice.tls_server_name.is_some() {
        cluster.tls_server_name.clone_from(&choice.tls_server_name);
    }
    if choice.insecure {
        cluster.insecure_skip_tls_verify = Some(true);
        (cluster.certificate_authority, cluster.certificate_authority_data) = (None, None);
    }
}

fn override_user(kubeconfig: &mut Kubeconfig, name: &str, choice: &ClusterChoice) {
    if !kubeconfig.auth_infos.iter().any(|named| named.name == name) {
        kubeconfig.auth_infos.push(kube::config::NamedAuthInfo {
            name: name.to_owned(),
            ..kube::config::NamedAuthInfo::default()
        });
    }
    let Some(named) = kubeconfig.auth_infos.iter_mut().find(|named| named.name == name) else { return };
    let user = named.auth_info.get_or_insert_default();
    if let Some(token) = &choice.token {
        user.token = Some(token.clone().into());
        (user.token_file, user.exec, user.auth_provider) = (None, None, None);
    }
    if choice.as_user.is_some() {
        user.impersonate.clone_from(&choice.as_user);
    }
    if !choice.as_groups.is_empty() {
        user.impersonate_groups = Some(choice.as_groups.clone());
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{header, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./no-such-program}}}]
contexts: [{name: here, context: {cluster: c, user: u, namespace: of-here}}, {name: bare, context: {cluster: c, user: u}}]
";

    fn directory() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        std::fs::write(&path, KUBECONFIG).unwrap();
        (directory, path)
    }

    /// A server that answers only who comes like this.
    async fn server(name: &'static str, value: &'static str) -> MockServer {
        // A second install attempt of another test is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_json(serde_json::json!({}));
        Mock::given(path("/version")).and(header(name, value)).respond_with(answer).mount(&server).await;
        server
    }

    #[tokio::test]
    async fn what_is_typed_stands_above_the_kubeconfig() {
        let (_directory, path) = directory();
        let server = server("authorization", "Bearer typed").await;
        let choice = ClusterChoice {
            server: Some(server.uri()),
            token: Some("typed".into()),
            ..ClusterChoice::default()
        };
        let (cluster, namespace) = connect(vec![path], &choice).await.unwrap();
        assert_eq!(
            (cluster.name.as_str(), cluster.server, namespace.as_str()),
            ("here", server.uri(), "of-here")
        );
    }

    #[tokio::test]
    async fn a_server_needs_no_kubeconfig_and_somebody_else_can_be_acted_as() {
        let server = server("impersonate-user", "jane").await;
        let choice = ClusterChoice {
            server: Some(server.uri()),
            as_user: Some("jane".into()),
            ..ClusterChoice::default()
        };
        let (cluster, namespace) = connect(vec!["nowhere".into()], &choice).await.unwrap();
        assert_eq!((cluster.server, namespace.as_str()), (server.uri(), "default"));
    }

    #[test]
    fn the_namespace_is_the_flags_the_contexts_or_default() {
        let (_directory, path) = directory();
        let of = |choice: ClusterChoice| namespace(std::slice::from_ref(&path), &choice);
        assert_eq!(of(ClusterChoice::default()), "of-here");
        assert_eq!(
            of(ClusterChoice { namespace: Some("typed".into()), ..ClusterChoice::default() }),
            "typed"
        );
        assert_eq!(of(ClusterChoice { context: Some("bare".into()), ..ClusterChoice::default() }), "default");
        assert_eq!(
            of(ClusterChoice { kubeconfig: Some("nowhere".into()), ..ClusterChoice::default() }),
            "default"
        );
    }

    #[test]
    fn a_certificate_that_is_not_checked_needs_no_authority() {
        let (_directory, path) = directory();
        let kubeconfig = kubeconfig::merged(&[path]).unwrap().unwrap();
        let choice =
            ClusterChoice { insecure: true, tls_server_name: Some("api".into()), ..ClusterChoice::default() };
        let changed = with_overrides(kubeconfig, "here", &choice);
        let cluster = changed.clusters[0].cluster.clone().unwrap();
        assert_eq!(
            (
                cluster.insecure_skip_tls_verify,
                cluster.tls_server_name.as_deref(),
                cluster.certificate_authority
            ),
            (Some(true), Some("api"), None)
        );
    }
}
