//! Whom a call comes from, as far as shares are concerned.

use std::net::IpAddr;

use quinn::Connection;
use ring::digest;

use crate::listener::network;

/// Whom a call comes from: whose certificate, from which address, over which connection. Shares are
/// divided in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// A digest of the certificate.
    pub certificate: u64,
    /// The address; of IPv6 the network, since one machine has all the addresses of it.
    pub address: IpAddr,
    /// The connection, by a number of its own.
    pub connection: u64,
}

impl Origin {
    /// Of a connection whose handshake is done. `number` is one that no other connection has.
    pub(super) fn of(connection: &Connection, number: u64) -> Self {
        let chain = connection.peer_identity().and_then(|chain| {
            let chain = chain.downcast::<Vec<rustls::pki_types::CertificateDer<'static>>>();
            chain.ok()
        });
        let certificate = chain.and_then(|chain| {
            let digest = digest::digest(&digest::SHA256, chain.first()?);
            digest.as_ref().first_chunk().copied()
        });
        Self {
            certificate: certificate.map_or(0, u64::from_le_bytes),
            address: network(connection.remote_address().ip()),
            connection: number,
        }
    }
}
