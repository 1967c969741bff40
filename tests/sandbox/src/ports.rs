//! Free TCP ports on 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;

use anyhow::{Result, bail};

/// Below the ports of pods and below those that Linux gives to outgoing connections: nothing takes a port
/// between its choice and its use.
const RANGE: Range<u16> = 10_000..15_000;

/// Whether a server could listen on this port now, by TCP and UDP.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Hands out different ports that are free now. Two sandboxes on one machine begin at different places.
#[derive(Debug)]
pub struct Ports {
    range: Range<u16>,
    next: u16,
    left: u16,
}

impl Ports {
    /// Begins at a place that follows from `seed`.
    #[must_use]
    pub fn from(seed: u32) -> Self {
        Self::within(RANGE, seed)
    }

    /// The same within another range of ports.
    #[must_use]
    pub fn within(range: Range<u16>, seed: u32) -> Self {
        let length = range.end - range.start;
        let offset = u16::try_from(seed.wrapping_mul(2_654_435_761) % u32::from(length)).unwrap_or(0);
        Self { next: range.start + offset, left: length, range }
    }

    /// The next free port.
    pub fn choose(&mut self) -> Result<u16> {
        while self.left > 0 {
            let port = self.next;
            self.left -= 1;
            self.next = if port + 1 == self.range.end { self.range.start } else { port + 1 };
            if is_free(port) {
                return Ok(port);
            }
        }
        bail!("no free port on 127.0.0.1 between {} and {}", self.range.start, self.range.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_and_a_taken_one_is_left_out() {
        let mut ports = Ports::from(7);
        let first = ports.choose().expect("a port");
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).expect("bind it");
        assert!(!is_free(first));
        let second = Ports::from(7).choose().expect("another port");
        assert_ne!(first, second);
    }

    #[test]
    fn the_range_is_used_to_its_end_and_from_its_start() {
        let mut ports = Ports { range: RANGE, next: RANGE.end - 1, left: 3 };
        let chosen: Vec<u16> = std::iter::from_fn(|| ports.choose().ok()).collect();
        assert!(chosen.iter().all(|port| RANGE.contains(port)), "{chosen:?}");
        assert!(ports.choose().is_err());
    }
}
