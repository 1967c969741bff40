//! One attempt of a probe: `httpGet` (also over TLS, unverified, as the kubelet does) or `tcpSocket`.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::Request;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::host::Host;
use super::unverified;

/// The container that is probed.
pub(super) struct Target {
    pub(super) host: Arc<Host>,
    pub(super) pod: IpAddr,
    pub(super) container: Container,
}

impl Target {
    /// Asks once; the reason when the answer is not good or comes too late.
    pub(super) async fn attempt(&self, probe: &Probe) -> Result<(), String> {
        let limit =
            probe.timeout_seconds.and_then(|limit| u64::try_from(limit).ok()).filter(|limit| *limit > 0);
        let limit = Duration::from_secs(limit.unwrap_or(1));
        let attempt = async {
            match (&probe.http_get, &probe.tcp_socket) {
                (Some(action), _) => self.http_get(action).await,
                (None, Some(action)) => self.connect(&action.port).await.map(drop),
                (None, None) => Err("the probe says nothing to do".to_string()),
            }
        };
        timeout(limit, attempt)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs())))
    }

    async fn http_get(&self, action: &HTTPGetAction) -> Result<(), String> {
        let stream = self.connect(&action.port).await?;
        let status = match action.scheme.as_deref() {
            Some("HTTPS") => {
                request(unverified::connect(stream).await.map_err(|error| error.to_string())?, action).await
            }
            _ => request(stream, action).await,
        };
        match status.map_err(|error| error.to_string())? {
            200..400 => Ok(()),
            status => Err(format!("HTTP probe failed with statuscode: {status}")),
        }
    }

    async fn connect(&self, port: &IntOrString) -> Result<TcpStream, String> {
        let port =
            number(port, &self.container).ok_or_else(|| format!("the container has no port {port:?}"))?;
        let local = self.host.ports.local(self.pod, port).unwrap_or(port);
        TcpStream::connect(("127.0.0.1", local))
            .await
            .map_err(|error| format!("dial tcp {}:{port}: {error}", self.pod))
    }
}

/// The number of a container port that a probe names or numbers.
fn number(port: &IntOrString, container: &Container) -> Option<u16> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let ports = container.ports.iter().flatten();
            ports.clone().find(|port| port.name.as_ref() == Some(name))?.container_port
        }
    };
    u16::try_from(number).ok()
}

async fn request<S>(stream: S, action: &HTTPGetAction) -> io::Result<u16>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let mut request = Request::get(action.path.as_deref().unwrap_or("/"))
        .header("Host", "localhost")
        .header("User-Agent", "kube-probe");
    for header in action.http_headers.iter().flatten() {
        request = request.header(&header.name, &header.value);
    }
    let request = request.body(Body::empty()).map_err(io::Error::other)?;
    let response = sender.send_request(request).await.map_err(io::Error::other);
    connection.abort();
    Ok(response?.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ports_are_found_by_name_and_number() {
        let container: Container = serde_json::from_value(
            json!({"name": "c", "ports": [{"name": "health", "containerPort": 6080}]}),
        )
        .expect("a container");
        assert_eq!(number(&IntOrString::String("health".into()), &container), Some(6080));
        assert_eq!(number(&IntOrString::Int(1), &container), Some(1));
        assert_eq!(number(&IntOrString::String("other".into()), &container), None);
    }
}
