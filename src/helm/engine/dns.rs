//! Names of hosts, as `getHostByName` asks for them. Nothing is asked unless the user allowed it.

use std::net::{IpAddr, ToSocketAddrs as _};

use crate::helm::template::{Resolve, no_dns};

/// Who answers, whether or not the DNS may be asked.
pub(super) fn resolver(allowed: bool) -> Resolve {
    if allowed { first_address } else { no_dns }
}

fn first_address(host: &str) -> Option<IpAddr> {
    (host, 0).to_socket_addrs().ok()?.next().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_only_where_it_may_be_asked_for() {
        assert_eq!(resolver(true)("127.0.0.1").map(|address| address.to_string()), Some("127.0.0.1".into()));
        assert_eq!(resolver(false)("127.0.0.1"), None);
    }
}
