//! Which hosts are probed, and how: those that `release.yaml` names, and those that Ingresses and Gateways have. Pure.

use crate::certmanager::ingress::Entrance;
use crate::config::{ProbeSettings, SecretName, TlsProbe, TlsSource};
use crate::gate::seen::{EntranceKind, Probed, SeenEntrance};

fn probed(probe: &TlsProbe, host: &str, origin: Option<SecretName>) -> Probed {
    let port = probe.address.as_ref().and_then(|address| address.port).unwrap_or(probe.port);
    let address = probe.address.as_ref().map_or_else(|| host.to_owned(), |address| address.address.clone());
    let place = if probe.port == 443 { host.to_owned() } else { format!("{host}:{}", probe.port) };
    let at = probe.address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
    let name = probe.server_name.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
    Probed {
        label: format!("{place}{at}{name}"),
        host: host.to_owned(),
        address,
        port,
        server_name: probe.server_name.clone().unwrap_or_else(|| host.to_owned()),
        expect: probe.expect.clone(),
        duty: probe.duty(),
        origin,
    }
}

/// Every host once; the first probe of a place counts. A wildcard is no host that one could connect to.
pub(super) fn hosts(probes: &[ProbeSettings], entrances: &[SeenEntrance]) -> Vec<Probed> {
    let mut all: Vec<Probed> = Vec::new();
    for probe in probes.iter().map(|probe| &probe.tls) {
        let named = probe.host.iter().map(|host| probed(probe, host, None));
        let kind = probe.discover.map(|source| match source {
            TlsSource::Ingress => EntranceKind::Ingress,
            TlsSource::Gateway => EntranceKind::Gateway,
        });
        let asking = entrances.iter().filter(|seen| Some(seen.kind) == kind && seen.entrance.asks());
        let found = asking.flat_map(|seen| of_entrance(probe, &seen.entrance));
        for host in named.chain(found) {
            if !all.iter().any(|known| known.label == host.label) {
                all.push(host);
            }
        }
    }
    all
}

fn of_entrance(probe: &TlsProbe, entrance: &Entrance) -> Vec<Probed> {
    let namespace = entrance.metadata.namespace.clone().unwrap_or_default();
    let wished = entrance.wished().into_iter();
    let hosts = wished.flat_map(|(secret, hosts)| hosts.into_iter().map(move |host| (secret, host)));
    let hosts = hosts.filter(|(_, host)| !host.starts_with('*'));
    let origin = |name: &str| SecretName { namespace: namespace.clone(), name: name.to_owned() };
    hosts.map(|(secret, host)| probed(probe, host, Some(origin(secret)))).collect()
}

/// Hosts have to be found in Ingresses or Gateways.
pub(super) fn discovers(probes: &[ProbeSettings]) -> bool {
    probes.iter().any(|probe| probe.tls.discover.is_some())
}
