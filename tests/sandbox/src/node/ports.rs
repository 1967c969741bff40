//! The addresses that pods believe in and the local ports behind them.
//!
//! Pod IPs are made up, since `EndpointSlices` refuse loopback addresses; nothing but the egress proxy and
//! the probes ever uses one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::ports::Ports;

/// Above the ports of the sandbox's servers, and below those that Linux gives to outgoing connections.
const RANGE: Range<u16> = 15_000..32_000;

/// Container ports of every pod, and the local ports that stand for them.
#[derive(Debug)]
pub(super) struct LocalPorts {
    free: Mutex<Ports>,
    of_pods: Mutex<HashMap<IpAddr, BTreeMap<u16, u16>>>,
}

impl LocalPorts {
    /// No pod yet; agents on one machine begin at different ports.
    pub(super) fn new() -> Self {
        Self { free: Mutex::new(Ports::within(RANGE, std::process::id())), of_pods: Mutex::default() }
    }

    /// Gives a container port of a pod a free local port, in the place of an earlier one.
    pub(super) fn assign(&self, pod: IpAddr, container_port: u16) -> anyhow::Result<u16> {
        let port = self.free.lock().unwrap_or_else(PoisonError::into_inner).choose()?;
        let mut of_pods = self.of_pods.lock().unwrap_or_else(PoisonError::into_inner);
        of_pods.entry(pod).or_default().insert(container_port, port);
        Ok(port)
    }

    /// The local port behind a port of a pod.
    pub(super) fn local(&self, pod: IpAddr, container_port: u16) -> Option<u16> {
        let of_pods = self.of_pods.lock().unwrap_or_else(PoisonError::into_inner);
        of_pods.get(&pod)?.get(&container_port).copied()
    }

    /// Whether a pod of this node has the address.
    pub(super) fn knows(&self, pod: IpAddr) -> bool {
        self.of_pods.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&pod)
    }

    /// Forgets a pod that is gone.
    pub(super) fn forget(&self, pod: IpAddr) {
        self.of_pods.lock().unwrap_or_else(PoisonError::into_inner).remove(&pod);
    }
}

/// Hands out pod IPs from 10.1.0.0/16.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    addresses: HashSet<Ipv4Addr>,
    last: u16,
}

impl Addresses {
    /// The address that the pod had, when it is one of ours and free, else a new one.
    pub(super) fn take(&self, had: Option<Ipv4Addr>) -> Ipv4Addr {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(had) = had
            && used.addresses.insert(had)
        {
            return had;
        }
        loop {
            used.last = used.last.wrapping_add(1);
            let [high, low] = used.last.to_be_bytes();
            let address = Ipv4Addr::new(10, 1, high, low);
            if low != 0 && low != 255 && used.addresses.insert(address) {
                return address;
            }
        }
    }

    /// Makes the address free again.
    pub(super) fn give_back(&self, address: Ipv4Addr) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).addresses.remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_port_is_known_by_its_pod_only() {
        let ports = LocalPorts::new();
        let (one, other) = (IpAddr::from([10, 1, 0, 1]), IpAddr::from([10, 1, 0, 2]));
        let local = ports.assign(one, 10_250).expect("a free port");
        assert_eq!(ports.local(one, 10_250), Some(local));
        assert_eq!(ports.local(one, 6080), None);
        assert_eq!(ports.local(other, 10_250), None);
        ports.forget(one);
        assert!(!ports.knows(one));
    }

    #[test]
    fn two_pods_with_the_same_container_port_get_different_local_ports() {
        let ports = LocalPorts::new();
        let local: HashSet<u16> = (1..=50)
            .map(|pod| ports.assign(IpAddr::from([10, 1, 0, pod]), 9402).expect("a free port"))
            .collect();
        assert_eq!(local.len(), 50);
    }

    #[test]
    fn pod_addresses_are_unique_and_kept_over_a_restart() {
        let addresses = Addresses::default();
        let kept = addresses.take(Some(Ipv4Addr::new(10, 1, 0, 1)));
        assert_eq!(kept, Ipv4Addr::new(10, 1, 0, 1));
        assert_eq!(addresses.take(None), Ipv4Addr::new(10, 1, 0, 2));
        assert_eq!(addresses.take(Some(kept)), Ipv4Addr::new(10, 1, 0, 3));
        let many: HashSet<Ipv4Addr> = (0..600).map(|_| addresses.take(None)).collect();
        assert_eq!(many.len(), 600);
        assert!(many.iter().all(|address| !matches!(address.octets()[3], 0 | 255)));
    }
}
