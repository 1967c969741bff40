//! Pure: which local address stands behind the address that the API server wants to reach.
//!
//! A `ClusterIP` leads through Service and `EndpointSlice` to a pod, a pod IP to its local port, a loopback
//! address to itself.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use super::ports::LocalPorts;

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Why nothing stands behind an address: what a connection refused by kube-proxy means.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoTarget {
    /// No Service and no pod has the address.
    #[error("no service and no pod has the address {0}")]
    Unknown(IpAddr),
    /// The Service has no such port.
    #[error("connection refused: the service {service} has no port {port}")]
    Port { service: String, port: u16 },
    /// No endpoint can serve.
    #[error("connection refused: no ready endpoint for the service {service}")]
    Endpoint { service: String },
    /// The pod has no such port, or is gone.
    #[error("connection refused: nothing listens on port {port} of the pod {pod}")]
    Pod { pod: IpAddr, port: u16 },
}

/// Finds the target of an address; `turn` spreads the connections over the endpoints.
pub(super) fn resolve<'a>(
    address: SocketAddr,
    services: impl IntoIterator<Item = &'a Service>,
    slices: impl IntoIterator<Item = &'a EndpointSlice>,
    ports: &LocalPorts,
    turn: usize,
) -> Result<SocketAddr, NoTarget> {
    if address.ip().is_loopback() {
        return Ok(address);
    }
    if ports.knows(address.ip()) {
        return behind_pod(address, ports);
    }
    let service = services
        .into_iter()
        .find(|service| has_address(service, address.ip()))
        .ok_or(NoTarget::Unknown(address.ip()))?;
    let name = full_name(service);
    let port = port_of(service, address.port())
        .ok_or_else(|| NoTarget::Port { service: name.clone(), port: address.port() })?;
    let endpoints = endpoints(service, port, slices);
    let chosen = choose(&endpoints, turn).ok_or(NoTarget::Endpoint { service: name })?;
    if ports.knows(chosen.ip()) { behind_pod(chosen, ports) } else { Ok(chosen) }
}

fn behind_pod(address: SocketAddr, ports: &LocalPorts) -> Result<SocketAddr, NoTarget> {
    let local = ports
        .local(address.ip(), address.port())
        .ok_or(NoTarget::Pod { pod: address.ip(), port: address.port() })?;
    Ok(SocketAddr::from(([127, 0, 0, 1], local)))
}

fn has_address(service: &Service, address: IpAddr) -> bool {
    let ip = service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref());
    ip.and_then(|ip| ip.parse().ok()) == Some(address)
}

fn full_name(service: &Service) -> String {
    let meta = &service.metadata;
    format!("{}/{}", meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}

fn port_of(service: &Service, port: u16) -> Option<&ServicePort> {
    service.spec.as_ref()?.ports.as_ref()?.iter().find(|candidate| candidate.port == i32::from(port))
}

/// Every endpoint of a port, with what it can do.
fn endpoints<'a>(
    service: &Service,
    port: &ServicePort,
    slices: impl IntoIterator<Item = &'a EndpointSlice>,
) -> Vec<(SocketAddr, Readiness)> {
    let of_service = slices.into_iter().filter(|slice| belongs(slice, service));
    let mut found = Vec::new();
    for slice in of_service {
        let named = slice.ports.iter().flatten().find(|candidate| {
            candidate.name.as_deref().unwrap_or_default() == port.name.as_deref().unwrap_or_default()
        });
        let Some(number) = named.and_then(|port| u16::try_from(port.port?).ok()) else { continue };
        for endpoint in slice.endpoints.iter().flatten() {
            let address = endpoint.addresses.first().and_then(|address| address.parse::<IpAddr>().ok());
            found.extend(address.map(|ip| (SocketAddr::new(ip, number), Readiness::of(endpoint))));
        }
    }
    found
}

fn belongs(slice: &EndpointSlice, service: &Service) -> bool {
    let of = slice.metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_NAME));
    slice.metadata.namespace == service.metadata.namespace && of == service.metadata.name.as_ref()
}

/// What an endpoint can do, by kube-proxy's rule: terminating pods that still serve are the last resort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readiness {
    Ready,
    LastResort,
    None,
}

impl Readiness {
    fn of(endpoint: &Endpoint) -> Self {
        let Some(conditions) = &endpoint.conditions else { return Self::Ready };
        let serving = conditions.serving.unwrap_or(true);
        match (conditions.ready.unwrap_or(true), serving && conditions.terminating == Some(true)) {
            (true, _) => Self::Ready,
            (false, true) => Self::LastResort,
            (false, false) => Self::None,
        }
    }
}

fn choose(endpoints: &[(SocketAddr, Readiness)], turn: usize) -> Option<SocketAddr> {
    [Readiness::Ready, Readiness::LastResort].into_iter().find_map(|wanted| {
        let able: Vec<SocketAddr> =
            endpoints.iter().filter(|(_, is)| *is == wanted).map(|(address, _)| *address).collect();
        able.get(turn.checked_rem(able.len())?).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service() -> Service {
        serde_json::from_value(json!({
            "metadata": {"name": "webhook", "namespace": "cert-manager"},
            "spec": {"clusterIP": "10.0.0.7", "ports": [{"name": "https", "port": 443, "targetPort": "https"}]}
        }))
        .expect("a service")
    }

    fn slice(endpoints: &serde_json::Value) -> EndpointSlice {
        serde_json::from_value(json!({
            "metadata": {"name": "webhook-x", "namespace": "cert-manager", "labels": {SERVICE_NAME: "webhook"}},
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [{"name": "metrics", "port": 9402}, {"name": "https", "port": 10250}]
        }))
        .expect("a slice")
    }

    fn endpoint(ip: &str, ready: bool, serving: bool, terminating: bool) -> serde_json::Value {
        json!({"addresses": [ip], "conditions": {"ready": ready, "serving": serving, "terminating": terminating}})
    }

    /// Two pods that listen on 10250: 10.1.0.1 and 10.1.0.2.
    fn two_pods() -> (LocalPorts, SocketAddr, SocketAddr) {
        let ports = LocalPorts::new();
        let local = |ip: [u8; 4]| {
            let port = ports.assign(IpAddr::from(ip), 10_250).expect("a free port");
            SocketAddr::from(([127, 0, 0, 1], port))
        };
        let (one, two) = (local([10, 1, 0, 1]), local([10, 1, 0, 2]));
        (ports, one, two)
    }

    fn resolved(
        address: &str,
        endpoints: &serde_json::Value,
        turn: usize,
    ) -> (Result<SocketAddr, NoTarget>, [SocketAddr; 2]) {
        let (ports, one, two) = two_pods();
        let address = address.parse().expect("an address");
        (resolve(address, &[service()], &[slice(endpoints)], &ports, turn), [one, two])
    }

    #[test]
    fn a_cluster_ip_leads_to_the_local_port_of_a_ready_pod() {
        let endpoints =
            json!([endpoint("10.1.0.1", false, false, false), endpoint("10.1.0.2", true, true, false)]);
        for turn in 0..3 {
            let (target, [_, two]) = resolved("10.0.0.7:443", &endpoints, turn);
            assert_eq!(target, Ok(two));
        }
    }

    #[test]
    fn connections_take_turns() {
        let endpoints =
            json!([endpoint("10.1.0.1", true, true, false), endpoint("10.1.0.2", true, true, false)]);
        let (first, [one, _]) = resolved("10.0.0.7:443", &endpoints, 4);
        let (second, [_, two]) = resolved("10.0.0.7:443", &endpoints, 5);
        assert_eq!((first, second), (Ok(one), Ok(two)));
    }

    #[test]
    fn a_terminating_pod_that_serves_is_the_last_resort() {
        let endpoints =
            json!([endpoint("10.1.0.1", false, true, true), endpoint("10.1.0.2", false, false, true)]);
        let (target, [one, _]) = resolved("10.0.0.7:443", &endpoints, 1);
        assert_eq!(target, Ok(one));
    }

    #[test]
    fn nothing_behind_an_address_is_said_exactly() {
        let unready = json!([endpoint("10.1.0.1", false, false, false)]);
        let gone = json!([endpoint("10.1.0.1", true, true, false)]);
        let error =
            |address, endpoints| resolved(address, endpoints, 0).0.expect_err("no target").to_string();
        assert_eq!(
            error("10.0.0.7:443", &unready),
            "connection refused: no ready endpoint for the service cert-manager/webhook"
        );
        assert_eq!(
            error("10.0.0.7:80", &gone),
            "connection refused: the service cert-manager/webhook has no port 80"
        );
        assert_eq!(error("10.0.0.8:443", &gone), "no service and no pod has the address 10.0.0.8");
        assert_eq!(
            error("10.1.0.1:1", &gone),
            "connection refused: nothing listens on port 1 of the pod 10.1.0.1"
        );
    }

    #[test]
    fn pod_and_loopback_addresses_need_no_service() {
        let (target, [one, _]) = resolved("10.1.0.1:10250", &json!([]), 0);
        assert_eq!(target, Ok(one));
        let (target, _) = resolved("127.0.0.1:4711", &json!([]), 0);
        assert_eq!(target, Ok(SocketAddr::from(([127, 0, 0, 1], 4711))));
    }
}
