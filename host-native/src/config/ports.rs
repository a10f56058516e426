//! The ports of a node, unless it is told others.

/// The peers' port, UDP.
pub const PEERS_PORT: u16 = 7001;
/// The admin port, TCP.
pub const ADMIN_PORT: u16 = 7003;
