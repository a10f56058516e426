//! What client and node say of themselves before the first call.

use kraft_proto::cluster::{ClusterId, Epoch};
use kraft_proto::ids::NodeId;
use kraft_proto::limits::MEMBERS_MAX;
use serde::{Deserialize, Serialize};

use crate::quic::hello::HELLO_BYTES_MAX;

/// The clients' port, UDP.
pub const CLIENTS_PORT: u16 = 7002;

/// The protocol of the clients' listener, as TLS negotiates it.
pub const CLIENT_ALPN: &str = "kraft-client/1";

/// The version of what clients and nodes say to each other around the calls.
pub const CLIENT_VERSION: u16 = 3;

/// The longest address that is believed, in bytes: the longest name, its port and the colon.
pub const ADDRESS_BYTES_MAX: usize = 253 + 6;

// A hello to clients names every member.
const _: () = assert!(MEMBERS_MAX * (ADDRESS_BYTES_MAX + 16) + 1024 <= HELLO_BYTES_MAX as usize);

/// One node and where clients reach it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Whereabouts {
    /// Which node.
    pub node: NodeId,
    /// Its client address, `host:port`.
    pub address: String,
}

/// What a client says of itself; the rest is in its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientHello {
    /// The cluster it looks for.
    pub cluster: ClusterId,
}

/// What a node says of itself to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerHello {
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// How often that was founded anew: a client that has seen a higher one asks no node of a lower.
    pub epoch: Epoch,
    /// Which node it is.
    pub node: NodeId,
    /// Where clients reach the nodes it knows, itself included.
    pub members: Vec<Whereabouts>,
}
