//! Connects to a cluster: the pinned server is compared before anything is sent, then one read proves that it
//! answers us.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use hyper_util::client::proxy::matcher::Matcher;
use kube::client::ClientBuilder;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use tower::buffer::Buffer;
use tower::layer::layer_fn;
use tower::service_fn;

use super::Cluster;
use super::error::{ApiError, Cause};
use super::kubeconfig::{self, ContextError, Found};
use super::plugin::Plugin;
use super::retry::{self, Patience};
use crate::config::KubeTarget;

/// What the cluster is called that this program runs in.
const IN_CLUSTER: &str = "in-cluster";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A person waits for the first answer.
const FIRST_PATIENCE: Patience = Patience(Duration::from_secs(3));

/// Why a cluster cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No usable context.
    #[error("connect to cluster `{cluster}`")]
    Context {
        /// The cluster's name in `release.yaml`.
        cluster: String,
        /// Why.
        #[source]
        error: ContextError,
    },
    /// No context is chosen, or no kubeconfig can be read.
    #[error(transparent)]
    Kubeconfig(ContextError),
    /// The API server does not answer, or not us.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// Connects to a cluster by the context of its name. The current context is never used.
pub async fn connect(name: &str, target: &KubeTarget) -> Result<Cluster, ConnectError> {
    let looked =
        kubeconfig::paths(std::env::var_os("KUBECONFIG").as_deref(), std::env::var_os("HOME").as_deref());
    connect_from(looked, name, target).await
}

/// The same with these kubeconfig files.
pub async fn connect_from(
    looked: Vec<PathBuf>,
    name: &str,
    target: &KubeTarget,
) -> Result<Cluster, ConnectError> {
    let found = kubeconfig::find(looked.clone(), target)
        .map_err(|error| ConnectError::Context { cluster: name.to_owned(), error })?;
    connect_found(found, name, &target.context, looked).await
}

/// Connects to the context of a kubeconfig that was read from these files.
pub(super) async fn connect_found(
    found: Found,
    name: &str,
    context: &str,
    looked: Vec<PathBuf>,
) -> Result<Cluster, ConnectError> {
    let server = found.server.clone();
    let failed = |cause| ApiError::with_cause(name, format!("connect to {server}"), cause);
    let client = client(found, context).await.map_err(failed)?;
    first_answer(&client).await.map_err(|error| failed(Cause::of(&error)))?;
    Ok(Cluster { name: name.to_owned(), server, context: context.to_owned(), kubeconfig: looked, client })
}

/// Connects to the cluster that this program runs in, as the pod's service account.
pub(super) async fn connect_in_cluster(config: Config) -> Result<Cluster, ConnectError> {
    let server = config.cluster_url.to_string();
    let failed = |error: &kube::Error| {
        ApiError::with_cause(IN_CLUSTER, format!("connect to {server}"), Cause::of(error))
    };
    let client = build(with_limits(config, false), None).map_err(|error| failed(&error))?;
    first_answer(&client).await.map_err(|error| failed(&error))?;
    Ok(Cluster {
        name: IN_CLUSTER.to_owned(),
        server,
        context: String::new(),
        kubeconfig: Vec::new(),
        client,
    })
}

/// `/version` is open to everybody who is known; to be forbidden to read it is an answer too.
async fn first_answer(client: &Client) -> Result<(), kube::Error> {
    let mut request = Request::get("/version").body(Vec::new()).map_err(kube::Error::HttpError)?;
    request.extensions_mut().insert(FIRST_PATIENCE);
    match client.request_text(request).await {
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(()),
        result => result.map(|_| ()),
    }
}

async fn client(found: Found, context: &str) -> Result<Client, Cause> {
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(found.kubeconfig, &options)
        .await
        .map_err(|error| Cause::Other(error.to_string()))?;
    let mut config = with_limits(config, found.own_proxy);
    let plugin = config.auth_info.exec.take().map(|exec| Arc::new(Plugin::new(exec)));
    if let Some(plugin) = &plugin
        && let Some((certificate, key)) = plugin.credential().await?.certificate()
    {
        config.auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
        config.auth_info.client_key_data = Some(STANDARD.encode(key).into());
    }
    build(config, plugin.as_ref()).map_err(|error| Cause::of(&error))
}

fn with_limits(mut config: Config, own_proxy: bool) -> Config {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Both are ours: kube's repeats writes, and its read time-out would end watches.
    config.default_retry = false;
    config.read_timeout = None;
    // A proxy of the kubeconfig itself stays; one of the environment is subject to `NO_PROXY`.
    if !own_proxy && Matcher::from_env().intercept(&config.cluster_url).is_none() {
        config.proxy_url = None;
    }
    config
}

fn build(config: Config, plugin: Option<&Arc<Plugin>>) -> Result<Client, kube::Error> {
    let retries = layer_fn(|service| {
        let (service, plugin) = (Buffer::new(service, 1024), plugin.cloned());
        service_fn(move |request| retry::send(service.clone(), plugin.clone(), request))
    });
    Ok(ClientBuilder::try_from(config)?.with_layer(&retries).build())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use wiremock::matchers::{header, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    /// A kubeconfig with one context that leads to `server` with the given user entry.
    struct World {
        dir: tempfile::TempDir,
    }

    impl World {
        fn new(server: &str, user: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let config = format!(
                "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\ncontexts: [{{name: dev, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {user}}}]\n"
            );
            std::fs::write(dir.path().join("config"), config).unwrap();
            Self { dir }
        }

        fn plugin(&self, script: &str) {
            let path = self.dir.path().join("plugin");
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }

        async fn connect(&self) -> Result<Cluster, String> {
            // A second install attempt of another test is harmless.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let target = KubeTarget { context: "dev".into(), server: None };
            let result =
                connect_from(vec![self.dir.path().join("config")], "eks-development-1", &target).await;
            result.map_err(|error| {
                crate::failure::Failure::from(error)
                    .chain()
                    .join("\n")
                    .replace(&format!("{}/", self.dir.path().display()), "")
            })
        }
    }

    fn status(code: u16, message: &str) -> ResponseTemplate {
        ResponseTemplate::new(code).set_body_json(serde_json::json!({"kind": "Status", "status": "Failure", "code": code, "message": message, "reason": if code == 403 { "Forbidden" } else { "" }}))
    }

    async fn server(answer: ResponseTemplate) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(path("/version")).respond_with(answer).mount(&server).await;
        server
    }

    #[tokio::test]
    async fn an_exec_plugin_gives_the_token() {
        let server = MockServer::start().await;
        Mock::given(path("/version"))
            .and(header("authorization", "Bearer t0ken"))
            .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!({})))
            .mount(&server)
            .await;
        let world = World::new(
            &server.uri(),
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin}}",
        );
        world.plugin(r#"echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t0ken"}}'"#);
        assert_eq!(world.connect().await.unwrap().server, server.uri());
    }

    #[tokio::test]
    async fn a_failing_exec_plugin_is_quoted() {
        let world = World::new(
            "https://127.0.0.1:1",
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, env: [{name: SECRET, value: hunter2}], installHint: See the wiki}}",
        );
        world.plugin("echo 'Unable to locate credentials. Run aws sso login.' >&2; exit 255");
        insta::assert_snapshot!(world.connect().await.unwrap_err(), @r"
        connect to https://127.0.0.1:1 (cluster `eks-development-1`)
        the credential plugin `./plugin` of the kubeconfig ended with exit code 255 and said: Unable to locate credentials. Run aws sso login.; run it by hand to see what it needs. See the wiki
        ");
        std::fs::remove_file(world.dir.path().join("plugin")).unwrap();
        insta::assert_snapshot!(world.connect().await.unwrap_err(), @r"
        connect to https://127.0.0.1:1 (cluster `eks-development-1`)
        the credential plugin `./plugin` of the kubeconfig cannot be started: No such file or directory (os error 2); run it by hand to see what it needs. See the wiki
        ");
        world.plugin("echo not json");
        insta::assert_snapshot!(world.connect().await.unwrap_err(), @r"
        connect to https://127.0.0.1:1 (cluster `eks-development-1`)
        the credential plugin `./plugin` of the kubeconfig did not answer with an ExecCredential; run it by hand to see what it needs. See the wiki
        ");
    }

    #[tokio::test]
    async fn wrong_credentials_are_told_from_a_server_that_is_away() {
        let wrong = server(status(401, "Unauthorized")).await;
        insta::assert_snapshot!(World::new(&wrong.uri(), "{token: x}").connect().await.unwrap_err().replace(&wrong.uri(), "SERVER"), @r"
        connect to SERVER (cluster `eks-development-1`)
        the API server does not accept the credentials of the kubeconfig (401): Unauthorized; log in again, or renew the token or certificate
        ");
        insta::assert_snapshot!(World::new("https://127.0.0.1:1", "{token: x}").connect().await.unwrap_err(), @r"
        connect to https://127.0.0.1:1 (cluster `eks-development-1`)
        the API server does not answer: Connection refused (os error 111); is it up, and is the network open to it?
        ");
    }

    #[tokio::test]
    async fn who_may_not_read_the_version_is_connected_all_the_same() {
        let forbidden = server(status(403, "forbidden")).await;
        World::new(&forbidden.uri(), "{token: x}").connect().await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_speaks_no_tls_is_a_tls_problem() {
        let plain = server(ResponseTemplate::new(200)).await;
        let uri = plain.uri().replace("http:", "https:");
        insta::assert_snapshot!(World::new(&uri, "{token: x}").connect().await.unwrap_err().replace(&uri, "SERVER"), @r"
        connect to SERVER (cluster `eks-development-1`)
        TLS with the API server failed: received corrupt message of type InvalidContentType; check the certificate authority of the kubeconfig's cluster
        ");
    }

    #[tokio::test]
    async fn a_server_that_is_busy_for_a_moment_is_asked_again() {
        let server = MockServer::start().await;
        Mock::given(path("/version"))
            .respond_with(status(503, "starting"))
            .up_to_n_times(2)
            .mount(&server)
            .await;
        Mock::given(path("/version"))
            .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!({})))
            .mount(&server)
            .await;
        World::new(&server.uri(), "{token: x}").connect().await.unwrap();
        assert_eq!(server.received_requests().await.unwrap().len(), 3);
    }
}
