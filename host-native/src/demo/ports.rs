//! Free ports on loopback.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// Below the ports that operating systems hand out by themselves: a node that is down for a moment
/// finds its port free when it starts again.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// How often another place is tried.
const ATTEMPTS: u32 = 200;

/// `N` ports in a row that nobody uses now, neither for UDP nor for TCP.
pub(super) fn free<const N: usize>() -> io::Result<[u16; N]> {
    let mut last = io::ErrorKind::AddrInUse.into();
    for _ in 0..ATTEMPTS {
        let first = RANGE.start + (random() % u64::from(RANGE.end - RANGE.start)) as u16;
        let ports = std::array::from_fn(|at| first + at as u16);
        match all_free(&ports) {
            Ok(()) => return Ok(ports),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Every port is held until all were tried.
fn all_free(ports: &[u16]) -> io::Result<()> {
    let mut held = Vec::with_capacity(ports.len());
    for &port in ports {
        let here = (Ipv4Addr::LOCALHOST, port);
        held.push((UdpSocket::bind(here)?, TcpListener::bind(here)?));
    }
    Ok(())
}

/// A number that two demos started at once do not share.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_different() {
        let ports: [u16; 9] = free().unwrap();
        let all: Vec<_> = ports
            .iter()
            .map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).unwrap())
            .collect();
        assert_eq!(all.len(), 9);
        assert!(all_free(&ports).is_err(), "they are taken now");
    }
}
