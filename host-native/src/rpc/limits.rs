//! What a listener for clients takes on only so much of.

use std::time::Duration;

use kraft_wire::rpc::CALL_BYTES_MAX;

/// Bounds of a [`RpcServer`](super::RpcServer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Bytes of one request or answer, its header included. Clients need the same.
    pub frame_bytes_max: u32,
    /// Calls of one connection that are not answered yet.
    pub calls_max: usize,
    /// Bytes of one connection's calls that are not answered yet.
    pub bytes_max: usize,
    /// Bytes of calls of all connections together that the node has not looked at yet.
    pub bytes_max_total: usize,
    /// Bytes of one connection's answers that are not sent yet. An answer alone may be longer.
    pub answer_bytes_max: usize,
    /// Bytes of all connections' answers that are not sent yet.
    pub answer_bytes_max_total: usize,
    /// Connections at a time. In a full house those with nothing to do give way.
    pub connections_max: usize,
    /// Connections at a time that have not finished their hello.
    pub hellos_max: usize,
    /// Silence after which a client is taken for gone.
    pub idle: Duration,
    /// From being dialed to the end of the hello.
    pub connect: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            frame_bytes_max: CALL_BYTES_MAX,
            calls_max: 4096,
            bytes_max: 8 * MIB,
            bytes_max_total: 16 * MIB,
            answer_bytes_max: 8 * MIB,
            answer_bytes_max_total: 16 * MIB,
            connections_max: 1024,
            hellos_max: 64,
            idle: Duration::from_secs(1),
            connect: Duration::from_secs(1),
        }
    }
}
